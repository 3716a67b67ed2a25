"""The same day written a second time, in PuLP, row by row as one would on paper: slow to write, easy to read.

It shares nothing with the arrays that plans come from, and the tests hold one against the other. For small days only.
"""

from dataclasses import dataclass
from typing import Any

from intelligence.engine.optimiser.check import start_load
from intelligence.engine.optimiser.problem import MachineClass, Problem


@dataclass(frozen=True, slots=True)
class Sheet:
    """The programme while it is written; ``on`` has the free machines of a class by mode and step."""

    programme: Any
    problem: Problem
    whole: bool


def reference_profit(problem: Problem, *, whole: bool = True, seconds: float = 60.0) -> float | None:
    """The highest profit, of whole machines or of the linear relaxation; None where no plan keeps everything."""
    import pulp  # noqa: PLC0415  (slow import)

    programme = pulp.LpProblem("day", pulp.LpMaximize)
    sheet = Sheet(programme, problem, whole)
    profit: list[Any] = []
    load: list[Any] = [[] for _ in range(problem.steps)]
    zones: dict[str, list[Any]] = {zone.name: [[] for _ in range(problem.steps)] for zone in problem.zones}
    for number, one in enumerate(problem.classes):
        rows = _class(sheet, number, one, profit)
        for step in range(problem.steps):
            drawn = pulp.lpSum(mode.power_w / 1000 * row[step] for mode, row in zip(one.modes, rows, strict=True))
            load[step].append(drawn)
            profit.append(-problem.hours * problem.cost_per_kwh(step) * drawn)
            if one.zone:
                zones[one.zone][step].append(drawn)
    site = [pulp.lpSum(parts) for parts in load]
    _limits(sheet, site, {name: [pulp.lpSum(parts) for parts in rows] for name, rows in zones.items()})
    if problem.demand is not None:
        peak = programme.add_variable("peak", problem.demand.sunk_kw)
        for interval in problem.demand.intervals:
            programme += peak * len(interval) >= pulp.lpSum(site[step] for step in interval)
        profit.append(-problem.demand.per_kw * (peak - problem.demand.sunk_kw))
    programme += pulp.lpSum(profit)
    programme.solve(pulp.HiGHS(msg=False, threads=1, gapRel=0.0, timeLimit=seconds))
    return float(pulp.value(programme.objective)) if pulp.LpStatus[programme.status] == "Optimal" else None


def _class(sheet: Sheet, number: int, one: MachineClass, profit: list[Any]) -> list[list[Any]]:
    """Machines by mode and step, protected ones included; their revenue and starts go into the profit."""
    programme, steps, free = sheet.programme, range(sheet.problem.steps), one.count - one.protected
    kind = "Integer" if sheet.whole else "Continuous"
    rows = [
        [programme.add_variable(f"n_{number}_{mode}_{step}", 0, free, cat=kind) for step in steps]
        for mode in range(len(one.modes))
    ]
    starts, stops = (
        [programme.add_variable(f"{name}_{number}_{step}", 0, free) for step in steps] for name in ("up", "down")
    )
    for step in steps:
        programme += sum(row[step] for row in rows) == free
        before = free - rows[0][step - 1] if step else (free if one.start_mode else 0)
        programme += free - rows[0][step] == before + starts[step] - stops[step]
        held_on = one.start_mode > 0 and step < one.min_on - one.steps_in_state
        held_off = one.start_mode == 0 and step < one.min_off - one.steps_in_state
        programme += free - rows[0][step] >= sum(starts[max(0, step + 1 - one.min_on) : step + 1])
        programme += rows[0][step] >= sum(stops[max(0, step + 1 - one.min_off) : step + 1])
        if held_on or held_off:
            programme += rows[0][step] == (0 if held_on else free)
        if step in one.held:
            programme += rows[0][step] == 0
        profit.append(-one.start_cost * starts[step])
    kept = [[row[step] + (one.protected if mode == one.protected_mode else 0) for step in steps]
            for mode, row in enumerate(rows)]  # fmt: skip
    for mode, row in zip(one.modes, kept, strict=True):
        profit += [sheet.problem.hours * sheet.problem.revenue[step] * mode.hashrate_ths * row[step] for step in steps]
    if one.start_mode == 0:
        profit.append(-one.start_cost * one.protected)
    return kept


def _limits(sheet: Sheet, site: list[Any], zones: dict[str, list[Any]]) -> None:
    programme, problem = sheet.programme, sheet.problem
    before: Any = start_load(problem) / 1000
    for step, load in enumerate(site):
        if problem.limit_kw:
            programme += load <= problem.limit_kw[step]
        if problem.ramp_up_kw is not None:
            programme += load - before <= problem.ramp_up_kw
        if problem.ramp_down_kw is not None:
            programme += before - load <= problem.ramp_down_kw
        before = load
    for one in problem.commitments:
        for place, step in enumerate(one.steps):
            programme += site[step] <= one.cap_kw(place)
    for zone in problem.zones:
        for step, load in enumerate(zones[zone.name]):
            programme += load <= zone.limit_kw[step]
