"""The log of what was sent to whom."""

from typing import Any

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from hashinsight.common.ids import new_public_id
from hashinsight.common.scoping import ScopedQuerySet
from hashinsight.notify.enums import DeliveryState, Occasion, Severity


class DeliveryQuerySet(ScopedQuerySet):
    """Deliveries; a customer sees what its own webhooks got."""

    scope_path = "customer_id"


class Delivery(models.Model):
    """One message to one recipient: what, why, and what became of it. The ``public_id`` is the webhook-id.

    pending    is sent, or tried again, at ``next_at``
    delivered  the other side has taken it
    failed     given up; a person may send it again: the same message, the same id
    skipped    not needed any more when its time came

    ``source`` names the event or the turn of an alert: with rule and recipient it exists once, so that telling the
    same thing twice writes one row. Without a channel it is an e-mail to one person who is told for certain.
    """

    public_id = models.UUIDField(_("message id"), default=new_public_id, unique=True, editable=False)
    channel = models.ForeignKey(
        "notify.Channel",
        verbose_name=_("channel"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="deliveries",
        help_text=_("Empty: by e-mail to this person, whatever the rules say."),
    )
    rule = models.ForeignKey(
        "notify.Rule",
        verbose_name=_("rule"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="deliveries",
    )
    alert = models.ForeignKey(
        "notify.Alert",
        verbose_name=_("alert"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="deliveries",
    )
    customer_id = models.BigIntegerField(_("customer"), null=True, blank=True)
    source = models.CharField(_("source"), max_length=200)
    recipient = models.CharField(_("recipient"), max_length=254, blank=True, default="")
    occasion = models.CharField(_("occasion"), max_length=16, choices=Occasion.choices)
    kind = models.CharField(_("kind"), max_length=100)
    severity = models.CharField(_("severity"), max_length=16, choices=Severity.choices, default=Severity.INFO)
    state = models.CharField(_("state"), max_length=16, choices=DeliveryState.choices, default=DeliveryState.PENDING)
    subject = models.CharField(_("subject"), max_length=250)
    body = models.TextField(_("text"), blank=True, default="")
    payload = models.JSONField(_("content"), default=dict)
    attempts = models.PositiveIntegerField(_("attempts"), default=0)
    created_at = models.DateTimeField(_("created at"), default=timezone.now)
    retry_since = models.DateTimeField(_("trying since"), default=timezone.now)
    next_at = models.DateTimeField(_("next attempt"), null=True, blank=True)
    last_at = models.DateTimeField(_("last attempt"), null=True, blank=True)
    delivered_at = models.DateTimeField(_("delivered at"), null=True, blank=True)
    response_status = models.PositiveSmallIntegerField(_("answer"), null=True, blank=True)
    response_excerpt = models.TextField(_("beginning of the answer"), blank=True, default="")
    error = models.CharField(_("error"), max_length=500, blank=True, default="")

    objects: Any = DeliveryQuerySet.as_manager()

    class Meta:
        verbose_name = _("message")
        verbose_name_plural = _("messages")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(state__in=DeliveryState.values), name="notify_delivery_state_known"
            ),
            models.UniqueConstraint(fields=["source", "rule", "channel", "recipient"], name="notify_delivery_once"),
        ]
        indexes = [
            models.Index(fields=["-created_at", "-id"], name="notify_delivery_created"),
            models.Index(fields=["channel", "-created_at", "-id"], name="notify_delivery_channel"),
            models.Index(fields=["customer_id", "-created_at", "-id"], name="notify_delivery_customer"),
        ]
        permissions = [("redeliver_delivery", _("Can send messages again"))]

    def __str__(self) -> str:
        return self.subject
