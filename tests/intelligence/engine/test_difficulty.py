"""Difficulty forecasts: against chains whose future is known, by their properties, and on the real days."""

import math
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intelligence.engine.chain_pace import ChainDay, crossing, pace_of, usable
from intelligence.engine.difficulty import (
    MODEL_VERSION,
    DifficultyForecast,
    Retarget,
    _point,
    change_factor,
    forecast_difficulty,
    learned_trail,
)
from intelligence.engine.scoring import Outcome, score
from intelligence.engine.series import ForecastRefused
from marketdata.engine.targets import difficulty_float, next_bits
from tests.bench.forecast import jumps
from tests.intelligence.engine.chains import BEGAN, FIRST, chain
from tests.marketdata.engine.sample import days, needs_btc


def values(forecast: DifficultyForecast) -> list[float]:
    return [point.value for point in forecast.points]


def test_a_steady_hashrate_changes_nothing_and_says_when() -> None:
    # Day 80: five periods of 14 days are over, ten days of the sixth.
    found = forecast_difficulty(chain(80, lambda day: 1.0).days)
    level = found.difficulty
    true = next(at for at, _ in chain(90, lambda day: 1.0).retargets if at > 80)
    assert found.retargets[0].at == pytest.approx(BEGAN + timedelta(days=true), abs=timedelta(minutes=20))
    assert found.retargets[0].change_percent == pytest.approx(0, abs=0.05)
    assert values(found)[:3] == [level] * 3
    assert values(found)[4:] == [found.retargets[0].difficulty] * 3
    assert (found.blocks, found.elapsed_s) == (1435, pytest.approx(1435 * 600, rel=0.001))
    assert found.hashrate_hps == pytest.approx(level * 2**32 / 600, rel=0.001)
    assert found.growth_per_day == pytest.approx(0, abs=1e-5)
    assert [point.naive for point in found.points] == [level] * 7
    assert [point.at for point in found.points] == [BEGAN + timedelta(days=80 + horizon) for horizon in range(1, 8)]


@pytest.mark.parametrize("factor", [0.9, 0.97, 1.05, 1.3])
def test_a_retarget_follows_from_the_pace_of_its_period(factor: float) -> None:
    """The hashrate steps at a retarget and stays: by the middle of the period nearly all is known."""
    observed = chain(80, lambda day: 1.0 if day < 70 else factor)
    future = chain(100, lambda day: 1.0 if day < 70 else factor)
    at, change = next((at, change) for at, change in future.retargets if at > 80)
    found = forecast_difficulty(observed.days)
    assert found.retargets[0].at == pytest.approx(BEGAN + timedelta(days=at), abs=timedelta(days=0.5))
    assert found.retargets[0].change_percent == pytest.approx((change - 1) * 100, abs=2.5)
    assert found.retargets[0].difficulty == pytest.approx(
        found.difficulty * (1 + found.retargets[0].change_percent / 100)
    )


def test_several_retargets_fit_into_a_week_when_blocks_come_fast() -> None:
    """Sixteen times too fast: the period ends within a day, the next, four times as hard, three and a half later."""
    rows = [ChainDay(BEGAN + timedelta(days=day), FIRST + 16 * 144 * day, 1.0) for day in range(81)]
    found = forecast_difficulty(rows)
    inside = [retarget for retarget in found.retargets if retarget.at <= found.points[-1].at]
    assert [(retarget.change_percent, retarget.difficulty) for retarget in inside] == [(300, 4), (300, 16)]
    assert inside[1].at - inside[0].at == pytest.approx(timedelta(days=3.5), abs=timedelta(minutes=5))
    assert values(found) == [4, 4, 4, 16, 16, 16, 16]
    assert jumps(found) == 0


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(0.3, 3.0), min_size=12, max_size=12), st.integers(61, 100))
def test_the_difficulty_changes_at_retargets_alone_and_lies_within_its_bounds(rates: list[float], length: int) -> None:
    found = forecast_difficulty(chain(length, lambda day: rates[day // 9 % 12]).days)
    assert jumps(found) == 0
    assert set(values(found)) <= {found.difficulty, *(retarget.difficulty for retarget in found.retargets)}
    for point in found.points:
        assert 0 < point.lower <= point.value <= point.upper
    before = [found.difficulty, *(retarget.difficulty for retarget in found.retargets)]
    for (old, new), retarget in zip(pairwise(before), found.retargets, strict=True):
        assert new / old == pytest.approx(1 + retarget.change_percent / 100)
        assert -75 <= retarget.change_percent <= 300


def test_the_value_lies_within_its_bounds_when_the_retarget_is_due_at_that_moment() -> None:
    """Of all paths on which a lower difficulty comes in time, the middle one is the slowest and so the lowest."""
    due, late = BEGAN, BEGAN + timedelta(hours=1)
    in_time = [(Retarget(due, -10, 0.9 + place / 10_000),) for place in range(200)]
    found = _point(1, due, 1.0, in_time[0], [*in_time, *[(Retarget(late, -11, 0.89),)] * 200])
    assert (found.lower, found.value, found.upper) == (0.9, 0.9, 1.0)
    found = _point(1, due, 0.8, in_time[199], [*in_time, *[(Retarget(late, -11, 0.89),)] * 200])
    assert (found.lower, found.value, found.upper) == (0.8, 0.9199, pytest.approx(0.9199))


def test_blocks_before_a_retarget_count_by_the_difficulty_they_had() -> None:
    """A steady hashrate, a difficulty four times as high since noon of day 65: 36 blocks a day are left of 144."""
    heights = [FIRST - 65 * 144 - 72 + 144 * day for day in range(66)]
    rows = [ChainDay(BEGAN + timedelta(days=day), height, 1.0) for day, height in enumerate(heights)]
    rows += [ChainDay(BEGAN + timedelta(days=66 + day), FIRST - 1 + 18 + 36 * day, 4.0) for day in range(3)]
    assert pace_of(rows).blocks_per_day == pytest.approx(36, rel=0.005)


def test_a_jump_between_retargets_would_be_counted() -> None:
    found = forecast_difficulty(chain(80, lambda day: 1.0).days)
    points = list(found.points)
    points[1] = replace(points[1], value=points[1].value * 1.01)
    assert jumps(replace(found, points=tuple(points))) == 1


def test_the_interval_has_no_width_until_a_retarget_can_come() -> None:
    early = forecast_difficulty(chain(71, lambda day: 1.0).days)  # a day into the period
    assert [(point.lower, point.upper) for point in early.points] == [(early.difficulty, early.difficulty)] * 7
    late, later = (forecast_difficulty(chain(length, lambda day: 1.0).days).points[6] for length in (78, 82))
    assert late.lower < late.value < late.upper
    assert later.upper - later.lower < (late.upper - late.lower) / 2  # most blocks are there already


def test_growth_is_carried_on_by_half() -> None:
    found = forecast_difficulty(chain(200, lambda day: math.exp(0.004 * day)).days)
    assert found.growth_per_day == pytest.approx(0.002, rel=0.05)
    short = forecast_difficulty(chain(61, lambda day: math.exp(0.004 * day)).days[-61:])
    assert short.growth_per_day == pytest.approx(0.002, rel=0.05)  # eight weeks are enough, seven are not
    assert pace_of(chain(55, lambda day: math.exp(0.004 * day)).days).growth_per_day == 0


def test_more_than_one_observation_a_day_gives_the_same_picture() -> None:
    daily = forecast_difficulty(chain(80, lambda day: 1 + day % 5 / 50).days)
    often = forecast_difficulty(chain(80, lambda day: 1 + day % 5 / 50, per_day=8).days)
    assert often.retargets[0].change_percent == pytest.approx(daily.retargets[0].change_percent, abs=0.3)
    assert often.retargets[0].at == pytest.approx(daily.retargets[0].at, abs=timedelta(hours=2))


def wandering(day: int) -> float:
    return 1 + 0.3 * math.sin(day / 11)


def test_heights_that_stay_behind_are_noticed() -> None:
    assert learned_trail(chain(420, wandering, per_day=8).days) == 0
    observed = chain(420, wandering, trail=60, per_day=8).days
    assert learned_trail(observed) == 60
    assert learned_trail(observed[-8 * 61 :]) == 0  # too few periods to tell


def test_heights_that_stay_behind_are_allowed_for() -> None:
    observed, errors = chain(440, wandering, trail=60, per_day=8).days, {0: 0.0, 60: 0.0}
    # At the end of a period: what is left to guess does not hide where the period began and ended.
    ends = [place for place in range(8 * 70, 8 * 420, 2) if observed[place - 1].height % 2016 > 2016 - 60]
    for seen in ends:
        came = next(row.difficulty for row in observed[seen:] if row.difficulty != observed[seen - 1].difficulty)
        for trail in errors:
            found = forecast_difficulty(observed[seen - 8 * 62 : seen], trail_blocks=trail)
            errors[trail] += abs(math.log(found.retargets[0].difficulty / came))
    assert len(ends) > 20
    assert errors[60] < 0.5 * errors[0]


def test_a_period_that_is_over_in_the_chain_but_not_in_the_heights() -> None:
    """The last block of the period is there: its span is known, whatever the pace has been since."""
    observed = chain(84, lambda day: 1.0 if day < 70 else 1.2, trail=140, per_day=8)
    rows = [day for day in observed.days if day.height < FIRST + 6 * 2016]
    assert rows[-1].height + 140 > FIRST + 6 * 2016
    true = next(factor for at, factor in observed.retargets if at > 75)
    late = [*rows, replace(rows[-1], at=rows[-1].at + timedelta(days=3), height=rows[-1].height + 1)]
    for seen in (rows, late):
        found = forecast_difficulty(seen, trail_blocks=140)
        assert found.retargets[0].change_percent == pytest.approx((true - 1) * 100, abs=0.1)


@given(st.integers(1, 6_000_000))
def test_the_factor_is_the_rule_of_the_chain(span: int) -> None:
    bits = 0x1701E605
    after = next_bits(bits, 1_700_000_000, 1_700_000_000 + span)
    assert change_factor(span) == pytest.approx(difficulty_float(after) / difficulty_float(bits), rel=4e-5)


def test_when_a_block_came_between_two_observations() -> None:
    rows = [
        ChainDay(BEGAN + timedelta(days=day), height, 1.0) for day, height in ((0, 100), (1, 200), (2, 200), (3, 400))
    ]
    assert [(crossing(rows, height) - BEGAN) / timedelta(days=1) for height in (150, 200, 201, 300, 400)] == [
        0.5, 1.0, pytest.approx(2.005), 2.5, 3.0,
    ]  # fmt: skip


def test_what_it_was_made_from_is_written_down() -> None:
    rows = chain(80, lambda day: 1.0).days
    found = forecast_difficulty(rows, trail_blocks=20)
    assert (found.observations, found.window_from, found.trail_blocks) == (81, BEGAN, 20)
    assert (found.issued_at, found.model_version) == (rows[-1].at, MODEL_VERSION)
    assert len(found.data_hash) == 64
    again = forecast_difficulty(rows, trail_blocks=20)
    assert again == found
    changed = forecast_difficulty([*rows[:5], replace(rows[5], height=rows[5].height + 1), *rows[6:]])
    assert changed.data_hash != found.data_hash


def test_what_cannot_be_forecast_is_refused() -> None:
    rows = chain(80, lambda day: 1.0).days
    with pytest.raises(ForecastRefused, match="needs observations of 60 days"):
        forecast_difficulty(rows[-59:])
    assert len(usable(rows[-60:])) == 60
    with pytest.raises(ForecastRefused, match="needs observations of 60 days"):
        forecast_difficulty([])
    with pytest.raises(ForecastRefused, match="must rise; they do not at observation 1"):
        forecast_difficulty([rows[1], rows[0], *rows[2:]])
    with pytest.raises(ForecastRefused, match="must rise; they do not at observation 80"):
        forecast_difficulty([*rows[:-1], replace(rows[-1], height=rows[-2].height - 1)])
    with pytest.raises(ForecastRefused, match="without a time zone"):
        forecast_difficulty([replace(row, at=row.at.replace(tzinfo=None)) for row in rows])
    for bad in (0.0, -1.0, math.nan, math.inf):
        with pytest.raises(ForecastRefused, match="a difficulty must be above zero"):
            forecast_difficulty([*rows[:-1], replace(rows[-1], difficulty=bad)])
    with pytest.raises(ForecastRefused, match="no block came"):
        pace_of([replace(row, height=FIRST) for row in rows])
    slow = [ChainDay(BEGAN + timedelta(days=day), FIRST + 5 + day, 1.0) for day in range(80)]
    with pytest.raises(ForecastRefused, match="do not reach back to the beginning"):
        forecast_difficulty(slow)


class TestRealDays:
    """Every ninth day of 2022 to 2025; the bench does each of them and compares with ARIMA."""

    pytestmark = needs_btc

    def test_the_error_of_a_week_is_a_third_of_no_change_s(self) -> None:
        rows = [
            ChainDay(datetime.combine(day.on + timedelta(days=1), time(), UTC), day.height, float(day.difficulty))
            for day in days()
        ]
        first = next(place for place, day in enumerate(days()) if day.on == date(2022, 1, 1))
        outcomes, wrong = [], 0
        for place in range(first, len(rows) - 7, 9):
            found = forecast_difficulty(rows[place - 199 : place + 1], trail_blocks=40)
            wrong += jumps(found)
            outcomes += [
                Outcome(p.horizon, p.value, p.lower, p.upper, p.naive, rows[place + p.horizon].difficulty)
                for p in found.points
            ]
        scores = score(outcomes, log=True)
        assert wrong == 0
        assert [one.forecasts for one in scores] == [162] * 7
        assert scores[6].mae / scores[6].naive_mae < 0.40
        assert all(one.coverage is not None and 0.88 < one.coverage < 0.99 for one in scores)
