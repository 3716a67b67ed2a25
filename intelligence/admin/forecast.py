"""Runs and scores: looked at, never written here."""

from typing import Any

from django.contrib import admin
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import BooleanRadioFilter, ChoicesDropdownFilter, RangeDateTimeFilter
from unfold.decorators import display

from hashinsight.common.admin.base import ViewOnlyAdmin
from hashinsight.common.admin.display import Badge, moment_text, number_text, percent_text
from intelligence.admin.forecast_files import error_text
from intelligence.admin.forecast_pages import ForecastsPage
from intelligence.models import ForecastRun, ForecastScore

_VERDICTS = {"skill": "success", "no_skill": "warning", "unknown": "info"}


@admin.register(ForecastRun)
class ForecastRunAdmin(ViewOnlyAdmin):
    """Every forecast that was made."""

    list_display = (
        "issued_at", "kind", "series", "model_name", "observations", "is_current", "is_backtest", "computed_at",
    )  # fmt: skip
    list_filter = (
        ("kind", ChoicesDropdownFilter), ("is_current", BooleanRadioFilter), ("is_backtest", BooleanRadioFilter),
        ("issued_at", RangeDateTimeFilter),
    )  # fmt: skip
    list_select_related = ("series",)
    ordering = ("-issued_at", "-id")
    show_full_result_count = False
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("kind", "series"), ("is_current", "is_backtest"), ("issued_at", "computed_at", "took_s"), "user",
                )
            },
        ),
        (gettext_lazy("Values"), {"fields": ("points_shown",)}),
        (
            gettext_lazy("Made from"),
            {
                "fields": (
                    ("model_name", "model_version"), ("window_from", "observations"), "data_hash", "params", "flags",
                    "expires_at",
                )
            },
        ),
    )  # fmt: skip
    readonly_fields = ("points_shown",)
    pages = {"pictures": ForecastsPage}

    @admin.display(description=gettext_lazy("values"))
    def points_shown(self, run: ForecastRun) -> Any:
        """A table by horizon."""
        head = [_("horizon"), _("of"), _("value"), _("lower bound"), _("upper bound"), _("naive forecast")]
        rows = format_html_join(
            "",
            '<tr><td class="pr-4">{}</td><td class="pr-4">{}</td><td class="pr-4">{}</td><td class="pr-4">{}</td>'
            '<td class="pr-4">{}</td><td>{}</td></tr>',
            (
                (
                    point.horizon, moment_text(point.at),
                    *(number_text(round(one, 2)) for one in (point.value, point.lower, point.upper, point.naive)),
                )
                for point in run.points.order_by("horizon")
            ),
        )  # fmt: skip
        titles = format_html_join("", '<th class="pr-4 text-left font-medium">{}</th>', ((title,) for title in head))
        return format_html('<table class="text-sm"><thead><tr>{}</tr></thead><tbody>{}</tbody></table>', titles, rows)


@admin.register(ForecastScore)
class ForecastScoreAdmin(ViewOnlyAdmin):
    """The score card."""

    list_display = (
        "kind",
        "series",
        "horizon",
        "forecasts",
        "mae_shown",
        "naive_shown",
        "skill_shown",
        "coverage_shown",
        "verdict_shown",
    )
    list_filter = (("kind", ChoicesDropdownFilter), ("verdict", ChoicesDropdownFilter))
    list_select_related = ("series",)
    ordering = ("kind", "series", "horizon")

    @display(description=gettext_lazy("mean absolute error"), ordering="mae")
    def mae_shown(self, row: ForecastScore) -> str:
        return error_text(row, row.mae)

    @display(description=gettext_lazy("of no change"), ordering="naive_mae")
    def naive_shown(self, row: ForecastScore) -> str:
        return error_text(row, row.naive_mae)

    @display(description=gettext_lazy("skill"), ordering="skill")
    def skill_shown(self, row: ForecastScore) -> str:
        return "–" if row.skill is None else percent_text(row.skill)

    @display(description=gettext_lazy("coverage"), ordering="coverage")
    def coverage_shown(self, row: ForecastScore) -> str:
        return "–" if row.coverage is None else percent_text(row.coverage)

    @display(description=gettext_lazy("verdict"), ordering="verdict", label=_VERDICTS)
    def verdict_shown(self, row: ForecastScore) -> Any:
        return Badge(row.verdict, row.get_verdict_display())
