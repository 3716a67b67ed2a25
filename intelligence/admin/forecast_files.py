"""The pictures of forecasts and their score cards as files, with all digits."""

from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django.http import HttpResponse
from django.utils.formats import number_format

from hashinsight.common.admin.charting import csv_file
from hashinsight.common.admin.display import number_text
from intelligence.domain import pictures
from intelligence.enums import ForecastKind
from intelligence.models import ForecastRun, ForecastScore
from marketdata.models import PriceSeries

DAY_HEADERS = (
    "day_utc", "actual", "forecast_7_days_before", "its_lower", "its_upper", "forecast", "lower", "upper", "naive",
)  # fmt: skip
HOUR_HEADERS = ("hour_from_utc", "actual", "forecast", "lower", "upper", "naive")
SCORES = ("horizon", "forecasts", "mae", "rmse", "naive_mae", "skill", "coverage", "verdict")


def day_file(kind: ForecastKind) -> HttpResponse:
    """Price or difficulty, by the day."""
    run = pictures.current_run(kind)
    rows = (
        (point.day.isoformat(), point.actual, point.past, point.past_lower, point.past_upper, point.value,
         point.lower, point.upper, point.naive)
        for point in (pictures.fan(run) if run else [])
    )  # fmt: skip
    return csv_file(f"forecast-{kind}", DAY_HEADERS, rows)


def hour_file(series: PriceSeries, *, at: datetime) -> HttpResponse:
    """Energy of one market, by the hour."""
    run = energy_run(series)
    rows = (
        (start.astimezone(UTC).isoformat(), point.actual, point.value, point.lower, point.upper, point.naive)
        for start, point in (pictures.fan_of_hours(run, at=at) if run else [])
    )
    return csv_file(f"forecast-{series.code}", HOUR_HEADERS, rows)


def score_file(name: str, scores: Iterable[ForecastScore]) -> HttpResponse:
    """A score card: errors of logarithms for price and difficulty, in the unit of the market for energy."""
    return csv_file(f"scores-{name}", SCORES, ([getattr(row, column) for column in SCORES] for row in scores))


def energy_run(series: PriceSeries) -> ForecastRun | None:
    """The forecast of a market that stands."""
    found: ForecastRun | None = ForecastRun.objects.current().filter(kind=ForecastKind.ENERGY, series=series).first()
    return found


def scores_of(kind: ForecastKind, series: PriceSeries | None = None) -> Any:
    """The score card of a kind, or of one market."""
    return ForecastScore.objects.filter(kind=kind, series=series).select_related("series").order_by("horizon")


def error_text(row: ForecastScore, value: float) -> str:
    """Errors of logarithms as hundredths of a percent, since those of difficulty are; of a market in its unit."""
    if row.series is not None:
        return f"{number_text(Decimal(repr(round(value, 2))))} {row.series.per}"
    return f"{number_format(round(100 * value, 2), decimal_pos=2, use_l10n=True)} %"
