"""The check finds every way in which a plan can break something, and trusts no count."""

import pytest

from intelligence.engine.optimiser import Commitment, DemandCharge, MachineClass, Zone
from intelligence.engine.optimiser.answer import Counts
from intelligence.engine.optimiser.check import review
from tests.intelligence.engine.days_of_machines import ECO, FULL, OFF, day

GOOD: Counts = (((0, 2, 2, 0), (4, 2, 2, 4)),)
LIMITS = {
    "ramp_up_kw": 6.0, "ramp_down_kw": 6.0, "limit_kw": (12.0,) * 4, "zones": (Zone("A", (12.0, 6.0, 12.0, 12.0)),),
    "commitments": (Commitment("reserve", (2,), at_most_kw=6.0),),
    "demand": DemandCharge(2.0, ((0, 1), (2, 3)), 7.0),
}  # fmt: skip


def four(**more: object) -> MachineClass:
    given: dict[str, object] = {"zone": "A", "protected": 1, "min_on": 2, "min_off": 2, "start_cost": 0.5, **more}
    return MachineClass("S19", 4, (OFF, FULL), **given)  # type: ignore[arg-type]


def test_a_good_plan_breaks_nothing_and_its_money_is_reckoned() -> None:
    found = review(day((0.05,) * 4, [four()], **LIMITS), GOOD)
    assert found.problems == ()
    assert found.load_w == (12000, 6000, 6000, 12000)
    money = found.money
    assert money is not None
    assert money.revenue == pytest.approx(12 * 100 * 0.003)
    assert money.energy == pytest.approx(36 * 0.05)
    assert money.demand == pytest.approx(2.0 * (9.0 - 7.0))
    assert money.switching == pytest.approx(2 * 0.5)
    assert money.profit == pytest.approx(3.6 - 1.8 - 4.0 - 1.0)


@pytest.mark.parametrize(
    ("counts", "more", "words"),
    [
        ((), {}, "other classes"),
        ((((0, 2, 2, 0),),), {}, "other modes or steps"),
        ((((0, 2, 2), (4, 2, 2)),), {}, "other modes or steps"),
        ((((0, 2, 2, 1), (4, 2, 2, 4)),), {}, "not all of its machines"),
        ((((0, -1, 2, 0), (4, 5, 2, 4)),), {}, "no whole number"),
        ((((0, 2.0, 2, 0), (4, 2, 2, 4)),), {}, "no whole number"),
        ((((0, 2, 4, 4), (4, 2, 0, 0)),), {}, "fewer machines stay on than are protected"),
        ((((0, 2, 0, 0), (4, 2, 4, 4)),), {"min_off": 2}, "before their minimum time off"),
        ((((0, 2, 2, 0), (4, 2, 2, 4)),), {"min_off": 3}, "before their minimum time off"),
        ((((2, 2, 2, 2), (2, 2, 2, 2)),), {"steps_in_state": 1}, "before their minimum time on"),
        (GOOD, {"start_mode": 0, "steps_in_state": 1, "protected": 0}, "before their minimum time off"),
        (GOOD, {"start_mode": 0}, "step 0: the load rises by 12.000 kW"),
        ((((0, 2, 2, 2), (4, 2, 2, 2)),), {}, ""),
    ],
)
def test_what_a_class_may_not_do_is_found(counts: Counts, more: dict[str, object], words: str) -> None:
    found = review(day((0.05,) * 4, [four(**more)], **LIMITS), counts).problems
    assert bool(found) == bool(words)
    assert words in "; ".join(found)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"ramp_up_kw": 5.999}, "step 3: the load rises by 6.000 kW"),
        ({"ramp_down_kw": 5.999}, "step 1: the load falls by 6.000 kW"),
        ({"limit_kw": (11.999,) * 4}, "the site: 12.000 kW are above 11.999 kW"),
        ({"zones": (Zone("A", (12.0, 5.9, 12.0, 12.0)),)}, "zone A: 6.000 kW are above 5.900 kW"),
        ({"commitments": (Commitment("reserve", (2,), at_most_kw=5.9),)}, "commitment reserve: 6.000 kW"),
        ({"commitments": (Commitment("by", (2,), below_kw=7.0, baseline_kw=(12.0,)),)}, "commitment by: 6.000 kW"),
    ],
)
def test_what_the_site_may_not_do_is_found(change: dict[str, object], words: str) -> None:
    found = review(day((0.05,) * 4, [four()], **{**LIMITS, **change}), GOOD).problems
    assert len(found) == 1
    assert words in found[0]


def test_the_oldest_stop_first_so_that_minimum_times_are_kept_where_they_can_be() -> None:
    """One starts at 1 and one at 2; at 3 one stops: the one that has been on since 1."""
    late = MachineClass("late", 2, (OFF, FULL), start_mode=0, min_on=2)
    assert review(day((0.05,) * 4, [late]), (((2, 1, 0, 1), (0, 1, 2, 1)),)).problems == ()
    assert review(day((0.05,) * 4, [late]), (((2, 1, 0, 2), (0, 1, 2, 0)),)).problems != ()


def test_a_protected_machine_keeps_its_mode() -> None:
    one = MachineClass("eco", 2, (OFF, FULL, ECO), protected=1, start_mode=2)
    assert review(day((0.05,), [one]), (((0,), (1,), (1,)),)).problems == ()
    assert review(day((0.05,), [one]), (((0,), (2,), (0,)),)).problems != ()
