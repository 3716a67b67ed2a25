"""Rows of a file of readings: local times made moments, figures made decimals, and what is wrong with a cell.

A local clock shows an hour twice in autumn and none in spring. In a file in order of time the second run of the doubled
hour is the second hour; alone it is taken as the first. A time that no clock showed is refused.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from zoneinfo import ZoneInfo

from hosting.engine.metering.values import Said
from hosting.engine.metering.wire import EARLIEST, LATEST, plain

COLUMNS = ("recorded_at", "power_kw", "register_kwh")


class Wrong(StrEnum):
    """What is wrong with a cell."""

    TIME = "time"
    NO_SUCH_TIME = "no_such_time"
    NUMBER = "number"
    EMPTY = "empty"


@dataclass(frozen=True, slots=True)
class CellTrouble:
    """In which row (from 0) what is wrong, with the cell as it was."""

    row: int
    wrong: Wrong
    value: str = ""


@dataclass(slots=True)
class ReadRows:
    """Readings by their row, and all that is wrong."""

    said: list[Said] = field(default_factory=list)
    troubles: list[CellTrouble] = field(default_factory=list)


def read_rows(rows: Sequence[Mapping[str, str]], zone: ZoneInfo) -> ReadRows:
    """``zone`` is that of times without an offset; the rows of a file in its order."""
    found, last = ReadRows(), None
    for place, row in enumerate(rows):
        text = row.get("recorded_at", "").strip()
        moment = _moment(text, zone, last)
        if isinstance(moment, Wrong):
            found.troubles.append(CellTrouble(place, moment, text[:40]))
            continue
        last = moment
        figures: list[Decimal | None] = []
        for name in COLUMNS[1:]:
            cell = row.get(name, "").strip()
            try:
                figures.append(_number(cell))
            except (InvalidOperation, ValueError):
                found.troubles.append(CellTrouble(place, Wrong.NUMBER, cell[:40]))
                figures.append(None)
        if not any(row.get(name, "").strip() for name in COLUMNS[1:]):
            found.troubles.append(CellTrouble(place, Wrong.EMPTY))
            continue
        found.said.append(Said(place, moment, *figures))
    return found


def _number(cell: str) -> Decimal | None:
    """``1234.5``; a comma may be one of thousands or of decimals, so it is refused."""
    if not cell:
        return None
    if len(cell) > 40 or not cell.isascii() or "_" in cell:
        raise ValueError(cell)
    value = Decimal(cell)
    if not value.is_finite():
        raise ValueError(plain(value))
    return value


def _moment(text: str, zone: ZoneInfo, last: datetime | None) -> datetime | Wrong:
    try:
        said = datetime.fromisoformat(text) if 8 < len(text) <= 40 else None
        if said is None:
            return Wrong.TIME
        if said.tzinfo is not None:
            moment = said.astimezone(UTC)
        else:
            moment = said.replace(tzinfo=zone, fold=0).astimezone(UTC)
            if moment.astimezone(zone).replace(tzinfo=None) != said:
                return Wrong.NO_SUCH_TIME
            second = said.replace(tzinfo=zone, fold=1).astimezone(UTC)
            if second != moment and last is not None and moment <= last:
                moment = second
    except (ValueError, OverflowError):
        return Wrong.TIME
    return moment if EARLIEST <= moment <= LATEST else Wrong.TIME
