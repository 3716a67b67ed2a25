"""What a machine did over a span of time, in as many points as a picture holds; and what it was meant to do."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from typing import Any

from django.db import connection

from hosting.enums import MinerIntent, Operation
from hosting.models import Miner, MinerOperation, TelemetryDay

_CHANGES = (Operation.REGISTER, Operation.INTENT, Operation.RETIRE)


class Period(StrEnum):
    """Spans one can look at."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"


# How long, and how much time one point stands for: 288 to 366 points.
SPANS: dict[Period, tuple[timedelta, timedelta]] = {
    Period.DAY: (timedelta(days=1), timedelta(minutes=5)),
    Period.WEEK: (timedelta(days=7), timedelta(minutes=30)),
    Period.MONTH: (timedelta(days=30), timedelta(hours=2)),
    Period.YEAR: (timedelta(days=366), timedelta(days=1)),
}


@dataclass(frozen=True, slots=True)
class Point:
    """Means over one step, weighted by the samples that stated the figure; None where none did.

    hashrate in TH/s, power in W, temperature in °C (the hottest chip, else board), coverage and online from 0 to 1.
    """

    start: datetime
    hashrate_ths: float | None
    power_w: float | None
    temperature_c: float | None
    coverage: float
    online_ratio: float | None


@dataclass(frozen=True, slots=True)
class Stretch:
    """From one moment to another (exclusive) it was meant to do this; None: it was not known to us yet."""

    start: datetime
    end: datetime
    intent: MinerIntent | None


_STEPS = """
    SELECT date_bin(%(step)s, bucket_start, %(start)s),
           sum(hashrate_ths * hashrate_samples) / nullif(sum(hashrate_samples), 0),
           sum(power_w * power_samples) / nullif(sum(power_samples), 0),
           max(coalesce(chip_temp_max_c, board_temp_max_c)),
           sum(samples), sum(expected_samples), sum(online_samples), count(*)
      FROM hosting_telemetry_5min
     WHERE miner_id = %(miner)s AND bucket_start >= %(start)s AND bucket_start < %(end)s
     GROUP BY 1
"""


def span_of(period: Period, *, at: datetime) -> tuple[datetime, datetime]:
    """First moment and end (exclusive) of a period that ends now, on the grid of its points."""
    length, step = SPANS[period]
    seconds = int(step.total_seconds())
    end = datetime.fromtimestamp((int(at.timestamp()) // seconds + 1) * seconds, tz=UTC)
    return end - length, end


def points(miner: Miner, *, period: Period, at: datetime) -> list[Point]:
    """One point per step, those without any reading too, so that a gap is a gap."""
    start, end = span_of(period, at=at)
    step = SPANS[period][1]
    found = {point.start: point for point in (_days if period is Period.YEAR else _steps)(miner, start, end, step)}
    empty = (start + step * place for place in range((end - start) // step))
    return [found.get(moment) or Point(moment, None, None, None, 0.0, None) for moment in empty]


def _steps(miner: Miner, start: datetime, end: datetime, step: timedelta) -> Iterator[Point]:
    fives = step // timedelta(minutes=5)
    with connection.cursor() as cursor:
        span: dict[str, Any] = {"miner": miner.pk, "start": start, "end": end, "step": step}
        cursor.execute(_STEPS, span)
        rows = cursor.fetchall()
    for moment, hashrate, power, temperature, samples, expected, online, there in rows:
        # Five minutes without any reading have no row; they count as not covered all the same.
        share = min(1.0, samples / expected) * there / fives if expected else 0.0
        yield Point(moment.astimezone(UTC), hashrate, power, temperature, share, online / samples if samples else None)


def _days(miner: Miner, start: datetime, end: datetime, _step: timedelta) -> Iterator[Point]:
    """Days (UTC); one that had two owners is one point."""
    rows = TelemetryDay.objects.filter(miner_id=miner.pk, day__gte=start.date(), day__lt=end.date())
    by_day: dict[datetime, list[TelemetryDay]] = {}
    for row in rows:
        by_day.setdefault(datetime.combine(row.day, time(0), tzinfo=UTC), []).append(row)
    for moment, parts in by_day.items():
        samples, expected = sum(row.samples for row in parts), sum(row.expected_samples for row in parts)
        yield Point(
            moment,
            _mean([(row.hashrate_ths, row.hashrate_samples) for row in parts]),
            _mean([(row.power_w, row.power_samples) for row in parts]),
            max((temp for row in parts if (temp := row.chip_temp_max_c or row.board_temp_max_c)), default=None),
            min(1.0, samples / expected) if expected else 0.0,
            sum(row.online_samples for row in parts) / samples if samples else None,
        )


def _mean(parts: list[tuple[float | None, int]]) -> float | None:
    known = [(value, weight) for value, weight in parts if value is not None and weight]
    weights = sum(weight for _value, weight in known)
    return sum(value * weight for value, weight in known) / weights if weights else None


def intents(miner: Miner, *, start: datetime, end: datetime) -> list[Stretch]:
    """What the machine was meant to do from ``start`` to ``end``, by the log; stretches without a gap."""
    log = MinerOperation.objects.filter(miner=miner, operation__in=_CHANGES, performed_at__lt=end)
    stretches: list[Stretch] = []
    since, intent = start, None
    for row in log.order_by("performed_at", "pk"):
        if row.performed_at <= start:
            intent = _intent_of(row)
            continue
        if row.performed_at > since:
            stretches.append(Stretch(since, row.performed_at, intent))
        since, intent = row.performed_at, _intent_of(row)
    stretches.append(Stretch(since, end, intent))
    return stretches


def _intent_of(row: MinerOperation) -> MinerIntent:
    if row.operation == Operation.REGISTER:
        return MinerIntent.PAUSED
    if row.operation == Operation.RETIRE:
        return MinerIntent.RETIRED
    return MinerIntent(row.details.partition(" ")[0])
