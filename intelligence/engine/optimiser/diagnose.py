"""Why no plan keeps everything, in words: what must run anyway against what it may draw, and what ramps can reach."""

from datetime import datetime

import numpy as np

from intelligence.engine.optimiser.fleet import Fleet
from intelligence.engine.optimiser.highs import OPTIMAL, Solver, Terms
from intelligence.engine.optimiser.matrix import model_of
from intelligence.engine.optimiser.problem import Problem

HAIR_KW = 1e-6
MOST_NAMED = 6


def certain_problems(fleet: Fleet) -> list[str]:
    """What cannot be kept whatever is planned, without a solver."""
    problem = fleet.problem
    held = (fleet.on_before > 0) & (fleet.min_on > fleet.age)
    least_kw = np.full(fleet.classes, np.inf)
    np.minimum.at(least_kw, fleet.of_class, fleet.kw)
    steps = np.arange(fleet.steps)
    running = (held[:, None] & (steps < (fleet.min_on - fleet.age)[:, None])) * (fleet.on_before * least_kw)[:, None]
    running = np.maximum(running, fleet.held * (fleet.free * least_kw)[:, None])
    must = running.sum(axis=0) + fleet.rest_kw
    found = []
    for at in np.flatnonzero(must > fleet.cap_kw + HAIR_KW)[:MOST_NAMED].tolist():
        found.append(
            f"{whose_cap(problem, at)} at {_clock(problem.starts[at])} allows {fleet.cap_kw[at]:.3f} kW, but"
            f" {must[at]:.3f} kW must run: protected and held machines, standby, and who was switched on too lately"
            " to stop"
        )
    for place, zone in enumerate(problem.zones):
        inside = running[fleet.zone == place].sum(axis=0)
        for at in np.flatnonzero(inside > fleet.zone_cap_kw[place] + HAIR_KW)[:1].tolist():
            settled = zone.limit_kw[at] - fleet.zone_cap_kw[place, at] + inside[at]
            found.append(
                f"zone {zone.name} at {_clock(problem.starts[at])} allows {zone.limit_kw[at]:.3f} kW, but"
                f" {settled:.3f} kW must run there"
            )
    if not found and problem.ramp_down_kw is not None:
        reached = fleet.before_kw - problem.ramp_down_kw * (steps + 1)
        for at in np.flatnonzero(reached > fleet.cap_kw + HAIR_KW)[:1].tolist():
            found.append(
                f"{whose_cap(problem, at)} at {_clock(problem.starts[at])} allows {fleet.cap_kw[at]:.3f} kW, but from"
                f" {fleet.before_kw:.3f} kW the ramp reaches {reached[at]:.3f} kW by then"
            )
    return found


def whose_cap(problem: Problem, at: int) -> str:
    """The name of the tightest limit of a step."""
    best, name = (problem.limit_kw[at], "the site's limit") if problem.limit_kw else (np.inf, "no limit")
    for one in problem.commitments:
        if at in one.steps and one.cap_kw(one.steps.index(at)) < best:
            best, name = one.cap_kw(one.steps.index(at)), f"commitment {one.name}"
    return name


def uncertain_problems(fleet: Fleet, solver: Solver, seconds: float) -> list[str]:
    """What remains exceeded when as little as possible is; empty where the solver cannot say."""
    problem = fleet.problem
    model, layout = model_of(fleet, elastic=True)
    solved = solver.solve(model, Terms(seconds))
    if solved.status != OPTIMAL:
        return []
    site, zones, up, down = (solved.values[part] for part in layout.slack)
    found = [
        f"{whose_cap(problem, at)} at {_clock(problem.starts[at])} is {site[at]:.3f} kW less than can be reached"
        for at in np.flatnonzero(site > HAIR_KW).tolist()
    ]
    for place, zone in enumerate(problem.zones):
        for at in np.flatnonzero(zones[place] > HAIR_KW).tolist():
            lack = f"{zones[place, at]:.3f} kW less than can be reached"
            found.append(f"the limit of zone {zone.name} at {_clock(problem.starts[at])} is {lack}")
    for name, slack in (("rises", up), ("falls", down)):
        for at in np.flatnonzero(slack > HAIR_KW).tolist():
            found.append(f"the load {name} by {slack[at]:.3f} kW more than the ramp at {_clock(problem.starts[at])}")
    return found[:MOST_NAMED]


def _clock(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M UTC")
