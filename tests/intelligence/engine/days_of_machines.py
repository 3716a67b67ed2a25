"""Small days for tests of the optimiser, and the truth about them: every plan tried, machine by machine."""

import itertools
import random
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from intelligence.engine.optimiser import Commitment, DemandCharge, MachineClass, Mode, Problem, Zone

BEGAN = datetime(2025, 3, 12, tzinfo=UTC)
OFF, FULL, ECO = Mode("off", 0, 0.0), Mode("full", 3000, 100.0), Mode("eco", 2000, 80.0)


def starts(steps: int, minutes: int = 60) -> tuple[datetime, ...]:
    return tuple(BEGAN + timedelta(minutes=minutes) * step for step in range(steps))


def day(price: Any, classes: Any, *, revenue: float = 0.003, minutes: int = 60, **more: Any) -> Problem:
    """Revenue of 0.003 per TH/s and hour makes a break-even of 0.10 for a machine of 30 J/TH."""
    count = len(price)
    return Problem(starts(count, minutes), minutes, tuple(price), (revenue,) * count, tuple(classes), **more)


def some_day(rng: random.Random) -> Problem:
    """Small enough to try everything: at most four machines in two classes, at most five steps."""
    steps = rng.choice((3, 4, 4, 5))
    classes, machines = [], rng.choice((1, 2, 2, 3))
    for place, count in enumerate(rng.choice(([machines], [1, machines]))):
        full = Mode("full", rng.randint(1000, 4000), rng.uniform(40, 160))
        eco = Mode("eco", int(full.power_w * 0.7), full.hashrate_ths * rng.uniform(0.72, 0.85))
        off = Mode("off", rng.choice((0, 0, 50)), 0.0)
        classes.append(
            MachineClass(
                f"class {place}", count, (off, full, eco) if rng.random() < 0.4 else (off, full),
                protected=rng.choice((0, 0, 0, 1)), zone=rng.choice(("", "A")), start_mode=rng.choice((0, 1, 1)),
                steps_in_state=rng.choice((1, 1, 2, 9)), min_on=rng.choice((1, 2, 3)), min_off=rng.choice((1, 2, 3)),
                start_cost=rng.choice((0.0, 0.0, rng.uniform(0, 0.3))),
            )
        )  # fmt: skip
    total = sum(one.count * one.modes[1].power_w for one in classes) / 1000
    more: dict[str, Any] = {"zones": (Zone("A", (rng.choice((total, total * 0.6)),) * steps),)}
    if rng.random() < 0.5:
        more["ramp_up_kw"] = total * rng.uniform(0.3, 1)
    if rng.random() < 0.5:
        more["ramp_down_kw"] = total * rng.uniform(0.3, 1)
    if rng.random() < 0.5:
        intervals = tuple((step,) for step in range(steps)) if rng.random() < 0.6 else ((0, 1), (2,))
        more["demand"] = DemandCharge(rng.uniform(0.01, 0.3), intervals, rng.choice((0.0, total * 0.5, total)))
    if rng.random() < 0.4:
        step = rng.randrange(steps)
        more["commitments"] = (
            Commitment("reduce", (step,), below_kw=total * rng.uniform(0.2, 0.7), baseline_kw=(total,))
            if rng.random() < 0.5 else Commitment("cap", (step,), at_most_kw=total * rng.uniform(0.3, 0.8)),
        )  # fmt: skip
    if rng.random() < 0.3:
        more["limit_kw"] = (total * rng.uniform(0.5, 1.2),) * steps
    dice = random.Random(rng.random())
    classes = [
        replace(one, held=tuple(sorted(dice.sample(range(steps), dice.choice((1, 2)))))) if dice.random() < 0.3 else one
        for one in classes
    ]
    price = [rng.choice((rng.uniform(-0.1, 0.3), rng.uniform(0.05, 0.12))) for _ in range(steps)]
    adders = tuple(rng.uniform(0, 0.02) for _ in range(steps)) if rng.random() < 0.3 else ()
    minutes = rng.choice((15, 30, 60))
    return day(price, classes, revenue=rng.uniform(0.001, 0.005), minutes=minutes, adders=adders, **more)


@dataclass(frozen=True)
class _Machine:
    load_w: tuple[int, ...]
    money: float


def _paths(problem: Problem, one: MachineClass, protected: bool) -> dict[tuple[int, ...], _Machine]:
    """Every way a single machine may run the day: modes by step, with its load and what it earns."""
    found = {}
    for path in itertools.product(range(len(one.modes)), repeat=problem.steps):
        state, since, cost, fine = one.start_mode > 0, -one.steps_in_state, 0.0, True
        for step, mode in enumerate(path):
            if protected and mode != (one.start_mode or 1):
                fine = False
            if step in one.held and not mode:
                fine = False
            if (mode > 0) != state:
                fine &= step - since >= (one.min_on if state else one.min_off)
                cost += 0 if state else one.start_cost
                state, since = mode > 0, step
        if fine:
            load = tuple(one.modes[mode].power_w for mode in path)
            hours = problem.step_minutes / 60
            money = -cost
            for step, mode in enumerate(path):
                kw = one.modes[mode].power_w / 1000
                money += hours * (
                    one.modes[mode].hashrate_ths * problem.revenue[step] - kw * problem.cost_per_kwh(step)
                )
            found[path] = _Machine(load, money)
    return found


def ways(problem: Problem) -> int:
    """How many plans there are to try, before any limit."""
    found = 1
    for one in problem.classes:
        for number in range(one.count):
            found *= max(1, len(_paths(problem, one, number < one.protected)))
    return found


def best_of_all(problem: Problem) -> float | None:
    """The highest profit of any plan, each machine by itself; None where no plan keeps everything."""
    steps, before = problem.steps, 0
    # Load of the site, load of each zone: the best money for it, over all ways of the machines so far.
    reached: dict[tuple[tuple[int, ...], ...], float] = {((0,) * steps,) * (1 + len(problem.zones)): 0.0}
    for one in problem.classes:
        before += one.count * one.modes[one.start_mode].power_w
        for number in range(one.count):
            paths = _paths(problem, one, number < one.protected).values()
            after: dict[tuple[tuple[int, ...], ...], float] = {}
            for loads, money in reached.items():
                for way in paths:
                    both = tuple(
                        tuple(a + b for a, b in zip(load, way.load_w, strict=True)) if name in ("", one.zone) else load
                        for name, load in zip(("", *(zone.name for zone in problem.zones)), loads, strict=True)
                    )
                    after[both] = max(after.get(both, -1e300), money + way.money)
            reached = after
    worth = [money - _demand(problem, loads[0]) for loads, money in reached.items() if _kept(problem, loads, before)]
    return max(worth, default=None)


def _demand(problem: Problem, load: tuple[int, ...]) -> float:
    if problem.demand is None:
        return 0.0
    means = [sum(load[step] for step in steps) / len(steps) / 1000 for steps in problem.demand.intervals]
    return problem.demand.per_kw * max(0.0, max(means) - problem.demand.sunk_kw)


def _kept(problem: Problem, loads: tuple[tuple[int, ...], ...], before: int) -> bool:
    site, zones = loads[0], loads[1:]
    for step, load in enumerate(site):
        change = (load - (site[step - 1] if step else before)) / 1000
        if problem.ramp_up_kw is not None and change > problem.ramp_up_kw + 1e-9:
            return False
        if problem.ramp_down_kw is not None and -change > problem.ramp_down_kw + 1e-9:
            return False
        if problem.limit_kw and load / 1000 > problem.limit_kw[step] + 1e-9:
            return False
        for one in problem.commitments:
            if step in one.steps:
                most = one.at_most_kw
                if most is None:
                    most = one.baseline_kw[one.steps.index(step)] - (one.below_kw or 0)
                if load / 1000 > most + 1e-9:
                    return False
        if any(row[step] / 1000 > zone.limit_kw[step] + 1e-9 for row, zone in zip(zones, problem.zones, strict=True)):
            return False
    return True
