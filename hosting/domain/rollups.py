"""Reckoning rollups from readings: what is due is a row, the result and the end of that row are one transaction.

Killed anywhere, the next run does again what was not committed. Two never work at once (an advisory lock); whoever
comes second leaves. Nothing is added up on the side: each result is reckoned anew from what lies below it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Max, Min

from hosting.domain import rollup_sql as sql
from hosting.engine.grid import DAY, FIVE_MINUTES, floor
from hosting.models import DayDue, RollupDue, SeriesPartition, Telemetry

PORTION = 20_000  # machines times five minutes in one transaction
ROWS = 500
LOOK_BACK = timedelta(hours=1)  # as rollup_sql.LOOK_BACK
MARKED = 5_000  # machines named by one row


@dataclass(frozen=True)
class Reckoned:
    """What a call did: rows of due work it took away, and whether more is ripe (False also when another is at it)."""

    taken: int
    more: bool


def reckon_five_minutes(*, at: datetime, portion: int = PORTION) -> Reckoned:
    """Reckon one portion of the five minutes that are over (with the grace of the settings) and due, oldest first."""
    ripe = at - FIVE_MINUTES - timedelta(seconds=settings.HOSTING_ROLLUP_GRACE_SECONDS) + timedelta(microseconds=1)
    with transaction.atomic(), connection.cursor() as cursor:
        if not take_turn(cursor):
            return Reckoned(0, more=False)
        ids, buckets, more = _take(ripe, portion)
        if ids:
            _reckon(cursor, ids, buckets, ripe, at)
            RollupDue.objects.filter(pk__in=ids).delete()
    return Reckoned(len(ids), more)


def take_turn(cursor: Any) -> bool:
    """Hold the reckoner's lock until the transaction ends; False when another has it."""
    cursor.execute(sql.LOCK)
    if not cursor.fetchone()[0]:
        return False
    cursor.execute(sql.OWNERS)
    return True


def _take(ripe: datetime, portion: int) -> tuple[list[int], list[datetime], bool]:
    """Rows of about ``portion`` pairs that span a day at most."""
    ids: list[int] = []
    buckets: list[datetime] = []
    pairs = 0
    rows = RollupDue.objects.filter(bucket_start__lt=ripe).order_by("bucket_start", "pk")
    for row in rows[: ROWS + 1]:
        full = pairs >= portion or len(ids) == ROWS
        if ids and (full or row.bucket_start - buckets[0] >= DAY):
            return ids, buckets, True
        ids.append(row.pk)
        buckets.append(row.bucket_start)
        pairs += len(row.miner_ids)
    return ids, buckets, False


def _reckon(cursor: Any, ids: Sequence[int], buckets: Sequence[datetime], ripe: datetime, at: datetime) -> None:
    span: dict[str, Any] = {
        "ids": list(ids),
        "ripe": ripe,
        "first": min(buckets) - LOOK_BACK,
        "past": max(buckets) + 2 * FIVE_MINUTES + LOOK_BACK,
        "at": at,
    }
    cursor.execute(sql.TEMPORARY)
    for statement in (
        sql.PAIRS, sql.FOLLOWERS, sql.MARK_DAYS, sql.MARK_QUARTERS, sql.DROPPED, sql.ANALYZE, sql.STAMPS,
        sql.FIVE_MINUTES, sql.EMPTY,
    ):  # fmt: skip
        cursor.execute(statement, span)


def reckon_days(*, at: datetime, portion: int = PORTION) -> Reckoned:
    """Reckon one portion of the days (UTC) that are due from their five minutes, today's as far as it has come."""
    with transaction.atomic(), connection.cursor() as cursor:
        if not take_turn(cursor):
            return Reckoned(0, more=False)
        ids: list[int] = []
        days: list[date] = []
        pairs, more = 0, False
        for row in DayDue.objects.order_by("day", "pk")[: ROWS + 1]:
            if ids and (pairs >= portion or len(ids) == ROWS or row.day - days[0] >= timedelta(days=7)):
                more = True
                break
            ids.append(row.pk)
            days.append(row.day)
            pairs += len(row.miner_ids)
        if ids:
            cursor.execute(sql.TEMPORARY)
            span: dict[str, Any] = {"ids": ids, "first": f"{min(days)} 00:00+00", "past": f"{max(days) + DAY} 00:00+00"}
            for statement in (sql.DAY_PAIRS, sql.DAYS_GONE, sql.DAYS):
                cursor.execute(statement, span)
            DayDue.objects.filter(pk__in=ids).delete()
    return Reckoned(len(ids), more)


def mark(buckets: Iterable[datetime], miner_ids: Sequence[int], *, at: datetime) -> None:
    """Say that five minutes of machines must be reckoned (again)."""
    chunks = [list(miner_ids[start : start + MARKED]) for start in range(0, len(miner_ids), MARKED)]
    RollupDue.objects.bulk_create(
        [RollupDue(bucket_start=bucket, miner_ids=chunk, marked_at=at) for bucket in buckets for chunk in chunks],
        batch_size=200,
    )


def rebuild(first: date, last: date, *, at: datetime, miners: Sequence[int] | None = None) -> int:
    """Mark the five minutes of days (UTC, both included) that have readings; returns how many.

    Days whose readings were dropped stay as they are, and so do the first minutes after them, whose restarts and
    shares were reckoned from an answer that is there no more.
    """
    marked = 0
    for part in SeriesPartition.objects.filter(
        series=Telemetry._meta.db_table, first_day__gte=first, first_day__lte=last
    ).order_by("first_day"):
        marked += _rebuild_day(part.first_day, miners, at)
    return marked


@transaction.atomic
def _rebuild_day(day: date, miners: Sequence[int] | None, at: datetime) -> int:
    known = SeriesPartition.objects.filter(first_day=day - DAY)
    begins = SeriesPartition.objects.get(series=Telemetry._meta.db_table, first_day=day).begins_at
    is_cut = (
        known.filter(series="hosting_telemetry_5min").exists()
        and not known.filter(series=Telemetry._meta.db_table).exists()
    )
    start = begins + LOOK_BACK if is_cut else begins
    rows = Telemetry.objects.filter(recorded_at__gte=start, recorded_at__lt=begins + DAY)
    if miners is not None:
        rows = rows.filter(miner_id__in=miners)
    seen = rows.aggregate(first=Min("recorded_at"), last=Max("recorded_at"))
    if seen["first"] is None:
        return 0
    ids = sorted(rows.values_list("miner_id", flat=True).distinct())
    buckets = []
    bucket = floor(seen["first"], FIVE_MINUTES)
    while bucket <= seen["last"]:
        buckets.append(bucket)
        bucket += FIVE_MINUTES
    mark(buckets, ids, at=at)
    return len(buckets)
