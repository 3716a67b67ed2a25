"""Readings from a CSV somebody else wrote: columns by their usual names, times without an offset, machines by name."""

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo

import numpy as np

from hosting.engine.ingest.checking import Doubts, Reason
from hosting.engine.ingest.columns import FIGURES, NO_POWER, REPORTED, UNREACHABLE, Columns, Floats, Integers
from hosting.engine.ingest.spans import microseconds

MOST_ROWS = 2_000_000
# What columns are called out there, and which figures they are.
ALIASES: Mapping[str, tuple[str, ...]] = {
    **{name: (name,) for name in FIGURES},
    "hashrate_th": ("hashrate_ths",),
    "power": ("power_w",),
    "temperature_c": ("chip_temp_c",),
    "vr_temperature_c": ("board_temp_c",),
    "fan_speed_rpm": ("fan_min_rpm", "fan_max_rpm"),
    "accepted_shares": ("shares_accepted",),
    "rejected_shares": ("shares_rejected",),
}
TIMES = ("recorded_at", "timestamp", "time")
MACHINES = ("machine", "serial", "miner_name", "miner_ip")
SILENT = frozenset({"offline", "unreachable", "down"})


class SheetRefused(ValueError):
    """The file cannot be read as readings; says why."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """``names`` of machines as written, ``at_name`` the place of each reading's."""

    names: tuple[str, ...]
    at_name: Integers
    columns: Columns
    doubts: Doubts


def read_sheet(
    lines: Iterable[str], *, zone: tzinfo, columns: Mapping[str, str] | None = None, machine: str = ""
) -> Sheet:
    """``columns`` names further columns (theirs: ours); ``machine`` the column of names; ``zone`` of naive times."""
    rows = csv.DictReader(lines)
    header = rows.fieldnames or []
    wanted = {**ALIASES, **{theirs: (ours,) for theirs, ours in (columns or {}).items()}}
    if strange := {ours for ours in (columns or {}).values() if ours not in FIGURES}:
        raise SheetRefused(f"no figure is called {', '.join(sorted(strange))}; there are {', '.join(FIGURES)}")
    time_column = next((name for name in TIMES if name in header), None)
    name_column = machine or next((name for name in MACHINES if name in header), None)
    if time_column is None or name_column not in header:
        raise SheetRefused(
            f"a column of times ({', '.join(TIMES)}) and one of machines ({', '.join(MACHINES)}) is needed"
        )
    reader = _Reader({name: wanted[name] for name in header if name in wanted}, zone)
    for place, row in enumerate(rows):
        if place >= MOST_ROWS:
            raise SheetRefused(f"the file has more than {MOST_ROWS:,} rows")
        reader.take(row, row.get(time_column) or "", row.get(name_column) or "")
    return reader.sheet()


class _Reader:
    """Row by row into lists."""

    def __init__(self, figures: Mapping[str, tuple[str, ...]], zone: tzinfo) -> None:
        self.figures = figures
        self.zone = zone
        self.values: dict[str, list[float]] = {name: [] for names in figures.values() for name in names}
        self.moments: list[int] = []
        self.states: list[int] = []
        self.names: dict[str, int] = {}
        self.at_name: list[int] = []
        self.doubts = Doubts()

    def take(self, row: Mapping[str, str], moment: str, name: str) -> None:
        """One row. What a silent machine "said" is what its logger wrote for want of better: nothing."""
        silent = (row.get("status") or row.get("state") or "").strip().lower() in SILENT
        place = len(self.moments)
        self.moments.append(self._moment(moment))
        self.states.append(UNREACHABLE if silent else 0)
        self.at_name.append(self.names.setdefault(name.strip(), len(self.names)))
        for theirs, names in self.figures.items():
            value = np.nan if silent else self._number(row.get(theirs) or "", names[0], place)
            for ours in names:
                self.values[ours].append(value)

    def _number(self, text: str, name: str, place: int) -> float:
        try:
            return float(text) if text.strip() else np.nan
        except ValueError:
            self.doubts.add(Reason.NOT_A_NUMBER, np.array([place]), figure=name, values=[text])
            return np.nan

    def _moment(self, text: str) -> int:
        try:
            moment = datetime.fromisoformat(text.strip())
        except ValueError:
            return 0
        return microseconds(moment if moment.tzinfo else moment.replace(tzinfo=self.zone))

    def sheet(self) -> Sheet:
        """All of it."""
        figures: dict[str, Floats] = {name: np.array(values, np.float64) for name, values in self.values.items()}
        count = len(self.moments)
        power = figures.get("power_w", np.full(count, np.nan))
        source = np.where(np.isnan(power), NO_POWER, REPORTED).astype(np.uint8)
        columns = Columns(
            np.zeros(count, np.int64),
            np.array(self.moments, np.int64),
            np.array(self.states, np.uint8),
            source,
            figures,
        )
        return Sheet(tuple(self.names), np.array(self.at_name, np.int64), columns, self.doubts)
