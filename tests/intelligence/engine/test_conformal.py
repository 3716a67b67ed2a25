"""Calibration: the quantile by definition, only from what was known, and intervals that hold what they promise."""

import math
import random

import numpy as np
import pytest

from intelligence.engine.conformal import MOST_ERRORS, Calibration, calibrate, movements


def noise(length: int, seed: int = 7) -> list[float]:
    rng = random.Random(seed)
    return [rng.gauss(0, 1) for _ in range(length)]


@pytest.mark.parametrize("count", [19, 39, 40, 100, 730, 900])
def test_the_quantile_leaves_room_for_one_more(count: int) -> None:
    errors = noise(count)
    found = calibrate(errors, [1.0] * count, 1)
    last = np.abs(errors[-MOST_ERRORS:])
    rank = math.ceil((len(last) + 1) * 0.95 - 1e-9)
    assert found.quantile == np.sort(last)[rank - 1]
    assert found.errors == len(last)


def test_too_few_errors_say_nothing() -> None:
    assert calibrate(noise(18), [1.0] * 18, 1) == Calibration(None, 18, 0, None)
    assert calibrate([], [], 1) == Calibration(None, 0, 0, None)


def test_errors_are_scaled_by_the_movement_of_their_day() -> None:
    errors = noise(200)
    scales = [1.0 + place % 5 for place in range(200)]
    swollen = [error * scale for error, scale in zip(errors, scales, strict=True)]
    assert calibrate(swollen, scales, 1).quantile == pytest.approx(calibrate(errors, [1.0] * 200, 1).quantile)


def test_days_without_movement_do_not_make_a_number_up() -> None:
    assert calibrate([0.1] * 100, [0.0] * 100, 1).quantile is None
    assert calibrate([0.0] * 100, [1.0] * 100, 1).quantile == 0


@pytest.mark.parametrize("lag", [1, 7])
def test_past_intervals_are_judged_by_what_was_known_then(lag: int) -> None:
    # Errors of a wilder time, which are forgotten in the end.
    errors = [error * (4 if place < 150 else 1) for place, error in enumerate(noise(900))]
    found = calibrate(errors, [1.0] * 900, lag)
    held = intervals = 0
    for place in range(900):
        known = np.sort(np.abs(errors[max(0, place - lag + 1 - MOST_ERRORS) : max(0, place - lag + 1)]))
        if len(known) >= 19:
            intervals += 1
            held += abs(errors[place]) <= known[math.ceil((len(known) + 1) * 0.95 - 1e-9) - 1]
    assert (found.intervals, found.held) == (intervals, held / intervals)
    assert intervals == 900 - 19 - lag + 1
    assert held / intervals > 0.95


def test_movement_is_the_recent_size_of_changes() -> None:
    values = [0.0]
    for place in range(400):
        values.append(values[-1] + (0.01 if place < 200 else 0.03) * (-1) ** place)
    found = movements(values)
    assert len(found) == 401
    assert found[:201] == pytest.approx([0.01] * 201)
    assert 0.01 < found[210] < 0.03
    assert found[230] == pytest.approx(math.sqrt((0.01**2 + 0.03**2) / 2), rel=0.01)  # half of it after 30
    assert found[400] == pytest.approx(0.03, rel=0.01)
    assert movements(values[:300]) == found[:300]  # nothing of what came later
    assert (movements([1.0]), movements([1.0, 1.0, 1.0])) == ([0.0], [0.0, 0.0, 0.0])
