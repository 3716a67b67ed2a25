"""The day as a linear programme in arrays, as HiGHS takes it: array operations write it faster than PuLP would.

Columns: machines by option and step; machines that start by class and step (only where starting matters); load of the
site and of each zone by step; the peak. Cost is minimised, so it is the profit with the other sign. With ``elastic``
limits and ramps may be exceeded at a price of one per kW, and nothing else costs: what remains exceeded names what
cannot be kept.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from intelligence.engine.optimiser.fleet import Array, Fleet


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """Rows and columns with their bounds; ``whole`` marks columns that must be whole numbers."""

    cost: Array
    lower: Array
    upper: Array
    row_lower: Array
    row_upper: Array
    start: Array
    index: Array
    value: Array
    whole: Array


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """Where which columns and rows are. ``slack`` are those of an elastic programme: site, zones, up, down."""

    machines: Array
    starts: Array
    starting: Array  # classes that have them
    load: Array
    zones: Array
    peak: int
    ramp_rows: Array
    peak_rows: Array
    slack: tuple[Array, ...] = ()


@dataclass(slots=True)
class _Writer:
    """Collects columns, rows and entries."""

    columns: int = 0
    rows: int = 0
    cost: list[Array] = field(default_factory=list)
    bounds: list[tuple[Array, Array]] = field(default_factory=list)
    row_bounds: list[tuple[Array, Array]] = field(default_factory=list)
    entries: list[tuple[Array, Array, Array]] = field(default_factory=list)

    def add_columns(self, shape: tuple[int, ...], cost: Any, lower: Any, upper: Any) -> Array:
        size = int(np.prod(shape))
        self.cost.append(np.broadcast_to(cost, shape).ravel())
        self.bounds.append((np.broadcast_to(lower, shape).ravel(), np.broadcast_to(upper, shape).ravel()))
        self.columns += size
        return np.arange(self.columns - size, self.columns).reshape(shape)

    def add_rows(self, shape: tuple[int, ...], lower: Any, upper: Any) -> Array:
        size = int(np.prod(shape))
        self.row_bounds.append((np.broadcast_to(lower, shape).ravel(), np.broadcast_to(upper, shape).ravel()))
        self.rows += size
        return np.arange(self.rows - size, self.rows).reshape(shape)

    def put(self, rows: Array, columns: Array, values: Any) -> None:
        rows, columns, values = np.broadcast_arrays(rows, columns, np.asarray(values, dtype=float))
        self.entries.append((rows.ravel(), columns.ravel(), values.ravel()))

    def model(self, whole: Array) -> Model:
        rows, columns, values = (np.concatenate(part) for part in zip(*self.entries, strict=True))
        order = np.lexsort((columns, rows))
        start = np.searchsorted(rows[order], np.arange(self.rows + 1))
        marks = np.zeros(self.columns, dtype=bool)
        marks[whole.ravel()] = True
        cost = np.concatenate(self.cost).astype(float)
        (lower, upper), (row_lower, row_upper) = (
            tuple(np.concatenate(part).astype(float) for part in zip(*bounds, strict=True))
            for bounds in (self.bounds, self.row_bounds)
        )
        return Model(
            cost, lower, upper, row_lower, row_upper, start.astype(np.int32), columns[order].astype(np.int32),
            values[order], marks,
        )  # fmt: skip


def model_of(fleet: Fleet, *, elastic: bool = False) -> tuple[Model, Layout]:
    """Rows and columns, and where they are."""
    writer = _Writer()
    steps, want = fleet.steps, 0.0 if elastic else 1.0
    machines = writer.add_columns((len(fleet.kw), steps), -fleet.value * want, 0, fleet.free[fleet.of_class][:, None])
    starting = np.flatnonzero((fleet.min_on > 1) | (fleet.min_off > 1) | (fleet.start_cost > 0))
    free = fleet.free[starting][:, None]
    starts = writer.add_columns((len(starting), steps), fleet.start_cost[starting][:, None] * want, 0, free)
    slack: tuple[Array, ...] = ()
    caps, zone_caps = fleet.cap_kw, fleet.zone_cap_kw
    if elastic:
        slack = tuple(
            writer.add_columns(shape, 1.0, 0, np.inf) for shape in ((steps,), zone_caps.shape, (steps,), (steps,))
        )
        caps, zone_caps = np.full_like(caps, np.inf), np.full_like(zone_caps, np.inf)
    load = writer.add_columns((steps,), 0, -np.inf, caps)
    zones = writer.add_columns(zone_caps.shape, 0, -np.inf, zone_caps)
    _write_counts(writer, fleet, machines)
    _write_held(writer, fleet, machines)
    _write_starts(writer, fleet, machines, starts, starting)
    _write_load(writer, fleet, machines, load, zones)
    ramp_rows = _write_ramps(writer, fleet, load, slack)
    peak, peak_rows = _write_peak(writer, fleet, load, want)
    if elastic:
        writer.put(_under(writer, load, fleet.cap_kw), slack[0], -1)
        if zones.size:
            writer.put(_under(writer, zones, fleet.zone_cap_kw), slack[1], -1)
    layout = Layout(machines, starts, starting, load, zones, peak, ramp_rows, peak_rows, slack)
    return writer.model(machines), layout


def _under(writer: _Writer, columns: Array, caps: Array) -> Array:
    rows = writer.add_rows(columns.shape, -np.inf, caps)
    writer.put(rows, columns, 1)
    return rows


def _write_counts(writer: _Writer, fleet: Fleet, machines: Array) -> None:
    """No more machines on than there are, where there are several modes to be on in."""
    several = np.flatnonzero(np.bincount(fleet.of_class, minlength=fleet.classes) > 1)
    rows = writer.add_rows((len(several), fleet.steps), -np.inf, fleet.free[several][:, None])
    _put_on(writer, fleet, machines, rows, several, 1, 0)


def _write_held(writer: _Writer, fleet: Fleet, machines: Array) -> None:
    """All machines on where they are held."""
    who = np.flatnonzero(fleet.held.any(axis=1))
    rows = writer.add_rows((len(who), fleet.steps), fleet.held[who] * fleet.free[who][:, None], np.inf)
    _put_on(writer, fleet, machines, rows, who, 1, 0)


def _put_on(writer: _Writer, fleet: Fleet, machines: Array, rows: Array, classes: Array, sign: int, back: int) -> None:
    """The machines of ``classes`` that were on ``back`` steps before, into ``rows`` by class and step."""
    place = np.full(fleet.classes, -1)
    place[classes] = np.arange(len(classes))
    options = np.flatnonzero(place[fleet.of_class] >= 0)
    if options.size and back < fleet.steps:
        target = rows[place[fleet.of_class[options]]]
        writer.put(target[:, back:], machines[options][:, : fleet.steps - back], sign)


def _write_starts(writer: _Writer, fleet: Fleet, machines: Array, starts: Array, starting: Array) -> None:
    """Who is on more than before has started; whoever started stays on, whoever stopped stays off, for their time."""
    steps = np.arange(fleet.steps)
    before, free, age = (values[starting] for values in (fleet.on_before, fleet.free, fleet.age))
    rows = writer.add_rows(starts.shape, np.where(steps == 0, -before[:, None], 0), np.inf)
    writer.put(rows, starts, 1)
    _put_on(writer, fleet, machines, rows, starting, -1, 0)
    _put_on(writer, fleet, machines, rows, starting, 1, 1)
    for kind, least in (("on", fleet.min_on[starting]), ("off", fleet.min_off[starting])):
        for length in np.unique(least[least > 1]):
            who = np.flatnonzero(least == length)
            held = steps < (length - age[who])[:, None]  # what began before the day
            if kind == "on":
                lower = np.where(held & (before[who] > 0)[:, None], free[who][:, None], 0)
                rows = writer.add_rows((len(who), fleet.steps), lower, np.inf)
                _put_on(writer, fleet, machines, rows, starting[who], 1, 0)
            else:
                room = np.where(steps < length, free[who][:, None] - before[who][:, None], free[who][:, None])
                upper = np.where(held & (before[who] == 0)[:, None], 0, room)
                rows = writer.add_rows((len(who), fleet.steps), -np.inf, upper)
                _put_on(writer, fleet, machines, rows, starting[who], 1, int(length))
            for back in range(min(length, fleet.steps)):
                sign = -1 if kind == "on" else 1
                writer.put(rows[:, back:], starts[who][:, : fleet.steps - back], sign)


def _write_load(writer: _Writer, fleet: Fleet, machines: Array, load: Array, zones: Array) -> None:
    """Load of the site with what is settled, load of the zones without."""
    rows = writer.add_rows(load.shape, fleet.rest_kw, fleet.rest_kw)
    writer.put(rows, load, 1)
    writer.put(rows[None, :], machines, -fleet.kw[:, None])
    for zone, columns in enumerate(zones):
        rows = writer.add_rows(load.shape, 0, 0)
        writer.put(rows, columns, 1)
        who = np.flatnonzero(fleet.zone[fleet.of_class] == zone)
        if who.size:
            writer.put(rows[None, :], machines[who], -fleet.kw[who][:, None])


def _write_ramps(writer: _Writer, fleet: Fleet, load: Array, slack: tuple[Array, ...]) -> Array:
    up, down = fleet.problem.ramp_up_kw, fleet.problem.ramp_down_kw
    if up is None and down is None:
        return np.zeros(0, dtype=int)
    begin = np.where(np.arange(fleet.steps) == 0, fleet.before_kw, 0.0)
    rows = writer.add_rows(load.shape, -np.inf if down is None else begin - down, np.inf if up is None else begin + up)
    writer.put(rows, load, 1)
    writer.put(rows[1:], load[:-1], -1)
    if slack:
        writer.put(rows, slack[2], -1)
        writer.put(rows, slack[3], 1)
    return rows


def _write_peak(writer: _Writer, fleet: Fleet, load: Array, want: float) -> tuple[int, Array]:
    demand = fleet.problem.demand
    if demand is None:
        return -1, np.zeros(0, dtype=int)
    (peak,) = writer.add_columns((1,), demand.per_kw * want, demand.sunk_kw, np.inf)
    rows = writer.add_rows((len(demand.intervals),), -np.inf, 0)
    writer.put(rows, peak, -1)
    for row, interval in zip(rows, demand.intervals, strict=True):
        writer.put(row, load[list(interval)], 1 / len(interval))
    return int(peak), rows
