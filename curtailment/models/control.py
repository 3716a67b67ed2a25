"""The control of a site: its settings, the kill switch, what it keeps of the machines, and each order it gave."""

from datetime import timedelta
from decimal import Decimal
from typing import Any, Self

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from crm.models.fields import NameField
from curtailment.enums import OrderAction, OrderOutcome
from curtailment.models.plan import CurtailmentPlan
from hashinsight.common.audit import tracked
from hashinsight.common.models import BaseModel
from hosting.models.fields import KilowattField

LEAST_STEP_S, MOST_STEP_S = 15, 600


def _minutes(label: Any, standard: int, most: int, help_text: Any = "") -> models.PositiveIntegerField:
    return models.PositiveIntegerField(
        label, default=standard, validators=[MaxValueValidator(most)], help_text=help_text
    )


def _celsius(label: Any, standard: int) -> models.DecimalField:
    return models.DecimalField(label, max_digits=5, decimal_places=1, default=Decimal(standard))


@tracked(quiet=["ticked_at", "tick_number", "spent", "seen_kw", "reading_s"])
class SiteControl(BaseModel):
    """How fast machines of a site are switched, and how far its control has come.

    Empty ramps stand for a tenth of the site's capacity in a minute, an empty limit of a zone for all of the ramp.
    """

    site = models.OneToOneField(
        "hosting.Site", verbose_name=_("site"), on_delete=models.PROTECT, related_name="curtailment_control"
    )
    ramp_down_kw = KilowattField(_("switched off in a minute (kW)"), null=True, blank=True)
    ramp_up_kw = KilowattField(_("switched on in a minute (kW)"), null=True, blank=True)
    zone_up_kw = KilowattField(
        _("switched on in a minute behind one breaker (kW)"),
        null=True,
        blank=True,
        help_text=_("The breaker of a zone."),
    )
    step_s = models.PositiveIntegerField(
        _("one step (s)"),
        default=60,
        validators=[MinValueValidator(LEAST_STEP_S), MaxValueValidator(MOST_STEP_S)],
        help_text=_("So often machines of running plans are read, and told what to do."),
    )
    min_off_minutes = _minutes(_("least time off (minutes)"), 5, 1440, _("Fans go on cooling the chips in it."))
    min_on_minutes = _minutes(_("least time on (minutes)"), 10, 1440)
    start_chip_c = _celsius(_("chips no hotter than this to start (°C)"), 70)
    start_inlet_c = _celsius(_("air no hotter than this to start (°C)"), 40)
    ticked_at = models.DateTimeField(_("last step"), null=True, blank=True, editable=False)
    tick_number = models.PositiveBigIntegerField(_("steps"), default=0, editable=False)
    spent = models.JSONField(_("switched in the last step"), default=list, editable=False)
    reading_s = models.FloatField(_("reading took (s)"), default=0, db_default=0, editable=False)
    seen_kw = KilowattField(_("drawn by the machines that were read (kW)"), null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("control of a site")
        verbose_name_plural = _("controls of sites")
        constraints = [
            models.CheckConstraint(condition=Q(step_s__range=(1, MOST_STEP_S)), name="curtailment_control_step")
        ]

    def __str__(self) -> str:
        return str(self.site)

    @property
    def step(self) -> timedelta:
        """Between two ticks."""
        return timedelta(seconds=self.step_s)


@tracked()
class KillSwitch(BaseModel):
    """Nothing is switched any more, at a site or anywhere, until the switch is released. One row per use."""

    site = models.ForeignKey(
        "hosting.Site",
        verbose_name=_("site"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text=_("Empty: everywhere."),
    )
    reason = NameField(_("reason"), max_length=300)
    set_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("set by"), on_delete=models.PROTECT, related_name="+"
    )
    set_at = models.DateTimeField(_("set at"))
    released_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("released by"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
    )
    released_at = models.DateTimeField(_("released at"), null=True, blank=True)

    class Meta:
        verbose_name = _("kill switch")
        verbose_name_plural = _("kill switches")
        ordering = ["-set_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["site"],
                condition=Q(released_at__isnull=True),
                nulls_distinct=False,
                name="curtailment_kill_switch_once",
                violation_error_message=_("It is set already."),
            )
        ]

    def __str__(self) -> str:
        return str(self.site or _("everywhere"))


class ControlledMachineQuerySet(models.QuerySet["ControlledMachine"]):
    """Machines under control."""

    def in_hand(self) -> Self:
        """Switched by us and not given back; a limit of ours alone says so as well."""
        return self.filter(Q(touched=True) | Q(earlier_w__isnull=False))


class ControlledMachine(models.Model):
    """What the control keeps of one machine between two ticks; ``curtailment.engine.values.State`` explains it."""

    miner = models.OneToOneField(
        "hosting.Miner", verbose_name=_("miner"), on_delete=models.PROTECT, related_name="control"
    )
    site = models.ForeignKey("hosting.Site", verbose_name=_("site"), on_delete=models.PROTECT, related_name="+")
    touched = models.BooleanField(_("switched by us"), default=False)
    plan = models.ForeignKey(
        CurtailmentPlan, verbose_name=_("plan"), null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    sent_at = models.DateTimeField(_("last order"), null=True, blank=True)
    open_until = models.DateTimeField(_("may be sent until"), null=True, blank=True)
    resumed = models.BooleanField(_("told to run"), default=False)
    tries = models.PositiveIntegerField(_("orders in a row"), default=0)
    next_at = models.DateTimeField(_("no order before"), null=True, blank=True)
    paused_at = models.DateTimeField(_("told to pause at"), null=True, blank=True)
    resumed_at = models.DateTimeField(_("told to run at"), null=True, blank=True)
    calm = models.PositiveIntegerField(_("ticks seen running"), default=0)
    limiting = models.BooleanField(_("last order about its power"), default=False, db_default=False)
    limit_w = models.PositiveIntegerField(_("told to keep to (W)"), null=True, blank=True)
    earlier_w = models.PositiveIntegerField(
        _("kept to before (W)"), null=True, blank=True, help_text=_("Empty: we have not lowered its power.")
    )

    objects = ControlledMachineQuerySet.as_manager()

    class Meta:
        verbose_name = _("machine under control")
        verbose_name_plural = _("machines under control")
        indexes = [models.Index(fields=["site"], condition=Q(touched=True), name="curtailment_touched")]

    def __str__(self) -> str:
        return str(self.miner)


class MachineOrder(models.Model):
    """One command to one machine: what, for which plan, until when it might be sent, and what came of it.

    Written before it is sent, or before the edge device it goes through may fetch it. Only what came of it is added
    afterwards, once.
    """

    plan = models.ForeignKey(
        CurtailmentPlan, verbose_name=_("plan"), null=True, on_delete=models.PROTECT, related_name="orders"
    )
    site = models.ForeignKey("hosting.Site", verbose_name=_("site"), on_delete=models.PROTECT, related_name="+")
    miner = models.ForeignKey("hosting.Miner", verbose_name=_("miner"), on_delete=models.PROTECT, related_name="orders")
    device = models.ForeignKey(
        "hosting.EdgeDevice",
        verbose_name=_("through"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="orders",
        db_index=False,
    )
    action = models.CharField(_("order"), max_length=16, choices=OrderAction.choices)
    not_before = models.DateTimeField(_("not before"))
    expires_at = models.DateTimeField(_("not after"))
    fencing_token = models.PositiveBigIntegerField(_("fencing token"))
    tick_number = models.PositiveBigIntegerField(_("step"))
    draw_w = models.PositiveIntegerField(_("draw (W)"))
    limit_w = models.PositiveIntegerField(_("to keep to (W)"), null=True, blank=True)
    before_w = models.PositiveIntegerField(_("measured before (W)"), null=True, blank=True)
    after_w = models.PositiveIntegerField(_("measured after (W)"), null=True, blank=True)
    sent_at = models.DateTimeField(_("sent at"), null=True, blank=True)
    answered_at = models.DateTimeField(_("answered at"), null=True, blank=True)
    outcome = models.CharField(_("outcome"), max_length=16, choices=OrderOutcome.choices, default=OrderOutcome.OPEN)
    reply = models.CharField(_("reply"), max_length=200, blank=True, default="")
    created_at = models.DateTimeField(_("decided at"))

    class Meta:
        verbose_name = _("order to a machine")
        verbose_name_plural = _("orders to machines")
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(condition=Q(action__in=OrderAction.values), name="curtailment_order_action_known"),
            models.CheckConstraint(
                condition=Q(outcome__in=OrderOutcome.values), name="curtailment_order_outcome_known"
            ),
            models.CheckConstraint(
                condition=Q(expires_at__gt=models.F("not_before")), name="curtailment_order_expires"
            ),
            models.CheckConstraint(
                condition=Q(action__in=(OrderAction.LIMIT, OrderAction.LIFT), limit_w__isnull=False, limit_w__gt=0)
                | (~Q(action__in=(OrderAction.LIMIT, OrderAction.LIFT)) & Q(limit_w__isnull=True)),
                name="curtailment_order_limit",
            ),
        ]
        indexes = [
            models.Index(fields=["plan", "-id"], name="curtailment_order_plan"),
            models.Index(fields=["miner", "-id"], name="curtailment_order_miner"),
            models.Index(fields=["site", "tick_number"], name="curtailment_order_tick"),
        ]

    def __str__(self) -> str:
        return f"{self.miner} {self.action}"


class ControlSample(models.Model):
    """One step of a site's control in kW: what plans want off, what was told so, what is seen off, what is drawn.

    ``drawn_kw`` is the sum over the machines that said it; how many were asked and did not answer stands beside it.
    ``metered_kw`` is what the meters of the site said; NULL where there is none, or its last reading was old.
    """

    site = models.ForeignKey("hosting.Site", verbose_name=_("site"), on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(_("at"))
    target_kw = KilowattField(_("target (kW)"))
    intended_kw = KilowattField(_("told to be off (kW)"))
    off_kw = KilowattField(_("seen off (kW)"))
    drawn_kw = KilowattField(_("drawn (kW)"))
    metered_kw = KilowattField(_("metered (kW)"), null=True, blank=True)
    machines = models.PositiveIntegerField(_("machines"))
    silent = models.PositiveIntegerField(_("machines without an answer"))
    alone = ArrayField(
        models.BigIntegerField(),
        verbose_name=_("plans that wait for a second person"),
        default=list,
        db_default=[],
        blank=True,
    )

    class Meta:
        verbose_name = _("step of a control")
        verbose_name_plural = _("steps of controls")
        constraints = [models.UniqueConstraint(fields=["site", "at"], name="curtailment_sample_once")]

    def __str__(self) -> str:
        return f"{self.site} {self.at:%Y-%m-%d %H:%M:%S}"
