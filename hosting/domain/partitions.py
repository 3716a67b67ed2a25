"""Partitions of the time series: there before their time, and gone when nothing needs them any more.

A partition goes only when what is reckoned from it is there and adds up, and when the billing period of everybody
concerned is closed. Whoever bills says so; as long as nobody answers, nothing goes.
"""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection
from django.utils.translation import gettext as _

from hashinsight.notify.registry import Finding
from hosting.engine.grid import DAY, QUARTER
from hosting.models import DayDue, RollupDue, SeriesPartition, UsageDue

RAW, FIVE_MINUTES, DAYS = "hosting_telemetry", "hosting_telemetry_5min", "hosting_telemetry_day"
ALARM_DAYS = 2

# ``closed(first, past)``: whether everything used between two moments is billed for good.
_billing: list[Callable[[datetime, datetime], bool]] = []

# Readings behind the five minutes, machine by machine; five minutes behind the days.
_RAW_DIFFERS = """
SELECT EXISTS (
    SELECT 1 FROM (SELECT miner_id, date_bin('5 minutes', recorded_at, to_timestamp(0)) AS bucket_start, count(*) AS n
                     FROM hosting_telemetry WHERE recorded_at >= %(first)s AND recorded_at < %(past)s GROUP BY 1, 2) raw
      LEFT JOIN hosting_telemetry_5min five ON five.miner_id = raw.miner_id AND five.bucket_start = raw.bucket_start
           AND five.bucket_start >= %(first)s AND five.bucket_start < %(past)s
     WHERE five.samples IS DISTINCT FROM raw.n)
"""
_FIVE_DIFFERS = """
SELECT EXISTS (
    SELECT 1 FROM (SELECT miner_id, customer_id, sum(samples) AS n FROM hosting_telemetry_5min
                    WHERE bucket_start >= %(first)s AND bucket_start < %(past)s GROUP BY 1, 2) five
      LEFT JOIN hosting_telemetry_day day ON day.miner_id = five.miner_id
           AND day.customer_id IS NOT DISTINCT FROM five.customer_id AND day.day = %(day)s
     WHERE day.samples IS DISTINCT FROM five.n)
"""


def register_billing_guard(closed: Callable[[datetime, datetime], bool]) -> None:
    """Called from ``ready()`` of whoever bills usage."""
    if closed not in _billing:
        _billing.append(closed)


def billing_is_closed(first: datetime, past: datetime) -> bool:
    """Whether everybody who bills says so; nobody asked means no."""
    return bool(_billing) and all(closed(first, past) for closed in _billing)


def ensure_partitions(*, at: datetime) -> int:
    """Make what times from yesterday to the days ahead (settings) need; returns how many were new."""
    first, last = (at - DAY).date(), (at + timedelta(days=settings.HOSTING_PARTITIONS_AHEAD_DAYS)).date()
    with connection.cursor() as cursor:
        cursor.execute("SELECT hosting_ensure_partitions(%s, %s)", [first, last])
        return int(cursor.fetchone()[0])


def missing_partitions(at: datetime) -> Iterator[Finding]:
    """Series that have no place for the readings of the next days."""
    for series in (RAW, FIVE_MINUTES, DAYS):
        for number in range(ALARM_DAYS + 1):
            day = (at + number * DAY).date()
            if not SeriesPartition.objects.filter(series=series, first_day__lte=day, past_day__gt=day).exists():
                yield Finding(
                    key=series,
                    title=_("No partition of %(series)s for %(day)s") % {"series": series, "day": day.isoformat()},
                    text=_("Readings of that day could not be stored. The job hosting.ensure_partitions makes them."),
                )
                break


def may_go(part: SeriesPartition) -> bool:
    """Whether a partition is covered by what is reckoned from it, and its time is billed for good."""
    days = (part.past_day - part.first_day).days
    past = part.begins_at + days * DAY
    if not billing_is_closed(part.begins_at, past):
        return False
    if part.series == RAW:
        # The first hour after it looks back into it.
        return not (RollupDue.objects.filter(bucket_start__lt=past + timedelta(hours=1)).exists()) and _agrees(
            _RAW_DIFFERS, part, past
        )
    if part.series == FIVE_MINUTES:
        return not (
            SeriesPartition.objects.filter(series=RAW, first_day__lte=part.first_day).exists()
            or DayDue.objects.filter(day__lte=part.first_day).exists()
            or UsageDue.objects.filter(interval_start__lt=past + QUARTER).exists()
        ) and _agrees(_FIVE_DIFFERS, part, past)
    return not SeriesPartition.objects.filter(series=FIVE_MINUTES, first_day__lt=part.past_day).exists()


def _agrees(sql: str, part: SeriesPartition, past: datetime) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(sql, {"first": part.begins_at, "past": past, "day": part.first_day})
        return not cursor.fetchone()[0]


def drop(part: SeriesPartition) -> bool:
    """Drop a partition with all its rows."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT hosting_drop_partition(%s, %s)", [part.series, part.first_day])
        return bool(cursor.fetchone()[0])
