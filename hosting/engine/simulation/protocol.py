"""The CGMiner protocol on TCP: requests as clients send them, answers as the original program writes them.

A request is JSON or ``command|parameter``; an answer ends with a NUL byte and the connection with it. Joined commands
(``summary+pools``) come back as lists under their own names.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

NUL = b"\x00"
MOST_BYTES = 65536
# Sections whose rows begin with a number of their own; in the text form that number stands for the name.
_NUMBERED = frozenset({"POOLS", "DEVS", "STATS", "DEVDETAILS", "ASC"})


@dataclass(frozen=True, slots=True)
class Request:
    """One request, understood."""

    command: str
    parameter: str
    is_json: bool
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """What follows from a command: status, and rows under the name of a section."""

    code: int
    message: str
    section: str = ""
    rows: tuple[Mapping[str, Any], ...] = ()
    status: str = "S"
    more: tuple[tuple[str, tuple[Mapping[str, Any], ...]], ...] = ()  # further sections


INVALID_COMMAND = Answer(14, "Invalid command", status="E")
INVALID_JSON = Answer(23, "Invalid JSON", status="E")
NO_COMMAND = Answer(24, "Missing JSON 'command'", status="E")
NO_ASCS = Answer(10, "No ASCs", status="E")


def is_whole(raw: bytes) -> bool:
    """Whether a request has arrived as a whole: JSON may come in pieces."""
    text = raw.strip(b" \r\n\t\x00")
    if not text:
        return False
    if not text.startswith(b"{"):
        return True
    try:
        json.loads(text)
    except ValueError:
        return raw.endswith((b"\n", NUL)) or len(raw) > MOST_BYTES
    return True


def understand(raw: bytes) -> Request | Answer:
    """A request, or the refusal that its form deserves."""
    text = raw.decode("utf-8", "replace").strip(" \r\n\t\x00")
    if not text.startswith("{"):
        command, _, parameter = text.partition("|")
        return Request(command.strip(), parameter.rstrip("|"), False, {})
    try:
        body = json.loads(text)
    except ValueError:
        return INVALID_JSON
    command = body.get("command", body.get("cmd"))
    if not isinstance(command, str):
        return NO_COMMAND if "enc" not in body else Request("", "", True, body)
    parameter = body.get("parameter", "")
    return Request(command, parameter if isinstance(parameter, str) else json.dumps(parameter), True, body)


def status_row(answer: Answer, *, when: int, description: str) -> dict[str, Any]:
    """The row that opens every answer."""
    return {
        "STATUS": answer.status,
        "When": when,
        "Code": answer.code,
        "Msg": answer.message,
        "Description": description,
    }


def as_object(answer: Answer, *, when: int, description: str) -> dict[str, Any]:
    """An answer as the JSON object a client sees."""
    content: dict[str, Any] = {"STATUS": [status_row(answer, when=when, description=description)]}
    if answer.section:
        content[answer.section] = list(answer.rows)
    for section, rows in answer.more:
        content[section] = list(rows)
    content["id"] = 1
    return content


def as_json(content: Any) -> bytes:
    """JSON without blanks, and the NUL."""
    return json.dumps(content, separators=(",", ":")).encode() + NUL


def as_text(answer: Answer, *, when: int, description: str) -> bytes:
    """The older form: ``STATUS=S,When=…|SUMMARY,Elapsed=…|``."""
    parts = [_pairs(status_row(answer, when=when, description=description))]
    for section, rows in ((answer.section, answer.rows), *answer.more):
        for row in rows:
            parts.append(_pairs(row) if section in _NUMBERED else f"{section},{_pairs(row)}")
    return ("|".join(parts) + "|").encode() + NUL


def _pairs(row: Mapping[str, Any]) -> str:
    return ",".join(f"{name}={_plain(value)}" for name, value in row.items())


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value).replace("\\", "\\\\").replace("|", "\\|").replace(",", "\\,")
