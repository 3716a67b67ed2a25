"""The plan is the best there is: every plan of small days tried, larger days written a second time in PuLP."""

import os
import random
from collections import Counter
from dataclasses import fields, replace
from functools import cache

import numpy
import pytest

from intelligence.engine.optimiser import Commitment, Infeasible, Problem, Settings, Status, optimise
from intelligence.engine.optimiser.bound import Prices, bound
from intelligence.engine.optimiser.check import review
from intelligence.engine.optimiser.fleet import fleet_of
from intelligence.engine.optimiser.highs import InProcess, Terms
from intelligence.engine.optimiser.matrix import model_of
from intelligence.engine.optimiser.problem import independent
from intelligence.engine.optimiser.reference import reference_profit
from tests.intelligence.engine.days_of_machines import best_of_all, some_day, ways

NIGHTLY = os.environ.get("HASHINSIGHT_NIGHTLY") == "1"
DAYS = 3000 if NIGHTLY else 400
MOST_WAYS = 200_000 if NIGHTLY else 6_000
EXACT = Settings(gap=0, isolated=False)


@cache
def small_days() -> list[Problem]:
    found: list[Problem] = []
    seed = 0
    while len(found) < DAYS:
        seed += 1
        try:
            problem = some_day(random.Random(seed))
        except Infeasible:
            continue
        if ways(problem) <= MOST_WAYS:
            found.append(problem)
    return found


def test_the_plan_is_the_best_of_all_plans() -> None:
    seen: Counter[str] = Counter()
    for problem in small_days():
        truth = best_of_all(problem)
        if truth is None:
            with pytest.raises(Infeasible):
                optimise(problem, EXACT)
            seen["none"] += 1
            continue
        answer = optimise(problem, EXACT)
        assert answer.money is not None
        assert answer.status == Status.OPTIMAL
        assert answer.money.profit == pytest.approx(truth, abs=1e-7)
        assert answer.relaxation is not None
        assert answer.relaxation >= truth - 1e-7
        assert review(problem, answer.counts).problems == ()
        for name in ("ramp_up_kw", "ramp_down_kw", "demand", "commitments", "limit_kw"):
            seen[name] += bool(getattr(problem, name))
        seen["modes"] += any(len(one.modes) > 2 for one in problem.classes)
        seen["times"] += any(one.min_on > 1 and one.min_off > 1 for one in problem.classes)
        seen["held"] += any(one.held for one in problem.classes)
        seen["branched"] += answer.relaxation > truth + 1e-6
    # Every kind of coupling was there often enough to be believed.
    assert (
        min(
            seen[name] for name in ("none", "ramp_up_kw", "demand", "commitments", "modes", "times", "branched", "held")
        )
        > 15
    )


def test_no_prices_of_load_prove_too_little() -> None:
    """The bound holds for any prices, also for foolish ones."""
    for problem in small_days()[:80]:
        truth = best_of_all(problem)
        if truth is None:
            continue
        fleet, rng = fleet_of(problem), numpy.random.default_rng(1)
        for size in (0.01, 1.0):
            shapes = {one.name: getattr(Prices.none(fleet), one.name).shape for one in fields(Prices)}
            prices = Prices(**{name: rng.uniform(-size, size, shape) for name, shape in shapes.items()})
            assert bound(fleet, prices.sane(fleet)) >= truth - 1e-9
            alone = replace(Prices.none(fleet), peak=abs(prices.peak))  # more than the peak costs
            assert bound(fleet, alone.sane(fleet)) >= truth - 1e-9


def middle_day(seed: int) -> Problem:
    """A few hundred machines: too many to try everything."""
    rng = random.Random(seed)
    while True:
        try:
            small = some_day(rng)
            classes = tuple(replace(one, count=one.count * 60, protected=one.protected * 7) for one in small.classes)
            zones = tuple(replace(one, limit_kw=tuple(kw * 60 for kw in one.limit_kw)) for one in small.zones)
            demand = small.demand and replace(small.demand, sunk_kw=small.demand.sunk_kw * 60)
            return replace(
                small, classes=classes, zones=zones, demand=demand, commitments=(), limit_kw=(),
                ramp_up_kw=small.ramp_up_kw and small.ramp_up_kw * 60,
                ramp_down_kw=small.ramp_down_kw and small.ramp_down_kw * 60,
            )  # fmt: skip
        except Infeasible:
            continue


def test_arrays_and_the_reference_say_the_same() -> None:
    planned = 0
    for seed in range(20):
        problem = middle_day(seed)
        truth = reference_profit(problem)
        relaxed = reference_profit(problem, whole=False)
        if truth is None or relaxed is None:
            with pytest.raises(Infeasible):
                optimise(problem, EXACT)
            continue
        answer = optimise(problem, EXACT)
        planned += 1
        assert answer.money is not None
        assert answer.money.profit == pytest.approx(truth, rel=1e-9, abs=1e-6)
        fleet = fleet_of(problem)
        model, _ = model_of(fleet)
        solved = InProcess().solve(model, Terms(10))
        constant = problem.demand.per_kw * problem.demand.sunk_kw if problem.demand else 0.0
        assert fleet.rest_profit - solved.bound + constant == pytest.approx(relaxed, rel=1e-9, abs=1e-6)
        assert answer.relaxation is not None
        assert answer.relaxation == pytest.approx(relaxed, rel=1e-7, abs=1e-6)
    assert planned >= 10


def test_steps_that_nothing_couples_are_branched_one_by_one() -> None:
    for seed in range(12):
        problem = middle_day(seed)
        rng = random.Random(seed)
        full = sum(one.count * one.modes[1].power_w for one in problem.classes) / 1000
        free = tuple(replace(one, min_on=1, min_off=1, start_cost=0.0, protected=0) for one in problem.classes)
        late = problem.steps - 1
        problem = replace(
            problem, classes=free, ramp_up_kw=None, ramp_down_kw=None, demand=None,
            limit_kw=tuple(full * rng.uniform(0.1, 1) for _ in problem.starts),
            commitments=(Commitment("late", (late, 0), below_kw=full / 3, baseline_kw=(full * 0.9, full)),),
        )  # fmt: skip
        assert independent(problem)
        truth = reference_profit(problem)
        if truth is None:  # machines are held above the limit
            with pytest.raises(Infeasible, match="held machines"):
                optimise(problem, EXACT)
            continue
        answer = optimise(problem, EXACT)
        assert answer.money is not None
        assert answer.status == Status.OPTIMAL
        assert answer.money.profit == pytest.approx(truth, rel=1e-9, abs=1e-6)


def test_within_the_gap_is_good_enough() -> None:
    for seed in range(20):
        problem = middle_day(seed)
        try:
            answer = optimise(problem, Settings(gap=0.01, isolated=False))
        except Infeasible:
            continue
        assert answer.money is not None
        assert answer.bound is not None
        assert answer.gap is not None
        assert answer.gap <= 0.01
        assert answer.gap == pytest.approx(
            max(0.0, answer.bound - answer.money.profit) / max(abs(answer.bound), 1), abs=1e-9
        )
