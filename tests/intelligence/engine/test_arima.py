"""The models: their choice, their recursion against statsmodels itself, and what is refused."""

import math
import random
import warnings
from itertools import pairwise

import pytest
from statsmodels.tsa.arima.model import ARIMA

from intelligence.engine.arima import AICC_MARGIN, ORDERS, FitFailed, Fitted, best_fit, fit, forecasts


def walk(length: int, phi: float = 0.0, seed: int = 11, drift: float = 0.0) -> list[float]:
    """Logs whose changes remember the one before by ``phi``."""
    rng = random.Random(seed)
    values, change = [10.0], 0.0
    for _ in range(length - 1):
        change = phi * change + rng.gauss(drift, 0.03)
        values.append(values[-1] + change)
    return values


def test_a_random_walk_is_seen_as_one() -> None:
    values = walk(90)
    found = best_fit(values)
    assert (found.order, found.ar, found.ma, found.converged) == ((0, 1, 0), (), (), True)
    changes = [after - before for before, after in pairwise(values)]
    assert found.variance == pytest.approx(math.fsum(change * change for change in changes) / 89)


def test_the_random_walk_s_figures_are_those_of_statsmodels() -> None:
    values = walk(90)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = ARIMA(values, order=(0, 1, 0)).fit()
    found = fit(values, 0, 0)
    assert found.aicc == pytest.approx(result.aicc, abs=1e-4)
    assert found.variance == pytest.approx(result.params[0], rel=1e-3)


def test_a_memory_is_found_where_there_is_one() -> None:
    found = best_fit(walk(90, phi=0.7), ((0, 0), (1, 0), (2, 0)))
    assert found.order == (1, 1, 0)
    assert found.ar[0] == pytest.approx(0.7, abs=0.2)
    assert ORDERS[0] == (0, 0)
    assert (5, 0) in ORDERS


def test_a_simpler_order_wins_within_the_margin(monkeypatch: pytest.MonkeyPatch) -> None:
    aicc = {(0, 0): 12.0, (1, 0): 10.1, (0, 1): 10.0}
    monkeypatch.setattr("intelligence.engine.arima.fit", lambda values, p, q: Fitted(p, q, (), (), 1.0, aicc[p, q]))
    assert best_fit([], tuple(aicc)).order == (0, 1, 0)
    aicc[0, 0] += 0.01
    assert best_fit([], tuple(aicc)).order == (1, 1, 0)
    assert AICC_MARGIN == 2


@pytest.mark.parametrize(("p", "q"), [(0, 0), (1, 0), (0, 1), (1, 1), (5, 0)])
def test_the_recursion_forecasts_what_statsmodels_does(p: int, q: int) -> None:
    values = walk(300, phi=0.4)
    model = Fitted(p, q, (0.4, -0.2, 0.1, 0.05, 0.1)[:p], (0.3,)[:q], 0.0009, 0.0)
    result = ARIMA(values, order=(p, 1, q)).smooth([*model.ar, *model.ma, model.variance])
    ours = forecasts(model, values, 7)
    assert len(ours) == 300
    assert ours[-1] == pytest.approx(list(result.forecast(7)), rel=1e-8)
    # Of an earlier day as well, from what was there then.
    early = ARIMA(values[:200], order=(p, 1, q)).smooth([*model.ar, *model.ma, model.variance])
    assert ours[199] == pytest.approx(list(early.forecast(7)), rel=1e-8)
    assert forecasts(model, values[:200], 7) == ours[:200]


def test_a_first_value_alone_is_forecast_to_stay() -> None:
    assert forecasts(Fitted(2, 1, (0.5, 0.1), (0.3,), 1.0, 0.0), [4.0], 3) == [[4.0, 4.0, 4.0]]


@pytest.mark.parametrize("values", [[1.0] * 90, [1.0, 2.0, 3.0], []])
def test_what_cannot_be_fitted_is_refused(values: list[float]) -> None:
    with pytest.raises(FitFailed, match="cannot be fitted to"):
        best_fit(values or [1.0])
    with pytest.raises(FitFailed, match="no order was asked for"):
        best_fit(values, ())


def test_a_moving_average_that_does_not_forget_is_refused() -> None:
    """Noise around a level, differenced once too often."""
    rng = random.Random(3)
    with pytest.raises(FitFailed, match="does not forget"):
        fit([10 + rng.gauss(0, 0.03) for _ in range(90)], 0, 1)


def test_what_statsmodels_complains_about_is_kept() -> None:
    rng = random.Random(5)
    values = [10 + 0.0001 * rng.random() + (0.5 if n == 45 else 0.0) for n in range(90)]
    found = [fit(values, p, 0) for p in (0, 1, 2, 5)]
    assert found[0].warnings == ()
    assert all(isinstance(name, str) for one in found for name in one.warnings)
