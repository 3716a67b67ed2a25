"""The schedule as the source document has it: a yes or no for each machine and hour, written in PuLP, solved by CBC.

Part of ``./dev bench optimise``, as the peer. It gets the same day: profit, the site's limit by hour, and with
``times`` the minimum hours on and off and the cost of a start as well.
"""

import time
import warnings
from dataclasses import dataclass
from typing import Any

from intelligence.engine.optimiser import Problem

OUT_OF_REACH = 1e9


@dataclass(frozen=True)
class Peer:
    """What CBC made of it, how long that took with the writing, and whether it was finished."""

    profit: float
    seconds: float
    finished: bool


def per_machine(problem: Problem, *, times: bool, seconds: float, gap: float) -> Peer:
    """A variable for each machine and step, two more with times."""
    import pulp

    began = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        programme = pulp.LpProblem("schedule", pulp.LpMaximize)
        solver = pulp.PULP_CBC_CMD(msg=False, threads=1, gapRel=gap, timeLimit=seconds)
        profit: list[Any] = []
        load: list[list[Any]] = [[] for _ in range(problem.steps)]
        for number, one in enumerate(alike for alike in problem.classes for _ in range(alike.count)):
            off, full = one.modes[0], one.modes[1]
            on = [programme.add_variable(f"on_{number}_{step}", cat="Binary") for step in range(problem.steps)]
            for step, yes in enumerate(on):
                kw = (full.power_w - off.power_w) / 1000
                earned = full.hashrate_ths * problem.revenue[step] - kw * problem.cost_per_kwh(step)
                profit.append(problem.hours * earned * yes)
                load[step].append(kw * yes)
            if times:
                _times(programme, one, number, on, profit)
        for step, parts in enumerate(load):
            if problem.limit_kw:
                programme += pulp.lpSum(parts) <= problem.limit_kw[step]
        programme += pulp.lpSum(profit)
        programme.solve(solver)
    finished = programme.sol_status == pulp.LpSolutionOptimal
    found = programme.sol_status in (pulp.LpSolutionOptimal, pulp.LpSolutionIntegerFeasible)
    value = pulp.value(programme.objective) if found else -OUT_OF_REACH
    return Peer(float(value), time.perf_counter() - began, finished)


def _times(programme: Any, one: Any, number: int, on: list[Any], profit: list[Any]) -> None:
    """All machines are on before the day, and free to stop."""
    import pulp

    steps = range(len(on))
    up, down = (
        [programme.add_variable(f"{name}_{number}_{step}", cat="Binary") for step in steps] for name in ("up", "down")
    )
    for step in steps:
        programme += on[step] - (on[step - 1] if step else 1) == up[step] - down[step]
        programme += pulp.lpSum(up[max(0, step + 1 - one.min_on) : step + 1]) <= on[step]
        programme += pulp.lpSum(down[max(0, step + 1 - one.min_off) : step + 1]) <= 1 - on[step]
        profit.append(-one.start_cost * up[step])
