"""Running by a strike price, and always running: what a plan is compared with, and what remains when the solver fails.

By a strike price a class runs, in the mode worth most, while energy costs neither more than its break-even nor more
than the strike. Where something couples the steps, the rule is carried out as an operator would: step by step, within
ramps, minimum times and limits.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from intelligence.engine.optimiser.answer import Counts, Rival
from intelligence.engine.optimiser.bound import spread, values_alone
from intelligence.engine.optimiser.check import Review, review
from intelligence.engine.optimiser.fleet import Array, Fleet
from intelligence.engine.optimiser.problem import FULL, OFF, MachineClass, Problem, SafeState
from intelligence.engine.optimiser.walk import Aim, Walk

SHARES = (1.0, 0.9, 0.75)  # of the steps that are cheaper than a strike which is tried
TOP = 20  # of the plain ones are reviewed in full, the most profitable first
NEARLY_KW = 1e-6
SAME = 1e-9  # share by which two profits may differ and are one
NO_PRICE = 1e-9
DEAR = 1e3  # what a kW of machines that are to run is worth where nobody knows a price


def always_on(fleet: Fleet) -> Rival:
    """All machines at full power in every step, whatever that breaks."""
    by_option = np.where(fleet.mode == FULL, fleet.free[fleet.of_class], 0)[:, None].repeat(fleet.steps, axis=1)
    found = review(fleet.problem, fleet.counts(by_option))
    assert found.money is not None, found.problems
    return Rival("always on", found.money, found.problems)


def best_strike(fleet: Fleet, bound: float) -> tuple[Counts, Review, float | None] | None:
    """The most profitable strike price whose plan keeps everything; None where none can be carried out.

    Where nothing couples the steps that is each class's break-even, which then reaches the ``bound``.
    """
    cost = np.array([fleet.problem.cost_per_kwh(step) for step in range(fleet.steps)])
    strike, wanted = next(_wanted(fleet, cost))
    if quick_profit(fleet, wanted) >= bound - SAME * max(abs(bound), 1.0):
        counts = fleet.counts(wanted)
        checked = review(fleet.problem, counts)
        if not checked.problems:
            return counts, checked, strike
    found = [
        (quick_profit(fleet, plan), plan, strike)
        for strike, wanted in _wanted(fleet, cost)
        for plan in carried_out(fleet, wanted)
    ]
    found += _plain(fleet, cost, max((one[0] for one in found), default=-np.inf))
    found.sort(key=lambda one: -one[0])  # stable, so equals stay in their order
    for _, plan, strike in found:  # what was carried out is never crowded out by what looks better and cannot be done
        counts = fleet.counts(plan)
        checked = review(fleet.problem, counts)
        if not checked.problems:
            return counts, checked, strike
    return None


def _plain(fleet: Fleet, cost: Array, above: float) -> list[tuple[float, Array, float | None]]:
    """Every strike there can be, carried out to the letter, if it earns more than that and keeps the limits of load.

    Whether a class runs below its own break-even only, or whatever it earns, makes two rules of each strike.
    """
    pays = fleet.on_off(np.zeros((len(fleet.kw), fleet.steps))) > 0
    everyone = np.broadcast_to(fleet.free[:, None], pays.shape)
    held = spread(fleet, everyone * fleet.held, fleet.value)
    least, least_load = (fleet.value * held).sum(axis=0), fleet.kw @ held
    found: list[tuple[float, Array, float | None]] = []
    for on in (pays | fleet.held, np.ones_like(pays)):
        plan = spread(fleet, everyone * on, fleet.value)
        worth, load = (fleet.value * plan).sum(axis=0), fleet.kw @ plan
        for strike in np.unique(cost).tolist():
            below = cost <= strike
            # before starts and the demand charge
            most = float(worth[below].sum() + least[~below].sum()) + fleet.rest_profit
            if most > above and _fits(fleet, np.where(below, load, least_load) + fleet.rest_kw):
                chosen = np.where(below, plan, held)
                found.append((quick_profit(fleet, chosen), chosen, strike))
    return sorted((one for one in found if one[0] > above), key=lambda one: -one[0])[:TOP]


def _fits(fleet: Fleet, load: Array) -> bool:
    """Whether a load keeps the limits of the site and the ramps, or nearly; the check says it for sure."""
    change = np.diff(load, prepend=fleet.before_kw)
    up, down = fleet.problem.ramp_up_kw, fleet.problem.ramp_down_kw
    return bool(
        (load <= fleet.cap_kw + NEARLY_KW).all()
        and (up is None or change.max() <= up + NEARLY_KW)
        and (down is None or -change.min() <= down + NEARLY_KW)
    )


def _wanted(fleet: Fleet, cost: Array) -> Iterator[tuple[float | None, Array]]:
    """Strikes with the plan each asks for; last, no strike at all: everything runs."""
    pays = fleet.on_off(np.zeros((len(fleet.kw), fleet.steps))) > 0
    everyone = np.broadcast_to(fleet.free[:, None], pays.shape)
    for strike in dict.fromkeys(np.quantile(cost, share, method="lower") for share in SHARES):
        yield float(strike), spread(fleet, everyone * ((pays & (cost <= strike)) | fleet.held), fleet.value)
    full = np.where(fleet.mode == FULL, fleet.free[fleet.of_class], 0)[:, None]
    yield None, np.broadcast_to(full, fleet.value.shape)


def carried_out(fleet: Fleet, wanted: Array) -> Iterator[Array]:
    """What comes of a plan step by step, or nothing; with a demand charge also what comes of it below the sunk peak."""
    caps = [_reachable(fleet, fleet.cap_kw)]
    if fleet.problem.demand is not None and fleet.problem.demand.per_kw:
        caps.append(_reachable(fleet, _below_peak(fleet)))
    for cap in caps:
        plan = _walk(fleet, wanted, cap)
        longest = int(fleet.min_on.max())
        if plan is None and longest > 1:  # who starts may be needed off again before it may stop
            ahead = [cap[at : at + longest].min() for at in range(fleet.steps)]
            plan = _walk(fleet, wanted, np.array(ahead))
        if plan is not None:
            yield plan


def _walk(fleet: Fleet, wanted: Array, cap: Array) -> Array | None:
    none = np.zeros(fleet.steps)
    values = values_alone(fleet, none, np.zeros_like(fleet.zone_cap_kw))
    on = np.zeros((fleet.classes, fleet.steps), dtype=np.int64)
    np.add.at(on, fleet.of_class, wanted)
    load = fleet.kw @ wanted + fleet.rest_kw
    walk = Walk(fleet, values, np.zeros(fleet.value.shape), Aim(load, none + NO_PRICE, cap, none + np.inf), fine=False)
    for at in range(fleet.steps):
        starts, stops, before = walk.before(at)
        change = on[:, at] - before
        if not walk.step(at, starts + np.maximum(change, 0), stops + np.maximum(-change, 0), wanted[:, at]):
            return None
    return walk.by_option


def _reachable(fleet: Fleet, cap: Array) -> Array:
    """The caps, lowered where one that follows could not be reached down the ramp."""
    down = fleet.problem.ramp_down_kw
    found = cap.copy()
    if down is not None:
        for at in range(fleet.steps - 2, -1, -1):
            found[at] = min(found[at], found[at + 1] + down)
    return found


def _below_peak(fleet: Fleet) -> Array:
    demand = fleet.problem.demand
    cap = fleet.cap_kw.copy()
    if demand is not None:
        places = sorted({step for interval in demand.intervals for step in interval})
        cap[places] = np.minimum(cap[places], max(demand.sunk_kw, fleet.rest_kw))
    return cap


def quick_profit(fleet: Fleet, by_option: Array) -> float:
    """The profit of a plan, to put plans in order; the check reckons it anew."""
    on = np.zeros((fleet.classes, fleet.steps))
    np.add.at(on, fleet.of_class, by_option)
    starts = np.maximum(np.diff(on, axis=1, prepend=fleet.on_before[:, None]), 0).sum(axis=1)
    profit = float((fleet.value * by_option).sum() - fleet.start_cost @ starts) + fleet.rest_profit
    demand = fleet.problem.demand
    if demand is not None:
        load = fleet.kw @ by_option + fleet.rest_kw
        means = [load[list(interval)].mean() for interval in demand.intervals]
        profit -= demand.per_kw * (max([demand.sunk_kw, *means]) - demand.sunk_kw)
    return profit


def safe_states(problem: Problem) -> tuple[SafeState, ...]:
    """The ones its classes are in, in the order of the words."""
    assert problem.safe_state is not None  # Problem refuses missing prices without one
    said = {one.safe_state or problem.safe_state for one in problem.classes}
    return tuple(state for state in SafeState if state in said)


def _off(one: MachineClass, state: SafeState | None, first: int, until: int, steps: int) -> Array:
    """Steps in which the safe state has them off."""
    at = np.arange(steps)
    curtailed = (at >= first) & (at < until) & (state == SafeState.CURTAIL)
    return curtailed | ((at < until) & (one.start_mode == OFF) & (state != SafeState.RUN))


def safe_plan(fleet: Fleet, first: int) -> Counts | None:
    """What contracts say from the ``first`` step without a price on, as far as ramps, minimum times and limits let it.

    Before it, and where they hold, machines do what they did when the day began; when their time is over they run.
    """
    wanted = np.zeros(fleet.value.shape, dtype=np.int64)
    worth = np.zeros(fleet.value.shape)
    for option, place in enumerate(fleet.of_class):
        one, mode = fleet.problem.classes[place], fleet.mode[option]
        state = one.safe_state or fleet.problem.safe_state
        runs = np.full(fleet.steps, mode == FULL)
        until = min(first + one.safe_steps, fleet.steps)
        if state != SafeState.RUN:
            runs[:until] = mode == one.start_mode
        if state == SafeState.CURTAIL:
            runs[first:until] = False
        runs[fleet.held[place] & _off(one, state, first, until, fleet.steps)] = mode == FULL
        wanted[option] = np.where(runs, fleet.free[place], 0)
        worth[option] = fleet.kw[option] * (DEAR if state != SafeState.CURTAIL else -DEAR)
    told = replace(fleet, value=worth)  # where a walk has to choose, it prefers what contracts say
    for plan in carried_out(told, wanted):
        counts = fleet.counts(plan)
        if not review(fleet.problem, counts).problems:
            return counts
    return None
