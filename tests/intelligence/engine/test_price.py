"""Price forecasts: what they are made of, what they say of themselves, and what they refuse."""

import math
import random
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from intelligence.engine.arima import Fitted, forecasts
from intelligence.engine.conformal import Calibration, movements
from intelligence.engine.price import (
    FEW_ERRORS,
    FILLED,
    FIT_WARNING,
    HISTORY_DAYS,
    MODEL_BOUND,
    MODEL_VERSION,
    NO_FIT,
    NOT_CONVERGED,
    UNCALIBRATED,
    Close,
    PriceForecast,
    _widths,
    fit_price,
    forecast_price,
)
from intelligence.engine.scoring import NO_SKILL, SKILL
from intelligence.engine.series import ForecastRefused
from tests.marketdata.engine.sample import days, needs_btc

FIRST = date(2025, 1, 1)
WALK = Fitted(0, 0, (), (), 0.0009, 0.0)
MEMORY = Fitted(1, 0, (0.6,), (), 0.0009, 0.0)


def prices(length: int, phi: float = 0.0) -> list[Close]:
    rng = random.Random(23)
    found, log, change = [], math.log(50_000), 0.0
    for place in range(length):
        found.append(Close(FIRST + timedelta(days=place), math.exp(log)))
        change = phi * change + rng.gauss(0, 0.03)
        log += change
    return found


def test_a_point_is_the_median_between_calibrated_bounds() -> None:
    closes = prices(500, phi=0.6)
    found = forecast_price(closes, fitted=MEMORY)
    logs = [math.log(close.usd) for close in closes]
    ahead = forecasts(MEMORY, logs, 7)[-1]
    scale = movements(logs)[-1]
    for point, log, calibration in zip(found.points, ahead, found.calibrations, strict=True):
        assert point.value == pytest.approx(math.exp(log))
        assert point.naive == pytest.approx(closes[-1].usd)
        assert 0 < point.lower < point.value < point.upper
        assert calibration.quantile is not None
        assert math.log(point.upper / point.value) == pytest.approx(math.log(point.value / point.lower))
        assert math.log(point.upper / point.value) >= calibration.quantile * scale * (1 - 1e-9)
    widths = [math.log(point.upper / point.lower) for point in found.points]
    assert widths == sorted(widths)
    assert [point.horizon for point in found.points] == [1, 2, 3, 4, 5, 6, 7]
    assert found.points[0].at == found.issued_at + timedelta(days=1) == datetime(2026, 5, 17, tzinfo=UTC)


def test_a_later_day_is_never_known_better() -> None:
    wide, narrow, none = (Calibration(quantile, 100, 50, 0.95) for quantile in (3.0, 2.0, None))
    third = MODEL_BOUND * 0.03 * math.sqrt(3)  # the model's own, where nothing calibrates
    assert _widths([wide, narrow, none, wide], WALK, 0.02) == pytest.approx([0.06, 0.06, third, third])


def test_it_says_what_it_was_worth_before() -> None:
    closes = prices(500, phi=0.6)
    found = forecast_price(closes, fitted=MEMORY)
    logs = [math.log(close.usd) for close in closes]
    made = forecasts(MEMORY, logs, 7)
    for horizon in (1, 7):
        score = found.scores[horizon - 1]
        errors = [abs(math.exp(made[n][horizon - 1]) - closes[n + horizon].usd) for n in range(500 - horizon)]
        naive = [abs(closes[n].usd - closes[n + horizon].usd) for n in range(500 - horizon)]
        assert (score.horizon, score.forecasts) == (horizon, 500 - horizon)
        assert score.mae == pytest.approx(sum(errors) / len(errors))
        assert score.naive_mae == pytest.approx(sum(naive) / len(naive))
        assert score.coverage == found.calibrations[horizon - 1].held
    assert found.scores[0].label == SKILL
    plain = forecast_price(prices(500), fitted=WALK)
    assert {score.label for score in plain.scores} == {NO_SKILL}
    assert [point.value for point in plain.points] == pytest.approx([prices(500)[-1].usd] * 7)


def test_what_it_was_made_from_is_written_down() -> None:
    closes = prices(200)
    found = forecast_price(closes)
    assert isinstance(found, PriceForecast)
    assert (found.model_version, found.observations) == (MODEL_VERSION, 90)
    assert found.window_from == closes[-1].on - timedelta(days=89)
    assert found.fitted == fit_price(closes)
    assert forecast_price(closes, fitted=found.fitted) == found
    assert len(found.data_hash) == 64
    other = forecast_price([*closes[:-1], replace(closes[-1], usd=closes[-1].usd * (1 + 1e-15))], fitted=found.fitted)
    assert other.data_hash != found.data_hash


def test_what_lies_far_back_does_not_count() -> None:
    closes = prices(HISTORY_DAYS + 50)
    assert forecast_price(closes, fitted=WALK) == forecast_price(closes[50:], fitted=WALK)
    assert forecast_price(closes, fitted=WALK) != forecast_price(closes[51:], fitted=WALK)


def test_flags_say_what_is_wrong_with_it() -> None:
    assert forecast_price(prices(400), fitted=WALK).flags == ()
    assert forecast_price(prices(100), fitted=WALK).flags == (FEW_ERRORS,)
    doubtful = replace(WALK, converged=False, warnings=("EstimationWarning",))
    assert forecast_price(prices(400), fitted=doubtful).flags == (FIT_WARNING, NOT_CONVERGED)
    assert forecast_price(prices(400)[:-5] + prices(400)[-4:], fitted=WALK).flags == (FILLED,)


def test_a_price_that_stands_still_is_forecast_to_stand_still() -> None:
    found = forecast_price([replace(close, usd=100.0) for close in prices(100)])
    assert found.flags == (NO_FIT, UNCALIBRATED, FEW_ERRORS)
    for point in found.points:
        assert (point.lower, point.value, point.upper) == pytest.approx((100, 100, 100))


def test_a_missing_day_lies_between_its_neighbours() -> None:
    closes = prices(200)
    whole = [*closes[:150], replace(closes[150], usd=math.sqrt(closes[149].usd * closes[151].usd)), *closes[151:]]
    gap = forecast_price([*closes[:150], *closes[151:]], fitted=WALK)
    assert [p.upper for p in gap.points] == pytest.approx([p.upper for p in forecast_price(whole, fitted=WALK).points])
    assert gap.observations == 89


def test_too_few_closes_are_refused() -> None:
    closes = prices(200)
    with pytest.raises(ForecastRefused, match="needs 60 closes in the last 90 days, not 59"):
        forecast_price(closes[-59:], fitted=WALK)
    assert forecast_price(closes[-60:], fitted=WALK).observations == 60
    # Days, not rows: what lies before the last ninety days does not make up for what is missing in them.
    sparse = [*closes[:110], *closes[110:200:2]]
    with pytest.raises(ForecastRefused, match="needs 60 closes in the last 90 days, not 4"):
        forecast_price(sparse, fitted=WALK)
    with pytest.raises(ForecastRefused, match="needs 60 closes in the last 90 days, not 0"):
        fit_price([])


@pytest.mark.parametrize("bad", [0.0, -1.0, math.nan, math.inf, None, "x"])
def test_a_close_that_is_no_price_is_refused(bad: object) -> None:
    closes = prices(100)
    with pytest.raises(ForecastRefused, match="the close of 2025-03-12"):
        forecast_price([*closes[:70], Close(closes[70].on, bad), *closes[71:]], fitted=WALK)  # type: ignore[arg-type]


def test_days_out_of_order_are_refused() -> None:
    closes = prices(100)
    for wrong in ([closes[1], closes[0], *closes[2:]], [*closes, closes[-1]]):
        with pytest.raises(ForecastRefused, match="the days of the closes must rise"):
            forecast_price(wrong, fitted=WALK)


class TestRealDays:
    """Every fifteenth day of 2023 to 2025 without fitting; the bench fits and goes through each day."""

    pytestmark = needs_btc

    def test_the_bounds_hold_what_they_promise(self) -> None:
        closes = [Close(day.on, float(day.price)) for day in days()]
        first = next(place for place, close in enumerate(closes) if close.on == date(2023, 1, 1))
        held, asked = [0] * 7, 0
        for place in range(first, len(closes) - 7, 15):
            found = forecast_price(closes[place - 600 : place + 1], fitted=WALK)
            asked += 1
            for point in found.points:
                held[point.horizon - 1] += point.lower <= closes[place + point.horizon].usd <= point.upper
        assert asked == 73
        assert all(0.89 < count / asked < 0.995 for count in held)
