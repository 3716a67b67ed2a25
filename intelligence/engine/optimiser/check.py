"""A plan reckoned anew from its counts alone: its money, and everything it breaks. Knows nothing of any solver.

Load is reckoned in whole watts, so that a limit is kept or not, without tolerance. Machines of a class are alike, so it
is enough to know how many start and stop: whoever has run longest stops first.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import fsum

from intelligence.engine.optimiser.answer import Counts, Money
from intelligence.engine.optimiser.problem import OFF, MachineClass, Problem

# Watts: limits are floats in kW, and what was meant as a whole watt must not fail by the last binary digit.
HAIR_W = 1e-6


@dataclass(frozen=True, slots=True)
class Review:
    """The money of a plan (None where a price is missing), its load in watts, and what it breaks, in words."""

    money: Money | None
    load_w: tuple[int, ...]
    problems: tuple[str, ...]


def review(problem: Problem, counts: Counts) -> Review:
    """Reckon and check; the first few problems of each kind are named."""
    shape = _shape(problem, counts)
    if shape:
        return Review(None, (), tuple(shape))
    load = site_load(problem, counts, "")
    problems = [words for one, rows in zip(problem.classes, counts, strict=True) for words in _class(one, rows)]
    problems += _limits(problem, counts, load)
    problems += _ramps(problem, load)
    return Review(None if problem.missing else _money(problem, counts, load), load, tuple(problems))


def site_load(problem: Problem, counts: Counts, zone: str) -> tuple[int, ...]:
    """Watts by step, of the whole site or of a zone."""
    load = [0] * problem.steps
    for one, rows in zip(problem.classes, counts, strict=True):
        if zone in ("", one.zone):
            for mode, row in zip(one.modes, rows, strict=True):
                if mode.power_w:
                    load = [have + mode.power_w * machines for have, machines in zip(load, row, strict=True)]
    return tuple(load)


def start_load(problem: Problem) -> int:
    """Watts before the first step."""
    return sum(one.count * one.modes[one.start_mode].power_w for one in problem.classes)


def started(one: MachineClass, rows: Sequence[Sequence[int]]) -> list[int]:
    """How many machines of a class go on in each step."""
    return [max(0, now - before) for before, now in _on(one, rows)]


def _shape(problem: Problem, counts: Counts) -> list[str]:
    if len(counts) != len(problem.classes):
        return ["the plan has other classes"]
    found = []
    for one, rows in zip(problem.classes, counts, strict=True):
        if len(rows) != len(one.modes) or any(len(row) != problem.steps for row in rows):
            found.append(f"class {one.name}: the plan has other modes or steps")
        elif any(type(value) is not int or value < 0 for row in rows for value in row):
            found.append(f"class {one.name}: a count is no whole number of machines")
        elif any(sum(column) != one.count for column in zip(*rows, strict=True)):
            found.append(f"class {one.name}: the counts of a step are not all of its machines")
    return found


def _on(one: MachineClass, rows: Sequence[Sequence[int]]) -> list[tuple[int, int]]:
    """How many are on before and in each step."""
    on = [one.count - off for off in rows[OFF]]
    return list(zip([one.count if one.start_mode else 0, *on], on, strict=False))


def _class(one: MachineClass, rows: Sequence[Sequence[int]]) -> list[str]:
    """Protected and held machines, and minimum times."""
    if one.protected and min(rows[one.protected_mode]) < one.protected:
        return [f"class {one.name}: fewer machines stay on than are protected"]
    for step in one.held:
        if rows[OFF][step]:
            return [f"class {one.name}, step {step}: machines are off that are held"]
    if one.min_on == one.min_off == 1:
        return []
    # Since when each group of machines is on or off, the oldest first: (step, machines).
    on: list[list[int]] = []
    off: list[list[int]] = []
    free = one.count - one.protected
    (on if one.start_mode else off).append([-one.steps_in_state, free])
    kept = one.protected if one.start_mode else 0
    for step, (before, now) in enumerate(_on(one, rows)):
        now, before = now - one.protected, max(before - kept, 0)
        kept = one.protected
        if now < before and not _moved(on, off, before - now, step, one.min_on):
            return [f"class {one.name}, step {step}: machines stop before their minimum time on"]
        if now > before and not _moved(off, on, now - before, step, one.min_off):
            return [f"class {one.name}, step {step}: machines start before their minimum time off"]
    return []


def _moved(source: list[list[int]], target: list[list[int]], machines: int, step: int, least: int) -> bool:
    """Move the oldest ones over; False where one of them may not go yet."""
    target.append([step, machines])
    while machines:
        since, there = source[0]
        if step - since < least:
            return False
        taken = min(there, machines)
        machines -= taken
        source[0][1] -= taken
        if not source[0][1]:
            source.pop(0)
    return True


def _limits(problem: Problem, counts: Counts, load: Sequence[int]) -> list[str]:
    found = _above("the site", load, problem.limit_kw)
    for zone in problem.zones:
        found += _above(f"zone {zone.name}", site_load(problem, counts, zone.name), zone.limit_kw)
    for one in problem.commitments:
        caps = [one.cap_kw(place) for place in range(len(one.steps))]
        found += _above(f"commitment {one.name}", [load[step] for step in one.steps], caps)
    return found


def _above(name: str, load: Sequence[int], limit_kw: Sequence[float]) -> list[str]:
    for watts, limit in zip(load, limit_kw, strict=False):
        if watts > limit * 1000 + HAIR_W:
            return [f"{name}: {watts / 1000:.3f} kW are above {limit:.3f} kW"]
    return []


def _ramps(problem: Problem, load: Sequence[int]) -> list[str]:
    before = start_load(problem)
    for step, now in enumerate(load):
        if problem.ramp_up_kw is not None and now - before > problem.ramp_up_kw * 1000 + HAIR_W:
            return [f"step {step}: the load rises by {(now - before) / 1000:.3f} kW, more than the ramp"]
        if problem.ramp_down_kw is not None and before - now > problem.ramp_down_kw * 1000 + HAIR_W:
            return [f"step {step}: the load falls by {(before - now) / 1000:.3f} kW, more than the ramp"]
        before = now
    return []


def peak_kw(problem: Problem, load_w: Sequence[int]) -> float:
    """The highest mean over an interval of the charge, at least the one that is sunk."""
    if problem.demand is None:
        return 0.0
    means = [sum(load_w[step] for step in interval) / (1000 * len(interval)) for interval in problem.demand.intervals]
    return max([problem.demand.sunk_kw, *means])


def _money(problem: Problem, counts: Counts, load_w: Sequence[int]) -> Money:
    hashrate = [0.0] * problem.steps
    switching = 0.0
    for one, rows in zip(problem.classes, counts, strict=True):
        for mode, row in zip(one.modes[1:], rows[1:], strict=True):
            hashrate = [have + mode.hashrate_ths * machines for have, machines in zip(hashrate, row, strict=True)]
        if one.start_cost:
            switching += one.start_cost * sum(started(one, rows))
    revenue = fsum(value * ths for value, ths in zip(problem.revenue, hashrate, strict=True)) * problem.hours
    energy = fsum(problem.cost_per_kwh(step) * watts for step, watts in enumerate(load_w)) * problem.hours / 1000
    demand = 0.0
    if problem.demand is not None:
        demand = problem.demand.per_kw * (peak_kw(problem, load_w) - problem.demand.sunk_kw)
    return Money(fsum((revenue, -energy, -demand, -switching)), revenue, energy, demand, switching)
