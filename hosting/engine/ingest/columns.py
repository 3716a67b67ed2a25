"""A batch of readings as columns: one array per thing said, one place in each array per reading."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hosting.engine.machines import bounds
from hosting.engine.machines.bounds import Bound
from hosting.engine.machines.reading import Algorithm, MiningState, PowerSource, Reading

Floats = NDArray[np.floating[Any]]
Integers = NDArray[np.int64]
Codes = NDArray[np.uint8]
Mask = NDArray[np.bool_]

# What a reading can say, in the order of the table, and what is believed of it.
REALS: Mapping[str, Bound] = {
    "hashrate_ths": bounds.HASHRATE_THS,
    "power_w": bounds.POWER_W,
    "chip_temp_c": bounds.TEMPERATURE_C,
    "board_temp_c": bounds.TEMPERATURE_C,
    "inlet_temp_c": bounds.TEMPERATURE_C,
    "fan_min_rpm": bounds.FAN_RPM,
    "fan_max_rpm": bounds.FAN_RPM,
    "power_target_w": bounds.LIMIT_W,
}
WHOLE: Mapping[str, Bound] = {
    "uptime_s": bounds.UPTIME_S,
    "shares_accepted": bounds.COUNT,
    "shares_rejected": bounds.COUNT,
}
FIGURES: Mapping[str, Bound] = {**REALS, **WHOLE}

# The numbers the table keeps (hosting.enums says the same in words); 0 is "nobody said".
UNREACHABLE = 6
STATES: Mapping[MiningState, int] = {
    MiningState.MINING: 1,
    MiningState.STARTING: 2,
    MiningState.PAUSED: 3,
    MiningState.IDLE: 4,
    MiningState.FAULT: 5,
}
NO_POWER, REPORTED, ESTIMATED = 0, 1, 2
POWER_SOURCES: Mapping[PowerSource, int] = {
    PowerSource.NONE: NO_POWER,
    PowerSource.REPORTED: REPORTED,
    PowerSource.ESTIMATED: ESTIMATED,
}


@dataclass(frozen=True, slots=True)
class Columns:
    """``n`` readings. In ``figures`` NaN means that nobody said it; a figure left out was said by nobody at all.

    ``miner_ids``: primary keys, 0 where the machine is unknown, -1 for what is left out without another word.
    ``recorded_us``: microseconds since 1970, UTC.
    ``state``: numbers of the table, 0 where nobody said; 6 is asked and not answered.
    ``skewed``: the clock that gave ``recorded_us`` was wrong.
    """

    miner_ids: Integers
    recorded_us: Integers
    state: Codes
    power_source: Codes
    figures: dict[str, Floats] = field(default_factory=dict)
    skewed: Mask | None = None

    def __len__(self) -> int:
        return len(self.miner_ids)

    def take(self, places: Any) -> "Columns":
        """The readings at these places (indices or a mask), in that order."""
        return Columns(
            self.miner_ids[places],
            self.recorded_us[places],
            self.state[places],
            self.power_source[places],
            {name: values[places] for name, values in self.figures.items()},
            None if self.skewed is None else self.skewed[places],
        )


def join(parts: Sequence[Columns]) -> Columns:
    """One batch of several."""
    names = [name for name in FIGURES if any(name in part.figures for part in parts)]
    return Columns(
        np.concatenate([part.miner_ids for part in parts]) if parts else np.zeros(0, np.int64),
        np.concatenate([part.recorded_us for part in parts]) if parts else np.zeros(0, np.int64),
        np.concatenate([part.state for part in parts]) if parts else np.zeros(0, np.uint8),
        np.concatenate([part.power_source for part in parts]) if parts else np.zeros(0, np.uint8),
        {
            name: np.concatenate([part.figures.get(name, np.full(len(part), np.nan)) for part in parts])
            for name in names
        },
        np.concatenate([np.zeros(len(p), bool) if p.skewed is None else p.skewed for p in parts]) if parts else None,
    )


def columns_of(rows: Iterable[tuple[int, int, Reading | None]]) -> Columns:
    """Of what our readers return: (miner id, microseconds since 1970, reading); none: it was silent.

    A hashrate of another algorithm is left out: it does not add up with the others.
    """
    taken = list(rows)
    readings = [reading for _miner, _moment, reading in taken]
    return Columns(
        np.array([miner for miner, _moment, _reading in taken], np.int64),
        np.array([moment for _miner, moment, _reading in taken], np.int64),
        np.array([UNREACHABLE if r is None else STATES[r.state] if r.state else 0 for r in readings], np.uint8),
        np.array([NO_POWER if r is None else POWER_SOURCES[r.power_source] for r in readings], np.uint8),
        {name: _column(readings, name) for name in FIGURES},
    )


def _column(readings: Sequence[Reading | None], name: str) -> Floats:
    return np.array([np.nan if r is None else _figure(r, name) for r in readings], np.float64)


def _figure(reading: Reading, name: str) -> float:
    value: float | None
    if name == "hashrate_ths":
        value = reading.hashrate_ths if reading.algorithm in (None, Algorithm.SHA256) else None
    elif name == "chip_temp_c":
        value = reading.chip_temp_max_c
    elif name == "board_temp_c":
        value = reading.board_temp_max_c
    elif name in ("fan_min_rpm", "fan_max_rpm"):
        known = [rpm for rpm in reading.fans_rpm if rpm is not None]
        value = (min(known) if name == "fan_min_rpm" else max(known)) if known else None
    elif name == "power_target_w":
        value = reading.power_target_w or None  # some say zero for none
    else:
        value = getattr(reading, name)
    return np.nan if value is None else float(value)
