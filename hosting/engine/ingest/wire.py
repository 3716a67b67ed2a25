"""Batches as edge devices send them: plain JSON for whoever writes a few lines, binary columns for speed.

Both say the same; docs/howto/push-readings.md describes them. What makes a whole batch unreadable raises
``BatchRefused``; what is wrong with a single reading is noted, and the others stay.
"""

import gzip
import io
import json
import struct
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hosting.engine.ingest.checking import Doubts, Reason
from hosting.engine.ingest.columns import (
    ESTIMATED,
    FIGURES,
    NO_POWER,
    REPORTED,
    STATES,
    UNREACHABLE,
    Columns,
    Integers,
)
from hosting.engine.ingest.spans import microseconds

LARGEST = 10_000_000  # bytes of a batch, as sent and inflated
MOST_MACHINES = 5_000
MOST_READINGS = 250_000
LONGEST_NAME = 64
MAGIC = b"HICB\x01\x00\x00\x00"
MEDIA_TYPE = "application/vnd.hashinsight.columns"
STATE_WORDS = {state.value: number for state, number in STATES.items()} | {"unreachable": UNREACHABLE}
SOURCE_WORDS = {"none": NO_POWER, "reported": REPORTED, "estimated": ESTIMATED}
# Of whole numbers the greatest is "nobody said it", of floats NaN.
TYPES = {name: np.dtype(f"<{name}") for name in ("f4", "f8", "u1", "u2", "u4", "u8", "i8")}
_NO_MACHINE, _NO_READING = -1, -2


class BatchRefused(ValueError):
    """The batch as a whole: a stable code for programs, and what is wrong with it."""

    def __init__(self, code: str, **facts: Any) -> None:
        super().__init__(code)
        self.code = code
        self.facts = facts


@dataclass(frozen=True, slots=True)
class Batch:
    """What was sent. ``names`` are machines as they were named, ``at_name`` their places in it.

    There -1 means that a reading names none, -2 that it is no reading, which ``doubts`` says already.
    """

    batch_id: str
    names: tuple[str, ...]
    at_name: Integers
    columns: Columns  # its machine ids are still to be found
    doubts: Doubts = field(default_factory=Doubts)

    def __len__(self) -> int:
        return len(self.columns)


def inflate(body: bytes, *, largest: int = LARGEST) -> bytes:
    """A gzip body, never more than ``largest`` bytes of it. Raises BatchRefused."""
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(body)) as stream:
            plain = stream.read(largest + 1)
    except (OSError, EOFError, zlib.error, struct.error) as error:
        raise BatchRefused("not_gzip") from error
    if len(plain) > largest:
        raise BatchRefused("body_too_large", most=largest)
    return plain


# --- plain JSON -----------------------------------------------------------------------------------------------
def read_json(body: bytes) -> Batch:
    """``{"batch_id": "…", "readings": [{"machine": "…", "recorded_at": "…", "power_w": 3500, …}, …]}``."""
    try:
        said = json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise BatchRefused("malformed_json") from error
    if not isinstance(said, dict):
        raise BatchRefused("not_an_object")
    rows = said.get("readings")
    if not isinstance(rows, list):
        raise BatchRefused("no_readings")
    if len(rows) > MOST_READINGS:
        raise BatchRefused("too_many_readings", most=MOST_READINGS)
    batch_id = _batch_id(said.get("batch_id"))
    doubts = Doubts()
    places = [place for place, row in enumerate(rows) if isinstance(row, dict)]
    if len(places) < len(rows):
        known = set(places)
        doubts.add(Reason.NOT_A_READING, np.array([n for n in range(len(rows)) if n not in known], np.intp))
        # An empty one keeps the numbers of those behind it.
        rows = [row if isinstance(row, dict) else None for row in rows]
    names, at_name = _named([None if row is None else row.get("machine") for row in rows])
    at_name[[row is None for row in rows]] = _NO_READING
    return Batch(batch_id, names, at_name, _columns(rows, doubts), doubts)


def _columns(rows: Sequence[Any], doubts: Doubts) -> Columns:
    said = [row or {} for row in rows]
    count = len(said)
    said_of = {name: [row.get(name) for row in said] for name in FIGURES}
    return Columns(
        np.zeros(count, np.int64),
        _moments([row.get("recorded_at") for row in said]),
        _words("state", [row.get("state") for row in said], STATE_WORDS, doubts),
        _words("power_source", [row.get("power_source") for row in said], SOURCE_WORDS, doubts),
        {
            name: _numbers(name, values, doubts)
            for name, values in said_of.items()
            if any(value is not None for value in values)
        },
    )


def _named(values: Sequence[Any]) -> tuple[tuple[str, ...], Integers]:
    """Different machines in the order they come, and for each reading the place of its machine."""
    places: dict[str, int] = {}
    found = []
    for value in values:
        if isinstance(value, str) and value:
            found.append(places.setdefault(value[:LONGEST_NAME], len(places)))
        else:
            found.append(_NO_MACHINE)
    _check_machines(len(places))
    return tuple(places), np.array(found, np.int64)


def _moments(values: Sequence[Any]) -> Integers:
    """Microseconds since 1970; 0 where there is no readable time with an offset."""
    known: dict[str, int] = {}  # a device reads many machines at one moment
    found = np.zeros(len(values), np.int64)
    for place, value in enumerate(values):
        if isinstance(value, str):
            if value not in known:
                known[value] = _moment(value)
            found[place] = known[value]
    return found


def _moment(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text) if len(text) <= 40 else None
        return 0 if moment is None or moment.tzinfo is None else max(0, microseconds(moment))
    except (ValueError, OverflowError):
        return 0


def _words(name: str, values: Sequence[Any], known: dict[str, int], doubts: Doubts) -> NDArray[np.uint8]:
    found = np.zeros(len(values), np.uint8)
    strange = []
    for place, value in enumerate(values):
        if value is None:
            continue
        number = known.get(value) if isinstance(value, str) else None
        if number is None:
            strange.append(place)
        else:
            found[place] = number
    _note(doubts, Reason.UNKNOWN_CODE, name, strange, values)
    return found


def _numbers(name: str, values: Sequence[Any], doubts: Doubts) -> NDArray[np.float64]:
    if set(map(type, values)) <= {float, int, type(None)}:
        try:
            found = np.array(values, np.float64)
        except OverflowError:  # a whole number of hundreds of digits
            found = None
        if found is not None and not _said_nan(found, values):
            return found
    found = np.full(len(values), np.nan)
    strange, endless = [], []
    for place, value in enumerate(values):
        if value is None:
            continue
        if not isinstance(value, float | int) or isinstance(value, bool) or value != value:
            strange.append(place)
            continue
        try:
            found[place] = float(value)
        except OverflowError:
            endless.append(place)
    _note(doubts, Reason.NOT_A_NUMBER, name, strange, values)
    _note(doubts, Reason.OUT_OF_RANGE, name, endless, values)
    return found


def _said_nan(found: NDArray[np.float64], values: Sequence[Any]) -> bool:
    """Whether somebody wrote NaN, which is no way to say nothing."""
    return int(np.isnan(found).sum()) != sum(value is None for value in values)


def _note(doubts: Doubts, reason: Reason, name: str, places: list[int], values: Sequence[Any]) -> None:
    if places:
        said = [shown(values[place]) for place in places]
        doubts.add(reason, np.array(places, np.intp), figure=name, values=said)


def shown(value: Any) -> str:
    """A value as it is kept for somebody to look at: short, printable, whatever it was."""
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() > 400:
        return f"{value.bit_length()} bits"  # writing it out would be refused, or slow
    text = value if isinstance(value, str) else repr(value) if isinstance(value, float | int) else type(value).__name__
    return "".join(sign if sign.isprintable() else "?" for sign in text[:100])


def _batch_id(value: Any) -> str:
    if not isinstance(value, str) or not 1 <= len(value) <= 64 or not all("!" <= sign <= "~" for sign in value):
        raise BatchRefused("no_batch_id")
    return value


def _check_machines(count: int) -> None:
    if count > MOST_MACHINES:
        raise BatchRefused("too_many_machines", most=MOST_MACHINES)


# --- columns --------------------------------------------------------------------------------------------------
def read_columns(body: bytes) -> Batch:
    """Magic, length of the head (u4), a head in JSON, then the columns one behind the other, all little-endian."""
    if body[: len(MAGIC)] != MAGIC or len(body) < len(MAGIC) + 4:
        raise BatchRefused("malformed_columns")
    (size,) = struct.unpack_from("<I", body, len(MAGIC))
    begin = len(MAGIC) + 4
    head = _head(body[begin : begin + size])
    count = head.get("count")
    if not isinstance(count, int) or isinstance(count, bool) or not 0 <= count <= MOST_READINGS:
        raise BatchRefused("too_many_readings" if isinstance(count, int) and count > 0 else "malformed_columns")
    names = head.get("machines")
    if not isinstance(names, list):
        raise BatchRefused("malformed_columns")
    _check_machines(len(names))
    arrays = _arrays(body, begin + size, head.get("columns"), count)
    if "machine" not in arrays or "recorded_at" not in arrays:
        raise BatchRefused("malformed_columns")
    at_name = arrays.pop("machine").astype(np.int64)
    at_name[(at_name < 0) | (at_name >= len(names))] = _NO_MACHINE
    moments = arrays.pop("recorded_at").astype(np.int64)
    state, source = (_code(arrays.pop(name, None), count) for name in ("state", "power_source"))
    figures = {name: _unpacked(values) for name, values in arrays.items()}
    told = tuple(name[:LONGEST_NAME] if isinstance(name, str) else "" for name in names)
    columns = Columns(np.zeros(count, np.int64), moments, state, source, figures)
    return Batch(_batch_id(head.get("batch_id")), told, at_name, columns)


def _head(raw: bytes) -> dict[str, Any]:
    try:
        head = json.loads(raw.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise BatchRefused("malformed_columns") from error
    if not isinstance(head, dict):
        raise BatchRefused("malformed_columns")
    return head


_NAMES = frozenset({"machine", "recorded_at", "state", "power_source", *FIGURES})
_ALLOWED = {"machine": ("u2", "u4"), "recorded_at": ("i8",), "state": ("u1",), "power_source": ("u1",)}


def _arrays(body: bytes, at: int, columns: Any, count: int) -> dict[str, NDArray[Any]]:
    if not isinstance(columns, list) or len(columns) > len(_NAMES):
        raise BatchRefused("malformed_columns")
    found: dict[str, NDArray[Any]] = {}
    for column in columns:
        name, kind = (column.get("name"), column.get("type")) if isinstance(column, dict) else (None, None)
        if not isinstance(name, str) or not isinstance(kind, str) or name not in _NAMES or name in found:
            raise BatchRefused("unknown_column", name=shown(name))
        if kind not in _ALLOWED.get(name, ("f4", "f8", "u2", "u4", "u8")):
            raise BatchRefused("unknown_column", name=shown(name))
        size = TYPES[kind].itemsize * count
        if at + size > len(body):
            raise BatchRefused("malformed_columns")
        found[name] = np.frombuffer(body, TYPES[kind], count, at)
        at += size
    if at != len(body):
        raise BatchRefused("malformed_columns")
    return found


def _code(values: NDArray[Any] | None, count: int) -> NDArray[np.uint8]:
    return np.zeros(count, np.uint8) if values is None else values.astype(np.uint8)


def _unpacked(values: NDArray[Any]) -> NDArray[Any]:
    if values.dtype.kind == "f":
        return values
    out = values.astype(np.float64)
    out[values == np.iinfo(values.dtype).max] = np.nan
    return out


READERS: dict[str, Callable[[bytes], Batch]] = {"application/json": read_json, MEDIA_TYPE: read_columns}


def write_columns(batch_id: str, names: Sequence[str], at_name: Integers, columns: Columns) -> bytes:
    """The other way, for those who send."""
    told: list[tuple[str, str, NDArray[Any]]] = [
        ("machine", "u2", at_name),
        ("recorded_at", "i8", columns.recorded_us),
        ("state", "u1", columns.state),
        ("power_source", "u1", columns.power_source),
    ]
    for name, values in columns.figures.items():
        exact = name in ("uptime_s", "shares_accepted", "shares_rejected")
        told.append((name, "f8" if exact else "f4", values))
    head = {
        "batch_id": batch_id,
        "count": len(columns),
        "machines": list(names),
        "columns": [{"name": name, "type": kind} for name, kind, _values in told],
    }
    raw = json.dumps(head, separators=(",", ":")).encode()
    parts = [values.astype(TYPES[kind]).tobytes() for _name, kind, values in told]
    return b"".join([MAGIC, struct.pack("<I", len(raw)), raw, *parts])


def without_limits(body: bytes) -> bytes | None:
    """The same batch as servers took it that knew no limits of power; None where it says none. Raises BatchRefused."""
    if body[: len(MAGIC)] != MAGIC:
        return None
    batch = read_columns(body)
    if "power_target_w" not in batch.columns.figures:
        return None
    figures = {name: values for name, values in batch.columns.figures.items() if name != "power_target_w"}
    return write_columns(batch.batch_id, batch.names, batch.at_name, replace(batch.columns, figures=figures))
