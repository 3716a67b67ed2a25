"""A plan written step by step, each step brought within its limits by the changes that cost least.

So a fractional plan becomes one of whole machines, and a strike price one that can be done. Each step gets a proposal
(starts and stops up to it, machines by mode) and a load to be aimed at; the load must stay within the limits of the
step and within the ramps from the step before. There is no looking ahead but for the values of machines alone.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from intelligence.engine.optimiser.bound import Values
from intelligence.engine.optimiser.check import HAIR_W
from intelligence.engine.optimiser.fleet import Array, Fleet
from intelligence.engine.optimiser.moves import SHIFT, Moves, Step, Table, apply, moves_of

HAIR_KW = 1e-4  # loads are whole watts, and limits are rounded to whole watts first
MUST = 1e6  # what a kW outside a limit counts
MOST_CHANGES = 200
PAIRS_OF = 40  # changes tried together
NEAR = 3  # neighbours of what would fit exactly, on each side
BEST_OF = 60
ROUNDS = 3
FAR = 8  # machines
WORTH = 1e-9  # what is not worth a change


@dataclass(frozen=True, slots=True, eq=False)
class Aim:
    """Of each step: the load to come close to, what a kW beside it costs, and the most the load may be.

    Above ``peak`` a kW costs ``peak_price``, once: what one step adds to the peak, the others may have as well.
    """

    load: Array
    price: Array
    cap: Array
    peak: Array
    peak_price: float = 0.0


@dataclass(slots=True, eq=False)
class _Room:
    """Load of a step so far, and where it must stay."""

    load: float
    zones: Array
    low: float
    high: float
    zone_high: Array
    aim: float
    price: float
    peak: float
    peak_price: float

    def cost(self, load: Array | float) -> Array:
        """How bad a load would be."""
        outside = np.maximum(load - self.high, 0) + np.maximum(self.low - load, 0)
        above = self.peak_price * np.maximum(load - self.peak, 0)
        return np.asarray(MUST * outside + above + self.price * np.abs(self.aim - load))

    def done(self, enough: float) -> bool:
        """Whether nothing worth it is left to gain."""
        return self.kept() and self.price * abs(self.aim - self.load) <= enough and self.load <= self.peak + HAIR_KW

    def kept(self) -> bool:
        """Whether all limits are."""
        inside = self.low <= self.load <= self.high
        return inside and (not self.zones.size or bool((self.zones <= self.zone_high + HAIR_KW).all()))


def _watts(kw: Array | float, rounded: Callable[[Array | float], Array], sign: int) -> Array:
    """A limit in kW, on the side of it that keeps it, in whole watts; a hair's breadth is none."""
    return rounded(np.asarray(kw) * 1000 + sign * HAIR_W) / 1000


class Walk:
    """The state of a plan being written."""

    def __init__(
        self, fleet: Fleet, values: Values, load_price: Array, aim: Aim, *, fine: bool, enough: float = WORTH
    ) -> None:
        self.fleet, self.values, self.aim = fleet, values, aim
        self.fine, self.enough = fine, max(enough, WORTH)
        self.table = Table.of(fleet)
        self.worth = fleet.value - fleet.kw[:, None] * load_price
        self.starts = np.zeros((fleet.classes, fleet.steps), dtype=np.int64)
        self.stops = np.zeros_like(self.starts)
        self.by_option = np.zeros((len(fleet.kw), fleet.steps), dtype=np.int64)
        self.before_kw = fleet.before_kw
        self.added_kw = 0.0  # to the peak

    def step(self, at: int, starts: Array, stops: Array, share: Array) -> bool:
        """Write a step; ``share`` says how the machines that are on divide into modes. False where no way is found."""
        step = self._begin(at, starts, stops)
        on = self.fleet.on_before + step.starts - step.stops
        step.machines = self._divide(at, on, share)
        room = self._room(at, step)
        self._repair(at, step, room)
        self.starts[:, at], self.stops[:, at] = step.starts, step.stops
        table = self.table
        self.by_option[table.option[table.there], at] = step.machines[table.there]
        self.before_kw = room.load
        if self.aim.peak_price:
            self.added_kw += max(0.0, room.load - room.peak)
        return room.kept()

    def before(self, at: int) -> tuple[Array, Array, Array]:
        """Starts and stops until a step, and how many are on then."""
        none = np.zeros(self.fleet.classes, dtype=np.int64)
        starts, stops = (self.starts[:, at - 1], self.stops[:, at - 1]) if at else (none, none)
        return starts, stops, self.fleet.on_before + starts - stops

    def _begin(self, at: int, starts: Array, stops: Array) -> Step:
        fleet = self.fleet
        every = np.arange(fleet.classes)
        low_starts, low_stops, _ = self.before(at)
        ago_on, ago_off = at - fleet.min_on, at - fleet.min_off
        started = np.where(ago_on >= 0, self.starts[every, np.maximum(ago_on, 0)], 0)
        stopped = np.where(ago_off >= 0, self.stops[every, np.maximum(ago_off, 0)], 0)
        held_on = (fleet.on_before > 0) & (at < fleet.min_on - fleet.age)
        held_off = (fleet.on_before == 0) & (at < fleet.min_off - fleet.age)
        # One step of minimum time refers to this step itself, whose numbers are not written yet: the step before holds.
        started = np.where(fleet.min_on == 1, low_starts, started)
        high_stops = np.where(held_on, 0, fleet.on_before + started)
        high_starts = np.where(
            held_off, 0, fleet.free - fleet.on_before + np.where(fleet.min_off == 1, low_stops, stopped)
        )
        high_stops, high_starts = np.maximum(high_stops, low_stops), np.maximum(high_starts, low_starts)
        high_stops = np.where(fleet.no_stop[:, at], low_stops, high_stops)
        all_on = fleet.free - fleet.on_before + low_stops
        low_starts = np.where(fleet.held[:, at], all_on, low_starts)
        high_starts = np.where(fleet.held[:, at], all_on, high_starts)
        return Step(
            np.clip(starts, low_starts, high_starts), low_starts, high_starts,
            np.clip(stops, low_stops, high_stops), low_stops, high_stops, np.zeros(0),
        )  # fmt: skip

    def _divide(self, at: int, on: Array, share: Array) -> Array:
        """Machines that are on, by mode: as ``share`` does, else in the mode worth most."""
        table = self.table
        given = np.where(table.there, share[table.option], 0.0)
        total = given.sum(axis=1, keepdims=True)
        best = np.zeros_like(given)
        best[np.arange(len(on)), np.argmax(np.where(table.there, self.worth[table.option, at], -np.inf), axis=1)] = 1
        given = np.where(total > 1e-9, given / np.maximum(total, 1e-9), best)
        ends = np.floor(np.cumsum(given, axis=1) * on[:, None] + 0.5 - WORTH).astype(np.int64)
        ends = np.minimum(ends, on[:, None])
        ends[:, -1] = on
        found = np.diff(ends, axis=1, prepend=0)
        missing = np.where(table.there, 0, found)  # padding may hold what was rounded away
        found -= missing
        found[:, 0] += missing.sum(axis=1)
        return found

    def _room(self, at: int, step: Step) -> _Room:
        fleet, problem = self.fleet, self.fleet.problem
        by_class = (step.machines * self.table.kw).sum(axis=1)
        up = np.inf if problem.ramp_up_kw is None else problem.ramp_up_kw
        down = np.inf if problem.ramp_down_kw is None else problem.ramp_down_kw
        zones = np.bincount(fleet.zone, by_class, minlength=len(problem.zones) + 1)[: len(problem.zones)]
        low = _watts(self.before_kw - down, np.ceil, -1)
        high = _watts(min(self.before_kw + up, self.aim.cap[at]), np.floor, 1)
        peak = float(self.aim.peak[at]) + self.added_kw
        aim = float(min(max(min(self.aim.load[at], peak), low), high))
        return _Room(
            round(float(by_class.sum()) + fleet.rest_kw, 3), np.round(zones, 3), float(low) - HAIR_KW,
            float(high) + HAIR_KW, _watts(fleet.zone_cap_kw[:, at], np.floor, 1), aim, float(self.aim.price[at]), peak,
            self.aim.peak_price,
        )  # fmt: skip

    def _repair(self, at: int, step: Step, room: _Room) -> None:
        """Change while it pays: many machines by one kind of change first, then several together."""
        worth = self.worth[self.table.option, at]
        rounds = ROUNDS if self.fine else 0
        for _ in range(MOST_CHANGES):
            if room.done(self.enough) or (room.kept() and not self.fine):
                return
            moves = moves_of(self.table, self.values, worth, step, at)
            if not moves.kw.size:
                return
            done = self._many(moves, room) or self._single(moves, room)
            if not done and rounds:
                rounds -= 1
                done = self._together(moves, room)
            if not done:
                return
            for one, times in done:
                apply(step, moves, one, times)
                room.load = round(room.load + float(moves.kw[one]) * times, 3)
                zone = self.fleet.zone[moves.place[one]]
                if zone < len(room.zones):
                    room.zones[zone] = round(room.zones[zone] + float(moves.kw[one]) * times, 3)

    def _zone_cost(self, moves: Moves, room: _Room, times: Array) -> Array:
        if not room.zones.size:
            return np.zeros(len(moves.kw))
        zone = self.fleet.zone[moves.place]
        inside = zone < len(room.zones)
        zone = np.where(inside, zone, 0)
        now = np.maximum(room.zones[zone] - room.zone_high[zone], 0)
        then = np.maximum(room.zones[zone] + moves.kw * times - room.zone_high[zone], 0)
        return np.where(inside, MUST * (then - now), 0.0)

    def _many(self, moves: Moves, room: _Room) -> list[tuple[int, int]]:
        """Where the load is far off: whole classes, those missed least first, one change of each."""
        need = room.aim - room.load
        if abs(need) < FAR * float(np.abs(moves.kw).max()) or room.low <= room.load <= min(room.high, room.peak):
            return []
        fits = (self._zone_cost(moves, room, moves.most) <= 0) & (np.sign(moves.kw) == np.sign(need))
        for shifts in (False, True):
            right = np.flatnonzero(fits & ((moves.kind == SHIFT) == shifts))
            right = right[np.argsort(moves.regret[right] / np.abs(moves.kw[right]), kind="stable")]
            right = right[np.sort(np.unique(moves.place[right], return_index=True)[1])]
            right = right[np.cumsum(moves.kw[right] * moves.most[right]) / need <= 1]
            if right.size:
                return [(one, int(moves.most[one])) for one in right.tolist()]
        return []

    def _single(self, moves: Moves, room: _Room) -> list[tuple[int, int]]:
        need = np.full(len(moves.kw), room.aim - room.load)
        if room.zones.size:
            zone = self.fleet.zone[moves.place]
            inside = zone < len(room.zones)
            over = np.where(
                inside, room.zone_high[np.where(inside, zone, 0)] - room.zones[np.where(inside, zone, 0)], 0
            )
            need = np.where((over < -HAIR_KW) & (moves.kw < 0), np.minimum(need, over), need)
        best, now = (0.0, -1, 0), float(room.cost(room.load))
        for rounded in (np.floor, np.ceil):
            times = np.clip(rounded(need / moves.kw), 0, moves.most)
            gain = (
                room.cost(room.load + moves.kw * times)
                + moves.regret * times
                + self._zone_cost(moves, room, times)
                - now
            )
            gain[times < 1] = np.inf
            one = int(np.argmin(gain))
            if gain[one] < best[0] - WORTH:
                best = (float(gain[one]), one, int(times[one]))
        return [(best[1], best[2])] if best[1] >= 0 else []

    def _together(self, moves: Moves, room: _Room) -> list[tuple[int, int]]:
        """Up to four changes of different classes that together come closest: two pairs, the second by bisection."""
        now = float(room.cost(room.load))
        few = np.flatnonzero((self._zone_cost(moves, room, np.full(len(moves.kw), 4)) <= 0) & (moves.regret < now))
        few = few[np.argsort(moves.regret[few], kind="stable")[:PAIRS_OF]]
        if not few.size:
            return []
        # The last one is no change at all, so that one, two or three count as pairs of pairs too.
        kw, regret = np.append(moves.kw[few], 0.0), np.append(moves.regret[few], 0.0)
        one, two = np.triu_indices(len(kw), 1)
        sums, regrets = kw[one] + kw[two], regret[one] + regret[two]
        order = np.argsort(sums, kind="stable")
        found = np.searchsorted(sums[order], room.aim - room.load - sums)
        near = order[np.clip(found[:, None] + np.arange(-NEAR, NEAR), 0, len(sums) - 1)]
        cost = room.cost(room.load + sums[:, None] + sums[near]) + regrets[:, None] + regrets[near]
        place = np.append(moves.place[few], -1)
        for best in np.argsort(cost, axis=None, kind="stable")[:BEST_OF].tolist():
            if cost.flat[best] >= now - WORTH:
                break
            first, second = best // near.shape[1], int(near.flat[best])
            chosen = [at for at in (one[first], two[first], one[second], two[second]) if at < len(few)]
            if len({int(place[at]) for at in chosen}) == len(chosen):
                return [(int(few[at]), 1) for at in chosen]
        return []
