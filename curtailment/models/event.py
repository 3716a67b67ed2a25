"""What a curtailment did: one event at a site from the first machine told to the last one back, and its figures.

Energy and hashrate are measured by the machines' own readings in five minutes, money by what was known of each
quarter-hour. What nobody measured is told apart and never mixed in.
"""

from decimal import Decimal
from typing import Any, ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from curtailment.enums import Cause, EventStatus
from hashinsight.common.audit import tracked
from hashinsight.common.ids import new_public_id
from hashinsight.common.models import BaseModel
from hashinsight.common.scoping import ScopedQuerySet
from hosting.meter_enums import LoadSource
from hosting.models.fields import EnergyField, KilowattField

BTC_DIGITS, MONEY_DIGITS = 12, 6


def _btc(label: Any) -> models.DecimalField:
    return models.DecimalField(label, max_digits=24, decimal_places=BTC_DIGITS, null=True, blank=True, editable=False)


def _money(label: Any) -> models.DecimalField:
    return models.DecimalField(label, max_digits=20, decimal_places=MONEY_DIGITS, null=True, blank=True, editable=False)


class Measured(models.Model):
    """Figures that events, their shares and their machines have in common.

    ``measured_kwh``: the load before less the load during, where both were read. ``estimated_kwh``: the load before is
    the plan's, for nobody read it; or the machine was seen to be off, but did not say what it draws, and its load
    before counts. ``unknown_minutes``: neither, counts nothing.
    ``forgone_btc`` and ``forgone_usd``: the hashrate before less that during, by the network and the price of the
    time. ``avoided_cost``: the energy by the price of its quarter-hour, in the currency of the event; NULL where a part
    is not known.
    """

    measured_kwh = EnergyField(_("energy not used, measured (kWh)"), default=Decimal(0), editable=False)
    estimated_kwh = EnergyField(_("energy not used, estimated (kWh)"), default=Decimal(0), editable=False)
    unknown_minutes = models.PositiveIntegerField(_("minutes nobody knows of"), default=0, editable=False)
    forgone_btc = _btc(_("bitcoin not mined"))
    forgone_usd = _money(_("bitcoin not mined (USD)"))
    avoided_cost = _money(_("energy not bought"))

    class Meta:
        abstract = True

    @property
    def saved_kwh(self) -> Decimal:
        """All energy that was not used."""
        return self.measured_kwh + self.estimated_kwh


@tracked(quiet=["measured_at"])
class CurtailmentEvent(BaseModel, Measured):
    """Machines of a site were off: from the first plan that began until the machines of all of them were back.

    running   machines are off, or on their way
    over      everybody is back; the readings of the time are still coming in
    measured  it is reckoned, and reckoned again when later readings change it
    """

    number = models.PositiveIntegerField(_("number"), unique=True, editable=False)
    site = models.ForeignKey(
        "hosting.Site", verbose_name=_("site"), on_delete=models.PROTECT, related_name="curtailment_events"
    )
    status = models.CharField(
        _("status"), max_length=16, choices=EventStatus.choices, default=EventStatus.RUNNING, editable=False
    )
    started_at = models.DateTimeField(_("from"))
    ended_at = models.DateTimeField(_("to"), null=True, blank=True)
    measured_at = models.DateTimeField(_("reckoned at"), null=True, blank=True, editable=False)
    revision = models.PositiveIntegerField(_("reckoned so many times"), default=0, editable=False)
    machines = models.PositiveIntegerField(_("machines that were off"), default=0, editable=False)
    baseline_kw = KilowattField(_("load of these machines before (kW)"), null=True, blank=True, editable=False)
    meter_before_kw = KilowattField(_("load of the site before (kW)"), null=True, blank=True, editable=False)
    metered_kwh = EnergyField(
        _("energy not used, by the load of the site (kWh)"),
        null=True,
        blank=True,
        editable=False,
        help_text=_(
            "The load of the site in the last hour without curtailment less that of each quarter-hour, whatever else "
            "changed."
        ),
    )
    meter_source = models.CharField(
        _("load of the site from"),
        max_length=16,
        choices=LoadSource.choices,
        blank=True,
        default="",
        db_default="",
        editable=False,
    )
    currency = models.CharField(_("currency"), max_length=3, blank=True, default="", editable=False)
    missing = models.JSONField(_("what is not known"), default=dict, blank=True, editable=False)

    class Meta:
        verbose_name = _("curtailment event")
        verbose_name_plural = _("curtailment events")
        constraints = [
            models.CheckConstraint(condition=Q(status__in=EventStatus.values), name="curtailment_event_status_known"),
            models.CheckConstraint(
                condition=Q(status="running", ended_at__isnull=True) | ~Q(status="running") & Q(ended_at__isnull=False),
                name="curtailment_event_over_has_an_end",
            ),
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True) | Q(ended_at__gte=models.F("started_at")),
                name="curtailment_event_forward",
            ),
            models.UniqueConstraint(
                fields=["site"], condition=Q(status="running"), name="curtailment_event_one_at_a_time"
            ),
        ]
        indexes = [
            models.Index(fields=["-started_at", "-id"], name="curtailment_event_started"),
            models.Index(fields=["status", "ended_at"], name="curtailment_event_status"),
        ]
        permissions = [("measure_curtailmentevent", _("Can have curtailment events reckoned again"))]

    def __str__(self) -> str:
        return f"E-{self.number:04} {self.site}"


class EventInterval(models.Model):
    """A quarter-hour of an event: what its machines and the site drew, and what energy and hashing were worth."""

    event = models.ForeignKey(
        CurtailmentEvent, verbose_name=_("event"), on_delete=models.CASCADE, related_name="intervals"
    )
    interval_start = models.DateTimeField(_("start"))
    machines = models.PositiveIntegerField(_("machines"), default=0)
    baseline_kwh = EnergyField(_("as before (kWh)"), default=Decimal(0))
    measured_kwh = EnergyField(_("not used, measured (kWh)"), default=Decimal(0))
    estimated_kwh = EnergyField(_("not used, estimated (kWh)"), default=Decimal(0))
    unknown_minutes = models.PositiveIntegerField(_("minutes nobody knows of"), default=0)
    meter_kw = KilowattField(_("load of the site (kW)"), null=True)
    price_per_kwh = models.DecimalField(_("price of a kWh"), max_digits=18, decimal_places=9, null=True)
    btc_per_ths_hour = models.DecimalField(_("BTC of a TH/s in an hour"), max_digits=30, decimal_places=24, null=True)
    usd_per_btc = models.DecimalField(_("price of a bitcoin (USD)"), max_digits=18, decimal_places=4, null=True)

    class Meta:
        verbose_name = _("quarter-hour of an event")
        verbose_name_plural = _("quarter-hours of events")
        ordering = ["event_id", "interval_start"]
        constraints = [
            models.UniqueConstraint(fields=["event", "interval_start"], name="curtailment_event_interval_once")
        ]

    def __str__(self) -> str:
        return f"{self.event} {self.interval_start:%Y-%m-%d %H:%M}"


class EventShareQuerySet(ScopedQuerySet):
    """Shares; a client sees own ones."""

    scope_path = "customer_id"


@tracked(quiet=["measured_at"])
class EventShare(BaseModel, Measured):
    """The part of an event that fell on the machines of one owner. What a client reads is copied here."""

    event = models.ForeignKey(
        CurtailmentEvent, verbose_name=_("event"), on_delete=models.PROTECT, related_name="shares"
    )
    customer = models.ForeignKey(
        "crm.Customer",
        verbose_name=_("customer"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text=_("Whose machines they were; empty: our own."),
    )
    site = models.ForeignKey("hosting.Site", verbose_name=_("site"), on_delete=models.PROTECT, related_name="+")
    status = models.CharField(_("status"), max_length=16, choices=EventStatus.choices, default=EventStatus.RUNNING)
    cause = models.CharField(_("cause"), max_length=16, choices=Cause.choices)
    reason = models.CharField(_("reason"), max_length=300)
    started_at = models.DateTimeField(_("from"))
    ended_at = models.DateTimeField(_("to"), null=True, blank=True)
    machines = models.PositiveIntegerField(_("machines that were off"), default=0)
    off_minutes = models.PositiveIntegerField(_("minutes off, of all machines"), default=0)
    excused_minutes = models.PositiveIntegerField(_("minutes excused, of all machines"), default=0)
    revision = models.PositiveIntegerField(_("reckoned so many times"), default=0)
    measured_at = models.DateTimeField(_("reckoned at"), null=True, blank=True)

    objects = EventShareQuerySet.as_manager()

    class Meta:
        verbose_name = _("share in an event")
        verbose_name_plural = _("shares in events")
        constraints = [
            models.UniqueConstraint(
                fields=["event", "customer"], nulls_distinct=False, name="curtailment_event_share_once"
            )
        ]
        indexes = [
            models.Index(fields=["customer", "-started_at", "-id"], name="curtailment_share_customer"),
            models.Index(fields=["-started_at", "-id"], name="curtailment_share_started"),
        ]

    def __str__(self) -> str:
        return f"{self.event}: {self.customer or _('our own')}"


class EventMachineQuerySet(ScopedQuerySet):
    """Machines of events; a client sees those that were its own at the time."""

    scope_path = "customer_id"


class EventMachine(Measured):
    """One machine in one event, as long as it was one owner's: told, off, back, and what that came to.

    Reckoned from what is kept elsewhere and replaced as a whole, so it has no versions.
    """

    version: ClassVar[int] = 1

    public_id = models.UUIDField(_("public id"), default=new_public_id, unique=True, editable=False)
    event = models.ForeignKey(
        CurtailmentEvent, verbose_name=_("event"), on_delete=models.CASCADE, related_name="event_machines"
    )
    share = models.ForeignKey(
        EventShare, verbose_name=_("share"), on_delete=models.CASCADE, related_name="event_machines"
    )
    miner = models.ForeignKey("hosting.Miner", verbose_name=_("miner"), on_delete=models.PROTECT, related_name="+")
    customer = models.ForeignKey(
        "crm.Customer",
        verbose_name=_("customer"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
    )
    told_at = models.DateTimeField(_("told at"))
    off_at = models.DateTimeField(_("off or lower since"))
    back_at = models.DateTimeField(_("back since"))
    limit_w = models.PositiveIntegerField(_("lowered to (W)"), null=True, blank=True, help_text=_("Empty: it was off."))
    baseline_w = models.PositiveIntegerField(_("load before (W)"))
    baseline_ths = models.FloatField(_("hashrate before (TH/s)"))
    is_baseline_measured = models.BooleanField(_("load before was measured"), default=False)

    objects = EventMachineQuerySet.as_manager()

    class Meta:
        verbose_name = _("machine in an event")
        verbose_name_plural = _("machines in events")
        constraints = [
            models.UniqueConstraint(fields=["event", "miner", "told_at"], name="curtailment_event_machine_once"),
            models.CheckConstraint(
                condition=Q(back_at__gt=models.F("told_at"), off_at__gte=models.F("told_at")),
                name="curtailment_event_machine_forward",
            ),
        ]
        indexes = [
            models.Index(fields=["share", "id"], name="curtailment_evmachine_share"),
            models.Index(fields=["customer", "-id"], name="curtailment_evmachine_customer"),
        ]

    def __str__(self) -> str:
        return f"{self.event} {self.miner}"
