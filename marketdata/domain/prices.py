"""Price series: keeping values with the moment they became known, and asking what was known when."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection, transaction

from hashinsight.events.domain.outbox import publish
from marketdata.engine.price_files import Interval
from marketdata.enums import KnownFrom
from marketdata.models import PricePoint, PriceSeries

PORTION = 2000
DAY_AHEAD_AT = time(13)
_PLACES = Decimal("0.000001")


@dataclass(frozen=True)
class Stored:
    """How many intervals were new, got another value, or had it already; ``kept`` were settled and stay."""

    new: int = 0
    changed: int = 0
    same: int = 0
    kept: int = 0

    def __add__(self, other: "Stored") -> "Stored":
        return Stored(
            self.new + other.new, self.changed + other.changed, self.same + other.same, self.kept + other.kept
        )


@dataclass(frozen=True, slots=True)
class Known:
    """What was known of an interval: its value, since when, in which version, and whether it is settled."""

    start: datetime
    end: datetime
    value: Decimal
    issued_at: datetime
    version: int
    is_settled: bool


_BEST = """
    SELECT starts_at, ends_at, value, issued_at, version, is_settled FROM (
        SELECT DISTINCT ON (starts_at) starts_at, ends_at, value, issued_at, version, is_settled, is_withdrawn
          FROM marketdata_pricepoint
         WHERE series_id = %(series)s AND starts_at < %(end)s AND ends_at > %(start)s AND issued_at <= %(at)s
         ORDER BY starts_at, issued_at DESC
    ) newest
     WHERE NOT is_withdrawn ORDER BY starts_at
"""


def best_known(series: PriceSeries, *, start: datetime, end: datetime, at: datetime) -> list[Known]:
    """The best knowledge at ``at`` of each interval that touches the span, oldest first: one query."""
    with connection.cursor() as cursor:
        cursor.execute(_BEST, {"series": series.pk, "start": start, "end": end, "at": at})
        return [Known(*row) for row in cursor.fetchall()]


def price_at(series: PriceSeries, moment: datetime, *, at: datetime) -> Known | None:
    """What was known at ``at`` of the interval a moment lies in."""
    found = best_known(series, start=moment, end=moment + timedelta(microseconds=1), at=at)
    return found[-1] if found else None


def issued(series: PriceSeries, interval: Interval, *, at: datetime) -> datetime:
    """When a value became known whose file or feed does not say so; never later than we had it."""
    if series.known_from == KnownFrom.RECEIVED:
        moment = at
    elif series.known_from == KnownFrom.START:
        moment = interval.start
    elif series.known_from == KnownFrom.END:
        moment = interval.end
    else:
        zone = ZoneInfo(series.time_zone)
        before = interval.start.astimezone(zone).date() - timedelta(days=1)
        moment = datetime.combine(before, DAY_AHEAD_AT, tzinfo=zone).astimezone(UTC)
    return min(moment, at)


def store(
    series: PriceSeries,
    intervals: Sequence[Interval],
    *,
    at: datetime,
    issued_at: datetime | None = None,
    is_settled: bool = False,
    source: str = "",
) -> Stored:
    """Keep what is new. An interval with another value than before gets a version more, known from now on.

    A settled value is replaced by a settled one only. Safe to run again, also after it was killed: portions of 2,000
    intervals are kept or not.
    """
    total = Stored()
    ordered = sorted(intervals, key=lambda one: one.start)
    for begin in range(0, len(ordered), PORTION):
        with transaction.atomic():
            _lock(series)
            portion = ordered[begin : begin + PORTION]
            stored = _store_portion(series, portion, at, issued_at, is_settled, source)
            if stored.new or stored.changed:
                _tell(series, portion, stored)  # in the portion's transaction: what is kept is told
        total += stored
    return total


def _tell(series: PriceSeries, portion: Sequence[Interval], stored: Stored) -> None:
    publish(
        "price_series.values_stored",
        aggregate_type="price_series",
        aggregate_id=series.public_id,
        payload={
            "series_id": str(series.public_id), "code": series.code, "new": stored.new, "changed": stored.changed,
            "first_at": portion[0].start.isoformat(), "last_at": portion[-1].end.isoformat(),
        },
    )  # fmt: skip


def _store_portion(
    series: PriceSeries,
    portion: Sequence[Interval],
    at: datetime,
    issued_at: datetime | None,
    is_settled: bool,
    source: str,
) -> Stored:
    latest: dict[datetime, PricePoint] = {}
    starts = [one.start for one in portion]
    for point in PricePoint.objects.filter(series=series, starts_at__in=starts).order_by("version"):
        latest[point.starts_at] = point
    rows, new, changed, same, kept = [], 0, 0, 0, 0
    for one in portion:
        before, value = latest.get(one.start), one.value.quantize(_PLACES)
        if before is None:
            known = issued_at or issued(series, one, at=at)
            rows.append(_point(series, one, value, known, 1, is_settled, source, at))
            new += 1
        elif before.is_settled and not is_settled:
            same, kept = same + (before.value == value), kept + (before.value != value)
        elif before.value == value and before.is_settled == is_settled and not before.is_withdrawn:
            same += 1
        else:
            known = max(issued_at or at, before.issued_at + timedelta(microseconds=1))
            rows.append(_point(series, one, value, known, before.version + 1, is_settled, source, at))
            changed += 1
    PricePoint.objects.bulk_create(rows)
    return Stored(new, changed, same, kept)


def withdraw(series: PriceSeries, starts: Iterable[datetime], *, at: datetime, source: str = "") -> int:
    """Whoever issued the values of these intervals has taken them back: a version more says so, known from now on.

    What is settled, or was withdrawn before, stays. Returns how many were withdrawn.
    """
    with transaction.atomic():
        _lock(series)
        newest = PricePoint.objects.filter(series=series, starts_at__in=list(starts)).order_by("starts_at", "-version")
        rows = [
            _point(
                series, Interval(one.starts_at, one.ends_at, one.value), one.value,
                max(at, one.issued_at + timedelta(microseconds=1)), one.version + 1, False, source, at,
            )
            for one in newest.distinct("starts_at")
            if not (one.is_withdrawn or one.is_settled)
        ]  # fmt: skip
        for row in rows:
            row.is_withdrawn = True
        PricePoint.objects.bulk_create(rows)
        if rows:
            gone = [Interval(row.starts_at, row.ends_at, row.value) for row in rows]
            _tell(series, gone, Stored(changed=len(rows)))
    return len(rows)


def _point(
    series: PriceSeries,
    one: Interval,
    value: Decimal,
    known: datetime,
    version: int,
    is_settled: bool,
    source: str,
    at: datetime,
) -> PricePoint:
    return PricePoint(
        series=series, starts_at=one.start, ends_at=one.end, value=value, issued_at=known, version=version,
        is_settled=is_settled, source=source[:100], created_at=at,
    )  # fmt: skip


def _lock(series: PriceSeries) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"marketdata.series:{series.pk}"])


# --- how it stands --------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Standing:
    """The newest interval that has begun by now, and the last one known at all; ``is_stale`` by the series' limit."""

    current: Known | None
    last_end: datetime | None
    is_stale: bool


def standing(series: PriceSeries, *, at: datetime) -> Standing:
    """How up to date a series is."""
    newest = PricePoint.objects.filter(series=series).known(at).order_by("-starts_at", "-issued_at").first()
    if newest is None:
        return Standing(None, None, is_stale=True)
    late = at - newest.ends_at > timedelta(minutes=series.stale_after_minutes)
    return Standing(price_at(series, at, at=at), newest.ends_at, is_stale=late)


def gaps(known: Iterable[Known], *, start: datetime, end: datetime) -> list[tuple[datetime, datetime]]:
    """Spans between two moments of which nothing is known."""
    found, reached = [], start
    for one in known:
        if one.start > reached:
            found.append((reached, one.start))
        reached = max(reached, one.end)
    return [*found, (reached, end)] if reached < end else found


def value_text(value: Decimal) -> str:
    """Without the zeros that only the column needs."""
    return f"{value.normalize():f}"


def rows_for_file(known: Iterable[Known]) -> Iterable[list[Any]]:
    """What a CSV file of a series holds."""
    for one in known:
        yield [
            one.start.astimezone(UTC).isoformat(), one.end.astimezone(UTC).isoformat(), value_text(one.value),
            one.issued_at.astimezone(UTC).isoformat(), one.version, "settled" if one.is_settled else "",
        ]  # fmt: skip
