"""A profit that no plan can exceed, proven without a solver: coupling limits become prices of load (Lagrange).

For any prices that are not negative, the best plan of each machine by itself, load paid for at these prices, and what
the limits are worth at them, is together at least the profit of every plan. The best plan of a machine by itself comes
from a short recursion over the day. With the solver's dual prices the bound is that of the linear relaxation; with
wrong ones it is only weaker.
"""

from dataclasses import dataclass

import numpy as np

from intelligence.engine.optimiser.fleet import Array, Fleet

NEVER = -1e15  # what it is worth to do what must not be


@dataclass(frozen=True, slots=True, eq=False)
class Prices:
    """Of one kW, none negative: limit of the site and of each zone, ramps, and each interval of the demand charge."""

    cap: Array
    zones: Array
    up: Array
    down: Array
    peak: Array

    @classmethod
    def none(cls, fleet: Fleet) -> "Prices":
        """All zero."""
        demand = fleet.problem.demand
        steps = np.zeros(fleet.steps)
        zones = np.zeros((len(fleet.problem.zones), fleet.steps))
        return cls(steps, zones, steps, steps, np.zeros(len(demand.intervals) if demand else 0))

    def sane(self, fleet: Fleet) -> "Prices":
        """Numbers, not negative, none where there is no limit, and of the peak no more than it costs."""
        problem = fleet.problem

        def clean(values: Array, there: Array | bool) -> Array:
            return np.where(there, np.maximum(np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0), 0.0), 0.0)

        peak = clean(self.peak, True)
        most = problem.demand.per_kw if problem.demand else 0.0
        if peak.sum() > most:
            peak = peak * (most / peak.sum()) * (1 - 1e-15)
        return Prices(
            clean(self.cap, np.isfinite(fleet.cap_kw)), clean(self.zones, np.isfinite(fleet.zone_cap_kw)),
            clean(self.up, problem.ramp_up_kw is not None), clean(self.down, problem.ramp_down_kw is not None), peak,
        )  # fmt: skip

    def of_load(self, fleet: Fleet) -> Array:
        """What a kW of the site costs in each step, all limits together."""
        net = self.up - self.down
        found = self.cap + net - np.append(net[1:], 0.0)
        if fleet.problem.demand is not None:
            for price, interval in zip(self.peak, fleet.problem.demand.intervals, strict=True):
                found[list(interval)] += price / len(interval)
        return np.asarray(found)

    def worth(self, fleet: Fleet) -> float:
        """What the limits themselves are worth at these prices."""
        problem = fleet.problem
        total = _dot(self.cap, fleet.cap_kw) + _dot(self.zones, fleet.zone_cap_kw)
        total += float(self.up.sum() * (problem.ramp_up_kw or 0) + self.down.sum() * (problem.ramp_down_kw or 0))
        total += float(self.up[0] - self.down[0]) * fleet.before_kw
        if problem.demand is not None:
            total += float(self.peak.sum()) * problem.demand.sunk_kw
        return total


@dataclass(frozen=True, slots=True, eq=False)
class Values:
    """From each step on, the best a machine alone can still earn: free to choose, and when it starts or stops now.

    By class and step (one more than the day has); ``start`` has the cost of the start taken off.
    """

    on: Array
    off: Array
    start: Array
    stop: Array
    running: Array


def values_alone(fleet: Fleet, site: Array, zones: Array) -> Values:
    """The recursion, backwards, for all classes at once; load costs ``site`` and ``zones`` per kW and step."""
    classes, steps = fleet.classes, fleet.steps
    running = fleet.on_off(fleet.price_by_option(site, zones))
    sums = np.hstack([np.zeros((classes, 1)), np.cumsum(running, axis=1)])
    on, off, start, stop = (np.zeros((classes, steps + 1)) for _ in range(4))
    every = np.arange(classes)
    for step in range(steps - 1, -1, -1):
        until = np.minimum(step + fleet.min_on, steps)
        kept = sums[every, until] - sums[:, step]
        again = np.minimum(step + fleet.min_off, steps)
        # Minimum times of one step refer to this very step's choice, which on and off then make themselves.
        start[:, step] = kept + on[every, until] - fleet.start_cost
        stop[:, step] = np.where(fleet.no_stop[:, step], NEVER, off[every, again])
        on[:, step] = np.maximum(running[:, step] + on[:, step + 1], stop[:, step])
        off[:, step] = np.where(fleet.held[:, step], start[:, step], np.maximum(off[:, step + 1], start[:, step]))
    return Values(on, off, start, stop, running)


def bound(fleet: Fleet, prices: Prices) -> float:
    """The profit no plan exceeds."""
    site = prices.of_load(fleet)
    alone = values_alone(fleet, site, prices.zones)
    every = np.arange(fleet.classes)
    is_on = fleet.on_before > 0
    wait = np.clip(np.where(is_on, fleet.min_on, fleet.min_off) - fleet.age, 0, fleet.steps)
    sums = np.hstack([np.zeros((fleet.classes, 1)), np.cumsum(alone.running, axis=1)])
    best = np.where(is_on, sums[every, wait] + alone.on[every, wait], alone.off[every, wait])
    return float(fleet.free @ best) + fleet.rest_profit + prices.worth(fleet) - fleet.rest_kw * float(site.sum())


def best_alone(fleet: Fleet) -> Array:
    """The plan in which each machine does what is best for itself, by option and step, as if nothing were shared."""
    alone = values_alone(fleet, np.zeros(fleet.steps), np.zeros_like(fleet.zone_cap_kw))
    on = np.zeros((fleet.classes, fleet.steps), dtype=bool)
    state = fleet.on_before > 0
    wait = np.where(state, fleet.min_on, fleet.min_off) - fleet.age
    for step in range(fleet.steps):
        free = wait <= step
        stops = free & state & (alone.running[:, step] + alone.on[:, step + 1] < alone.stop[:, step])
        starts = free & ~state & (fleet.held[:, step] | (alone.start[:, step] > alone.off[:, step + 1]))
        state = (state | starts) & ~stops
        wait = np.where(starts, step + fleet.min_on, np.where(stops, step + fleet.min_off, wait))
        on[:, step] = state
    return spread(fleet, on * fleet.free[:, None], fleet.value)


def spread(fleet: Fleet, on: Array, worth: Array) -> Array:
    """Machines that are on, by class and step, in the mode worth most there (the first of equals)."""
    found = np.zeros((len(fleet.kw), fleet.steps), dtype=np.int64)
    best = np.full((fleet.classes, fleet.steps), -np.inf)
    chosen = np.zeros((fleet.classes, fleet.steps), dtype=np.int64)
    for option, place in enumerate(fleet.of_class):
        better = worth[option] > best[place]
        best[place] = np.where(better, worth[option], best[place])
        chosen[place] = np.where(better, option, chosen[place])
    np.put_along_axis(found, chosen, on, axis=0)
    return found


def _dot(prices: Array, limits: Array) -> float:
    used = prices > 0
    return float(prices[used] @ limits[used])
