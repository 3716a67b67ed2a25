"""Questions over (machine, moment) asked for a whole batch at once: owners, five minutes to reckon, the newest."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hosting.engine.ingest.columns import UNREACHABLE, Columns, Integers

SECOND_US = 1_000_000
BUCKET_US = 300 * SECOND_US
DAY_US = 86_400 * SECOND_US
NEVER_US = -(2**62)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def microseconds(moment: datetime) -> int:
    """Since 1970."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def moment_of(micros: int) -> datetime:
    """The other way."""
    return _EPOCH + timedelta(microseconds=micros)


def day_of(micros: int) -> date:
    """The UTC day of a moment."""
    return moment_of(micros).date()


def tell_apart(columns: Columns) -> NDArray[np.intp]:
    """Places of the readings in the order of the key (machine, moment); of several for one moment the first only."""
    order = np.lexsort((columns.recorded_us, columns.miner_ids))  # stable: the first stays the first
    ids, moments = columns.miner_ids[order], columns.recorded_us[order]
    first = np.ones(len(order), bool)
    first[1:] = (ids[1:] != ids[:-1]) | (moments[1:] != moments[:-1])
    return order if first.all() else order[first]


@dataclass(frozen=True, slots=True)
class Period:
    """Somebody's from one second to another (exclusive; None: still). Periods of one machine do not overlap."""

    miner_id: int
    holder_id: int
    from_s: int
    to_s: int | None


def holders(miner_ids: Integers, recorded_us: Integers, periods: Iterable[Period]) -> Integers:
    """Who held each machine at each moment; 0 where nobody did."""
    out = np.zeros(len(miner_ids), np.int64)
    machines = np.unique(miner_ids)
    asked = set(machines.tolist())
    known = sorted((p for p in periods if p.miner_id in asked), key=lambda period: (period.miner_id, period.from_s))
    if not known:
        return out
    begins = np.array([_clamped(period.from_s) for period in known], np.int64)
    ends = np.array([_clamped(period.to_s) for period in known], np.int64)
    owned = np.array([period.miner_id for period in known], np.int64)
    held = np.array([period.holder_id for period in known], np.int64)
    # One number per (machine, second), so that one search finds the last period that began before.
    keys = np.searchsorted(machines, owned) * _SPAN + begins
    seconds = np.clip(recorded_us // SECOND_US, 0, _SPAN - 1)
    found = np.searchsorted(keys, np.searchsorted(machines, miner_ids) * _SPAN + seconds, side="right") - 1
    at = np.maximum(found, 0)
    inside = (found >= 0) & (owned[at] == miner_ids) & (seconds < ends[at])
    out[inside] = held[at[inside]]
    return out


_SPAN = 2**34  # seconds, until the year 2514


def _clamped(seconds: int | None) -> int:
    return _SPAN if seconds is None else min(max(seconds, 0), _SPAN)


def due(columns: Columns) -> Iterator[tuple[int, Integers]]:
    """The five minutes these readings lie in: (start in microseconds, its different machine ids in order), by start."""
    starts, miner_ids = columns.recorded_us - columns.recorded_us % BUCKET_US, columns.miner_ids
    order = np.lexsort((miner_ids, starts))
    starts, ids = starts[order], miner_ids[order]
    fresh = np.ones(len(order), bool)
    fresh[1:] = (starts[1:] != starts[:-1]) | (ids[1:] != ids[:-1])
    starts, ids = starts[fresh], ids[fresh]
    edges = np.flatnonzero(np.diff(starts)) + 1
    for part_starts, part_ids in zip(np.split(starts, edges), np.split(ids, edges), strict=True):
        if len(part_starts):
            yield int(part_starts[0]), part_ids


@dataclass(frozen=True, slots=True)
class Newest:
    """Per machine, in order of id: the place of its newest reading, and when it answered last in this batch."""

    miner_ids: Integers
    places: NDArray[np.intp]
    answered_us: Integers  # NEVER_US where it did not


def newest(columns: Columns) -> Newest:
    """Of readings in the order of the key."""
    ids = columns.miner_ids
    last = np.ones(len(ids), bool)
    last[:-1] = ids[1:] != ids[:-1]
    places = np.flatnonzero(last)
    answered = np.where(columns.state != UNREACHABLE, columns.recorded_us, NEVER_US)
    begins = np.concatenate(([0], places[:-1] + 1)) if len(places) else np.zeros(0, np.intp)
    best: Any = np.maximum.reduceat(answered, begins) if len(places) else np.zeros(0, np.int64)
    return Newest(ids[places], places, best)
