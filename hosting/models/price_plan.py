"""What hosting costs: plans, their dated versions, and the components a version adds up."""

from collections.abc import Collection
from datetime import time
from typing import Self

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from crm.models.fields import NameField
from hashinsight.common.audit import tracked
from hashinsight.common.models import BaseModel
from hashinsight.common.money import CurrencyField
from hashinsight.common.ranges import ends_after_it_begins, no_overlap
from hashinsight.common.scoping import ScopedQuerySet
from hosting.enums import ComponentKind, MissingRule, WindowDays
from hosting.models.fields import PercentField, UnitPriceField


class _OfTerms(ScopedQuerySet):
    """Prices a client may see: those of own terms, and of these what is published."""

    plan_path = "pk"
    published: Q | None = None

    def of_customers(self, ids: Collection[int]) -> Self:
        """Through terms."""
        from hosting.models import HostingTerms  # noqa: PLC0415  (the models name each other)

        rows = self.filter(
            Exists(HostingTerms.objects.of_customers(ids).filter(price_plan_id=OuterRef(self.plan_path)))
        )
        return rows if self.published is None else rows.filter(self.published)


class PricePlanQuerySet(_OfTerms):
    """Plans; a client sees those of own terms."""

    scope_path = "hosting_terms__contract__customer_id"


class VersionQuerySet(_OfTerms):
    """Versions, seen as their plan is once published."""

    scope_path = "plan__hosting_terms__contract__customer_id"
    plan_path = "plan_id"
    published = Q(published_at__isnull=False)


class ComponentQuerySet(_OfTerms):
    """Components, seen as their plan is once published."""

    scope_path = "plan_version__plan__hosting_terms__contract__customer_id"
    plan_path = "plan_version__plan_id"
    published = Q(plan_version__published_at__isnull=False)


class WindowQuerySet(_OfTerms):
    """Windows, seen as their plan is once published."""

    scope_path = "component__plan_version__plan__hosting_terms__contract__customer_id"
    plan_path = "component__plan_version__plan_id"
    published = Q(component__plan_version__published_at__isnull=False)


@tracked()
class PricePlan(BaseModel):
    """A tariff by name; what it charges stands in its versions."""

    name = NameField(_("name"), unique=True)
    zone = models.ForeignKey(
        "hosting.Zone",
        verbose_name=_("zone"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="price_plans",
        help_text=_("Empty: may be agreed on at any site."),
    )
    currency = CurrencyField(_("currency"))
    is_active = models.BooleanField(
        _("active"), default=True, help_text=_("An archived plan goes on for terms that use it and is offered no more.")
    )
    description = models.TextField(_("description"), blank=True, default="")

    objects = PricePlanQuerySet.as_manager()

    class Meta:
        verbose_name = _("price plan")
        verbose_name_plural = _("price plans")
        permissions = [("publish_priceplan", _("Can publish versions of price plans"))]

    def __str__(self) -> str:
        return self.name


@tracked()
class PricePlanVersion(BaseModel):
    """What a plan charges from one day to another. Published, it never changes but for the day it ends."""

    plan = models.ForeignKey(PricePlan, verbose_name=_("price plan"), on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField(_("version number"), editable=False)
    valid_from = models.DateField(_("valid from"), help_text=_("First day, by the calendar of the site."))
    valid_to = models.DateField(
        _("valid to"), null=True, blank=True, help_text=_("Exclusive; empty: until further notice.")
    )
    missing_rule = models.CharField(
        _("where energy was not measured"),
        max_length=16,
        choices=MissingRule.choices,
        default=MissingRule.MARK_MISSING,
        db_default=MissingRule.MARK_MISSING,
        help_text=_("Of a quarter-hour with too few readings; marked as missing, a person must decide."),
    )
    published_at = models.DateTimeField(_("published at"), null=True, blank=True, editable=False)
    note = NameField(_("what changed"), max_length=300, blank=True, default="")

    objects = VersionQuerySet.as_manager()

    class Meta:
        verbose_name = _("version of a price plan")
        verbose_name_plural = _("versions of price plans")
        ordering = ["plan_id", "-valid_from"]
        constraints = [
            models.UniqueConstraint(fields=["plan", "number"], name="hosting_planversion_number_once"),
            ends_after_it_begins("hosting_planversion_period"),
            no_overlap(
                "hosting_planversion_no_overlap",
                "plan",
                message=_("Another version of this plan is valid in that period."),
                condition=Q(published_at__isnull=False),
            ),
            models.CheckConstraint(
                condition=Q(missing_rule__in=MissingRule.values), name="hosting_planversion_rule_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.plan} v{self.number}"


@tracked()
class PriceComponent(BaseModel):
    """One thing a version charges: so much per unit of its kind, at all hours or in windows of time.

    All components that apply to an interval or a month are added up. Their arithmetic is in ``hosting.engine.tariff``.
    """

    plan_version = models.ForeignKey(
        PricePlanVersion, verbose_name=_("version"), on_delete=models.CASCADE, related_name="components"
    )
    position = models.PositiveSmallIntegerField(_("position"), default=1)
    kind = models.CharField(_("kind"), max_length=16, choices=ComponentKind.choices, default=ComponentKind.ENERGY)
    description = NameField(_("text on the invoice"))
    price = UnitPriceField(
        _("price"), default=0, help_text=_("Per unit of the kind; of a market price: what is added per kWh.")
    )
    other_hours = models.BooleanField(
        _("in all other hours"),
        default=False,
        help_text=_("Applies where no window of another component of this kind does."),
    )
    ratchet_percent = PercentField(
        _("ratchet (%)"),
        null=True,
        blank=True,
        help_text=_("At least this share of the highest demand of the months before is billed."),
    )
    ratchet_months = models.PositiveSmallIntegerField(
        _("months of the ratchet"), null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(36)]
    )
    market_series = models.CharField(
        _("market price series"),
        max_length=100,
        blank=True,
        default="",
        help_text=_("Code of the price series that is passed through."),
    )
    market_factor = models.DecimalField(
        _("factor on the market price"),
        max_digits=8,
        decimal_places=5,
        null=True,
        blank=True,
        validators=[MinValueValidator(0)],
        help_text=_("1 passes it through as it is; 1.02 adds losses of two per cent."),
    )

    objects = ComponentQuerySet.as_manager()

    class Meta:
        verbose_name = _("price component")
        verbose_name_plural = _("price components")
        ordering = ["plan_version_id", "position", "id"]
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=ComponentKind.values), name="hosting_component_kind_known"),
            models.CheckConstraint(
                condition=Q(kind="pass_through") | Q(price__gte=0),
                name="hosting_component_price_not_negative",
                violation_error_message=_("Only what is added to a market price may be negative."),
            ),
            models.CheckConstraint(
                condition=(
                    Q(kind="demand", ratchet_percent__isnull=False, ratchet_months__isnull=False)
                    | Q(ratchet_percent__isnull=True, ratchet_months__isnull=True)
                ),
                name="hosting_component_ratchet_whole",
                violation_error_message=_("A ratchet belongs to demand and needs both its share and its months."),
            ),
            models.CheckConstraint(
                condition=(
                    Q(kind="pass_through", market_factor__isnull=False) & ~Q(market_series="")
                    | ~Q(kind="pass_through") & Q(market_factor__isnull=True, market_series="")
                ),
                name="hosting_component_market_whole",
                violation_error_message=_(
                    "A market price passed through needs its series and its factor; no other kind has them."
                ),
            ),
            models.CheckConstraint(
                condition=~Q(other_hours=True) | Q(kind__in=["energy", "demand"]),
                name="hosting_component_hours_of_kind",
                violation_error_message=_("Only energy and demand are charged by hours."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.description}"


@tracked()
class PriceWindow(BaseModel):
    """Hours in which a component applies, by the clock of the site; several of one component are added up."""

    component = models.ForeignKey(
        PriceComponent, verbose_name=_("price component"), on_delete=models.CASCADE, related_name="windows"
    )
    month_from = models.PositiveSmallIntegerField(
        _("from month"), default=1, validators=[MinValueValidator(1), MaxValueValidator(12)]
    )
    month_to = models.PositiveSmallIntegerField(
        _("to month"),
        default=12,
        validators=[MinValueValidator(1), MaxValueValidator(12)],
        help_text=_("Inclusive; 11 to 2 is a winter."),
    )
    days = models.CharField(_("days"), max_length=16, choices=WindowDays.choices, default=WindowDays.ALL)
    time_from = models.TimeField(_("from"), default=time(0))
    time_to = models.TimeField(
        _("to"), default=time(0), help_text=_("Exclusive; 00:00 is midnight, 22:00 to 06:00 is a night.")
    )

    objects = WindowQuerySet.as_manager()

    class Meta:
        verbose_name = _("price window")
        verbose_name_plural = _("price windows")
        ordering = ["component_id", "month_from", "time_from", "id"]
        constraints = [
            models.CheckConstraint(condition=Q(days__in=WindowDays.values), name="hosting_window_days_known"),
            models.CheckConstraint(
                condition=Q(month_from__range=(1, 12), month_to__range=(1, 12)), name="hosting_window_months_range"
            ),
        ]

    def __str__(self) -> str:
        return (
            f"{self.month_from}-{self.month_to} {self.get_days_display()} {self.time_from:%H:%M}-{self.time_to:%H:%M}"
        )
