"""Whether a figure breaks a rule."""

import pytest

from hosting.engine.alert_rules import Watched, breaks, reject_percent


@pytest.mark.parametrize(
    ("kind", "value", "threshold", "already", "expected"),
    [
        (Watched.HASHRATE, 80.0, 80.0, False, False),
        (Watched.HASHRATE, 79.9, 80.0, False, True),
        (Watched.HASHRATE, 82.3, 80.0, True, True),
        (Watched.HASHRATE, 82.5, 80.0, True, False),
        (Watched.HASHRATE, None, 80.0, True, False),
        (Watched.CHIP, 90.0, 90.0, False, False),
        (Watched.CHIP, 90.1, 90.0, False, True),
        (Watched.CHIP, 88.0, 90.0, True, True),
        (Watched.CHIP, 87.0, 90.0, True, False),
        (Watched.FAN, 0.0, 500.0, False, True),
        (Watched.RESTARTS, 3.0, 2.0, False, True),
    ],
)
def test_a_rule_breaks_beyond_its_threshold_and_ends_with_a_margin(
    kind: Watched, value: float | None, threshold: float, already: bool, expected: bool
) -> None:
    assert breaks(kind, value, threshold, already=already) is expected


@pytest.mark.parametrize(
    ("accepted", "rejected", "expected"), [(95, 5, 5.0), (0, 0, None), (None, 5, None), (0, 3, 100.0)]
)
def test_rejects_are_a_share_of_all_shares(accepted: float | None, rejected: float | None, expected: object) -> None:
    assert reject_percent(accepted, rejected) == expected
