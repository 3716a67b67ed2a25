"""Batches of readings of meters as edge devices and programs send them: JSON, each figure as the meter shows it.

What makes a whole batch unreadable raises ``BatchRefused``; what is wrong with one reading is noted, others stay.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import numpy as np

from hosting.engine.ingest.checking import Doubts, Reason
from hosting.engine.ingest.wire import LONGEST_NAME, BatchRefused, shown
from hosting.engine.metering.values import Said

MOST_READINGS = 20_000
FIGURES = ("power_kw", "register_kwh")
EARLIEST, LATEST = datetime(2009, 1, 3, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class MeterBatch:
    """What was sent: readings by the meter as it was named; ``doubts`` are what is wrong with some already."""

    batch_id: str
    readings: int
    by_meter: Mapping[str, Sequence[Said]]
    doubts: Doubts = field(default_factory=Doubts)


def read_batch(body: bytes) -> MeterBatch:
    """``{"batch_id": "…", "readings": [{"meter": "…", "recorded_at": "…", "power_kw": 812.4, …}, …]}``."""
    try:
        # Decimals: 12345678.901 must not become something near it. NaN and Infinity stay floats, which no figure is.
        said = json.loads(body.decode("utf-8"), parse_float=Decimal, parse_int=Decimal)
    except (ValueError, RecursionError, ArithmeticError) as error:
        raise BatchRefused("malformed_json") from error
    if not isinstance(said, dict):
        raise BatchRefused("not_an_object")
    rows, batch_id = said.get("readings"), said.get("batch_id")
    if not isinstance(rows, list):
        raise BatchRefused("no_readings")
    if len(rows) > MOST_READINGS:
        raise BatchRefused("too_many_readings", most=MOST_READINGS)
    if not (isinstance(batch_id, str) and 1 <= len(batch_id) <= LONGEST_NAME and _visible(batch_id)):
        raise BatchRefused("no_batch_id")
    doubts = Doubts()
    by_meter: dict[str, list[Said]] = {}
    for place, row in enumerate(rows):
        read = _reading(place, row, doubts)
        if read is not None:
            by_meter.setdefault(_name(row), []).append(read)
    return MeterBatch(batch_id, len(rows), by_meter, doubts)


def _visible(text: str) -> bool:
    return all("!" <= sign <= "~" for sign in text)


def _name(row: Any) -> str:
    """As it was written, cut; a meter that is none has the empty name."""
    name = row.get("meter")
    return name[:LONGEST_NAME] if isinstance(name, str) else ""


def note(doubts: Doubts, reason: Reason, place: int, *, figure: str = "", value: Any = "") -> None:
    """One thing that is not believed."""
    doubts.add(reason, np.array([place], np.intp), figure=figure, values=[plain(value)])


def plain(value: Any) -> str:
    """A value as it is kept to be looked at: short and printable."""
    if isinstance(value, Decimal):
        return f"{value:.12g}" if value.is_finite() and abs(value.adjusted()) > 15 else f"{value:f}"[:40]
    return shown(value)


def _reading(place: int, row: Any, doubts: Doubts) -> Said | None:
    if not isinstance(row, dict):
        note(doubts, Reason.NOT_A_READING, place)
        return None
    at = moment(row.get("recorded_at"))
    if at is None:
        note(doubts, Reason.NO_TIME, place, value=row.get("recorded_at"))
        return None
    power, register = (number(row.get(name), name, place, doubts) for name in FIGURES)
    if power is None and register is None and row.get("power_kw") is None and row.get("register_kwh") is None:
        note(doubts, Reason.NOT_A_READING, place)
        return None
    return Said(place, at, power, register)


def moment(value: Any) -> datetime | None:
    """A time with its offset, within what a meter may have lived; None for anything else."""
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) and len(value) <= 40 else None
        if found is None or found.tzinfo is None:
            return None
        found = found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return found if EARLIEST <= found <= LATEST else None


def number(value: Any, figure: str, place: int, doubts: Doubts) -> Decimal | None:
    """A figure, None where there is none or where it is not believed, which is noted."""
    if value is None:
        return None
    if isinstance(value, float):  # what the reader of JSON makes of NaN and Infinity
        note(doubts, Reason.NOT_FINITE, place, figure=figure, value=str(value))
        return None
    if not isinstance(value, Decimal):
        note(doubts, Reason.NOT_A_NUMBER, place, figure=figure, value=value)
        return None
    return value
