"""The day as arrays: what may be decided (machines that are not protected), and what is settled by then.

An *option* is a class in one of its modes other than off. What a machine earns and draws in it is counted over what it
earns and draws when it is off; protected machines and standby power are the constant rest.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from intelligence.engine.optimiser.answer import Counts
from intelligence.engine.optimiser.check import start_load
from intelligence.engine.optimiser.problem import OFF, Problem

Array = np.ndarray[Any, np.dtype[Any]]
NO_LIMIT = np.inf


@dataclass(frozen=True, slots=True, eq=False)
class Fleet:
    """By class: free machines, how many are on before the day, the age of that, minimum times, cost of a start.

    By option: class, mode, kW and value of a machine by step. ``rest_kw`` and ``rest_profit`` are what is settled;
    ``cap_kw`` is the least of the site's limit and all commitments, ``zone_cap_kw`` that of each zone less its rest.
    By class and step: ``held`` where all are on, ``no_stop`` where nobody who stops could be on again in time for that.
    """

    problem: Problem
    free: Array
    on_before: Array
    age: Array
    min_on: Array
    min_off: Array
    start_cost: Array
    zone: Array
    of_class: Array
    mode: Array
    kw: Array
    value: Array
    rest_kw: float
    rest_profit: float
    cap_kw: Array
    zone_cap_kw: Array
    before_kw: float
    held: Array
    no_stop: Array

    @property
    def steps(self) -> int:
        """Of the day."""
        return self.problem.steps

    @property
    def classes(self) -> int:
        """How many."""
        return len(self.free)

    def on_off(self, load_price: Array) -> Array:
        """Value of a machine that is on, by class and step, where a kW costs ``load_price`` more by option and step."""
        worth = self.value - self.kw[:, None] * load_price
        best = np.full((self.classes, self.steps), -np.inf)
        np.maximum.at(best, self.of_class, worth)
        return best

    def price_by_option(self, site: Array, zones: Array) -> Array:
        """The price of load for each option: that of the site and of its zone (currency per kW, by step)."""
        padded = np.vstack([zones, np.zeros((1, self.steps))])  # the last row is no zone
        return np.asarray(site + padded[self.zone[self.of_class]])

    def counts(self, by_option: Array) -> Counts:
        """As whole numbers by class, mode and step, protected machines included."""
        found = []
        for place, one in enumerate(self.problem.classes):
            rows = np.zeros((len(one.modes), self.steps), dtype=np.int64)
            for option in np.flatnonzero(self.of_class == place):
                rows[self.mode[option]] = by_option[option]
            rows[one.protected_mode] += one.protected
            rows[OFF] = one.count - rows.sum(axis=0)
            found.append(tuple(tuple(row) for row in rows.tolist()))
        return tuple(found)


def fleet_of(problem: Problem) -> Fleet:
    """The arrays of a day whose prices are all known."""
    classes = problem.classes
    options = [(place, mode) for place, one in enumerate(classes) for mode in range(1, len(one.modes))]
    zones = [zone.name for zone in problem.zones]
    cost = np.array([problem.cost_per_kwh(step) for step in range(problem.steps)])
    revenue = np.array(problem.revenue)
    kw = np.array([(classes[c].modes[m].power_w - classes[c].modes[OFF].power_w) / 1000 for c, m in options])
    ths = np.array([classes[c].modes[m].hashrate_ths for c, m in options])
    kept = [one.modes[one.protected_mode] for one in classes]
    rest = [
        (one.protected * mode.power_w + (one.count - one.protected) * one.modes[OFF].power_w) / 1000
        for one, mode in zip(classes, kept, strict=True)
    ]
    rest_ths = sum(one.protected * mode.hashrate_ths for one, mode in zip(classes, kept, strict=True))
    starts = sum(one.protected * one.start_cost for one in classes if one.start_mode == OFF)
    zone_caps = np.array([zone.limit_kw for zone in problem.zones]).reshape(len(zones), problem.steps)
    held = _held(problem)
    zone_rest = [sum(kw for kw, one in zip(rest, classes, strict=True) if one.zone == zone) for zone in zones]
    return Fleet(
        problem=problem,
        free=np.array([one.count - one.protected for one in classes]),
        on_before=np.array([one.count - one.protected if one.start_mode else 0 for one in classes]),
        age=np.array([one.steps_in_state for one in classes]),
        min_on=np.array([one.min_on for one in classes]),
        min_off=np.array([one.min_off for one in classes]),
        start_cost=np.array([float(one.start_cost) for one in classes]),
        zone=np.array([zones.index(one.zone) if one.zone else len(zones) for one in classes]),
        of_class=np.array([c for c, _ in options]),
        mode=np.array([m for _, m in options]),
        kw=kw,
        value=problem.hours * (ths[:, None] * revenue - kw[:, None] * cost),
        rest_kw=sum(rest),
        rest_profit=float(problem.hours * (rest_ths * revenue.sum() - sum(rest) * cost.sum()) - starts),
        cap_kw=_caps(problem),
        zone_cap_kw=zone_caps - np.array(zone_rest).reshape(-1, 1),
        before_kw=start_load(problem) / 1000,
        held=held,
        no_stop=_no_stop(held, [one.min_off for one in classes]),
    )  # fmt: skip


def _held(problem: Problem) -> Array:
    found = np.zeros((len(problem.classes), problem.steps), dtype=bool)
    for place, one in enumerate(problem.classes):
        found[place, list(one.held)] = True
    return found


def _no_stop(held: Array, min_off: Sequence[int]) -> Array:
    """Steps from which on a machine would still be off in a step in which it is held."""
    found = held.copy()
    for place, least in enumerate(min_off):
        for step in np.flatnonzero(held[place]).tolist():
            found[place, max(0, step - least + 1) : step] = True
    return found


def _caps(problem: Problem) -> Array:
    caps = np.array(problem.limit_kw) if problem.limit_kw else np.full(problem.steps, NO_LIMIT)
    for one in problem.commitments:
        for place, step in enumerate(one.steps):
            caps[step] = min(caps[step], one.cap_kw(place))
    return caps
