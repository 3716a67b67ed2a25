"""Registry of event kinds: what a consumer may rely on in each payload."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class EventKind:
    """One kind of event: ``fields`` maps each payload name to its JSON type; nothing else may appear.

    Types: ``"string"``, ``"integer"``, ``"boolean"``, ``"object"``, ``"array"``; a trailing ``?`` allows null.
    """

    kind: str
    description: str
    fields: Mapping[str, str]
    version: int = 1


_TYPES: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "integer": int,
    "boolean": bool,
    "object": dict,
    "array": (list, tuple),
}
_kinds: dict[str, EventKind] = {}


def register(kind: EventKind) -> None:
    """Make a kind known; called from ``ready()``. Registering a different kind under a known name is an error."""
    known = _kinds.get(kind.kind)
    if known is not None and known != kind:
        raise ValueError(f"event kind {kind.kind} is registered twice")
    _kinds[kind.kind] = kind


def all_kinds() -> list[EventKind]:
    """Every registered kind, by name."""
    return [_kinds[name] for name in sorted(_kinds)]


def checked(name: str, payload: Mapping[str, Any]) -> EventKind:
    """The kind, after checking the payload against it. Raises ValueError: a wrong event is a mistake in code."""
    kind = _kinds.get(name)
    if kind is None:
        raise ValueError(f"unknown event kind {name}")
    if set(payload) != set(kind.fields):
        raise ValueError(f"{name}: payload has {sorted(payload)}, the schema wants {sorted(kind.fields)}")
    for field, json_type in kind.fields.items():
        value = payload[field]
        if value is None and json_type.endswith("?"):
            continue
        expected = _TYPES[json_type.rstrip("?")]
        if not isinstance(value, expected) or (isinstance(value, bool) and json_type.rstrip("?") != "boolean"):
            raise ValueError(f"{name}: {field} must be {json_type}, not {type(value).__name__}")
    return kind
