"""Reading the series of one machine: a page of rows between two moments, oldest first."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any

from hosting.models import Miner, Telemetry, TelemetryDay, TelemetryFiveMinutes


@dataclass(frozen=True)
class Series:
    """One resolution: its rows, the column of their time, and how long a span one call may ask for."""

    model: Any
    column: str
    longest: timedelta
    usual: timedelta


SERIES = {
    "raw": Series(Telemetry, "recorded_at", timedelta(days=2), timedelta(hours=1)),
    "5min": Series(TelemetryFiveMinutes, "bucket_start", timedelta(days=31), timedelta(days=1)),
    "day": Series(TelemetryDay, "day", timedelta(days=400), timedelta(days=31)),
}
PAGE = 1000


def rows_between(miner: Miner, resolution: str, first: datetime, past: datetime, *, user: Any) -> list[Any]:
    """At most PAGE rows and one more, of the time the caller owned the machine; staff see all.

    ``first`` is included, ``past`` is not; days are those (UTC) that begin between them.
    """
    series = SERIES[resolution]
    rows = series.model.objects.visible_to(user).filter(miner_id=miner.pk)
    if resolution == "day":
        begin = first.astimezone(UTC).date()
        if first.astimezone(UTC).time() != time(0):
            begin += timedelta(days=1)
        rows = rows.filter(day__gte=begin, day__lte=(past - timedelta(microseconds=1)).astimezone(UTC).date())
        return list(rows.order_by("day", "customer_id")[: PAGE + 1])
    bounds = {f"{series.column}__gte": first, f"{series.column}__lt": past}
    return list(rows.filter(**bounds).order_by(series.column)[: PAGE + 1])


def starts_at(row: Any) -> datetime:
    """The moment a row begins at."""
    if isinstance(row, TelemetryDay):
        return datetime.combine(row.day, time(0), tzinfo=UTC)
    moment: datetime = row.recorded_at if isinstance(row, Telemetry) else row.bucket_start
    return moment
