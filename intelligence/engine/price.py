"""The price of the coming days: ARIMA on its logarithm, with bounds calibrated by its own past errors.

The order is the simplest of ``arima.ORDERS`` whose AICc is within 2 of the least, fitted to the last 90 days. The value
is the median: the exponential of the logarithm's forecast. The bounds come from the errors that the same model, with
today's parameters, would have made on up to 730 days before (``conformal``); the model's own know nothing of its being
wrong. Beside each value stands the naive forecast, no change, and what both were worth on those days: a price is mostly
a random walk, so there is seldom any skill, and then the label says so.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise

from intelligence.engine.arima import ORDERS, FitFailed, Fitted, best_fit, forecasts
from intelligence.engine.conformal import MOST_ERRORS, Calibration, calibrate, movements
from intelligence.engine.scoring import Outcome, Score, score
from intelligence.engine.series import HORIZONS, LEAST_DAYS, ForecastRefused, Point, data_hash, positive

MODEL_VERSION = "log-arima-1"
WINDOW_DAYS = 90
HISTORY_DAYS = 1095  # closes that count at all: enough for the errors of two years and the movements before them
# Flags: what whoever reads a forecast should know about it.
FIT_WARNING, NOT_CONVERGED, NO_FIT, FILLED, FEW_ERRORS, UNCALIBRATED = (
    "fit_warning", "not_converged", "no_fit", "gaps_filled", "few_errors", "uncalibrated",
)  # fmt: skip
ENOUGH_ERRORS = 180
MODEL_BOUND = 1.959963984540054  # standard deviations of 95 %, for bounds nothing calibrates


@dataclass(frozen=True, slots=True)
class Close:
    """The last price of a UTC day."""

    on: date
    usd: float


@dataclass(frozen=True, slots=True)
class PriceForecast:
    """The points (``at`` is the end of their UTC day) and what they were made from.

    ``scores`` and ``calibrations`` by horizon are of the days before; ``flags`` say what is wrong with the forecast.
    """

    issued_at: datetime
    points: tuple[Point, ...]
    fitted: Fitted
    window_from: date
    observations: int
    scores: tuple[Score, ...]
    calibrations: tuple[Calibration, ...]
    flags: tuple[str, ...]
    data_hash: str
    model_version: str = MODEL_VERSION


@dataclass(frozen=True, slots=True)
class _Series:
    """Logs of consecutive days; ``observed`` of the window and in all, ``filled`` days that were missing."""

    first: date
    logs: list[float] = field(repr=False)
    observed: int
    filled: int


def fit_price(closes: Sequence[Close], *, orders: Sequence[tuple[int, int]] = ORDERS) -> Fitted:
    """The model of the last 90 days. Raises ForecastRefused below 60 observations in them."""
    return _fit(_series(closes), orders)


def forecast_price(closes: Sequence[Close], *, horizons: int = HORIZONS, fitted: Fitted | None = None) -> PriceForecast:
    """Points for the days after the last close. Raises ForecastRefused.

    ``fitted`` goes on with the model of an earlier day instead of fitting a new one.
    """
    closes = closes[-HISTORY_DAYS:]
    series = _series(closes)
    model = fitted or _fit(series, ORDERS)
    logs, scales = series.logs, movements(series.logs)
    made = forecasts(model, logs, horizons)
    calibrations = tuple(_calibration(made, logs, scales, horizon) for horizon in range(1, horizons + 1))
    last = closes[-1].on
    ends = [_end(last + timedelta(days=horizon)) for horizon in range(1, horizons + 1)]
    widths = _widths(calibrations, model, scales[-1])
    points = tuple(
        Point(place + 1, end, math.exp(value), math.exp(value - width), math.exp(value + width), math.exp(logs[-1]))
        for place, (end, value, width) in enumerate(zip(ends, made[-1], widths, strict=True))
    )
    return PriceForecast(
        issued_at=_end(last),
        points=points,
        fitted=model,
        window_from=last - timedelta(days=WINDOW_DAYS - 1),
        observations=series.observed,
        scores=_scores(made, logs, calibrations),
        calibrations=calibrations,
        flags=_flags(model, series, calibrations),
        data_hash=data_hash((close.on.isoformat(), float(close.usd)) for close in closes),
    )


def _fit(series: _Series, orders: Sequence[tuple[int, int]]) -> Fitted:
    window = series.logs[-WINDOW_DAYS:]
    try:
        return best_fit(window, orders)
    except FitFailed:
        # No change at all is what is left to say; the flag tells that nothing was fitted.
        square = math.fsum((b - a) ** 2 for a, b in pairwise(window)) / max(1, len(window) - 1)
        return Fitted(0, 0, (), (), square, math.inf, converged=False, warnings=(NO_FIT,))


def _series(closes: Sequence[Close]) -> _Series:
    """Consecutive days; a missing one lies on the line between its neighbours. Raises ForecastRefused."""
    logs: list[float] = []
    filled = 0
    for place, close in enumerate(closes):
        value = math.log(positive(f"the close of {close.on}", close.usd))
        if place:
            gap = (close.on - closes[place - 1].on).days
            if gap <= 0:
                raise ForecastRefused(f"the days of the closes must rise; {close.on} does not")
            filled += gap - 1
            before = logs[-1]
            logs += [before + (value - before) * step / gap for step in range(1, gap)]
        logs.append(value)
    inside = sum((closes[-1].on - close.on).days < WINDOW_DAYS for close in closes) if closes else 0
    if inside < LEAST_DAYS:
        raise ForecastRefused(f"a forecast needs {LEAST_DAYS} closes in the last {WINDOW_DAYS} days, not {inside}")
    return _Series(closes[0].on, logs, inside, filled)


def _calibration(
    made: Sequence[Sequence[float]], logs: Sequence[float], scales: Sequence[float], horizon: int
) -> Calibration:
    count = len(logs) - horizon
    errors = [logs[place + horizon] - made[place][horizon - 1] for place in range(count)]
    return calibrate(errors, scales[:count], horizon)


def _widths(calibrations: Sequence[Calibration], model: Fitted, scale: float) -> list[float]:
    """Half-widths in the logarithm; a further day is never known better than the one before."""
    found, least = [], 0.0
    for horizon, calibration in enumerate(calibrations, start=1):
        if calibration.quantile is None:
            width = MODEL_BOUND * math.sqrt(model.variance * horizon)
        else:
            width = calibration.quantile * scale
        least = max(least, width)
        found.append(least)
    return found


def _scores(
    made: Sequence[Sequence[float]], logs: Sequence[float], calibrations: Sequence[Calibration]
) -> tuple[Score, ...]:
    """Of the newest forecasts that can be judged, in USD; the coverage is that of the intervals of their own time."""
    outcomes = []
    for horizon in range(1, len(calibrations) + 1):
        for place in range(max(0, len(logs) - horizon - MOST_ERRORS), len(logs) - horizon):
            value = math.exp(made[place][horizon - 1])
            actual = math.exp(logs[place + horizon])
            outcomes.append(Outcome(horizon, value, 0.0, math.inf, math.exp(logs[place]), actual))
    scores = score(outcomes)
    return tuple(replace(one, coverage=known.held) for one, known in zip(scores, calibrations, strict=True))


def _flags(model: Fitted, series: _Series, calibrations: Sequence[Calibration]) -> tuple[str, ...]:
    fewest = min(calibration.errors for calibration in calibrations)
    found = [
        (NO_FIT, NO_FIT in model.warnings),
        (FIT_WARNING, bool(set(model.warnings) - {NO_FIT})),
        (NOT_CONVERGED, not model.converged and NO_FIT not in model.warnings),
        (FILLED, series.filled > 0),
        (UNCALIBRATED, any(calibration.quantile is None for calibration in calibrations)),
        (FEW_ERRORS, fewest < ENOUGH_ERRORS),
    ]
    return tuple(name for name, true in found if true)


def _end(day: date) -> datetime:
    """The end of a UTC day."""
    return datetime.combine(day + timedelta(days=1), time(), UTC)
