"""Energy prices of the next day, for the markets of our sites."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from hosting.enums import PlaceStatus
from intelligence.domain.forecasting import ForecastNotMade, Made, keep
from intelligence.domain.scoring import VERDICTS, WITHIN
from intelligence.engine.energy import HOUR, HOURS_AHEAD, MODEL_VERSION, HourPrice, forecast_energy
from intelligence.engine.scoring import Outcome, score
from intelligence.engine.series import ForecastRefused
from intelligence.enums import ForecastKind, Verdict
from intelligence.models import ForecastPoint, ForecastRun, ForecastScore
from marketdata.domain.prices import best_known
from marketdata.models import PriceSeries

BACK = timedelta(days=45)
SHORTEST = 60  # minutes: a series of longer intervals says nothing about hours


def markets() -> QuerySet[PriceSeries]:
    """Series of active sites, by the hour or finer."""
    rows: QuerySet[PriceSeries] = PriceSeries.objects.filter(
        sites__status=PlaceStatus.ACTIVE, is_active=True, step_minutes__lte=SHORTEST
    )
    return rows.distinct().order_by("pk")


@transaction.atomic
def forecast_market(
    series: PriceSeries, *, at: datetime, by: Any = None, known_at: datetime | None = None
) -> ForecastRun:
    """The 24 hours after the last one that is known; a past ``known_at`` makes a backtest. Raises ForecastNotMade."""
    began, moment = time.perf_counter(), known_at or at
    hours = list(_hours(series, moment))
    try:
        if not hours:
            raise ForecastRefused("no prices are known")
        zone, last = ZoneInfo(series.time_zone), hours[-1].start
        clocks = [(last + HOUR * n).astimezone(zone).hour for n in range(1, HOURS_AHEAD + 1)]
        made = forecast_energy(hours, clocks)
    except ForecastRefused as refusal:
        raise ForecastNotMade(_("No forecast: %(reason)s.") % {"reason": refusal}) from refusal
    found = Made(
        made.issued_at, made.window_from, made.observations, "hours of the last days", made.model_version, {},
        made.flags, made.data_hash, made.points,
    )  # fmt: skip
    took = Decimal(repr(round(time.perf_counter() - began, 3)))
    return keep(ForecastKind.ENERGY, found, at=at, by=by, is_backtest=known_at is not None, took_s=took, series=series)


def _hours(series: PriceSeries, moment: datetime) -> Iterator[HourPrice]:
    """Whole hours as they were known at a moment; one of which a part is missing is left out."""
    parts, zone = 60 // series.step_minutes, ZoneInfo(series.time_zone)
    found: dict[datetime, list[Decimal]] = {}
    for one in best_known(series, start=moment - BACK, end=moment + timedelta(days=3), at=moment):
        found.setdefault(one.start.astimezone(UTC).replace(minute=0, second=0, microsecond=0), []).append(one.value)
    for start in sorted(found):
        if len(found[start]) == parts:
            yield HourPrice(start, start.astimezone(zone).hour, float(sum(found[start]) / parts))


def forecast_due(*, at: datetime) -> dict[str, str]:
    """Each market whose newest hour no forecast knows yet; one that cannot be forecast does not stop the others."""
    said = {}
    for series in markets():
        try:
            said[series.code] = forecast_market(series, at=at).issued_at.isoformat()
        except ForecastNotMade as refusal:
            said[series.code] = str(refusal)
        rescore_market(series, at=at)
    return said


@transaction.atomic
def rescore_market(series: PriceSeries, *, at: datetime) -> list[ForecastScore]:
    """The score card of a market anew, by hour of horizon; errors are in its unit."""
    found = score(_outcomes(series, at))
    ForecastScore.objects.filter(kind=ForecastKind.ENERGY, series=series).delete()
    return ForecastScore.objects.bulk_create(
        ForecastScore(
            kind=ForecastKind.ENERGY, series=series, horizon=one.horizon, forecasts=one.forecasts, mae=one.mae,
            rmse=one.rmse, naive_mae=one.naive_mae, skill=one.skill, coverage=one.coverage,
            verdict=VERDICTS.get(one.label, Verdict.UNKNOWN), scored_at=at,
        )
        for one in found
    )  # fmt: skip


def _outcomes(series: PriceSeries, at: datetime) -> Iterator[Outcome]:
    points = ForecastPoint.objects.filter(
        run__kind=ForecastKind.ENERGY, run__series=series, run__model_version=MODEL_VERSION, at__lt=at,
        at__gt=at - min(WITHIN, BACK),
    ).values_list("horizon", "at", "value", "lower", "upper", "naive")  # fmt: skip
    came = {one.start: one.value for one in _hours(series, at)}
    for horizon, start, value, lower, upper, naive in points:
        if (actual := came.get(start)) is not None:
            yield Outcome(horizon, float(value), float(lower), float(upper), float(naive), actual)
