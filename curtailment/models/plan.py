"""Plans: how much is to be off at a site from when to when, who approved it, and what came of each machine."""

from collections.abc import Collection
from datetime import datetime
from decimal import Decimal
from typing import Self

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from crm.models.fields import NameField
from curtailment.enums import Cause, Goal, MachineResult, PlanKind, PlanStatus, Selection
from curtailment.models.review import Reviewable
from hashinsight.common.audit import tracked
from hashinsight.common.models import BaseModel
from hashinsight.common.scoping import ScopedQuerySet
from hosting.enums import StalePolicy
from hosting.models.fields import KilowattField


@tracked()
class StandingApproval(BaseModel):
    """Two people have said beforehand: this much, for this reason, at this site, in these hours, until then.

    The hours are those of the site's clock; from later to earlier means over midnight, the same twice all day.
    """

    site = models.ForeignKey("hosting.Site", verbose_name=_("site"), on_delete=models.PROTECT, related_name="+")
    cause = models.CharField(_("cause"), max_length=16, choices=Cause.choices)
    most_kw = KilowattField(_("at most (kW)"))
    time_from = models.TimeField(_("from (time of day)"))
    time_to = models.TimeField(_("to (time of day)"))
    valid_from = models.DateField(_("valid from"))
    valid_until = models.DateField(_("valid until"), help_text=_("Inclusive."))
    note = NameField(_("note"), max_length=300, blank=True, default="")
    first_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("signed by"),
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        editable=False,
    )
    first_at = models.DateTimeField(_("signed at"), null=True, editable=False)
    second_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("signed by, as the second"),
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        editable=False,
    )
    second_at = models.DateTimeField(_("signed as the second at"), null=True, editable=False)
    revoked_at = models.DateTimeField(_("revoked at"), null=True, editable=False)

    class Meta:
        verbose_name = _("standing approval")
        verbose_name_plural = _("standing approvals")
        ordering = ["-created_at", "-id"]
        constraints = [
            models.CheckConstraint(condition=Q(cause__in=Cause.values), name="curtailment_standing_cause_known"),
            models.CheckConstraint(
                condition=Q(valid_until__gte=F("valid_from")),
                name="curtailment_standing_period",
                violation_error_message=_("It ends before it begins."),
            ),
            models.CheckConstraint(
                condition=Q(second_by__isnull=True) | (Q(first_by__isnull=False) & ~Q(second_by=F("first_by"))),
                name="curtailment_standing_two_people",
                violation_error_message=_("Two people sign, each once."),
            ),
        ]
        permissions = [("sign_standingapproval", _("Can sign standing approvals and revoke them"))]

    def __str__(self) -> str:
        return f"{self.site}: {self.get_cause_display()}, {self.most_kw.normalize():f} kW"

    @property
    def is_signed(self) -> bool:
        """By two people, and not revoked."""
        return self.second_by_id is not None and self.revoked_at is None


class PlanQuerySet(ScopedQuerySet):
    """Plans; a client sees approved ones that name machines that were its own then."""

    scope_path = "miners__customer_id"

    def of_customers(self, ids: Collection[int]) -> Self:
        """Each plan once."""
        return self.filter(pk__in=CurtailmentPlanMiner.objects.of_customers(ids).values("plan_id"))


@tracked(quiet=["measured_kw"])
class CurtailmentPlan(Reviewable, BaseModel):
    """So much power is to be off at a site for a time.

    pending             somebody has to approve it
    approved            it runs when its time comes
    executing           machines are being switched off
    executed            as much is off as was planned
    recovering          it is over; machines are being switched on again
    recovered           everybody is back
    partially_executed  it is over and everybody is back, but never was as much off as planned
    failed              it is over, and nothing was switched off
    expired             its time has passed before anybody approved it
    cancelled           taken back before it began
    """

    number = models.PositiveIntegerField(_("number"), unique=True, editable=False)
    site = models.ForeignKey(
        "hosting.Site", verbose_name=_("site"), on_delete=models.PROTECT, related_name="curtailment_plans"
    )
    kind = models.CharField(_("kind"), max_length=16, choices=PlanKind.choices, default=PlanKind.MANUAL, editable=False)
    cause = models.CharField(_("cause"), max_length=16, choices=Cause.choices)
    reason = NameField(_("reason"), max_length=300, help_text=_("In words; clients read it."))
    goal = models.CharField(_("goal"), max_length=8, choices=Goal.choices, default=Goal.REDUCE_BY)
    goal_kw = KilowattField(_("power (kW)"))
    selection = models.CharField(
        _("which machines first"), max_length=16, choices=Selection.choices, default=Selection.EFFICIENCY
    )
    starts_at = models.DateTimeField(_("from"))
    ends_at = models.DateTimeField(_("to"), null=True, blank=True, help_text=_("Then machines are switched on again."))
    is_open_ended = models.BooleanField(
        _("without an end"),
        default=False,
        help_text=_("Until somebody ends it; you are reminded of it every day."),
    )
    is_emergency = models.BooleanField(_("emergency"), default=False, editable=False)
    status = models.CharField(
        _("status"), max_length=20, choices=PlanStatus.choices, default=PlanStatus.PENDING, editable=False
    )
    status_since = models.DateTimeField(_("since"), null=True, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("made by"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        editable=False,
        help_text=_("Empty: a rule."),
    )
    event = models.ForeignKey(
        "curtailment.CurtailmentEvent",
        verbose_name=_("event"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="plans",
        editable=False,
    )
    source_key = models.CharField(_("key of the source"), max_length=200, blank=True, default="", editable=False)
    priority = models.PositiveSmallIntegerField(
        _("priority"), default=100, db_default=100, editable=False, help_text=_("The smaller, the more important.")
    )
    only_miners = ArrayField(
        models.BigIntegerField(),
        verbose_name=_("only these machines"),
        default=list,
        db_default=[],
        blank=True,
        editable=False,
        help_text=_("Empty: all that may be switched."),
    )
    only_limits_w = ArrayField(
        models.BigIntegerField(),
        verbose_name=_("to which power each of them (W)"),
        default=list,
        db_default=[],
        blank=True,
        editable=False,
        help_text=_("In their order; 0: off. Empty: all of them off."),
    )
    safe_states = ArrayField(
        models.CharField(max_length=16, choices=StalePolicy.choices),
        verbose_name=_("only machines whose safe state is"),
        default=list,
        db_default=[],
        blank=True,
        editable=False,
        help_text=_("Empty: all."),
    )
    stale_since = models.DateTimeField(
        _("data stale since"),
        null=True,
        blank=True,
        editable=False,
        help_text=_("Machines are kept off for as long after it as their terms say."),
    )
    own_safe_state = models.CharField(
        _("safe state of our own machines"),
        max_length=16,
        choices=StalePolicy.choices,
        default=StalePolicy.HOLD,
        db_default=StalePolicy.HOLD,
        editable=False,
    )
    own_safe_minutes = models.PositiveIntegerField(
        _("for at most (minutes)"), default=60, db_default=60, editable=False
    )
    target_kw = KilowattField(_("to be off (kW)"), null=True, blank=True, editable=False)
    base_kw = KilowattField(_("load when it was reckoned (kW)"), null=True, blank=True, editable=False)
    share_percent = models.DecimalField(
        _("share of the site's or the fleet's load (%)"),
        max_digits=7,
        decimal_places=3,
        null=True,
        blank=True,
        editable=False,
    )
    needs_two = models.BooleanField(_("needs a second person"), null=True, editable=False)
    standing_approval = models.ForeignKey(
        StandingApproval,
        verbose_name=_("standing approval"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="plans",
        editable=False,
    )
    approved_at = models.DateTimeField(_("approved at"), null=True, blank=True, editable=False)
    executed_at = models.DateTimeField(_("executed at"), null=True, blank=True, editable=False)
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True, editable=False)
    recovered_at = models.DateTimeField(_("recovered at"), null=True, blank=True, editable=False)
    miners_affected = models.PositiveIntegerField(_("machines switched off"), default=0, editable=False)
    measured_kw = KilowattField(_("seen to be off now (kW)"), default=Decimal(0), editable=False)
    power_reduced_kw = KilowattField(_("most that was off (kW)"), default=Decimal(0), editable=False)
    end_reason = NameField(_("why it ended"), max_length=300, blank=True, default="", editable=False)

    objects = PlanQuerySet.as_manager()

    class Meta:
        verbose_name = _("curtailment plan")
        verbose_name_plural = _("curtailment plans")
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=PlanKind.values), name="curtailment_plan_kind_known"),
            models.CheckConstraint(condition=Q(cause__in=Cause.values), name="curtailment_plan_cause_known"),
            models.CheckConstraint(condition=Q(goal__in=Goal.values), name="curtailment_plan_goal_known"),
            models.CheckConstraint(
                condition=Q(selection__in=Selection.values), name="curtailment_plan_selection_known"
            ),
            models.CheckConstraint(condition=Q(status__in=PlanStatus.values), name="curtailment_plan_status_known"),
            models.CheckConstraint(
                condition=Q(is_open_ended=True, ends_at__isnull=True)
                | Q(is_open_ended=False, ends_at__isnull=False, ends_at__gt=F("starts_at")),
                name="curtailment_plan_has_an_end",
                violation_error_message=_("State when it ends, after it begins; or say that it has no end."),
            ),
            models.CheckConstraint(
                condition=Q(only_limits_w__len=0) | Q(only_limits_w__len=F("only_miners__len")),
                name="curtailment_plan_limits_of_all",
            ),
            models.UniqueConstraint(
                fields=["source_key"],
                condition=~Q(source_key=""),
                name="curtailment_plan_source_once",
                violation_error_message=_("There is a plan for this already."),
            ),
        ]
        indexes = [
            models.Index(fields=["-starts_at", "-id"], name="curtailment_plan_starts"),
            models.Index(fields=["site", "status"], name="curtailment_plan_site_status"),
            models.Index(fields=["-created_at", "-id"], name="curtailment_plan_created"),
        ]
        permissions = [
            ("approve_curtailmentplan", _("Can approve curtailment plans")),
            ("end_curtailmentplan", _("Can cancel and end curtailment plans")),
            ("emergency_curtailmentplan", _("Can curtail and restore in an emergency")),
            ("freeze_sitecontrol", _("Can set and release the kill switch")),
        ]

    def __str__(self) -> str:
        return f"P-{self.number:04} {self.site}"

    @property
    def target_mw(self) -> Decimal | None:
        """What is to be off in MW, exactly; None before it was approved."""
        return None if self.target_kw is None else Decimal(self.target_kw) / 1000

    @property
    def power_reduced_mw(self) -> Decimal:
        """The most that was off, in MW, exactly."""
        return Decimal(self.power_reduced_kw) / 1000

    def runs_at(self, moment: datetime) -> bool:
        """Whether the moment lies in its time; says nothing of its state."""
        return self.starts_at <= moment and (self.ends_at is None or moment < self.ends_at)


@tracked()
class PlanApproval(BaseModel):
    """One person has approved one plan, as it was then."""

    plan = models.ForeignKey(
        CurtailmentPlan, verbose_name=_("plan"), on_delete=models.PROTECT, related_name="approvals"
    )
    by = models.ForeignKey(settings.AUTH_USER_MODEL, verbose_name=_("by"), on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(_("at"))
    target_kw = KilowattField(_("to be off (kW)"))
    withdrawn_at = models.DateTimeField(_("withdrawn at"), null=True, blank=True)

    class Meta:
        verbose_name = _("approval of a plan")
        verbose_name_plural = _("approvals of plans")
        ordering = ["at", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["plan", "by"],
                condition=Q(withdrawn_at__isnull=True),
                name="curtailment_approval_once",
                violation_error_message=_("You have approved it already."),
            )
        ]

    def __str__(self) -> str:
        return f"{self.plan}: {self.by}"


class PlanMinerQuerySet(ScopedQuerySet):
    """Machines of plans; a client sees those that were own then."""

    scope_path = "customer_id"


class CurtailmentPlanMiner(models.Model):
    """One candidate of a plan: its place in the order, what it drew, whose it was, and what came of it."""

    plan = models.ForeignKey(CurtailmentPlan, verbose_name=_("plan"), on_delete=models.PROTECT, related_name="miners")
    miner = models.ForeignKey(
        "hosting.Miner", verbose_name=_("miner"), on_delete=models.PROTECT, related_name="curtailments"
    )
    customer = models.ForeignKey(
        "crm.Customer",
        verbose_name=_("customer"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text=_("Whose machine it was; empty: our own."),
    )
    shutdown_order = models.PositiveIntegerField(_("order"))
    draw_w = models.PositiveIntegerField(_("draw (W)"))
    limit_w = models.PositiveIntegerField(
        _("lowered to (W)"), null=True, blank=True, help_text=_("Empty: switched off.")
    )
    earlier_w = models.PositiveIntegerField(_("kept to before (W)"), null=True, blank=True)
    hashrate_ths = models.DecimalField(_("hashrate (TH/s)"), max_digits=14, decimal_places=3, null=True, blank=True)
    result = models.CharField(_("result"), max_length=16, choices=MachineResult.choices, default=MachineResult.RESERVE)
    wanted_until = models.DateTimeField(
        _("wanted until"), null=True, blank=True, help_text=_("Empty: as long as the plan runs.")
    )
    stood = models.BooleanField(
        _("stood still or was silent"),
        default=False,
        db_default=False,
        help_text=_("It is no part of what was approved, and goes off as well should it run again."),
    )
    ordered_at = models.DateTimeField(_("told at"), null=True, blank=True)
    off_at = models.DateTimeField(_("off or lower since"), null=True, blank=True)
    back_at = models.DateTimeField(_("back since"), null=True, blank=True)

    objects = PlanMinerQuerySet.as_manager()

    class Meta:
        verbose_name = _("machine of a plan")
        verbose_name_plural = _("machines of plans")
        ordering = ["plan_id", "shutdown_order"]
        constraints = [
            models.UniqueConstraint(fields=["plan", "miner"], name="curtailment_planminer_once"),
            models.UniqueConstraint(fields=["plan", "shutdown_order"], name="curtailment_planminer_order"),
            models.CheckConstraint(
                condition=Q(result__in=MachineResult.values), name="curtailment_planminer_result_known"
            ),
        ]
        indexes = [models.Index(fields=["customer", "plan"], name="curtailment_planminer_customer")]

    def __str__(self) -> str:
        return f"{self.plan} {self.miner}"
