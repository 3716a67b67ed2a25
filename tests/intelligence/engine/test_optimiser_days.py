"""Days of real prices in Great Britain, Texas and Germany: never below a strike price, equal to it without coupling.

The ordinary run takes a sample of the days, ``--nightly`` all of them.
"""

import os
from collections import Counter
from collections.abc import Iterator
from datetime import date

import pytest

from intelligence.engine.optimiser import (
    DemandCharge,
    MachineClass,
    Mode,
    PriceMissing,
    Problem,
    SafeState,
    Settings,
    Status,
    optimise,
)
from intelligence.engine.optimiser.bound import spread
from intelligence.engine.optimiser.check import review
from intelligence.engine.optimiser.fleet import fleet_of
from tests.intelligence.engine.real_prices import FILES, day_of, local_days, needs_prices, whole_days

pytestmark = needs_prices
NIGHTLY = os.environ.get("HASHINSIGHT_NIGHTLY") == "1"
SAMPLE = 10
REVENUE = 0.055 / 24  # per TH/s and hour
SETTINGS = Settings(isolated=False, seconds=60 if NIGHTLY else 20)
FLEET = (("S21", 500, 17.5, 200), ("S19 XP", 700, 21.5, 140), ("S19j", 900, 29.5, 104), ("M30", 400, 38, 88))


def days(market: str) -> list[date]:
    found = list(whole_days(market))
    return found if NIGHTLY else found[:: max(1, len(found) // SAMPLE)]


def problem(market: str, on: date, *, coupled: bool, safe_state: SafeState | None = None) -> Problem:
    starts, price = day_of(market, on)
    minutes = FILES[market][2]
    hour = 60 // minutes
    classes = []
    for name, count, j_per_th, ths in FLEET:
        watts = round(j_per_th * ths)
        modes = (Mode("off", 15, 0.0), Mode("full", watts, float(ths)), Mode("eco", round(watts * 0.68), ths * 0.76))
        classes.append(
            MachineClass(name, count, modes, protected=20, min_on=2 * hour, min_off=hour, start_cost=0.05)
            if coupled else MachineClass(name, count, modes)
        )  # fmt: skip
    full = sum(one.count * one.modes[1].power_w for one in classes) / 1000
    revenue = (REVENUE,) * len(starts)
    if not coupled:
        return Problem(starts, minutes, price, revenue, tuple(classes), safe_state=safe_state)
    return Problem(
        starts, minutes, price, revenue, tuple(classes), ramp_up_kw=full * 0.25 * minutes / 30,
        ramp_down_kw=full * 0.4 * minutes / 30, safe_state=safe_state,
        demand=DemandCharge(0.4, tuple((step,) for step in range(len(starts))), full * 0.8),
    )  # fmt: skip


def strikes_by_hand(found: Problem) -> Iterator[float]:
    """Profits of the plain strike prices that keep everything: a price for the site, and each class's break-even."""
    fleet = fleet_of(found)
    cost = [found.cost_per_kwh(step) for step in range(found.steps)]
    worth = fleet.on_off(fleet.value * 0)
    for strike in sorted({*cost, float("inf")}):
        for by_class in (True, False):
            on = fleet.free[:, None] * ([price <= strike for price in cost] & ((worth > 0) | (not by_class)))
            checked = review(found, fleet.counts(spread(fleet, on, fleet.value)))
            if not checked.problems:
                assert checked.money is not None
                yield checked.money.profit


@pytest.mark.parametrize("market", FILES)
def test_without_coupling_a_real_day_is_the_strike_price(market: str) -> None:
    for on in days(market):
        found = problem(market, on, coupled=False)
        answer = optimise(found, SETTINGS)
        by_hand = 0.0
        for step in range(found.steps):
            cost = found.cost_per_kwh(step)
            for one in found.classes:
                earned = [mode.hashrate_ths * REVENUE - mode.power_w / 1000 * cost for mode in one.modes]
                by_hand += one.count * found.hours * max(earned)
        assert answer.money is not None
        assert answer.strike is not None
        assert answer.money.profit == pytest.approx(by_hand, rel=1e-12, abs=1e-9)
        assert answer.money.profit == pytest.approx(answer.strike.money.profit, rel=1e-12, abs=1e-9)
        assert answer.status == Status.OPTIMAL


@pytest.mark.parametrize("market", FILES)
def test_with_coupling_a_real_day_is_never_below_a_strike_price(market: str) -> None:
    seen: Counter[str] = Counter()
    for on in days(market):
        found = problem(market, on, coupled=True)
        answer = optimise(found, SETTINGS)
        assert answer.status != Status.FALLBACK, on
        assert answer.gap is not None
        assert answer.gap <= 0.001, on
        seen["above gap"] += answer.status == Status.ABOVE_GAP  # 2,500 machines: whole ones may need more time
        assert answer.money is not None
        assert answer.strike is not None
        assert answer.bound is not None
        assert answer.money.profit >= answer.strike.money.profit
        assert answer.bound >= answer.money.profit
        assert max(strikes_by_hand(found), default=-1e9) <= answer.money.profit + 1e-9, on
        assert review(found, answer.counts).problems == ()
        seen["better"] += answer.money.profit > answer.strike.money.profit + 0.01
    assert seen["better"] >= 3
    assert seen["above gap"] <= len(days(market)) // 100


def test_a_day_that_earns_next_to_nothing_takes_the_time_or_says_it_was_over() -> None:
    """1,019 pounds on a turnover of 5,385: a hundredth of a per cent are ten pence, two starts of a machine.

    Whole machines lie further below the relaxation than that, so only branch and bound can prove it: some ten seconds.
    """
    found = problem("GB", date(2021, 12, 14), coupled=True)
    hasty = optimise(found, Settings(isolated=False, seconds=1.5))
    assert hasty.money is not None
    assert hasty.strike is not None
    assert hasty.gap is not None
    assert hasty.status == Status.ABOVE_GAP
    assert hasty.gap <= 0.0005
    assert hasty.money.profit > max(hasty.strike.money.profit, 1018.5)
    if NIGHTLY:
        patient = optimise(found, SETTINGS)
        assert patient.status == Status.WITHIN_GAP


def test_days_of_46_and_50_half_hours_have_a_plan() -> None:
    for on, steps in (
        (date(2020, 3, 29), 46),
        (date(2021, 3, 28), 46),
        (date(2019, 10, 27), 50),
        (date(2020, 10, 25), 50),
    ):
        found = problem("GB", on, coupled=True)
        assert found.steps == steps
        assert optimise(found, SETTINGS).status in (Status.OPTIMAL, Status.WITHIN_GAP)


def test_a_hole_in_a_real_series_is_refused_or_answered_by_the_safe_state() -> None:
    """The Texan file lacks the repeated hour of the night in which the clocks go back."""
    on = date(2024, 11, 3)
    assert on in local_days("ERCOT")
    with pytest.raises(PriceMissing, match=r"4 steps have no price, the first at 2024-11-03T07:00"):
        problem("ERCOT", on, coupled=True)
    answer = optimise(problem("ERCOT", on, coupled=True, safe_state=SafeState.CURTAIL), SETTINGS)
    assert answer.status == Status.SAFE_STATE
    assert answer.load_kw[-1] < answer.load_kw[0]
