"""From the fractional plan of the relaxation to whole machines.

Starts and stops are counted from the beginning of the day and rounded down after the same fraction is added to all of a
class: then minimum times hold of themselves, for they only compare such counts. What this does to the load is repaired
step by step.
"""

from collections.abc import Iterator

import numpy as np

from intelligence.engine.optimiser.bound import Prices, values_alone
from intelligence.engine.optimiser.fleet import Array, Fleet
from intelligence.engine.optimiser.matrix import Layout
from intelligence.engine.optimiser.walk import Aim, Walk

FRACTIONS = (0.5, 0.35, 0.65, 0.2, 0.8)
LEAST_PRICE = 1e-7  # of a kW besides the relaxation's load, where no limit makes one
HAIR = 1e-6


def roundings(fleet: Fleet, layout: Layout, solved: Array, prices: Prices, may_lack: float) -> Iterator[Array]:
    """Whole plans by option and step, one after the other; a try that finds no way gives none.

    ``may_lack`` is what the profit may lack of the bound; changes that bring less than a share of it are not sought.
    """
    machines = solved[layout.machines]
    starts, stops = _begun(fleet, layout, solved, machines)
    site = prices.of_load(fleet)
    values = values_alone(fleet, site, prices.zones)
    load_price = fleet.price_by_option(site, prices.zones)
    aim = _aim(fleet, prices, solved[layout.load])
    for fraction in FRACTIONS:
        walk = Walk(fleet, values, load_price, aim, fine=True, enough=may_lack / fleet.steps)
        whole_starts = np.floor(starts + fraction + HAIR).astype(np.int64)
        whole_stops = np.floor(stops + fraction + HAIR).astype(np.int64)
        if all(walk.step(at, whole_starts[:, at], whole_stops[:, at], machines[:, at]) for at in range(fleet.steps)):
            yield walk.by_option


def _begun(fleet: Fleet, layout: Layout, solved: Array, machines: Array) -> tuple[Array, Array]:
    """Starts and stops from the beginning of the day to each step, by class."""
    on = np.zeros((fleet.classes, fleet.steps))
    np.add.at(on, fleet.of_class, machines)
    change = np.diff(on, axis=1, prepend=fleet.on_before[:, None])
    starts = np.maximum(change, 0)
    starts[layout.starting] = solved[layout.starts]
    starts = np.cumsum(starts, axis=1)
    return starts, starts + fleet.on_before[:, None] - on


def _aim(fleet: Fleet, prices: Prices, load: Array) -> Aim:
    """The relaxation's load; a step may exceed it by what its interval leaves to the peak."""
    following = np.append((prices.up + prices.down)[1:], 0.0)
    price = prices.cap + prices.up + prices.down + following + LEAST_PRICE
    may = np.full(fleet.steps, np.inf)
    demand = fleet.problem.demand
    if demand is not None:
        means = [load[list(interval)].mean() for interval in demand.intervals]
        peak = max([demand.sunk_kw, *means])
        for interval, mean, worth in zip(demand.intervals, means, prices.peak, strict=True):
            places = list(interval)
            may[places] = np.minimum(may[places], load[places] + peak - mean)
            price[places] += worth / len(places)
    return Aim(load, price, fleet.cap_kw, may, demand.per_kw if demand else 0.0)
