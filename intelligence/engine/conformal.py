"""Intervals that hold what they promise: calibrated by how wrong the same forecast was before.

Every past forecast has an error; divided by how much the values moved at that time it can be compared with today. Of
these scaled errors of one horizon the quantile is taken that leaves room for one more (``ceil((n + 1) * 0.95)`` of n),
and multiplied by today's movement it is the half-width. Split conformal prediction with a normalised score; movement is
the root of the mean squared change, weighted by age with a half-life of thirty steps.
"""

import math
from bisect import bisect_left, insort
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from intelligence.engine.series import COVERAGE

HALF_LIFE = 30.0
FIRST_CHANGES = 20
MOST_ERRORS = 730
LEAST_ERRORS = 19  # with fewer, no error seen is large enough for 95 %


@dataclass(frozen=True, slots=True)
class Calibration:
    """One horizon: the quantile of the scaled errors, how many there were, and how often past intervals held.

    ``quantile`` is None where there are too few errors, ``held`` where no interval could be made before.
    """

    quantile: float | None
    errors: int
    intervals: int
    held: float | None


def movements(values: Sequence[float]) -> list[float]:
    """How much the values moved lately, as known at each of them; but for the first twenty, which share one figure."""
    changes = [after - before for before, after in pairwise(values)]
    first = changes[:FIRST_CHANGES]
    level = math.fsum(change * change for change in first) / len(first) if first else 0.0
    kept = 0.5 ** (1 / HALF_LIFE)
    found = [math.sqrt(level)] * min(len(values), len(first) + 1)
    for change in changes[FIRST_CHANGES:]:
        level = kept * level + (1 - kept) * change * change
        found.append(math.sqrt(level))
    return found


def calibrate(errors: Sequence[float], scales: Sequence[float], lag: int) -> Calibration:
    """From the errors of past forecasts in order, the oldest first, and the movement on the day each was made.

    ``lag`` is the horizon: an error is known that many steps after its forecast, so the interval of the forecast at
    place i is judged with the errors up to place i - lag alone.
    """
    scaled = [abs(error) / scale if scale > 0 else math.inf for error, scale in zip(errors, scales, strict=True)]
    known: list[float] = []
    held = intervals = 0
    for place, score in enumerate(scaled):
        if place >= lag:
            _learn(known, scaled, place - lag)
        if (quantile := _quantile(known)) is not None:
            intervals += 1
            held += score <= quantile
    last = scaled[-MOST_ERRORS:]
    return Calibration(_quantile(sorted(last)), len(last), intervals, held / intervals if intervals else None)


def _learn(known: list[float], scaled: Sequence[float], place: int) -> None:
    insort(known, scaled[place])
    if len(known) > MOST_ERRORS:
        del known[bisect_left(known, scaled[place - MOST_ERRORS])]


def _quantile(ordered: Sequence[float]) -> float | None:
    if len(ordered) < LEAST_ERRORS:
        return None
    found = ordered[math.ceil((len(ordered) + 1) * COVERAGE - 1e-9) - 1]
    return found if math.isfinite(found) else None
