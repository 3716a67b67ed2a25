"""Reading the series of one machine: a page of rows between two moments, oldest first."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any
from uuid import UUID

from django.db import connection

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


def miner_of_series(public_id: UUID, *, user: Any) -> int | None:
    """The machine of this id, if its readings or a part of them are the caller's: own now, or once. Staff see all.

    What was measured while it was another's stays so: each row of the series has its owner. Whether a machine once
    was a client's is told by the database, for its role and its customers.
    """
    found = Miner.objects.visible_to(user).filter(public_id=public_id).values_list("pk", flat=True).first()
    if found is not None or user.is_staff:
        return found
    with connection.cursor() as cursor:
        cursor.execute("SELECT hosting_once_own_miner(%s)", [public_id])
        once: int | None = cursor.fetchone()[0]
    return once


def rows_between(miner_id: int, resolution: str, first: datetime, past: datetime, *, user: Any) -> list[Any]:
    """At most PAGE rows and one more, of the time the caller owned the machine; staff see all.

    ``first`` is included, ``past`` is not; days are those (UTC) that begin between them.
    """
    series = SERIES[resolution]
    rows = series.model.objects.visible_to(user).filter(miner_id=miner_id)
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
