"""The difficulty of the coming days by the rule that sets it, not by the shape of its curve.

The difficulty stands still until block 2,016 of its period and then changes by what the period took against two weeks.
So a forecast needs two things: how long the blocks found so far took, and how long the others will take. The second
comes from the hashrate: blocks per day at today's difficulty, weighted by age (half-life six days), carried on by half
the growth of the last half year (hashrate goes on growing, but not for ever as it did). The same pace says when the
retarget comes. Further retargets follow by the same rule.

**Interval.** What is uncertain is the time the remaining blocks take: chance (a count of n blocks is right to
``1 / sqrt(n)``), the hashrate measured from such counts, and what it does until then. That time is taken as log-normal;
each of its quantiles is a path of the difficulty of its own, and the bounds are quantiles over these paths. Where no
retarget can come within the horizon, the interval has no width.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import NormalDist

from intelligence.engine.chain_pace import ChainDay, Pace, crossing, pace_of, usable
from intelligence.engine.series import COVERAGE, HORIZONS, ForecastRefused, Point, data_hash
from marketdata.engine.chain import HASHES_PER_DIFFICULTY, RETARGET_BLOCKS
from marketdata.engine.targets import MAX_STEP, RETARGET_SPAN_S

MODEL_VERSION = "retarget-1"
DAY_S = 86_400.0
# Log hashrate wanders by about one percent a day.
DRIFT_PER_DAY = 0.01
PATHS = 400
LEAST_PERIODS = 6  # that tell by how much heights stay behind
_QUANTILES = tuple(NormalDist().inv_cdf((place + 0.5) / PATHS) for place in range(PATHS))


@dataclass(frozen=True, slots=True)
class Retarget:
    """An expected retarget: when, by how much (percent) and to which difficulty."""

    at: datetime
    change_percent: float
    difficulty: float


@dataclass(frozen=True, slots=True)
class DifficultyForecast:
    """The points, the retargets expected (the next one at least), and what they were made from."""

    issued_at: datetime
    difficulty: float
    hashrate_hps: float
    hashrate_deviation: float
    growth_per_day: float
    blocks: int
    elapsed_s: float
    remaining_s: float
    retargets: tuple[Retarget, ...]
    points: tuple[Point, ...]
    window_from: datetime
    observations: int
    trail_blocks: int
    data_hash: str
    model_version: str = MODEL_VERSION


@dataclass(frozen=True, slots=True)
class _Period:
    """The running period: blocks still to come and seconds so far; ``span_s`` where it is already over in the chain.

    ``to_last`` is how many of them come before the period's last block, ``elapsed_s`` is since its first.
    """

    remaining: int
    to_last: int
    elapsed_s: float
    span_s: float | None


def forecast_difficulty(
    days: Sequence[ChainDay], *, horizons: int = HORIZONS, trail_blocks: int = 0
) -> DifficultyForecast:
    """Points for the next days after the newest observation. Raises ForecastRefused.

    ``trail_blocks``: by how many blocks the given heights stay behind the chain's, as those derived from the supply
    do; the difficulty of an observation is that of its given height.
    """
    rows = usable(days)
    now, period, pace = rows[-1], _period(rows, trail_blocks), pace_of(rows)
    rate = pace.blocks_per_day / DAY_S
    remaining = period.remaining / rate
    remaining = period.remaining / (rate * pace.carried(remaining / DAY_S / 2))
    deviation = _deviation(pace, period.remaining, remaining)
    ends = [now.at + timedelta(days=horizon) for horizon in range(1, horizons + 1)]
    middle = _path(now, period, remaining, ends[-1])
    bundle = [_path(now, period, remaining * math.exp(z * deviation), ends[-1]) for z in _QUANTILES]
    return DifficultyForecast(
        issued_at=now.at,
        difficulty=now.difficulty,
        hashrate_hps=rate * now.difficulty * HASHES_PER_DIFFICULTY,
        hashrate_deviation=pace.deviation,
        growth_per_day=pace.growth_per_day,
        blocks=RETARGET_BLOCKS - period.remaining,
        elapsed_s=period.elapsed_s,
        remaining_s=remaining,
        retargets=middle,
        points=tuple(_point(place + 1, end, now.difficulty, middle, bundle) for place, end in enumerate(ends)),
        window_from=rows[0].at,
        observations=len(rows),
        trail_blocks=trail_blocks,
        data_hash=data_hash((row.at, row.height, row.difficulty) for row in rows),
    )


def change_factor(span_s: float) -> float:
    """What the difficulty is multiplied by after a period whose first and last block are ``span_s`` apart."""
    held = min(max(span_s, RETARGET_SPAN_S / MAX_STEP), RETARGET_SPAN_S * MAX_STEP)
    return RETARGET_SPAN_S / held


def learned_trail(days: Sequence[ChainDay], *, most: int = 150, step: int = 10, periods: int = 26) -> int:
    """By how many blocks the heights stay behind, as the last completed periods tell: 0 where too few are there.

    The difficulty after a period is known, so the span of its blocks is; the trail is the shift of the heights that
    gives these spans best.
    """
    rows = usable(days)
    starts = range(rows[-1].height // RETARGET_BLOCKS * RETARGET_BLOCKS, rows[0].height + most, -RETARGET_BLOCKS)
    known = {row.height // RETARGET_BLOCKS: row.difficulty for row in rows}
    pairs = [
        (start, math.log(known[start // RETARGET_BLOCKS] / known[start // RETARGET_BLOCKS - 1]))
        for start in starts[:periods]
        if start // RETARGET_BLOCKS - 1 in known and start - RETARGET_BLOCKS - most > rows[0].height
    ]
    if len(pairs) < LEAST_PERIODS:
        return 0

    def error(trail: int) -> float:
        spans = [
            (crossing(rows, start - 1 - trail) - crossing(rows, start - RETARGET_BLOCKS - trail)).total_seconds()
            for start, _ in pairs
        ]
        return sum(
            (change - math.log(change_factor(span))) ** 2 for span, (_, change) in zip(spans, pairs, strict=True)
        )

    return min(range(0, most + 1, step), key=error)


def _period(rows: Sequence[ChainDay], trail: int) -> _Period:
    now = rows[-1]
    start = now.height // RETARGET_BLOCKS * RETARGET_BLOCKS
    last = start + RETARGET_BLOCKS - 1
    if start - trail <= rows[0].height:
        raise ForecastRefused("the observations do not reach back to the beginning of the difficulty's period")
    began = crossing(rows, start - trail)
    over = last - trail <= now.height
    return _Period(
        remaining=last + 1 - now.height,
        to_last=max(0, last - trail - now.height),
        elapsed_s=(now.at - began).total_seconds(),
        span_s=(crossing(rows, last - trail) - began).total_seconds() if over else None,
    )


def _deviation(pace: Pace, blocks: int, seconds: float) -> float:
    """Standard deviation of the log of the time that ``blocks`` take."""
    days = seconds / DAY_S
    drift = DRIFT_PER_DAY**2 * (pace.age_days + days / 3)
    return math.sqrt(1 / blocks + pace.deviation**2 + drift)


def _path(now: ChainDay, period: _Period, remaining_s: float, end: datetime) -> tuple[Retarget, ...]:
    """Retargets if the period's remaining blocks take ``remaining_s``: the next, and what follows until ``end``."""
    rate = period.remaining / remaining_s
    span = period.span_s if period.span_s is not None else period.elapsed_s + period.to_last / rate
    at, difficulty = now.at + timedelta(seconds=remaining_s), now.difficulty
    found: list[Retarget] = []
    while not found or at <= end:
        factor = change_factor(span)
        difficulty, rate = difficulty * factor, rate / factor
        found.append(Retarget(at, (factor - 1) * 100, difficulty))
        span = (RETARGET_BLOCKS - 1) / rate
        at += timedelta(seconds=RETARGET_BLOCKS / rate)
    return tuple(found)


def _in_force(difficulty: float, path: Sequence[Retarget], at: datetime) -> float:
    for retarget in path:
        if retarget.at > at:
            break
        difficulty = retarget.difficulty
    return difficulty


def _point(
    horizon: int, at: datetime, now: float, middle: Sequence[Retarget], bundle: Sequence[Sequence[Retarget]]
) -> Point:
    value = _in_force(now, middle, at)
    values = sorted(_in_force(now, path, at) for path in bundle)
    outside = round(PATHS * (1 - COVERAGE) / 2)
    return Point(horizon, at, value, min(value, values[outside]), max(value, values[-1 - outside]), now)
