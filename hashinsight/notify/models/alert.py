"""Something is wrong."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from hashinsight.common.audit import tracked
from hashinsight.common.models import BaseModel
from hashinsight.notify.enums import AlertState, Severity


@tracked(quiet=["count", "last_at", "text"])
class Alert(BaseModel):
    """One trouble, from the moment it was seen until it is over; kind and key say which.

    open          nobody has taken it up
    acknowledged  a person is at it; no more reminders, no escalation
    ended         it is over; the same trouble later is a new alert
    """

    kind = models.CharField(_("kind"), max_length=100)
    key = models.CharField(_("key"), max_length=200)
    severity = models.CharField(_("severity"), max_length=16, choices=Severity.choices)
    state = models.CharField(_("state"), max_length=16, choices=AlertState.choices, default=AlertState.OPEN)
    title = models.CharField(_("title"), max_length=200)
    text = models.TextField(_("text"), blank=True, default="")
    customer_id = models.BigIntegerField(_("customer"), null=True, blank=True)
    legal_entity_id = models.BigIntegerField(_("legal entity"), null=True, blank=True)
    count = models.PositiveIntegerField(_("times seen"), default=1)
    first_at = models.DateTimeField(_("since"))
    last_at = models.DateTimeField(_("last seen"))
    acknowledged_at = models.DateTimeField(_("acknowledged at"), null=True, blank=True)
    acknowledged_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("acknowledged by"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
    )
    escalated_at = models.DateTimeField(_("escalated at"), null=True, blank=True)
    ended_at = models.DateTimeField(_("over since"), null=True, blank=True)

    class Meta:
        verbose_name = _("alert")
        verbose_name_plural = _("alerts")
        constraints = [
            models.CheckConstraint(condition=models.Q(state__in=AlertState.values), name="notify_alert_state_known"),
            models.CheckConstraint(
                condition=models.Q(severity__in=Severity.values), name="notify_alert_severity_known"
            ),
            models.UniqueConstraint(
                fields=["kind", "key"],
                condition=models.Q(state__in=["open", "acknowledged"]),
                name="notify_alert_live_once",
            ),
        ]
        indexes = [models.Index(fields=["-first_at", "-id"], name="notify_alert_first")]
        permissions = [("acknowledge_alert", _("Can acknowledge alerts"))]

    def __str__(self) -> str:
        return self.title
