"""How fast blocks come: observed heights, made comparable by their difficulty, weighted by age, with their growth."""

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from intelligence.engine.series import LEAST_DAYS, ForecastRefused, positive
from marketdata.engine.chain import RETARGET_BLOCKS

HALF_LIFE_DAYS = 6.0
GROWTH_WEEKS = 26
LEAST_GROWTH_WEEKS = 8
GROWTH_KEPT = 0.5
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class ChainDay:
    """What was known at a moment, usually a day's end: the newest block's height and the difficulty in force."""

    at: datetime
    height: int
    difficulty: float


@dataclass(frozen=True, slots=True)
class Pace:
    """Blocks per day at today's difficulty; ``deviation`` is relative and from chance alone, ``age_days`` its mean age.

    ``growth_per_day`` is of the logarithm, already shrunk.
    """

    blocks_per_day: float
    deviation: float
    age_days: float
    growth_per_day: float

    def carried(self, days: float) -> float:
        """By which factor the pace has grown ``days`` from now since its mean age."""
        return math.exp(self.growth_per_day * (self.age_days + days))


def usable(days: Sequence[ChainDay]) -> list[ChainDay]:
    """The observations, if they can be reckoned with. Raises ForecastRefused."""
    rows = [ChainDay(day.at, day.height, positive("a difficulty", day.difficulty)) for day in days]
    if any(row.at.tzinfo is None for row in rows):
        raise ForecastRefused("an observation has a moment without a time zone")
    for place, (one, two) in enumerate(pairwise(rows), start=1):
        if two.at <= one.at or two.height < one.height:
            raise ForecastRefused(f"moments and heights must rise; they do not at observation {place}")
    if len({row.at.date() for row in rows}) < LEAST_DAYS:
        raise ForecastRefused(f"a forecast needs observations of {LEAST_DAYS} days")
    return rows


def crossing(rows: Sequence[ChainDay], height: int) -> datetime:
    """When the block at ``height`` came, between two observations in proportion to their blocks.

    Only for heights above the first observation's and up to the last one's.
    """
    place = bisect_left(rows, height, key=lambda row: row.height)
    before, after = rows[place - 1], rows[place]
    share = (height - before.height) / (after.height - before.height)
    return before.at + (after.at - before.at) * share


def pace_of(rows: Sequence[ChainDay]) -> Pace:
    """The pace at the newest observation. Raises ForecastRefused where no block came."""
    now, total, weights, ages, chance = rows[-1], 0.0, 0.0, 0.0, 0.0
    for before, after in pairwise(rows):
        days = (after.at - before.at) / DAY
        age = (now.at - after.at) / DAY + days / 2
        weight = 0.5 ** (age / HALF_LIFE_DAYS)
        blocks = _work(before, after) / now.difficulty
        total += weight * blocks
        weights += weight * days
        ages += weight * days * age
        chance += weight * weight * blocks
    if total <= 0:
        raise ForecastRefused("no block came in the days observed")
    return Pace(total / weights, math.sqrt(chance) / total, ages / weights, GROWTH_KEPT * _growth(rows))


def _work(before: ChainDay, after: ChainDay) -> float:
    """Blocks between two observations times their difficulty; a retarget between them parts them by height."""
    edge = after.height // RETARGET_BLOCKS * RETARGET_BLOCKS
    early = min(max(edge - 1 - before.height, 0), after.height - before.height)
    return early * before.difficulty + (after.height - before.height - early) * after.difficulty


def _growth(rows: Sequence[ChainDay]) -> float:
    """Slope of the log of the weekly work, per day; 0 where there are fewer than eight whole weeks."""
    logs: list[float] = []
    week, work, end = 7 * DAY, 0.0, rows[-1].at
    for before, after in zip(reversed(rows[:-1]), reversed(rows), strict=False):
        work += _work(before, after)
        if end - before.at >= week:
            logs.append(math.log(work / ((end - before.at) / DAY)) if work > 0 else math.nan)
            end, work = before.at, 0.0
        if len(logs) == GROWTH_WEEKS:
            break
    if len(logs) < LEAST_GROWTH_WEEKS or any(math.isnan(one) for one in logs):
        return 0.0
    middle = (len(logs) - 1) / 2
    places = [middle - place for place in range(len(logs))]  # the newest first, so the highest first
    return sum(x * y for x, y in zip(places, logs, strict=True)) / sum(x * x for x in places) / 7
