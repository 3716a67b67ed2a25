"""What can be changed in a step of a plan being written: one machine more or less, or one in another mode.

Every change keeps minimum times, for they only look back: stops are limited by starts long enough ago, starts by stops
long enough ago. ``regret`` is what a change costs over the rest of the day, by the values of machines alone.
"""

from dataclasses import dataclass, fields

import numpy as np

from intelligence.engine.optimiser.bound import Values
from intelligence.engine.optimiser.fleet import Array, Fleet

START, UNSTART, STOP, UNSTOP, SHIFT = range(5)


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """Options by class, padded: their places, kW, and which are there."""

    option: Array
    kw: Array
    there: Array

    @classmethod
    def of(cls, fleet: Fleet) -> "Table":
        """From the fleet."""
        width = int(np.bincount(fleet.of_class).max())
        option = np.zeros((fleet.classes, width), dtype=np.int64)
        there = np.zeros((fleet.classes, width), dtype=bool)
        option[fleet.of_class, fleet.mode - 1] = np.arange(len(fleet.kw))
        there[fleet.of_class, fleet.mode - 1] = True
        return cls(option, fleet.kw[option], there)


@dataclass(slots=True, eq=False)
class Step:
    """A step being written: starts and stops up to it with their bounds, machines by class and mode (padded)."""

    starts: Array
    starts_low: Array
    starts_high: Array
    stops: Array
    stops_low: Array
    stops_high: Array
    machines: Array


@dataclass(frozen=True, slots=True, eq=False)
class Moves:
    """All that is possible: kind, class, modes left and entered, kW and regret of a machine, and for how many."""

    kind: Array
    place: Array
    leave: Array
    enter: Array
    kw: Array
    regret: Array
    most: Array


def moves_of(table: Table, values: Values, worth: Array, step: Step, at: int) -> Moves:
    """The list; ``worth`` is that of a machine by class and mode in this step."""
    every = np.arange(len(step.starts))
    best = np.argmax(np.where(table.there, worth, -np.inf), axis=1)
    least = np.argmin(np.where(step.machines > 0, worth, np.inf), axis=1)
    on = step.machines.sum(axis=1)
    to_start = values.off[:, at + 1] - values.start[:, at]
    to_stop = values.running[:, at] + values.on[:, at + 1] - values.stop[:, at]
    worse = worth[every, best] - worth[every, least]  # who leaves a worse mode is missed less
    parts = [
        _part(START, every, best, best, table.kw[every, best], to_start, step.starts_high - step.starts),
        _part(UNSTOP, every, best, best, table.kw[every, best], -to_stop, step.stops - step.stops_low),
    ]
    there = np.minimum(step.machines[every, least], on)
    for kind, regret, most in (
        (UNSTART, -to_start - worse, step.starts - step.starts_low),
        (STOP, to_stop - worse, step.stops_high - step.stops),
    ):
        parts.append(_part(kind, every, least, least, -table.kw[every, least], regret, np.minimum(most, there)))
    width = worth.shape[1]
    for leave in range(width):
        for enter in range(width):
            if leave != enter:
                who = np.flatnonzero(table.there[:, enter] & (step.machines[:, leave] > 0))
                kw = table.kw[who, enter] - table.kw[who, leave]
                regret = worth[who, leave] - worth[who, enter]
                parts.append(_part(SHIFT, who, leave, enter, kw, regret, step.machines[who, leave]))
    every_kind = Moves(*(np.concatenate(part) for part in zip(*parts, strict=True)))
    use = np.flatnonzero((every_kind.most > 0) & (every_kind.kw != 0))
    return Moves(*(getattr(every_kind, one.name)[use] for one in fields(Moves)))


def _part(
    kind: int, place: Array, leave: Array | int, enter: Array | int, kw: Array, regret: Array, most: Array
) -> tuple[Array, ...]:
    shape = place.shape
    return (
        np.full(shape, kind), place, np.broadcast_to(leave, shape), np.broadcast_to(enter, shape), kw, regret, most,
    )  # fmt: skip


def apply(step: Step, moves: Moves, one: int, times: int) -> None:
    """Do one of them so often."""
    kind, place = int(moves.kind[one]), int(moves.place[one])
    if kind in (START, UNSTART):
        step.starts[place] += times if kind == START else -times
    elif kind in (STOP, UNSTOP):
        step.stops[place] += times if kind == STOP else -times
    if kind in (UNSTART, STOP, SHIFT):
        step.machines[place, int(moves.leave[one])] -= times
    if kind in (START, UNSTOP, SHIFT):
        step.machines[place, int(moves.enter[one])] += times
