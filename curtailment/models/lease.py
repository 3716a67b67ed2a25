"""What edge devices said came of the orders in their leases."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from curtailment.enums import OrderOutcome
from curtailment.models.control import MachineOrder


class LeaseReport(models.Model):
    """A device's word on one order. ``is_late``: the order was given up by then, and stays as it was noted."""

    order = models.OneToOneField(MachineOrder, verbose_name=_("order"), on_delete=models.PROTECT, related_name="report")
    outcome = models.CharField(_("outcome"), max_length=16, choices=OrderOutcome.choices)
    sent_at = models.DateTimeField(_("sent at"), null=True, blank=True)
    before_w = models.PositiveIntegerField(_("measured before (W)"), null=True, blank=True)
    after_w = models.PositiveIntegerField(_("measured after (W)"), null=True, blank=True)
    reply = models.CharField(_("reply"), max_length=200, blank=True, default="")
    received_at = models.DateTimeField(_("received at"))
    is_late = models.BooleanField(_("too late"), default=False)

    class Meta:
        verbose_name = _("report of an edge device")
        verbose_name_plural = _("reports of edge devices")
        constraints = [
            models.CheckConstraint(
                condition=Q(outcome__in=OrderOutcome.values), name="curtailment_report_outcome_known"
            )
        ]

    def __str__(self) -> str:
        return f"{self.order} {self.outcome}"
