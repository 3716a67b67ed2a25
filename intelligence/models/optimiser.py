"""What the optimiser has to be told: of each site, and of models that can be throttled."""

from decimal import Decimal

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from crm.models.fields import NameField
from hashinsight.common.audit import tracked
from hashinsight.common.models import BaseModel
from hosting.enums import StalePolicy
from hosting.models.fields import PercentField, UnitPriceField

STEPS = [(15, _("15 minutes")), (30, _("30 minutes")), (60, _("an hour"))]
_NOT_NEGATIVE = MinValueValidator(Decimal(0))


@tracked()
class ScheduleSettings(BaseModel):
    """What the optimiser has to know of a site and cannot find elsewhere; whether it plans each day by itself.

    Money is in the currency of the site.
    """

    site = models.OneToOneField(
        "hosting.Site", verbose_name=_("site"), on_delete=models.PROTECT, related_name="schedule_settings"
    )
    is_on = models.BooleanField(
        _("plan each day"), default=True, help_text=_("Needs a price series; else only when somebody asks.")
    )
    applies_itself = models.BooleanField(
        _("turn schedules into plans"),
        default=False,
        help_text=_("Without a click; a standing approval for schedules decides whether such a plan runs."),
    )
    step_minutes = models.PositiveSmallIntegerField(_("one step"), choices=STEPS, default=60)
    adder_per_kwh = UnitPriceField(
        _("added to the market price (per kWh)"),
        default=Decimal(0),
        help_text=_("Only what falls away when machines are off: network, levies, margin of the supplier."),
    )
    loss_percent = PercentField(_("losses between market and meter (%)"), default=Decimal(0))
    demand_charge_per_kw = UnitPriceField(
        _("demand charge (per kW and month)"),
        default=Decimal(0),
        validators=[_NOT_NEGATIVE],
        help_text=_("For the highest quarter-hour of the month; a new peak is spread over the days that are left."),
    )
    start_cost = UnitPriceField(
        _("cost of a start (per machine)"),
        default=Decimal(0),
        validators=[_NOT_NEGATIVE],
        help_text=_("Wear, and shares lost while it warms up."),
    )
    uses_modes = models.BooleanField(
        _("throttle as well"),
        default=False,
        db_default=False,
        help_text=_("Plans with the power modes of the models, for machines that take a limit of power from us."),
    )
    pool_fee_percent = PercentField(_("fee of the pool (%)"), default=Decimal(0))
    on_stale = models.CharField(
        _("when prices are missing, our own machines"),
        max_length=16,
        choices=StalePolicy.choices,
        default=StalePolicy.RUN,
        help_text=_("Machines of customers do what their terms say."),
    )
    on_stale_max_minutes = models.PositiveIntegerField(
        _("stay as they are for at most (minutes)"), default=60, validators=[MaxValueValidator(10080)]
    )

    class Meta:
        verbose_name = _("optimiser of a site")
        verbose_name_plural = _("optimisers of sites")
        constraints = [
            models.CheckConstraint(condition=Q(step_minutes__in=[15, 30, 60]), name="intelligence_schedule_step"),
            models.CheckConstraint(
                condition=Q(demand_charge_per_kw__gte=0, start_cost__gte=0), name="intelligence_schedule_costs"
            ),
            models.CheckConstraint(
                condition=Q(on_stale__in=StalePolicy.values), name="intelligence_schedule_on_stale_known"
            ),
        ]

    def __str__(self) -> str:
        return str(self.site)


@tracked()
class PowerMode(BaseModel):
    """A way to run machines of a model with less than all their power, as somebody measured it or its maker says."""

    miner_model = models.ForeignKey(
        "hosting.MinerModel", verbose_name=_("model"), on_delete=models.PROTECT, related_name="power_modes"
    )
    name = NameField(_("name"), max_length=50)
    power_w = models.PositiveIntegerField(_("power (W)"), validators=[MinValueValidator(1)])
    hashrate_ths = models.DecimalField(
        _("hashrate (TH/s)"), max_digits=12, decimal_places=4, validators=[MinValueValidator(Decimal("0.0001"))]
    )
    source = NameField(_("source of the figures"), max_length=300)

    class Meta:
        verbose_name = _("power mode")
        verbose_name_plural = _("power modes")
        constraints = [
            models.UniqueConstraint(
                fields=["miner_model", "name"],
                name="intelligence_powermode_once",
                violation_error_message=_("This model has a mode of this name already."),
            ),
            models.CheckConstraint(
                condition=Q(power_w__gt=0, hashrate_ths__gt=0), name="intelligence_powermode_figures_positive"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.miner_model}: {self.name}"
