"""What happened between us and a customer."""

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from crm.enums import ActivityKind
from crm.models.fields import NameField
from hashinsight.common.audit import tracked
from hashinsight.common.models import BaseModel
from hashinsight.common.scoping import ScopedQuerySet


class ActivityQuerySet(ScopedQuerySet):
    """Activities; clients see those marked for them."""

    scope_path = "customer_id"
    scope_filter = {"client_visible": True}


@tracked()
class Activity(BaseModel):
    """One thing that happened: a call, a note, or a move written by the house itself."""

    kind = models.CharField(_("kind"), max_length=24, choices=ActivityKind.choices, default=ActivityKind.NOTE)
    customer = models.ForeignKey(
        "crm.Customer",
        verbose_name=_("customer"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="activities",
    )
    lead = models.ForeignKey(
        "crm.Lead", verbose_name=_("lead"), null=True, blank=True, on_delete=models.PROTECT, related_name="activities"
    )
    deal = models.ForeignKey(
        "crm.Deal", verbose_name=_("deal"), null=True, blank=True, on_delete=models.PROTECT, related_name="activities"
    )
    invoice = models.ForeignKey(
        "crm.Invoice",
        verbose_name=_("invoice"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="activities",
    )
    subject = NameField(_("subject"), max_length=300)
    body = models.TextField(_("text"), blank=True, default="")
    client_visible = models.BooleanField(
        _("visible to the client"), default=False, help_text=_("The client's users can read it through the API.")
    )
    occurred_at = models.DateTimeField(_("occurred at"), default=timezone.now)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("created by"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        editable=False,
    )

    objects = ActivityQuerySet.as_manager()

    class Meta:
        verbose_name = _("activity")
        verbose_name_plural = _("activities")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(customer__isnull=False) | models.Q(lead__isnull=False),
                name="crm_activity_belongs_somewhere",
                violation_error_message=_("Name a customer or a lead."),
            ),
            models.CheckConstraint(condition=models.Q(kind__in=ActivityKind.values), name="crm_activity_kind_known"),
            models.CheckConstraint(
                condition=models.Q(client_visible=False) | models.Q(customer__isnull=False),
                name="crm_activity_visible_has_customer",
                violation_error_message=_("Only an activity of a customer can be visible to the client."),
            ),
        ]
        indexes = [models.Index(fields=["-occurred_at", "-id"], name="crm_activity_occurred")]

    def __str__(self) -> str:
        return self.subject
