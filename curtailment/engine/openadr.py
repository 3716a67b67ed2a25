"""OpenADR 3 (3.0 and 3.1): what an event asks of us. No network, no database.

An event is a row of intervals. Each becomes a part with a beginning and an end; neighbours that ask for the same are
one part. Where the two versions differ (targets, the meaning of no duration, bodies of registrations) the newer one is
the standard and the older one is read as its readers read it.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from curtailment.engine.openadr_time import Duration, NotUnderstood, duration_of, moment_of

MOST_PARTS = 200
HORIZON = timedelta(days=8)  # so far ahead intervals that repeat for ever are looked at
KNOWN_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")
_PER_KW = {"W": Decimal("0.001"), "KW": Decimal(1), "MW": Decimal(1000), "": Decimal(1)}
LIMITS = frozenset({"IMPORT_CAPACITY_LIMIT", "DISPATCH_SETPOINT"})
RELATIVE = "DISPATCH_SETPOINT_RELATIVE"
SIMPLE = "SIMPLE"


@dataclass(frozen=True, slots=True)
class Ask:
    """What a part asks for: a level (``level`` 0 to 3), or to reduce *by* or *to* so many kW."""

    level: int | None = None
    goal: str = ""
    kw: Decimal | None = None

    @property
    def is_nothing(self) -> bool:
        """Normal operation."""
        return self.level == 0 or (self.goal == "by" and self.kw == 0)


@dataclass(frozen=True, slots=True)
class Part:
    """A span of an event; ``starts_at`` None: now, ``ends_at`` None: without an end. ``interval`` is its first id."""

    starts_at: datetime | None
    ends_at: datetime | None
    ask: Ask
    interval: int = 0


@dataclass(frozen=True, slots=True)
class Event:
    """An event as far as it concerns us. ``parts`` is empty for one that was emptied, which is how some cancel."""

    id: str
    program_id: str
    name: str
    priority: int | None
    modified_at: datetime | None
    targets: tuple[str, ...]
    parts: tuple[Part, ...]
    reports: tuple[str, ...]


def event_of(
    said: Mapping[str, Any], *, units: Mapping[str, str], at: datetime, whose: str, relative_reduces: bool = False,
    no_duration_is_forever: bool = False,
) -> Event:  # fmt: skip
    """What a server says of an event. ``units``: of payload types as the program has them; ``whose``: our name there,
    by which a start that is to be random is the same each time. Raises NotUnderstood."""
    event_id = _id(said.get("id"), "id")
    units = {**units, **units_of(said.get("payloadDescriptors"))}
    parts = [
        replace(part, ask=ask)
        for part, payloads in timed(said, at, dice_of(event_id, whose), no_duration_is_forever)
        if (ask := _ask_of(payloads, units, relative_reduces)) is not None and not ask.is_nothing
    ]
    modified = said.get("modificationDateTime")
    return Event(
        id=event_id, program_id=_id(said.get("programID"), "programID"), name=_text(said.get("eventName")),
        priority=said["priority"] if isinstance(said.get("priority"), int) else None,
        modified_at=moment_of(modified) if modified else None, targets=targets_of(said.get("targets")),
        parts=tuple(_joined(parts)), reports=reports_of(said.get("reportDescriptors")),
    )  # fmt: skip


def _id(value: Any, name: str) -> str:
    if not isinstance(value, str) or not KNOWN_ID.fullmatch(value):
        raise NotUnderstood(f"{name} is no id: {str(value)[:40]!r}")
    return value


def _text(value: Any) -> str:
    text = value if isinstance(value, str) else ""
    return "".join(one for one in text if one.isprintable())[:200]


def rows_of(value: Any, name: str) -> list[Mapping[str, Any]]:
    """A list of objects; none where nothing is said. Raises NotUnderstood."""
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(one, Mapping) for one in value):
        raise NotUnderstood(f"{name} is no list of objects")
    return value


# --- when ---------------------------------------------------------------------------------------------------------
def dice_of(event_id: str, whose: str) -> float:
    """From -1 to 1, evenly spread over events and names, and the same at each poll."""
    digest = hashlib.sha256(f"{whose}\n{event_id}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / (2**63) - 1


def timed(
    said: Mapping[str, Any], at: datetime, dice: float, no_duration_is_forever: bool, most: int = MOST_PARTS
) -> list[tuple[Part, list[Mapping[str, Any]]]]:
    """Each interval with its beginning and end; repeated, or cut, as the duration of the event says."""
    default = _period(said.get("intervalPeriod"))
    rows = rows_of(said.get("intervals"), "intervals")[:most]
    found: list[tuple[Part, list[Mapping[str, Any]]]] = []
    start, now, shift = _start_of_all(default, dice)
    for row in rows:
        own = _period(row.get("intervalPeriod"))
        if own.get("start"):
            begins = moment_of(own["start"])
            if own.get("randomizeStart"):
                shift = _shift(own["randomizeStart"], dice)
            if begins is not None:
                start, now = begins + shift, False
            elif not found and not default.get("start"):
                start, now = None, True
        length = _length(own.get("duration", default.get("duration")), now, no_duration_is_forever)
        if start is None and not now:
            raise NotUnderstood("an interval says nowhere when it begins")
        payloads = rows_of(row.get("payloads"), "payloads")
        if length.is_nothing:
            continue
        if now and not length.forever:
            raise NotUnderstood("it begins with the beginning of time and has an end: it is over since long")
        ends = length.after(start if start is not None else at)
        found.append((Part(start, ends, Ask(), _interval_id(row)), payloads))
        start, now = ends, False
        if ends is None:
            break
    return _repeated(said.get("duration"), found, at)


def _period(value: Any) -> Mapping[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise NotUnderstood("intervalPeriod is no object")
    return value


def _start_of_all(default: Mapping[str, Any], dice: float) -> tuple[datetime | None, bool, timedelta]:
    shift = _shift(default.get("randomizeStart"), dice)
    if not default.get("start"):
        return None, False, shift
    start = moment_of(default["start"])
    return (None, True, shift) if start is None else (start + shift, False, shift)


def _shift(value: Any, dice: float) -> timedelta:
    most = duration_of(value).rest if value else timedelta(0)
    return timedelta(seconds=round(abs(most).total_seconds() * dice))


def _length(value: Any, now: bool, no_duration_is_forever: bool) -> Duration:
    """None said: without an end. 3.0 has PT0S as the standard and reads it, for what goes on, as without an end."""
    if value is None:
        return Duration(forever=True)
    length = _forwards(value)
    if length.is_nothing and no_duration_is_forever and not now:
        return Duration(forever=True)
    return length


def _forwards(value: Any) -> Duration:
    length = duration_of(value)
    if length.is_negative:
        raise NotUnderstood(f"{value} lasts less than nothing")
    return length


def _interval_id(row: Mapping[str, Any]) -> int:
    value = row.get("id")
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**31 else 0


Timed = list[tuple[Part, list[Mapping[str, Any]]]]


def _repeated(value: Any, found: Timed, at: datetime) -> Timed:
    if value is None or not found:
        return found
    whole = _forwards(value)
    first = found[0][0].starts_at
    if whole.is_nothing or first is None:
        return [] if whole.is_nothing else found
    over = whole.after(first)
    last = found[-1][0].ends_at
    if last is not None and (over is None or over > last):
        found = _looped(found, last - first, min(over or at + HORIZON, at + HORIZON), at)
    return found if over is None else [row for part in found if (row := _cut(part, over)) is not None]


def _looped(found: Timed, turn: timedelta, until: datetime, at: datetime) -> Timed:
    """The same intervals again and again, from the turn that is running now."""
    if turn <= timedelta(0):
        return found
    begins = found[0][0].starts_at
    skipped = max(0, (at - begins) // turn) if begins is not None else 0
    rows: Timed = []
    for number in range(skipped, skipped + MOST_PARTS):
        for part, payloads in found:
            if part.starts_at is None or part.ends_at is None or len(rows) >= MOST_PARTS:
                return rows or found
            if part.starts_at + number * turn >= until:
                return rows or found
            moved = replace(part, starts_at=part.starts_at + number * turn, ends_at=part.ends_at + number * turn)
            rows.append((moved, payloads))
    return rows


def _cut(row: tuple[Part, list[Mapping[str, Any]]], over: datetime) -> tuple[Part, list[Mapping[str, Any]]] | None:
    part, payloads = row
    if part.starts_at is not None and part.starts_at >= over:
        return None
    return (replace(part, ends_at=over), payloads) if part.ends_at is None or part.ends_at > over else row


def _joined(parts: Sequence[Part]) -> list[Part]:
    """Neighbours that ask for the same are one."""
    found: list[Part] = []
    for part in parts:
        if found and found[-1].ask == part.ask and found[-1].ends_at == part.starts_at and part.starts_at is not None:
            found[-1] = replace(found[-1], ends_at=part.ends_at)
        else:
            found.append(part)
    return found


# --- what ---------------------------------------------------------------------------------------------------------
def units_of(value: Any) -> dict[str, str]:
    """Units by payload type, from descriptors of an event or a program."""
    found: dict[str, str] = {}
    for row in rows_of(value, "payloadDescriptors"):
        kind, units = row.get("payloadType"), row.get("units")
        if isinstance(kind, str) and isinstance(units, str):
            found[kind] = units.upper()
    return found


def _ask_of(payloads: Iterable[Mapping[str, Any]], units: Mapping[str, str], relative_reduces: bool) -> Ask | None:
    """The first payload that speaks of our load; None when none does."""
    for row in payloads:
        kind, values = row.get("type"), row.get("values")
        if not isinstance(kind, str) or not isinstance(values, list) or not values:
            continue
        if kind == SIMPLE:
            return Ask(level=_level(values[0]))
        if kind in LIMITS:
            return Ask(goal="to", kw=_kw(values[0], kind, units))
        if kind == RELATIVE:
            change = _kw(values[0], kind, units)
            return Ask(goal="by", kw=max(Decimal(0), change if relative_reduces else -change))
    return None


def _level(value: Any) -> int:
    number = number_of(value)
    if number != int(number) or not 0 <= number <= 3:
        raise NotUnderstood(f"SIMPLE has levels 0 to 3, not {str(value)[:20]}")
    return int(number)


def number_of(value: Any) -> Decimal:
    """A number that is one, and not beyond all bounds. Raises NotUnderstood."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise NotUnderstood(f"{str(value)[:20]!r} is no number")
    try:
        number = Decimal(str(value))
    except InvalidOperation as error:
        raise NotUnderstood(f"{str(value)[:20]!r} is no number") from error
    if not number.is_finite() or abs(number) > 10**9:
        raise NotUnderstood(f"{str(value)[:20]} is out of all bounds")
    return number


def _kw(value: Any, kind: str, units: Mapping[str, str]) -> Decimal:
    factor = _PER_KW.get(units.get(kind, ""))
    if factor is None:
        raise NotUnderstood(f"{kind} comes in {units[kind][:20]}, not in kW")
    return (number_of(value) * factor).quantize(Decimal("0.001"))


def targets_of(value: Any) -> tuple[str, ...]:
    """Whom it is meant for: texts (3.1), or lists of them by type (3.0)."""
    if value is None:
        return ()
    if not isinstance(value, list):
        raise NotUnderstood("targets is no list")
    found: list[str] = []
    for one in value:
        if isinstance(one, str):
            found.append(one)
        elif isinstance(one, Mapping) and isinstance(one.get("values"), list):
            found += [text for text in one["values"] if isinstance(text, str)]
    return tuple(found)


def reports_of(value: Any) -> tuple[str, ...]:
    """Payload types of the reports that are asked for."""
    kinds = [row.get("payloadType") for row in rows_of(value, "reportDescriptors")]
    return tuple(kind for kind in kinds if isinstance(kind, str))
