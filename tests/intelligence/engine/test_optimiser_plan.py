"""What a plan says about itself: money, prices and reasons that recompute; and what is refused."""

import math
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, date, timedelta
from pathlib import Path

import numpy
import pytest

from intelligence.engine.optimiser import (
    Answer,
    Commitment,
    DemandCharge,
    Infeasible,
    MachineClass,
    PriceMissing,
    Problem,
    ProblemRefused,
    SafeState,
    Settings,
    Status,
    Zone,
    local_day,
    optimise,
)
from intelligence.engine.optimiser.bound import Prices, bound
from intelligence.engine.optimiser.fleet import fleet_of
from tests.intelligence.engine.days_of_machines import ECO, FULL, OFF, day

HERE = Settings(isolated=False)
EVENING = (0.05, 0.06, 0.14, 0.14, 0.07, 0.04)  # a break-even of 0.10 at full power, 0.12 in eco mode


def s19(count: int = 10, **more: object) -> MachineClass:
    return MachineClass("S19", count, (OFF, FULL), **more)  # type: ignore[arg-type]


def off_counts(answer: Answer) -> tuple[int, ...]:
    return answer.counts[0][0]


def coupled() -> Problem:
    """Every kind of limit, and each of them felt."""
    eco = MachineClass("eco", 40, (OFF, FULL, ECO), zone="A", min_on=2, min_off=2, start_cost=0.01)
    price = (0.05, 0.06, 0.20, 0.22, 0.07, 0.04, 0.05, 0.09)
    return day(
        price, [s19(50, protected=3, min_off=2, start_cost=0.02), eco], ramp_up_kw=90.0, ramp_down_kw=120.0,
        zones=(Zone("A", (110.0,) * 8),), commitments=(Commitment("reserve", (3,), below_kw=150, baseline_kw=(240,)),),
        limit_kw=(250.0,) * 8, demand=DemandCharge(0.05, tuple((step,) for step in range(8)), 200.0),
    )  # fmt: skip


def test_without_coupling_the_plan_is_the_strike_price_exactly() -> None:
    answer = optimise(day(EVENING, [s19()]), HERE)
    assert off_counts(answer) == (0, 0, 10, 10, 0, 0)
    assert answer.status == Status.OPTIMAL
    assert answer.gap == 0.0
    assert answer.money is not None
    assert answer.strike is not None
    assert answer.strike.money == answer.money
    by_hand = sum(10 * 3 * max(0.0, 0.10 - price) for price in EVENING)
    assert answer.money.profit == pytest.approx(by_hand, rel=1e-12)


def test_a_reason_names_price_and_break_even() -> None:
    answer = optimise(day(EVENING, [s19()]), HERE)
    (reason,) = answer.reasons
    assert (reason.class_name, reason.mode, reason.machines, reason.kind) == ("S19", "off", 10, "energy")
    assert (reason.since.hour, reason.until.hour) == (2, 4)
    assert reason.price == pytest.approx(0.14)
    assert reason.break_even == pytest.approx(0.10)


def test_a_throttled_mode_is_worth_its_own_break_even() -> None:
    """20 W/TH less efficient at the margin: from 0.06 on the last third does not pay, from 0.12 on nothing does."""
    answer = optimise(day((0.05, 0.07, 0.11, 0.13), [MachineClass("S19", 10, (OFF, FULL, ECO))]), HERE)
    off, full, eco = answer.counts[0]
    assert (full, eco, off) == ((10, 0, 0, 0), (0, 10, 10, 0), (0, 0, 0, 10))
    reasons = {reason.mode: reason for reason in answer.reasons}
    assert reasons["eco"].break_even == pytest.approx(0.003 * 20 / 1.0)
    assert reasons["eco"].price == pytest.approx((0.07 + 0.11) / 2)
    assert reasons["off"].break_even == pytest.approx(0.12)


def test_every_reason_recomputes() -> None:
    problem = coupled()
    answer = optimise(problem, HERE)
    assert {reason.kind for reason in answer.reasons} >= {"energy", "protected"}
    for reason in answer.reasons:
        one = next(place for place, found in enumerate(problem.classes) if found.name == reason.class_name)
        mode = next(place for place, found in enumerate(problem.classes[one].modes) if found.name == reason.mode)
        steps = [step for step, at in enumerate(problem.starts) if reason.since <= at < reason.until]
        assert all(answer.counts[one][mode][step] == reason.machines for step in steps)
        assert reason.price == pytest.approx(sum(problem.cost_per_kwh(step) for step in steps) / len(steps))
        if reason.kind == "energy":
            assert all(problem.cost_per_kwh(step) > reason.break_even for step in steps)
        elif reason.kind in {"limit", "commitment", "zone", "ramp", "peak"}:
            assert reason.shadow_price > 0


def test_the_bound_recomputes_from_the_shadow_prices() -> None:
    problem = coupled()
    answer = optimise(problem, HERE)
    fleet, shadow = fleet_of(problem), answer.shadow
    assert shadow is not None
    cap = numpy.array(shadow.limit) + sum(numpy.array(values) for _, values in shadow.commitments)
    zones = numpy.array([values for _, values in shadow.zones])
    for spread in (0.0, 0.9):  # the peak's price may lie on any interval; only where it belongs it proves this much
        peak = numpy.full(8, shadow.peak * spread / 8)
        prices = Prices(cap, zones, numpy.array(shadow.ramp_up), numpy.array(shadow.ramp_down), peak)
        assert answer.bound is not None
        assert bound(fleet, prices.sane(fleet)) >= answer.bound - 1e-9
    load = numpy.array(shadow.load)
    net = numpy.array(shadow.ramp_up) - numpy.array(shadow.ramp_down)
    of_peak = load - cap - net + numpy.append(net[1:], 0)
    prices = Prices(cap, zones, numpy.array(shadow.ramp_up), numpy.array(shadow.ramp_down), of_peak)
    assert answer.relaxation == pytest.approx(bound(fleet, prices.sane(fleet)), rel=1e-12)
    assert shadow.peak == pytest.approx(of_peak.sum())


def test_a_shadow_price_is_what_one_more_kw_brings() -> None:
    """10 kW more of the limit at 0.04, where a kWh earns 0.06 net, bring 0.6 in that hour."""
    price, limit = (0.04, 0.04, 0.20), [24.0, 30.0, 30.0]
    before = optimise(day(price, [s19()], limit_kw=tuple(limit)), HERE)
    after = optimise(day(price, [s19()], limit_kw=(27.0, 30.0, 30.0)), HERE)
    assert before.shadow is not None
    assert before.money is not None
    assert after.money is not None
    assert before.shadow.limit == pytest.approx((0.06, 0.0, 0.0))
    assert after.money.profit - before.money.profit == pytest.approx(3 * 0.06)
    (reason, _) = before.reasons
    assert (reason.kind, reason.machines) == ("limit", 2)


def test_the_months_peak_is_sunk() -> None:
    intervals = tuple((step,) for step in range(3))
    cheap = (0.09,) * 3
    paid = optimise(day(cheap, [s19()], demand=DemandCharge(1.0, intervals, 30.0)), HERE)
    fresh = optimise(day(cheap, [s19()], demand=DemandCharge(1.0, intervals, 12.0)), HERE)
    assert off_counts(paid) == (0, 0, 0)
    assert paid.money is not None
    assert paid.money.demand == 0.0
    assert off_counts(fresh) == (6, 6, 6)
    assert {reason.kind for reason in fresh.reasons} == {"peak"}


def test_the_same_input_gives_the_same_plan_byte_for_byte() -> None:
    script = (
        "from tests.intelligence.engine.test_optimiser_plan import *\n"
        "import sys\n"
        "answer = replace(optimise(coupled(), Settings(isolated=sys.argv[1] == 'apart')), seconds=0)\n"
        "print(repr(answer))"
    )
    said = {
        subprocess.run(
            [sys.executable, "-c", script, where], capture_output=True, text=True, check=True,
            cwd=Path(__file__).parents[3],
        ).stdout
        for where in ("here", "here", "apart")
    }  # fmt: skip
    assert len(said) == 1


def test_local_days_have_23_to_25_hours() -> None:
    for on, hours in ((date(2025, 3, 30), 23), (date(2025, 5, 1), 24), (date(2025, 10, 26), 25)):
        for minutes in (15, 30, 60):
            starts = local_day(on, "Europe/London", minutes)
            assert len(starts) == hours * 60 // minutes
            problem = Problem(starts, minutes, (0.05,) * len(starts), (0.003,) * len(starts), (s19(),))
            answer = optimise(problem, HERE)
            assert answer.money is not None
            assert answer.money.energy == pytest.approx(hours * 30 * 0.05)


@pytest.mark.parametrize("hole", [None, math.nan, math.inf])
def test_a_missing_price_is_refused(hole: float | None) -> None:
    with pytest.raises(PriceMissing, match="1 steps have no price, the first at 2025-03-12T01:00"):
        day((0.05, hole, 0.05), [s19()])


@pytest.mark.parametrize(
    ("state", "off"), [(SafeState.HOLD, (4, 4, 4)), (SafeState.RUN, (0, 0, 0)), (SafeState.CURTAIL, (4, 6, 8))]
)
def test_with_a_safe_state_a_missing_price_is_answered_and_labelled(state: SafeState, off: tuple[int, ...]) -> None:
    stopped = MachineClass("stopped", 4, (OFF, FULL), start_mode=0)
    running = s19(10, protected=1)
    problem = day(
        (0.05, math.nan, 0.05), [running, stopped], safe_state=state, ramp_down_kw=6.0 if state == "curtail" else None
    )
    answer = optimise(problem, HERE)
    assert answer.status == Status.SAFE_STATE
    assert answer.money is None
    assert f"safe state “{state}”" in answer.note
    assert tuple(sum(rows[0][step] for rows in answer.counts) for step in range(3)) == off


def test_each_class_has_its_own_safe_state_for_its_own_time() -> None:
    hole = (0.05, 0.05, None, None, None, 0.05)
    classes = [
        replace(s19(3), name="curtailed", safe_state=SafeState.CURTAIL, safe_steps=2),
        replace(s19(5), name="run", safe_state=SafeState.RUN, start_mode=0),
        replace(s19(7), name="held", safe_state=SafeState.HOLD, safe_steps=3, start_mode=0),
    ]
    answer = optimise(day(hole, classes, safe_state=SafeState.RUN), HERE)
    assert [rows[0] for rows in answer.counts] == [(0, 0, 3, 3, 0, 0), (0,) * 6, (7, 7, 7, 7, 7, 0)]
    assert answer.note == "3 steps have no price; safe state “hold”, “run”, “curtail”"


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"commitments": (Commitment("reserve", (1,), at_most_kw=5.0),)},
         "commitment reserve at 2025-03-12 01:00 UTC allows 5.000 kW, but 6.000 kW must run"),
        ({"limit_kw": (5.0, 9.0, 9.0)}, "the site's limit at 2025-03-12 00:00 UTC allows 5.000 kW"),
        ({"zones": (Zone("A", (3.0,) * 3),)}, "zone A at 2025-03-12 00:00 UTC allows 3.000 kW, but 6.000 kW must run"),
        ({"commitments": (Commitment("reserve", (0,), at_most_kw=9.0),), "ramp_down_kw": 9.0},
         "from 30.000 kW the ramp reaches 21.000 kW by then"),
        ({"commitments": (Commitment("reserve", (1,), below_kw=20.0, baseline_kw=(30.0,)),), "ramp_down_kw": 4.0},
         "commitment reserve at 2025-03-12 01:00 UTC allows 10.000 kW, but from 30.000 kW the ramp reaches 22.000 kW"),
    ],
)  # fmt: skip
def test_what_cannot_be_kept_is_named(more: dict[str, object], words: str) -> None:
    zone = "A" if "zones" in more else ""
    with pytest.raises(Infeasible) as refused:
        optimise(day((0.05,) * 3, [s19(10, protected=2, zone=zone)], **more), HERE)
    assert words in str(refused.value)


def test_what_only_together_cannot_be_kept_is_named() -> None:
    """Who must stop for the first commitment may not be back for the minimum load that the ramp down needs."""
    commitments = (Commitment("early", (1,), at_most_kw=0.0), Commitment("late", (2,), at_most_kw=30.0))
    fresh = MachineClass("fresh", 2, (OFF, FULL), start_mode=0, min_on=3)
    problem = day((0.05,) * 3, [s19(10), fresh], ramp_down_kw=16.0, commitments=commitments)
    answer = optimise(problem, HERE)
    assert answer.load_kw[0] <= 16.0
    with pytest.raises(Infeasible, match="whole"):  # 30 kW to at most 13: only 4.33 machines less at a time
        optimise(
            day((0.05,) * 3, [s19(10)], ramp_down_kw=8.5, commitments=(Commitment("x", (1,), at_most_kw=13.0),)), HERE
        )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"step_minutes": 20}, "15, 30 or 60 minutes"),
        ({"starts": ()}, "no steps"),
        ({"revenue": (0.1,)}, "the revenue has 1 steps"),
        ({"revenue": (0.1, math.nan, 0.1)}, "the revenue must be a number"),
        ({"limit_kw": (1.0, 1.0)}, "the site's limit has 2 steps"),
        ({"ramp_up_kw": -1.0}, "the ramp up"),
        ({"classes": ()}, "there must be classes"),
        ({"classes": (s19(), s19())}, "a name of its own"),
        ({"classes": (s19(-1),)}, "machines must be a whole number"),
        ({"classes": (s19(2, protected=3),)}, "3 machines are protected, there are 2"),
        ({"classes": (s19(2, zone="B"),)}, "in zone B, which has no limit"),
        ({"classes": (MachineClass("x", 1, (FULL, FULL)),)}, "the first mode is off"),
        ({"classes": (s19(2, start_cost=math.inf),)}, "the cost of a start"),
        ({"commitments": (Commitment("x", (1,)),)}, "either at most"),
        ({"commitments": (Commitment("x", (9,), at_most_kw=1.0),)}, "places of the day"),
        ({"demand": DemandCharge(-1.0, ((0,),))}, "the demand charge"),
    ],
)
def test_nonsense_is_refused(change: dict[str, object], words: str) -> None:
    problem = day((0.05,) * 3, [s19()])
    with pytest.raises(ProblemRefused, match=words):
        replace(problem, **change)  # type: ignore[arg-type]


def test_a_hole_in_the_steps_is_refused() -> None:
    problem = day((0.05,) * 3, [s19()])
    with pytest.raises(ProblemRefused, match="a hole or a fold after 2025-03-12T00:00"):
        replace(problem, starts=(problem.starts[0], problem.starts[1] + timedelta(hours=1), problem.starts[2]))
    with pytest.raises(ProblemRefused, match="UTC"):
        replace(problem, starts=tuple(at.replace(tzinfo=None) for at in problem.starts))
    assert problem.starts[0].tzinfo == UTC


def test_a_strike_price_that_can_be_done_is_found_behind_many_that_cannot() -> None:
    """Prices up and down every step: to the letter each strike breaks the least times; carried out, one keeps them."""
    price = tuple(0.03 + 0.0013 * step if step % 2 else 0.2 + 0.001 * step for step in range(48))
    machines = [replace(s19(5), name=str(n), min_on=4, min_off=4, start_cost=0.05) for n in range(3)]
    answer = optimise(day(price, machines, minutes=30, demand=DemandCharge(0.01, tuple((n,) for n in range(48)))), HERE)
    assert answer.strike is not None
    assert answer.strike.problems == ()
    assert answer.money is not None
    assert answer.strike.money.profit <= answer.money.profit
