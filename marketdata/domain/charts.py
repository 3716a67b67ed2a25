"""What the market page draws: days with their indicators, difficulty with its retargets, hashprice."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from marketdata.engine.hashprice import hashprice_usd_per_ph_day
from marketdata.models import DifficultyPeriod, MarketDay, NetworkSnapshot

MOST_POINTS = 400


class Span(StrEnum):
    """Spans one can look at."""

    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"
    ALL = "all"


DAYS = {Span.MONTH: 31, Span.QUARTER: 92, Span.YEAR: 366, Span.ALL: None}


@dataclass(frozen=True)
class DayPoint:
    """A day: its row (None where there is none), hashprice in USD per PH/s and day where all of it is known."""

    day: date
    row: MarketDay | None
    hashprice_usd: Decimal | None


def hashprice_of(row: MarketDay | NetworkSnapshot) -> Decimal | None:
    """Of a day or a snapshot; None unless difficulty, subsidy, fees and price are known."""
    price = row.close_usd if isinstance(row, MarketDay) else row.btc_price_usd
    parts = (row.difficulty, row.block_reward_btc, row.fees_per_block_btc, price)
    if any(part is None for part in parts):
        return None
    return hashprice_usd_per_ph_day(*parts)


def days(span: Span, *, at: datetime) -> list[DayPoint]:
    """Days of the span up to yesterday, oldest first, those without a row too; of a long time every n-th."""
    past = at.astimezone(UTC).date()
    length = DAYS[span]
    rows = MarketDay.objects.select_related("indicator").filter(day__lt=past).order_by("day")
    if length is not None:
        rows = rows.filter(day__gte=past - timedelta(days=length))
    found = {row.day: row for row in rows}
    if not found:
        return []
    first = min(found) if length is None else past - timedelta(days=length)
    count = (past - first).days
    step = max(1, -(-count // MOST_POINTS))
    # Counted back from the newest, so that the newest is always there.
    wanted = [past - timedelta(days=1 + number) for number in range(0, count, step)][::-1]
    return [DayPoint(day, row := found.get(day), hashprice_of(row) if row else None) for day in wanted]


def retargets(first: date, past: date) -> list[DifficultyPeriod]:
    """Retargets of a span, oldest first, as far as their moments are known."""
    begin, end = (datetime(day.year, day.month, day.day, tzinfo=UTC) for day in (first, past))
    rows = DifficultyPeriod.objects.filter(starts_at__gte=begin, starts_at__lt=end).order_by("first_height")
    return list(rows)


def changes(periods: Sequence[DifficultyPeriod]) -> list[tuple[DifficultyPeriod, Decimal | None]]:
    """Each retarget with its change in percent, None where the one before is not known."""
    before = {
        row.first_height: row.difficulty
        for row in DifficultyPeriod.objects.filter(first_height__in=[one.first_height - 2016 for one in periods])
    }
    return [
        (one, (one.difficulty / before[one.first_height - 2016] - 1) * 100)
        if one.first_height - 2016 in before
        else (one, None)
        for one in periods
    ]
