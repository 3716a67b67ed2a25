"""What forecasts were worth once it is known what came: errors, skill against "no change", and coverage, by horizon."""

import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

LEAST_FORECASTS = 30
SKILL, NO_SKILL, UNKNOWN = "skill", "no skill", "too few forecasts"


@dataclass(frozen=True, slots=True)
class Outcome:
    """A forecast and what came; where errors are taken of logarithms all values are above zero."""

    horizon: int
    value: float
    lower: float
    upper: float
    naive: float
    actual: float


@dataclass(frozen=True, slots=True)
class Score:
    """One horizon; ``coverage`` is the share of intervals that held (None: there were none).

    ``skill`` is ``1 - MAE / MAE of the naive forecast`` (None where the naive one made no error).
    """

    horizon: int
    forecasts: int
    mae: float
    rmse: float
    naive_mae: float
    skill: float | None
    coverage: float | None
    label: str


def score(outcomes: Iterable[Outcome], *, log: bool = False) -> list[Score]:
    """A score for each horizon, in their order; ``log`` takes errors of the logarithms, which know no unit."""
    by_horizon: defaultdict[int, list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        by_horizon[outcome.horizon].append(outcome)
    return [_score(horizon, by_horizon[horizon], log) for horizon in sorted(by_horizon)]


def _score(horizon: int, outcomes: list[Outcome], log: bool) -> Score:
    count = len(outcomes)
    errors = [_error(one.value, one.actual, log) for one in outcomes]
    mae = math.fsum(abs(error) for error in errors) / count
    naive = math.fsum(abs(_error(one.naive, one.actual, log)) for one in outcomes) / count
    skill = 1 - mae / naive if naive > 0 else None
    return Score(
        horizon=horizon,
        forecasts=count,
        mae=mae,
        rmse=math.sqrt(math.fsum(error * error for error in errors) / count),
        naive_mae=naive,
        skill=skill,
        coverage=sum(one.lower <= one.actual <= one.upper for one in outcomes) / count,
        label=_label(count, skill),
    )


def _error(value: float, actual: float, log: bool) -> float:
    return math.log(value / actual) if log else value - actual


def _label(count: int, skill: float | None) -> str:
    if count < LEAST_FORECASTS:
        return UNKNOWN
    return SKILL if skill is not None and skill > 0 else NO_SKILL
