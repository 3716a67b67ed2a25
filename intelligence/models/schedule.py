"""Schedules: when which machines run on a local day, what that should earn, and what it did earn."""

from typing import Any, ClassVar, Self
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from crm.models.fields import NameField, TimeZoneField
from hashinsight.common.audit import tracked
from hashinsight.common.models import BaseModel
from hashinsight.common.money import CurrencyField
from hashinsight.common.scoping import ScopedQuerySet
from hosting.enums import StalePolicy
from hosting.models.fields import EnergyField, KilowattField
from intelligence.enums import AnswerLabel, EntryStatus, RunStatus, ScheduleAction
from intelligence.models.optimiser import STEPS


def _profit(label: Any) -> models.DecimalField:
    return models.DecimalField(label, null=True, blank=True, max_digits=20, decimal_places=6)


class ScheduleRunQuerySet(ScopedQuerySet):
    """Schedules; a client sees those of own machines one reckons with, staff all."""

    def visible_to(self, user: Any) -> Self:
        """Own ones for a client."""
        if not getattr(user, "is_authenticated", False) or not user.is_active:
            return self.none()
        return self.all() if user.is_staff else self.filter(user_id=user.pk)

    def current(self) -> Self:
        """The one that holds for each day."""
        return self.exclude(status=RunStatus.REPLACED)


@tracked(exclude=["inputs", "answer"])
class ScheduleRun(BaseModel):
    """A local day of a site, or of a person's machines, as it was planned: from what, how good, what it should earn.

    proposed   somebody may turn it into plans
    applied    its plans are made
    replaced   a newer one holds for the day
    completed  the day is over, and what it earned is reckoned
    """

    site = models.ForeignKey(
        "hosting.Site",
        verbose_name=_("site"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="schedules",
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("user"),
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="schedules",
        help_text=_("Whose machines one reckons with; empty: a site's."),
    )
    target_date = models.DateField(_("day"))
    time_zone = TimeZoneField(_("time zone"))
    status = models.CharField(_("status"), max_length=12, choices=RunStatus.choices, default=RunStatus.PROPOSED)
    label = models.CharField(_("answer"), max_length=12, choices=AnswerLabel.choices)
    note = models.TextField(_("remark"), blank=True, default="")
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("asked by"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        help_text=_("Empty: the daily job."),
    )
    known_at = models.DateTimeField(_("as known at"))
    starts_at = models.DateTimeField(_("from"))
    ends_at = models.DateTimeField(_("to"))
    step_minutes = models.PositiveSmallIntegerField(_("one step"), choices=STEPS)
    currency = CurrencyField(_("currency"))
    profit = _profit(_("profit"))
    revenue = _profit(_("revenue"))
    energy_cost = _profit(_("cost of energy"))
    demand_cost = _profit(_("demand charge"))
    switching_cost = _profit(_("cost of starts"))
    bound = _profit(_("no plan earns more than"))
    gap = models.FloatField(_("gap"), null=True, blank=True)
    always_on_profit = _profit(_("profit of always on"))
    strike_profit = _profit(_("profit of the best strike price"))
    strike_price = _profit(_("best strike price (per kWh)"))
    took_s = models.DecimalField(_("took (s)"), max_digits=8, decimal_places=3)
    inputs = models.JSONField(_("made from"), default=dict)
    answer = models.JSONField(_("reasons and shadow prices"), default=dict)
    applied_at = models.DateTimeField(_("turned into plans at"), null=True, blank=True)
    applied_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("turned into plans by"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        help_text=_("Empty: its rule."),
    )
    scored_at = models.DateTimeField(_("scored at"), null=True, blank=True)
    actual_profit = _profit(_("actual profit"))
    actual_always_on_profit = _profit(_("what always on would have earned"))
    actual_kwh = EnergyField(_("energy drawn (kWh)"), null=True, blank=True)
    actual_btc = models.DecimalField(_("mined (BTC)"), max_digits=20, decimal_places=8, null=True, blank=True)
    actuals = models.JSONField(_("made of"), default=dict)

    objects: ClassVar[Any] = ScheduleRunQuerySet.as_manager()

    class Meta:
        verbose_name = _("schedule")
        verbose_name_plural = _("schedules")
        constraints = [
            models.CheckConstraint(
                condition=Q(site__isnull=True, user__isnull=False) | Q(site__isnull=False, user__isnull=True),
                name="intelligence_schedulerun_whose",
            ),
            models.CheckConstraint(
                condition=Q(status__in=RunStatus.values), name="intelligence_schedulerun_status_known"
            ),
            models.CheckConstraint(
                condition=Q(label__in=AnswerLabel.values), name="intelligence_schedulerun_label_known"
            ),
            models.CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="intelligence_schedulerun_span"),
            models.UniqueConstraint(
                fields=["site", "target_date"],
                condition=Q(site__isnull=False) & ~Q(status="replaced"),
                name="intelligence_schedulerun_one_of_a_site",
            ),
            models.UniqueConstraint(
                fields=["user", "target_date"],
                condition=Q(user__isnull=False) & ~Q(status="replaced"),
                name="intelligence_schedulerun_one_of_a_user",
            ),
        ]
        indexes = [
            models.Index(fields=["-target_date", "-id"], name="intelligence_schedule_day"),
            models.Index(fields=["user", "-target_date", "-id"], name="intelligence_schedule_user"),
            models.Index(fields=["site", "-target_date"], name="intelligence_schedule_site"),
            models.Index(fields=["-created_at", "-id"], name="intelligence_schedule_created"),
        ]
        permissions = [
            ("run_schedulerun", _("Can have schedules made")),
            ("apply_schedulerun", _("Can turn schedules into plans")),
        ]

    def __str__(self) -> str:
        return f"{self.site or self.user} {self.target_date:%Y-%m-%d}"


class ScheduleClass(models.Model):
    """Machines of a site that are alike in model, zone and terms, as a schedule reckoned with them.

    Power is at the meter, cooling included.
    """

    run = models.ForeignKey(ScheduleRun, verbose_name=_("schedule"), on_delete=models.CASCADE, related_name="classes")
    place = models.PositiveSmallIntegerField(_("place"))
    name = NameField(_("class"))
    miner_model = models.ForeignKey(
        "hosting.MinerModel",
        verbose_name=_("model"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
    )
    zone = models.ForeignKey(
        "hosting.Zone", verbose_name=_("zone"), null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    terms = models.ForeignKey(
        "hosting.HostingTerms",
        verbose_name=_("hosting terms"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
    )
    machines = models.PositiveIntegerField(_("machines"))
    protected = models.PositiveIntegerField(_("protected"))
    power_w = models.PositiveIntegerField(_("power (W)"))
    hashrate_ths = models.DecimalField(_("hashrate (TH/s)"), max_digits=14, decimal_places=4)
    starts_on = models.BooleanField(_("runs when the day begins"), default=True)
    safe_state = models.CharField(_("safe state"), max_length=16, choices=StalePolicy.choices)
    miners = ArrayField(models.BigIntegerField(), verbose_name=_("machines by key"), default=list)
    modes_w = ArrayField(
        models.PositiveIntegerField(),
        verbose_name=_("power of the lower modes (W)"),
        default=list,
        db_default=[],
        help_text=_("Of the machine itself, without cooling."),
    )

    class Meta:
        verbose_name = _("class of a schedule")
        verbose_name_plural = _("classes of schedules")
        ordering = ["run_id", "place"]
        constraints = [
            models.UniqueConstraint(fields=["run", "place"], name="intelligence_scheduleclass_once"),
            models.CheckConstraint(
                condition=Q(protected__lte=F("machines")), name="intelligence_scheduleclass_protected"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class ScheduleEntryQuerySet(ScopedQuerySet):
    """Steps of schedules; a client sees those of own schedules."""

    def visible_to(self, user: Any) -> Self:
        """Through the schedule."""
        if not getattr(user, "is_authenticated", False) or not user.is_active:
            return self.none()
        return self.all() if user.is_staff else self.filter(run__user_id=user.pk)


class ScheduleEntry(models.Model):
    """What one target does in one step of a day: a class of machines, a machine that is alone in its class, or machines
    a person reckons with.

    planned    it is to come, or nothing had to be switched for it
    executing  a plan made of it runs
    completed  it is over, and what it earned is reckoned as far as it was measured
    replaced   a newer schedule holds
    """

    run = models.ForeignKey(ScheduleRun, verbose_name=_("schedule"), on_delete=models.CASCADE, related_name="entries")
    place = models.PositiveSmallIntegerField(_("place of the target"))
    starts_at = models.DateTimeField(_("from"))
    minutes = models.PositiveSmallIntegerField(_("minutes"))
    efficiency_class = models.ForeignKey(
        ScheduleClass,
        verbose_name=_("class"),
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="entries",
    )
    miner = models.ForeignKey(
        "hosting.Miner", verbose_name=_("miner"), null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    user_miner = models.ForeignKey(
        "intelligence.UserMiner",
        verbose_name=_("machines of a user"),
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="schedule_entries",
    )
    action = models.CharField(_("action"), max_length=12, choices=ScheduleAction.choices)
    status = models.CharField(_("status"), max_length=12, choices=EntryStatus.choices, default=EntryStatus.PLANNED)
    machines_on = models.PositiveIntegerField(_("machines that run"))
    machines_off = models.PositiveIntegerField(_("machines that are off"))
    machines_throttled = models.PositiveIntegerField(_("of those that run, throttled"), default=0, db_default=0)
    by_mode = ArrayField(
        models.PositiveIntegerField(), verbose_name=_("machines in each lower mode"), default=list, db_default=[]
    )
    load_kw = KilowattField(_("power (kW)"))
    expected_profit = _profit(_("expected profit"))
    actual_profit = _profit(_("actual profit"))
    actual_kwh = EnergyField(_("measured energy (kWh)"), null=True, blank=True)
    plan = models.ForeignKey(
        "curtailment.CurtailmentPlan",
        verbose_name=_("plan"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="schedule_entries",
    )

    objects: ClassVar[Any] = ScheduleEntryQuerySet.as_manager()

    class Meta:
        verbose_name = _("step of a schedule")
        verbose_name_plural = _("steps of schedules")
        ordering = ["run_id", "starts_at", "place"]
        constraints = [
            models.UniqueConstraint(fields=["run", "starts_at", "place"], name="intelligence_entry_once"),
            models.CheckConstraint(
                condition=Q(efficiency_class__isnull=False, miner__isnull=True, user_miner__isnull=True)
                | Q(efficiency_class__isnull=True, miner__isnull=False, user_miner__isnull=True)
                | Q(efficiency_class__isnull=True, miner__isnull=True, user_miner__isnull=False),
                name="intelligence_entry_one_target",
            ),
            models.CheckConstraint(
                condition=Q(action__in=ScheduleAction.values), name="intelligence_entry_action_known"
            ),
            models.CheckConstraint(condition=Q(status__in=EntryStatus.values), name="intelligence_entry_status_known"),
        ]
        indexes = [models.Index(fields=["plan"], name="intelligence_entry_plan", condition=Q(plan__isnull=False))]

    def __str__(self) -> str:
        begins = self.starts_at.astimezone(ZoneInfo(self.run.time_zone))
        return f"{self.run} {begins:%H:%M} {self.get_action_display()}"
