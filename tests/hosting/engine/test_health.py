"""How a machine is, by tables: what it looks like, and for how long it must."""

from typing import Any

import pytest

from hosting.engine.health import (
    DAY_S,
    FAULT,
    IDLE,
    MINING,
    PAUSED,
    STARTING,
    Health,
    Seen,
    Standing,
    expected_hashrate,
    judge,
    must_hold_s,
    step,
)

OK, DEGRADED, OFFLINE, STALE, LOST, UNKNOWN = Health
WELL: dict[str, Any] = {
    "active": True, "interval_s": 60.0, "heard_s": 30.0, "answered_s": 30.0, "around_s": 10.0, "state": MINING,
    "hashrate_ths": 200.0, "expected_ths": 200.0,
}  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, OK),
        ({"heard_s": None, "answered_s": None}, UNKNOWN),
        # Silence: 2.5 periods, 150 s at least.
        ({"answered_s": 150.0}, OK),
        ({"answered_s": 151.0}, OFFLINE),
        ({"answered_s": 700.0, "interval_s": 300.0, "heard_s": 200.0}, OK),
        ({"answered_s": 751.0, "interval_s": 300.0, "heard_s": 200.0}, OFFLINE),
        ({"answered_s": DAY_S + 1}, LOST),
        ({"answered_s": None}, OFFLINE),
        # Switched off on purpose: silence is expected, and no hashrate.
        ({"active": False, "answered_s": 4000.0}, UNKNOWN),
        ({"active": False, "answered_s": DAY_S * 3}, UNKNOWN),
        ({"active": False, "hashrate_ths": 0.0, "state": PAUSED}, OK),
        # Nobody looked, at the zone or at this one: no word about the machine.
        ({"heard_s": 151.0, "answered_s": 151.0, "around_s": 151.0}, STALE),
        ({"heard_s": 9e5, "answered_s": 9e5, "around_s": 9e5}, STALE),
        ({"heard_s": 151.0, "answered_s": 151.0, "around_s": 1.0}, STALE),
        ({"heard_s": DAY_S + 1, "answered_s": DAY_S + 1, "around_s": 1.0}, UNKNOWN),
        # What it does.
        ({"hashrate_ths": 170.0}, OK),
        ({"hashrate_ths": 169.9}, DEGRADED),
        ({"hashrate_ths": None}, OK),
        ({"expected_ths": None, "hashrate_ths": 1.0}, OK),
        ({"state": IDLE}, DEGRADED),
        ({"state": FAULT, "hashrate_ths": None}, DEGRADED),
        ({"state": PAUSED}, DEGRADED),
        ({"state": STARTING, "hashrate_ths": 3.0}, OK),
    ],
)
def test_what_a_machine_looks_like(changes: dict[str, Any], expected: Health) -> None:
    assert judge(Seen(**{**WELL, **changes}), OK) is expected


@pytest.mark.parametrize(("hashrate", "expected"), [(183.9, DEGRADED), (184.0, OK)])
def test_a_degraded_one_must_reach_more_than_it_may_lose(hashrate: float, expected: Health) -> None:
    assert judge(Seen(**{**WELL, "hashrate_ths": hashrate}), DEGRADED) is expected
    assert judge(Seen(**{**WELL, "hashrate_ths": hashrate}), OK) is OK


@pytest.mark.parametrize(
    ("before", "after", "interval", "seconds"),
    [
        (OK, DEGRADED, 60, 600),
        (OK, DEGRADED, 900, 1800),
        (DEGRADED, OK, 60, 300),
        (OFFLINE, OK, 60, 60),
        (LOST, OK, 300, 300),
        (OK, OFFLINE, 60, 0),
        (OFFLINE, LOST, 60, 0),
        (OK, STALE, 60, 0),
        (STALE, OK, 60, 0),
        (UNKNOWN, OK, 60, 0),
        (UNKNOWN, DEGRADED, 60, 0),
    ],
)
def test_how_long_it_must_hold(before: Health, after: Health, interval: float, seconds: float) -> None:
    assert must_hold_s(before, after, interval) == seconds


def test_a_dip_that_passes_changes_nothing_and_one_that_stays_does() -> None:
    low, well = Seen(**{**WELL, "hashrate_ths": 100.0}), Seen(**WELL)
    first = step(Standing(OK), low)
    assert first == Standing(OK, DEGRADED, 0.0)
    assert step(Standing(OK, DEGRADED, 599.0), low) == Standing(OK, DEGRADED, 599.0)
    assert step(Standing(OK, DEGRADED, 599.0), well) == Standing(OK)
    assert step(Standing(OK, DEGRADED, 600.0), low) == Standing(DEGRADED)
    # What waited for something else begins anew.
    assert step(Standing(OFFLINE, OK, 500.0), low) == Standing(OFFLINE, DEGRADED, 0.0)


@pytest.mark.parametrize(
    ("model", "watts", "limit", "expected"),
    [(200.0, 3500.0, None, 200.0), (200.0, 3500.0, 1750.0, 100.0), (200.0, 3500.0, 4000.0, 200.0),
     (None, 3500.0, 1000.0, None), (200.0, None, 1000.0, 200.0)],
)  # fmt: skip
def test_what_is_expected(
    model: float | None, watts: float | None, limit: float | None, expected: float | None
) -> None:
    assert expected_hashrate(model, watts, limit) == expected
