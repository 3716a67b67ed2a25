"""Demand, usage and the ledger: looked at, never written here; each figure leads back to its readings."""

from typing import Any

from django.contrib import admin
from django.utils.html import format_html, format_html_join
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import AutocompleteSelectFilter, ChoicesDropdownFilter, RangeDateTimeFilter
from unfold.decorators import display

from hashinsight.common.admin.base import ViewOnlyAdmin
from hashinsight.common.admin.display import Badge, link, number_text, percent_text
from hosting.domain import evidence
from hosting.models import Demand15Min, DemandLedgerMonth, HostingTerms, Miner, Usage15Min, Zone

_QUALITY = {"measured": "success", "agreed": "info", "estimated": "warning", "missing": "danger"}


class CurrentFilter(admin.SimpleListFilter):
    """What holds now; earlier versions on request."""

    title = gettext_lazy("version")
    parameter_name = "versions"

    def lookups(self, request: Any, model_admin: Any) -> Any:
        """One choice besides what holds."""
        return [("all", _("earlier ones too"))]

    def queryset(self, request: Any, queryset: Any) -> Any:
        """Those that hold unless all are wanted, or one is opened by its address."""
        return queryset if self.value() == "all" else queryset.filter(superseded_at__isnull=True)


class _QuarterAdmin(ViewOnlyAdmin):
    """What demand and usage share."""

    show_full_result_count = False
    ordering = ("-interval_start", "-id")

    @display(description=gettext_lazy("quality"), ordering="quality", label=_QUALITY)
    def quality_shown(self, row: Any) -> Any:
        return Badge(row.quality, row.get_quality_display())

    @display(description=gettext_lazy("energy (kWh)"), ordering="kwh")
    def kwh_shown(self, row: Any) -> str:
        return number_text(row.kwh) or "–"

    @display(description=gettext_lazy("coverage"), ordering="coverage")
    def coverage_shown(self, row: Any) -> str:
        return percent_text(row.coverage)

    @admin.display(description=gettext_lazy("reckoned from"))
    def parts_shown(self, row: Any) -> Any:
        """The five minutes of each machine, and the readings behind them."""
        parts = evidence.parts_of(row)
        if not parts:
            return _("Nothing was read of the machines that stood there, or it was dropped already.")
        page: Any = self.admin_site._registry[Miner]
        head = [_("machine"), _("five minutes from"), _("mean power (W)"), _("readings"), _("power as read (W)")]
        rows = format_html_join(
            "",
            '<tr><td class="pr-4">{}</td><td class="pr-4">{}</td><td class="pr-4 text-right">{}</td>'
            '<td class="pr-4 text-right">{}</td><td>{}</td></tr>',
            (
                (
                    link(page.url_of("change", part.miner.pk), part.miner.serial),
                    f"{localtime(part.row.bucket_start):%H:%M}",
                    "–" if part.row.power_w is None else f"{part.row.power_w:.0f}",
                    f"{part.row.samples} / {part.row.expected_samples}",
                    ", ".join(_reading(reading) for reading in part.readings) or _("dropped"),
                )
                for part in parts
            ),
        )
        titles = format_html_join("", '<th class="pr-4 text-left font-medium">{}</th>', ((title,) for title in head))
        return format_html('<table class="text-sm"><thead><tr>{}</tr></thead><tbody>{}</tbody></table>', titles, rows)


def _reading(reading: Any) -> str:
    said = "–" if reading.power_w is None else f"{reading.power_w:.0f}"
    return f"{localtime(reading.recorded_at):%H:%M:%S} {said}"


@admin.register(Demand15Min)
class DemandAdmin(_QuarterAdmin):
    """Demand of zones."""

    list_display = ("interval_start", "zone", "kw", "kwh_shown", "quality_shown", "coverage_shown", "source", "version")
    list_select_related = ("zone__site",)
    list_filter = (
        ("zone", AutocompleteSelectFilter),
        ("interval_start", RangeDateTimeFilter),
        ("quality", ChoicesDropdownFilter),
        CurrentFilter,
    )
    search_fields = ("zone__name", "zone__site__name")
    fieldsets = (
        (None, {"fields": (("zone", "interval_start"), ("kw", "kwh"), ("source", "quality"))}),
        (gettext_lazy("How well it was read"), {"fields": (("coverage", "samples"), ("machines", "machines_off"))}),
        (gettext_lazy("Version"), {"fields": (("version", "created_at", "superseded_at"),)}),
        (gettext_lazy("Where it comes from"), {"fields": ("parts_shown",)}),
    )
    readonly_fields = ("parts_shown",)


@admin.register(Usage15Min)
class UsageAdmin(_QuarterAdmin):
    """Usage of terms."""

    list_display = (
        "interval_start",
        "terms_shown",
        "kwh_shown",
        "quality_shown",
        "coverage_shown",
        "source",
        "version",
    )
    list_select_related = ("terms__contract__customer", "terms__site", "terms__zone__site")
    list_filter = (
        ("terms", AutocompleteSelectFilter),
        ("interval_start", RangeDateTimeFilter),
        ("quality", ChoicesDropdownFilter),
        CurrentFilter,
    )
    search_fields = ("terms__contract__number", "terms__contract__customer__company_name")
    fieldsets = (
        (None, {"fields": (("terms_shown", "interval_start"), ("kwh", "source"), ("quality", "rule"))}),
        (
            gettext_lazy("How well it was read"),
            {"fields": (("coverage", "samples"), ("machines", "machines_off", "machines_paused"))},
        ),
        (gettext_lazy("Version"), {"fields": (("version", "created_at", "superseded_at"),)}),
        (gettext_lazy("Where it comes from"), {"fields": ("parts_shown",)}),
    )
    readonly_fields = ("terms_shown", "parts_shown")

    @admin.display(description=gettext_lazy("hosting terms"), ordering="terms__contract__number")
    def terms_shown(self, row: Usage15Min) -> Any:
        page: Any = self.admin_site._registry[HostingTerms]
        return link(page.url_of("change", row.terms_id), f"{row.terms.contract.customer} · {row.terms}")


@admin.register(DemandLedgerMonth)
class LedgerAdmin(ViewOnlyAdmin):
    """Months of zones."""

    list_display = ("month_shown", "zone", "kwh", "peak_kw", "peak_at", "measured", "estimated", "missing", "version")
    list_select_related = ("zone__site",)
    list_filter = (("zone", AutocompleteSelectFilter), CurrentFilter)
    search_fields = ("zone__name", "zone__site__name")
    ordering = ("-month", "zone", "-version")
    fieldsets = (
        (None, {"fields": (("zone", "month"), ("kwh", "peak_kw", "peak_at"))}),
        (gettext_lazy("Quarter-hours"), {"fields": (("intervals", "measured", "estimated", "missing"),)}),
        (gettext_lazy("Version"), {"fields": (("version", "created_at", "superseded_at"),)}),
    )

    @admin.display(description=gettext_lazy("month"), ordering="month")
    def month_shown(self, row: DemandLedgerMonth) -> str:
        return f"{row.month:%Y-%m}"


def figures_link(site: Any, row: Zone | HostingTerms) -> Any:
    """Where the quarter-hours of a zone or of terms are listed."""
    model, name = (Demand15Min, "zone") if isinstance(row, Zone) else (Usage15Min, "terms")
    page: Any = site._registry[model]
    return link(f"{page.url_of('changelist')}?{name}__id__exact={row.pk}", _("quarter-hours"))
