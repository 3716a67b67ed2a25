"""What of a batch is believed: figures beyond their bounds become unknown, readings without time or machine go."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hosting.engine.ingest.columns import (
    ESTIMATED,
    FIGURES,
    NO_POWER,
    UNREACHABLE,
    WHOLE,
    Columns,
    Floats,
    Mask,
)  # fmt: skip

MOST_NOTES = 1_000  # described one by one; beyond, they are counted


class Reason(StrEnum):
    """Why something was not believed."""

    OUT_OF_RANGE = "out_of_range"
    NOT_FINITE = "not_finite"
    NOT_WHOLE = "not_whole"
    NOT_A_NUMBER = "not_a_number"
    UNKNOWN_CODE = "unknown_code"
    NOT_ANSWERED = "not_answered"  # a figure of a machine that gave no answer
    NO_TIME = "no_time"
    TOO_OLD = "too_old"
    IN_FUTURE = "in_future"
    UNKNOWN_MACHINE = "unknown_machine"
    NOT_A_READING = "not_a_reading"
    NEGATIVE = "negative"
    UNKNOWN_METER = "unknown_meter"
    NOT_IN_USE = "not_in_use"
    DIFFERS = "differs"
    REGISTER_BACK = "register_back"
    REGISTER_JUMP = "register_jump"


@dataclass(frozen=True, slots=True)
class Doubt:
    """One thing that was not believed: in which reading of the batch, of which figure (empty: all of it)."""

    place: int
    reason: Reason
    figure: str = ""
    value: str = ""  # as it came, cut


@dataclass(slots=True)
class Doubts:
    """All of a batch. ``counts`` is whole, ``listed`` holds the first ones."""

    counts: dict[tuple[Reason, str], int] = field(default_factory=dict)
    listed: list[Doubt] = field(default_factory=list)

    def add(self, reason: Reason, places: NDArray[np.intp], *, figure: str = "", values: Any = None) -> None:
        """Note these readings; ``values`` stand beside ``places``."""
        if not len(places):
            return
        self.counts[reason, figure] = self.counts.get((reason, figure), 0) + len(places)
        for number, place in enumerate(places[: max(0, MOST_NOTES - len(self.listed))].tolist()):
            said = "" if values is None else str(values[number])[:100]
            self.listed.append(Doubt(place, reason, figure, said))

    def readings(self) -> int:
        """How many whole readings were put aside."""
        return sum(count for (_reason, figure), count in self.counts.items() if not figure)

    def figures(self) -> int:
        """How many single figures were put aside."""
        return sum(count for (_reason, figure), count in self.counts.items() if figure)


def check(columns: Columns, *, oldest_us: int, newest_us: int, doubts: Doubts) -> tuple[Columns, NDArray[np.intp]]:
    """The readings that are believed, and their places in the batch as it came. Notes what is not in ``doubts``.

    Between ``oldest_us`` and ``newest_us``, both included, lie the moments that are accepted.
    """
    moments = columns.recorded_us
    known = columns.miner_ids > 0
    timed = moments > 0
    old, late = moments < oldest_us, moments > newest_us
    keep: Mask = known & ~old & ~late
    if not keep.all():
        doubts.add(Reason.UNKNOWN_MACHINE, np.flatnonzero(columns.miner_ids == 0))
        doubts.add(Reason.NO_TIME, np.flatnonzero(known & ~timed))
        for reason, mask in ((Reason.TOO_OLD, known & timed & old), (Reason.IN_FUTURE, known & late)):
            doubts.add(reason, np.flatnonzero(mask), values=moments[mask].astype("datetime64[us]"))
        places = np.flatnonzero(keep)
        columns = columns.take(places)
    else:
        places = np.arange(len(columns))
    return _believed(columns, places, doubts), places


def _believed(columns: Columns, places: NDArray[np.intp], doubts: Doubts) -> Columns:
    state = _codes(columns.state, UNREACHABLE, "state", places, doubts)
    silent = state == UNREACHABLE
    figures = {
        name: _figure(name, columns.figures[name], silent, places, doubts)
        for name in FIGURES
        if name in columns.figures
    }
    source = _codes(columns.power_source, ESTIMATED, "power_source", places, doubts)
    power = figures.get("power_w")
    if power is None:
        source = np.full(len(columns), NO_POWER, np.uint8)
    else:
        # A figure nobody vouches for counts as the weaker kind.
        source = np.where(np.isnan(power), NO_POWER, np.where(source == NO_POWER, ESTIMATED, source)).astype(np.uint8)
    return Columns(columns.miner_ids, columns.recorded_us, state, source, figures, columns.skewed)


def _codes(values: Any, most: int, name: str, places: NDArray[np.intp], doubts: Doubts) -> Any:
    wrong = values > most
    if not wrong.any():
        return values
    doubts.add(Reason.UNKNOWN_CODE, places[wrong], figure=name, values=values[wrong])
    return np.where(wrong, 0, values).astype(np.uint8)


def _figure(name: str, values: Floats, silent: Mask, places: NDArray[np.intp], doubts: Doubts) -> Floats:
    bound = FIGURES[name]
    good = (values >= bound.low) & (values <= bound.high)  # NaN is neither
    wrong = ~good & ~np.isnan(values)
    out = values
    if wrong.any():
        endless = np.isinf(values)
        for reason, mask in ((Reason.NOT_FINITE, wrong & endless), (Reason.OUT_OF_RANGE, wrong & ~endless)):
            doubts.add(reason, places[mask], figure=name, values=values[mask])
        out = np.where(good, out, np.nan)
    if name in WHOLE:
        whole = np.floor(out)
        if name != "uptime_s" and (broken := whole < out).any():
            doubts.add(Reason.NOT_WHOLE, places[broken], figure=name, values=out[broken])
            whole[broken] = np.nan
        out = whole
    if (said := silent & ~np.isnan(out)).any():
        doubts.add(Reason.NOT_ANSWERED, places[said], figure=name, values=out[said])
        out = np.where(silent, np.nan, out)
    return out
