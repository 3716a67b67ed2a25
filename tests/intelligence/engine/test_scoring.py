"""Score cards, worked out by hand."""

import math

import pytest

from intelligence.engine.scoring import NO_SKILL, SKILL, UNKNOWN, Outcome, score


def outcomes(count: int, value: float = 110.0, naive: float = 120.0, horizon: int = 1) -> list[Outcome]:
    """``count`` forecasts of something that came out as 100."""
    return [Outcome(horizon, value, 90.0, 105.0, naive, 100.0)] * count


def test_errors_skill_and_coverage_of_each_horizon() -> None:
    mixed = [
        Outcome(1, 110, 90, 120, 105, 100), Outcome(1, 95, 80, 99, 105, 100), Outcome(7, 100, 100, 100, 100, 100),
    ]  # fmt: skip
    one, seven = score(mixed)
    assert (one.horizon, one.forecasts, one.mae, one.naive_mae, one.coverage) == (1, 2, 7.5, 5.0, 0.5)
    assert one.rmse == pytest.approx(math.sqrt((100 + 25) / 2))
    assert one.skill == -0.5
    assert (seven.horizon, seven.mae, seven.skill, seven.coverage) == (7, 0, None, 1.0)  # bounds themselves hold
    assert score([]) == []


def test_errors_of_logarithms_know_no_unit() -> None:
    (one,) = score(outcomes(3), log=True)
    assert (one.mae, one.naive_mae) == (pytest.approx(math.log(1.1)), pytest.approx(math.log(1.2)))
    assert one.rmse == pytest.approx(math.log(1.1))


def test_the_label_says_whether_it_was_worth_it() -> None:
    assert score(outcomes(29))[0].label == UNKNOWN
    assert score(outcomes(30))[0].label == SKILL
    assert score(outcomes(30, value=120.0))[0].label == NO_SKILL  # as good as no change is no skill
    assert score(outcomes(30, value=121.0))[0].label == NO_SKILL
    assert score(outcomes(30, naive=100.0))[0].label == NO_SKILL
