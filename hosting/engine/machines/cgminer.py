"""The CGMiner protocol as it is really spoken: bytes in, values out, within fixed bounds, and no exception.

Firmware writes JSON by hand. Known habits, each from a machine in the field: a NUL behind the reply, a missing comma
between two objects, ``[,{``, ``nan`` from C, raw line ends inside texts, numbers as texts, names given twice. The old
text protocol (``STATUS=S,…|SUMMARY,Elapsed=5|``) is read as well.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from hosting.engine.machines.textprotocol import read_text_protocol

MOST_BYTES = 1024 * 1024  # the longest honest reply seen has 29 KB (health of every chip of a board)
MOST_SECTIONS = 64
MOST_ROWS = 1024

Row = Mapping[str, Any]
_NOTHING: Row = MappingProxyType({})


class ReplyKind(StrEnum):
    """What came."""

    JSON = "json"
    TEXT = "text"  # the old protocol with bars
    HTML = "html"
    HTTP = "http"  # something that speaks HTTP
    EMPTY = "empty"
    UNREADABLE = "unreadable"


class Ambiguous:
    """A name given twice with two values: neither is believed."""

    def __repr__(self) -> str:
        return "Ambiguous"


AMBIGUOUS = Ambiguous()


@dataclass(frozen=True, slots=True)
class Reply:
    """One reply; ``sections`` are its tables by name, ``message`` is the object Whatsminers answer with."""

    kind: ReplyKind
    sections: Mapping[str, tuple[Row, ...]] = field(default_factory=dict)
    status: str | None = None  # S, I, W, E, F
    code: int | None = None
    text: str | None = None
    message: Row | None = None
    description: str | None = None
    body: Row = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def succeeded(self) -> bool:
        """The machine took the command."""
        return self.status in ("S", "I")

    def rows(self, name: str) -> tuple[Row, ...]:
        """The rows of a section."""
        return self.sections.get(name, ())

    def first(self, name: str) -> Row:
        """The first row of a section, or an empty one."""
        rows = self.sections.get(name)
        return rows[0] if rows else _NOTHING


NO_REPLY = Reply(kind=ReplyKind.EMPTY)


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    seen: dict[str, Any] = {}
    for name, value in pairs:
        seen[name] = value if name not in seen or seen[name] == value else AMBIGUOUS
    return seen


def _whole(digits: str) -> int | float:
    return int(digits) if len(digits) < 20 else float(digits)


_DECODER = json.JSONDecoder(strict=False, object_pairs_hook=_pairs, parse_int=_whole)
_REPAIRS = re.compile(
    r'("(?:[^"\\]|\\.?)*+"?)'  # texts stay as they are; possessive, so that no input makes it look twice
    r"|([}\]])\s*(?=[{\[\"])"  # two values without a comma
    r"|([\[{])\s*,+"  # a comma before the first value
    r"|,\s*(?=[}\],])"  # a comma before the end, or two of them
    r"|(?<![\w.])([+-]?)(?:nan|inf|infinity)(?![\w.])",  # as C writes it
    re.IGNORECASE | re.DOTALL,
)


def _repaired(found: re.Match[str]) -> str:
    if found.group(1) is not None:
        return found.group(1)
    if found.group(2):
        return found.group(2) + ","
    if found.group(3):
        return found.group(3)
    return "NaN" if found.group(4) is not None else ""


def decode_json(text: str) -> tuple[Any, tuple[str, ...]]:
    """The first value of the text and what had to be put right; ``ValueError`` where there is none."""
    try:
        value, end = _DECODER.raw_decode(text)
        notes: tuple[str, ...] = ()
    except (ValueError, RecursionError):
        text = _REPAIRS.sub(_repaired, text)
        try:
            value, end = _DECODER.raw_decode(text)
        except RecursionError:
            raise ValueError("nested too deeply") from None
        notes = ("the JSON had to be repaired",)
    if text[end:].strip(" \t\r\n\0"):
        notes = (*notes, "something follows the JSON")
    return value, notes


def parse_reply(raw: bytes) -> Reply:
    """What the bytes say; never raises. A list at the top, as some pages have it, is the section ``list``."""
    if len(raw) > MOST_BYTES:
        return Reply(kind=ReplyKind.UNREADABLE, notes=(f"longer than {MOST_BYTES} bytes",))
    text = raw.decode("utf-8", "replace").strip(" \t\r\n\0\ufeff")
    if not text:
        return NO_REPLY
    if text[0] in "{[":
        return _of_json(text)
    head = text[:512].lower()
    if head.startswith("http/"):
        return Reply(kind=ReplyKind.HTTP, notes=("answers with HTTP",))
    if head[0] == "<":
        return Reply(kind=ReplyKind.HTML, notes=("answers with a page",))
    sections = read_text_protocol(text)
    if sections is None:
        return Reply(kind=ReplyKind.UNREADABLE, notes=("neither JSON nor the text protocol",))
    return _of_sections(ReplyKind.TEXT, sections, {}, ())


def _of_json(text: str) -> Reply:
    try:
        value, notes = decode_json(text)
    except ValueError as error:
        return Reply(kind=ReplyKind.UNREADABLE, notes=(f"unreadable JSON: {str(error)[:80]}",))
    return of_body({"list": value} if isinstance(value, list) else value, notes)


def of_body(body: dict[str, Any], notes: tuple[str, ...] = ()) -> Reply:
    """A reply of an object already decoded."""
    sections: dict[str, tuple[Row, ...]] = {}
    for name, value in body.items():
        if isinstance(value, list) and len(sections) < MOST_SECTIONS:
            sections[name] = tuple(row for row in value[:MOST_ROWS] if isinstance(row, dict))
    return _of_sections(ReplyKind.JSON, sections, body, notes)


def _of_sections(
    kind: ReplyKind, sections: Mapping[str, tuple[Row, ...]], body: dict[str, Any], notes: tuple[str, ...]
) -> Reply:
    status: Row = sections["STATUS"][0] if sections.get("STATUS") else body
    message = status.get("Msg")
    return Reply(
        kind=kind,
        sections=sections,
        status=_short(status.get("STATUS")),
        code=_code(status.get("Code")),
        text=_short(message),
        message=message if isinstance(message, dict) else None,
        description=_short(status.get("Description")),
        body=body,
        notes=notes,
    )


def parse_joined(raw: bytes, commands: tuple[str, ...]) -> dict[str, Reply]:
    """``summary+pools`` is answered with one object per command, each in a list under the command's own name."""
    whole = parse_reply(raw)
    if len(commands) == 1:
        return {commands[0]: whole}
    found = {}
    for command in commands:
        rows = whole.sections.get(command)
        if rows:
            found[command] = of_body(dict(rows[0]), whole.notes)
    return found


def _short(value: object) -> str | None:
    return value[:512] if isinstance(value, str) else None


def _code(value: object) -> int | None:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 7:
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**6 else None
