"""Energy prices of the next 24 hours, from the hours of the last weeks.

An hour is forecast by the median of the same hour of the last seven days, moved by half of how far the last day lay
from what this rule said of it. Bounds come from the errors the same rule made over the last three weeks (pooled by six
hours of horizon), so they hold whatever the shape of the errors. Beside it stands the naive forecast: the same hour of
the day before. Prices may be negative; the unit is that of the series.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median

from intelligence.engine.series import COVERAGE, ForecastRefused, Point, data_hash

MODEL_VERSION = "energy-1"
HOURS_AHEAD = 24
SAME_HOURS = 7  # days
LEVEL_KEPT = 0.5
ORIGINS = 21  # days whose errors make the bounds
LEAST_DAYS = 14
BLOCK = 6  # hours of horizon that share their errors
HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class HourPrice:
    """The mean price of an hour that begins at ``start`` (UTC); ``clock`` is the hour the local clock shows then."""

    start: datetime
    clock: int
    value: float


@dataclass(frozen=True, slots=True)
class EnergyForecast:
    """The points (``at`` is the start of their hour, ``horizon`` counts hours from 1) and what they were made from."""

    issued_at: datetime
    points: tuple[Point, ...]
    window_from: datetime
    observations: int
    flags: tuple[str, ...]
    data_hash: str
    model_version: str = MODEL_VERSION


def forecast_energy(hours: Sequence[HourPrice], clocks: Sequence[int]) -> EnergyForecast:
    """Points for the hours after the last one, whose local clocks are ``clocks``. Raises ForecastRefused.

    ``hours`` rise; gaps are fine as long as 14 days are known.
    """
    _check(hours)
    if len(hours) < LEAST_DAYS * 24:
        raise ForecastRefused(f"{len(hours)} hours are known, {LEAST_DAYS * 24} are needed")
    errors = _errors(hours)
    said = _ahead(hours, clocks)
    last = hours[-1].start
    points = []
    for place, ((value, naive), width) in enumerate(zip(said, _widths(errors, len(clocks)), strict=True)):
        points.append(Point(place + 1, last + HOUR * (place + 1), value, value - width, value + width, naive))
    gaps = any(two.start - one.start != HOUR for one, two in pairwise(hours))
    return EnergyForecast(
        last + HOUR, tuple(points), hours[0].start, len(hours), ("hours are missing",) if gaps else (),
        data_hash((one.start, one.clock, one.value) for one in hours),
    )  # fmt: skip


def _check(hours: Sequence[HourPrice]) -> None:
    for one, two in pairwise(hours):
        if two.start <= one.start:
            raise ForecastRefused(f"the hours do not rise at {two.start.isoformat()}")
    if not all(math.isfinite(one.value) for one in hours):
        raise ForecastRefused("a price is no number")


def _ahead(hours: Sequence[HourPrice], clocks: Sequence[int]) -> list[tuple[float, float]]:
    """Forecast and naive forecast of each hour ahead."""
    by_clock: dict[int, list[float]] = {}
    for one in hours:
        by_clock.setdefault(one.clock, []).append(one.value)
    usual = {clock: median(values[-SAME_HOURS:]) for clock, values in by_clock.items()}
    level = LEVEL_KEPT * median(one.value - usual[one.clock] for one in hours[-24:])
    anything = median(one.value for one in hours[-24:])
    return [(usual[clock] + level, by_clock[clock][-1]) if clock in usual else (anything, anything) for clock in clocks]


def _errors(hours: Sequence[HourPrice]) -> dict[int, list[float]]:
    """Absolute errors the rule would have made on the days before, by block of horizon."""
    found: dict[int, list[float]] = {}
    for back in range(1, ORIGINS + 1):
        end = len(hours) - 24 * back
        if end < SAME_HOURS * 24:
            break
        came = hours[end : end + HOURS_AHEAD]
        for place, (one, (value, _naive)) in enumerate(
            zip(came, _ahead(hours[:end], [one.clock for one in came]), strict=True)
        ):
            found.setdefault(place // BLOCK, []).append(abs(one.value - value))
    return found


def _widths(errors: dict[int, list[float]], count: int) -> list[float]:
    return [_quantile(errors[min(place // BLOCK, max(errors))]) for place in range(count)]


def _quantile(values: Sequence[float]) -> float:
    """The value that a new error does not exceed in 95 of 100 cases: the ceil((n + 1) * 0.95)-th, else the greatest."""
    ordered = sorted(values)
    place = math.ceil((len(ordered) + 1) * COVERAGE) - 1
    return ordered[min(place, len(ordered) - 1)]
