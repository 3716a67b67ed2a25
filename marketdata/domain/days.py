"""Daily closes (UTC): from snapshots once a day is over, or from files and services for days we did not see."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from django.db import connection, transaction
from django.db.models import Max, Min

from hashinsight.events.domain.outbox import publish
from marketdata.enums import Origin
from marketdata.models import MarketDay, NetworkSnapshot, TechnicalIndicator

LOCK = 4_731_016  # advisory, of the transaction: one writer of days at a time
# What we saw ourselves is not overwritten by what others say later; a file replaces what a service was asked for.
RANK = {Origin.SIMULATED: 0, Origin.BACKFILLED: 1, Origin.IMPORTED: 2, Origin.COLLECTED: 3}
LOOK_BACK_DAYS = 60
# The last good snapshot of a day stands for its close when it is not older than this at midnight.
NEAR_MIDNIGHT = timedelta(hours=6)


@dataclass(frozen=True)
class DayFigures:
    """What somebody says of a UTC day. Prices in USD, hashrate in EH/s, amounts of coins in BTC."""

    day: date
    close_usd: Decimal
    open_usd: Decimal | None = None
    high_usd: Decimal | None = None
    low_usd: Decimal | None = None
    volume_usd: Decimal | None = None
    difficulty: Decimal | None = None
    hashrate_ehs: Decimal | None = None
    block_height: int | None = None
    block_reward_btc: Decimal | None = None
    fees_per_block_btc: Decimal | None = None


FIGURES = tuple(name for name in DayFigures.__dataclass_fields__ if name != "day")


@dataclass(frozen=True)
class Noted:
    """How many days were new, changed, or left as they were."""

    new: int = 0
    changed: int = 0
    same: int = 0


def midnight(day: date) -> datetime:
    """Start of a UTC day."""
    return datetime.combine(day, time(0), tzinfo=UTC)


@transaction.atomic
def note_days(days: Iterable[DayFigures], *, origin: Origin, source: str, at: datetime) -> Noted:
    """Keep what is said of days that are over. A better origin replaces a lesser one, an equal one corrects itself.

    Figures nobody says this time stay as they are. Indicators from the first changed day on are reckoned again.
    """
    lock_days()
    said = {one.day: one for one in days if midnight(one.day) + timedelta(days=1) <= at}
    there = {row.day: row for row in MarketDay.objects.filter(day__in=list(said))}
    new = [_row(one, origin, source, at) for day, one in sorted(said.items()) if day not in there]
    MarketDay.objects.bulk_create(new, batch_size=1000)
    changed = [row for day, row in there.items() if _replaces(row, said[day], origin, source, at)]
    MarketDay.objects.bulk_update(
        changed, [*FIGURES, "origin", "source", "version", "updated_at", "snapshot"], batch_size=500
    )
    touched = [row.day for row in (*new, *changed)]
    if touched:
        TechnicalIndicator.objects.filter(day__gte=min(touched)).delete()
        publish(
            "market.days_noted",
            aggregate_type="network",
            aggregate_id="bitcoin",
            payload={
                "first_day": min(touched).isoformat(), "last_day": max(touched).isoformat(), "days": len(touched),
                "origin": origin.value,
            },
        )  # fmt: skip
    return Noted(len(new), len(changed), len(said) - len(new) - len(changed))


def close_days(*, at: datetime) -> list[date]:
    """Close each day that is over, has snapshots and no row of our own yet; returns those closed, oldest first."""
    first, past = at.astimezone(UTC).date() - timedelta(days=LOOK_BACK_DAYS), at.astimezone(UTC).date()
    done = set(MarketDay.objects.filter(day__gte=first, origin=Origin.COLLECTED).values_list("day", flat=True))
    closed = []
    for number in range((past - first).days):
        day = first + timedelta(days=number)
        if day not in done and close_day(day, at=at) is not None:
            closed.append(day)
    return closed


@transaction.atomic
def close_day(day: date, *, at: datetime) -> MarketDay | None:
    """The close of one day from its valid snapshots; None when there are none near its end."""
    start, end = midnight(day), midnight(day) + timedelta(days=1)
    seen = NetworkSnapshot.objects.valid().filter(slot_at__gte=start, slot_at__lt=end)
    last = seen.order_by("-slot_at").first()
    first = seen.order_by("slot_at").first()
    if first is None or last is None or end > at or last.slot_at < end - NEAR_MIDNIGHT:
        return None
    span = seen.aggregate(high=Max("btc_price_usd"), low=Min("btc_price_usd"))
    figures = DayFigures(
        day, last.btc_price_usd, first.btc_price_usd, span["high"], span["low"], last.volume_24h_usd, last.difficulty,
        last.hashrate_ehs, last.block_height, last.block_reward_btc, last.fees_per_block_btc,
    )  # fmt: skip
    note_days([figures], origin=Origin.COLLECTED, source=last.price_source, at=at)
    MarketDay.objects.filter(day=day).update(snapshot=last)
    row: MarketDay = MarketDay.objects.get(day=day)
    return row


def missing_days(*, first: date | None = None, past: date) -> list[date]:
    """Days without a row from the first known (or ``first``) to the one before ``past``: the gap report."""
    known = MarketDay.objects.filter(day__lt=past)
    begin = first or known.aggregate(first=Min("day"))["first"]
    if begin is None:
        return []
    there = set(known.filter(day__gte=begin).values_list("day", flat=True))
    days = (begin + timedelta(days=number) for number in range((past - begin).days))
    return [day for day in days if day not in there]


def as_spans(days: Sequence[date]) -> list[tuple[date, date]]:
    """Days in a row as first and last of each run."""
    spans: list[tuple[date, date]] = []
    for day in days:
        if spans and spans[-1][1] + timedelta(days=1) == day:
            spans[-1] = (spans[-1][0], day)
        else:
            spans.append((day, day))
    return spans


def lock_days() -> None:
    """One writer of days and what follows from them at a time, until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])


def _row(one: DayFigures, origin: Origin, source: str, at: datetime) -> MarketDay:
    figures = {name: getattr(one, name) for name in FIGURES}
    return MarketDay(day=one.day, **figures, origin=origin, source=source[:100], created_at=at, updated_at=at)


def _replaces(row: MarketDay, one: DayFigures, origin: Origin, source: str, at: datetime) -> bool:
    """Write into the row what is new and may be; False when nothing is."""
    better = RANK[origin] >= RANK[Origin(row.origin)]
    changes: dict[str, Any] = {}
    for name in FIGURES:
        value, before = getattr(one, name), getattr(row, name)
        if value is not None and value != before and (better or before is None):
            changes[name] = value
    if better and origin != row.origin:
        changes["origin"] = origin
    if not changes:
        return False
    for name, value in changes.items():
        setattr(row, name, value)
    if better:
        row.source = source[:100]
        if "close_usd" in changes:
            row.snapshot = None  # that one said another price
    row.version += 1
    row.updated_at = at
    return True
