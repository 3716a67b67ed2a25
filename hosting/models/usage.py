"""What a zone drew and what is charged to terms, quarter-hour by quarter-hour; and the month of a zone.

Rows are never changed: a figure that turns out differently is a new version, and the old one says when it gave way.
Evidence names the versions it used, so nothing here is ever deleted.
"""

from typing import Any

from django.db import models
from django.db.models import Q
from django.db.models.functions import Mod
from django.db.models.lookups import Exact
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from hashinsight.common.ids import new_public_id
from hashinsight.common.ranges import EpochSeconds
from hashinsight.common.scoping import ScopedQuerySet
from hosting.enums import EnergySource, MissingRule, Quality
from hosting.models.fields import CoverageField, EnergyField, KilowattField

QUARTER_S = 900


class UsageQuerySet(ScopedQuerySet):
    """Usage; a client sees that of own agreed terms, whoever owns the machines now."""

    scope_path = "terms__contract__customer_id"
    scope_filter = {"terms__contract__status__in": ["active", "ended"], "terms__agreed_at__isnull": False}

    def current(self) -> Any:
        """What holds now."""
        return self.filter(superseded_at__isnull=True)


class DemandQuerySet(ScopedQuerySet):
    """Demand of zones: the site's own affair, no client's."""

    def current(self) -> Any:
        """What holds now."""
        return self.filter(superseded_at__isnull=True)


class _Versioned(models.Model):
    """A row that is never changed; ``version`` counts those of the same quarter-hour."""

    append_only = True

    public_id = models.UUIDField(_("public id"), default=new_public_id, unique=True, editable=False)
    version = models.PositiveIntegerField(_("version"), default=1)
    created_at = models.DateTimeField(_("reckoned at"), default=timezone.now)
    superseded_at = models.DateTimeField(_("superseded at"), null=True, blank=True)

    class Meta:
        abstract = True


class _Quarter(_Versioned):
    interval_start = models.DateTimeField(_("start"))
    kwh = EnergyField(_("energy (kWh)"), null=True, help_text=_("Empty: nobody can say."))
    source = models.CharField(_("source"), max_length=32, choices=EnergySource.choices)
    quality = models.CharField(_("quality"), max_length=16, choices=Quality.choices)
    coverage = CoverageField(_("coverage"), help_text=_("Share of what had to be read that was read, 0 to 1."))
    samples = models.PositiveIntegerField(_("readings with a power"), default=0)
    machines = models.PositiveIntegerField(_("machines"), default=0)
    machines_off = models.PositiveIntegerField(
        _("machines switched off"), default=0, help_text=_("Switched off by intent and silent: counted as zero.")
    )

    class Meta:
        abstract = True


def _constraints(name: str, *of: str) -> list[Any]:
    return [
        models.UniqueConstraint(fields=[*of, "interval_start", "version"], name=f"hosting_{name}_version_once"),
        models.UniqueConstraint(
            fields=[*of, "interval_start"], condition=Q(superseded_at__isnull=True), name=f"hosting_{name}_one_current"
        ),
        models.CheckConstraint(
            condition=Q(Exact(Mod(EpochSeconds("interval_start"), QUARTER_S), 0)), name=f"hosting_{name}_aligned"
        ),
        models.CheckConstraint(condition=Q(quality__in=Quality.values), name=f"hosting_{name}_quality_known"),
        models.CheckConstraint(
            condition=Q(quality="missing", kwh__isnull=True) | ~Q(quality="missing") & Q(kwh__isnull=False),
            name=f"hosting_{name}_missing_says_so",
        ),
        models.CheckConstraint(condition=Q(coverage__range=(0, 1)), name=f"hosting_{name}_coverage_range"),
    ]


class Demand15Min(_Quarter):
    """What a zone drew in a quarter-hour: its average power, and where the figure comes from."""

    zone = models.ForeignKey("hosting.Zone", verbose_name=_("zone"), on_delete=models.PROTECT, related_name="demand")
    kw = KilowattField(_("average power (kW)"), null=True)

    objects = DemandQuerySet.as_manager()

    class Meta:
        verbose_name = _("demand of a zone")
        verbose_name_plural = _("demand of zones")
        constraints = _constraints("demand", "zone")
        indexes = [
            models.Index(fields=["-interval_start", "-id"], name="hosting_demand_at"),
            models.Index(fields=["zone", "created_at"], name="hosting_demand_created"),
        ]

    def __str__(self) -> str:
        return f"{self.zone} {self.interval_start:%Y-%m-%d %H:%M} v{self.version}"


class Usage15Min(_Quarter):
    """What is charged to hosting terms for a quarter-hour, by the basis they agreed on."""

    terms = models.ForeignKey(
        "hosting.HostingTerms", verbose_name=_("hosting terms"), on_delete=models.PROTECT, related_name="usage"
    )
    machines_paused = models.PositiveIntegerField(
        _("machines in repair"), default=0, db_default=0, help_text=_("In a repair that pauses billing: not charged.")
    )
    rule = models.CharField(
        _("rule for missing energy"),
        max_length=16,
        choices=MissingRule.choices,
        help_text=_("Of the price plan; applied where the quality is estimated or missing."),
    )

    objects = UsageQuerySet.as_manager()

    class Meta:
        verbose_name = _("usage of terms")
        verbose_name_plural = _("usage of terms")
        constraints = [
            *_constraints("usage", "terms"),
            models.CheckConstraint(condition=Q(rule__in=MissingRule.values), name="hosting_usage_rule_known"),
        ]
        indexes = [models.Index(fields=["-interval_start", "-id"], name="hosting_usage_at")]

    def __str__(self) -> str:
        return f"{self.terms} {self.interval_start:%Y-%m-%d %H:%M} v{self.version}"


class DemandLedgerMonth(_Versioned):
    """A month of a zone by the site's calendar, once over: energy, highest demand, and how good the figures are."""

    zone = models.ForeignKey("hosting.Zone", verbose_name=_("zone"), on_delete=models.PROTECT, related_name="ledger")
    month = models.DateField(_("month"), help_text=_("Its first day."))
    peak_kw = KilowattField(_("highest demand (kW)"), null=True)
    peak_at = models.DateTimeField(_("quarter-hour of the highest demand"), null=True, blank=True)
    kwh = EnergyField(_("energy (kWh)"))
    intervals = models.PositiveIntegerField(_("quarter-hours of the month"))
    measured = models.PositiveIntegerField(_("measured"))
    estimated = models.PositiveIntegerField(_("estimated"))
    missing = models.PositiveIntegerField(_("missing"))

    objects = DemandQuerySet.as_manager()

    class Meta:
        verbose_name = _("month of a zone")
        verbose_name_plural = _("months of zones")
        ordering = ["-month", "zone_id", "-version"]
        constraints = [
            models.UniqueConstraint(fields=["zone", "month", "version"], name="hosting_ledger_version_once"),
            models.UniqueConstraint(
                fields=["zone", "month"], condition=Q(superseded_at__isnull=True), name="hosting_ledger_one_current"
            ),
            models.CheckConstraint(condition=Q(month__day=1), name="hosting_ledger_first_of_month"),
            models.CheckConstraint(
                condition=Q(intervals=models.F("measured") + models.F("estimated") + models.F("missing")),
                name="hosting_ledger_adds_up",
            ),
            models.CheckConstraint(
                condition=Q(peak_kw__isnull=True, peak_at__isnull=True)
                | Q(peak_kw__isnull=False, peak_at__isnull=False),
                name="hosting_ledger_peak_named",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.zone} {self.month:%Y-%m} v{self.version}"


class UsageClock(models.Model):
    """Until when the quarter-hours of a site were marked to be reckoned, readings or not."""

    site = models.OneToOneField(
        "hosting.Site", verbose_name=_("site"), primary_key=True, on_delete=models.CASCADE, related_name="usage_clock"
    )
    closed_until = models.DateTimeField(_("closed until"))

    class Meta:
        verbose_name = _("clock of a site")
        verbose_name_plural = _("clocks of sites")

    def __str__(self) -> str:
        return f"{self.site_id} {self.closed_until:%Y-%m-%d %H:%M}"
