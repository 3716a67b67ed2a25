"""ARIMA(p, 1, q) without drift on the logarithm of a price: fitted by statsmodels, forecast by its own recursion.

statsmodels takes seconds to import, so that happens where a model is fitted. Its routines work on small matrices, for
which threads cost more than they bring (``hashinsight`` sets ``OPENBLAS_NUM_THREADS``).

The recursion gives the forecasts of *every* past day with today's parameters in one pass: the back-test that the
intervals are calibrated by.
"""

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

# Orders (p, q) that are tried, the simplest first: no pattern at all, a short memory, and the (5, 1, 0) that is often
# taken for granted.
ORDERS = ((0, 0), (1, 0), (0, 1), (1, 1), (2, 0), (5, 0))
# A simpler order is taken before one that is better by less: so little is often chance (Burnham and Anderson).
AICC_MARGIN = 2.0
# Beyond it a moving average hardly forgets: it would make a forecast of what was a thousand days ago.
LARGEST_MA = 0.95


class FitFailed(ValueError):
    """The model cannot be fitted to these values."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """An order with its parameters; ``warnings`` names what statsmodels complained about while fitting it."""

    p: int
    q: int
    ar: tuple[float, ...]
    ma: tuple[float, ...]
    variance: float
    aicc: float
    converged: bool = True
    warnings: tuple[str, ...] = ()

    @property
    def order(self) -> tuple[int, int, int]:
        """As it is written: (p, 1, q)."""
        return self.p, 1, self.q


def best_fit(values: Sequence[float], orders: Sequence[tuple[int, int]] = ORDERS) -> Fitted:
    """The first of ``orders`` whose AICc is at most 2 above the least. Raises FitFailed where none can be fitted."""
    found, failures = [], []
    for p, q in orders:
        try:
            found.append(fit(values, p, q))
        except FitFailed as error:
            failures.append(str(error))
    if not found:
        raise FitFailed("; ".join(failures) or "no order was asked for")
    least = min(one.aicc for one in found)
    return next(one for one in found if one.aicc <= least + AICC_MARGIN)


def fit(values: Sequence[float], p: int, q: int) -> Fitted:
    """One order, by maximum likelihood. Raises FitFailed."""
    from numpy.linalg import LinAlgError  # noqa: PLC0415  (slow import)
    from statsmodels.tsa.arima.model import ARIMA  # noqa: PLC0415  (slow import: pandas and scipy come with it)

    if len(values) < 10 + p + q or max(values) == min(values):
        raise FitFailed(f"({p}, 1, {q}) cannot be fitted to {len(values)} values that hardly differ or are too few")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            model = ARIMA(list(values), order=(p, 1, q))
            if p == q == 0:  # nothing to search for: the variance is the mean square of the changes
                result, converged = model.smooth([_mean_square(values)]), True
            else:
                result = model.fit()
                converged = bool(result.mle_retvals.get("converged", False))
        except (ValueError, LinAlgError, ZeroDivisionError, FloatingPointError) as error:
            raise FitFailed(f"({p}, 1, {q}): {error}") from error
    parameters = [float(one) for one in result.params]
    aicc = float(result.aicc)
    if not all(math.isfinite(one) for one in (*parameters, aicc)):
        raise FitFailed(f"({p}, 1, {q}): the parameters are no numbers")
    if any(abs(weight) > LARGEST_MA for weight in parameters[p : p + q]):
        raise FitFailed(f"({p}, 1, {q}): the moving average does not forget")
    names = tuple(sorted({warning.category.__name__ for warning in caught}))
    return Fitted(p, q, tuple(parameters[:p]), tuple(parameters[p : p + q]), parameters[-1], aicc, converged, names)


def forecasts(fitted: Fitted, values: Sequence[float], horizons: int) -> list[list[float]]:
    """For each value the forecasts made on it for the next ``horizons`` steps, with the parameters of ``fitted``.

    Changes and shocks before the first value count as zero, so the first few are those of a beginner.
    """
    changes = [0.0] * fitted.p + [after - before for before, after in pairwise(values)]
    shocks = [0.0] * fitted.q
    found = []
    for place, value in enumerate(values):
        if place:
            change = changes[fitted.p + place - 1]
            past = changes[place - 1 : fitted.p + place - 1]
            shocks.append(change - _expected(fitted, past, shocks[len(shocks) - fitted.q :]))
        found.append(
            _ahead(fitted, value, changes[place : fitted.p + place], shocks[len(shocks) - fitted.q :], horizons)
        )
    return found


def _ahead(fitted: Fitted, value: float, changes: list[float], shocks: list[float], horizons: int) -> list[float]:
    """Step by step; the oldest of ``changes`` and ``shocks`` stands first."""
    if not changes and not shocks:
        return [value] * horizons
    found = []
    for _ in range(horizons):
        change = _expected(fitted, changes, shocks)
        value += change
        found.append(value)
        changes = [*changes, change][len(changes) + 1 - fitted.p :]
        shocks = [*shocks, 0.0][len(shocks) + 1 - fitted.q :]
    return found


def _expected(fitted: Fitted, changes: Sequence[float], shocks: Sequence[float]) -> float:
    own = sum(weight * change for weight, change in zip(fitted.ar, reversed(changes), strict=True))
    return own + sum(weight * shock for weight, shock in zip(fitted.ma, reversed(shocks), strict=True))


def _mean_square(values: Sequence[float]) -> float:
    return math.fsum((after - before) ** 2 for before, after in pairwise(values)) / (len(values) - 1)
