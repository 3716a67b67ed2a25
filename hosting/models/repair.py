"""Repair orders: a machine that is out of order, and the time its hosting is not billed."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Mod
from django.db.models.lookups import Exact
from django.utils.translation import gettext_lazy as _

from crm.models.fields import NameField
from hashinsight.common.audit import tracked
from hashinsight.common.models import BaseModel
from hashinsight.common.ranges import EpochSeconds
from hashinsight.common.scoping import ScopedQuerySet
from hosting.enums import RepairKind, RepairStatus
from hosting.models.miner import QUARTER_HOUR_S

OVER = (RepairStatus.RETURNED, RepairStatus.WRITTEN_OFF, RepairStatus.CANCELLED)


def _on_quarter_hour(column: str) -> Q:
    return Q(**{f"{column}__isnull": True}) | Q(Exact(Mod(EpochSeconds(column), QUARTER_HOUR_S), 0))


class RepairOrderQuerySet(ScopedQuerySet):
    """Repair orders; a client sees those of its machines, also of machines that are somebody else's since."""

    scope_path = "customer_id"


@tracked()
class RepairOrder(BaseModel):
    """One repair of one machine.

    open         waits for somebody
    sent         on its way to the workshop
    in_repair    being repaired
    returned     works again
    written_off  will not work again
    cancelled    was no repair after all

    With ``pauses_billing`` the machine is not billed from ``paused_from`` to ``paused_to`` (exclusive, at
    quarter-hours); while the order is open, ``paused_to`` is empty.
    """

    number = models.PositiveIntegerField(_("number"), unique=True, editable=False)
    miner = models.ForeignKey(
        "hosting.Miner", verbose_name=_("miner"), on_delete=models.PROTECT, related_name="repairs"
    )
    customer = models.ForeignKey(
        "crm.Customer",
        verbose_name=_("customer"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        editable=False,
        help_text=_("Whose machine it was when the order began."),
    )
    ticket = models.ForeignKey(
        "hosting.Ticket",
        verbose_name=_("ticket"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="repairs",
    )
    kind = models.CharField(_("kind"), max_length=16, choices=RepairKind.choices, default=RepairKind.ON_SITE)
    status = models.CharField(
        _("status"), max_length=16, choices=RepairStatus.choices, default=RepairStatus.OPEN, editable=False
    )
    reason = NameField(_("what is wrong"), max_length=300)
    vendor = NameField(_("workshop"), max_length=100, blank=True, default="")
    rma_number = NameField(_("RMA number"), max_length=60, blank=True, default="")
    pauses_billing = models.BooleanField(_("pauses billing"), default=True)
    paused_from = models.DateTimeField(_("not billed from"), null=True, blank=True, editable=False)
    paused_to = models.DateTimeField(_("not billed to"), null=True, blank=True, editable=False)
    finished_at = models.DateTimeField(_("finished at"), null=True, blank=True, editable=False)
    outcome = NameField(_("outcome"), max_length=300, blank=True, default="", editable=False)

    objects = RepairOrderQuerySet.as_manager()

    class Meta:
        verbose_name = _("repair order")
        verbose_name_plural = _("repair orders")
        constraints = [
            models.UniqueConstraint(
                fields=["miner"],
                condition=~Q(status__in=["returned", "written_off", "cancelled"]),
                name="hosting_repair_one_at_a_time",
                violation_error_message=_("The machine is being repaired already."),
            ),
            models.CheckConstraint(condition=Q(kind__in=RepairKind.values), name="hosting_repair_kind_known"),
            models.CheckConstraint(condition=Q(status__in=RepairStatus.values), name="hosting_repair_status_known"),
            models.CheckConstraint(
                condition=Q(status__in=["returned", "written_off", "cancelled"], finished_at__isnull=False)
                | (~Q(status__in=["returned", "written_off", "cancelled"]) & Q(finished_at__isnull=True)),
                name="hosting_repair_finished_when_over",
            ),
            models.CheckConstraint(
                condition=Q(pauses_billing=False, paused_from__isnull=True, paused_to__isnull=True)
                | Q(pauses_billing=True, paused_from__isnull=False),
                name="hosting_repair_pause_has_a_beginning",
            ),
            models.CheckConstraint(
                condition=_on_quarter_hour("paused_from") & _on_quarter_hour("paused_to"),
                name="hosting_repair_pause_on_quarter_hour",
            ),
            models.CheckConstraint(
                condition=Q(paused_to__isnull=True) | Q(paused_to__gte=models.F("paused_from")),
                name="hosting_repair_pause_forward",
            ),
        ]
        indexes = [
            models.Index(fields=["-created_at", "-id"], name="hosting_repair_created"),
            models.Index(fields=["customer", "-created_at", "-id"], name="hosting_repair_customer"),
            models.Index(fields=["miner", "paused_from"], name="hosting_repair_pause"),
            # Those that pause billing at a moment are few, however many there once were.
            models.Index(fields=["paused_to"], condition=Q(pauses_billing=True), name="hosting_repair_paused_to"),
        ]
        permissions = [("work_repairorder", _("Can order, follow and finish repairs"))]

    def __str__(self) -> str:
        return f"R-{self.number:04} {self.reason}"
