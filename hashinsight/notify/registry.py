"""Registries filled in ``ready()``: kinds of alerts, watches that look for them, events clients may subscribe to."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hashinsight.events.registry import all_kinds
from hashinsight.notify.enums import Severity


@dataclass(frozen=True)
class AlertKind:
    """One kind of alert; ``key`` says in words what tells two alerts of the kind apart."""

    kind: str
    description: str
    key: str
    severity: Severity = Severity.ERROR


@dataclass(frozen=True)
class Finding:
    """What a watch sees at this moment; the same key is the same trouble."""

    key: str
    title: str
    text: str = ""
    severity: Severity | None = None
    customer_id: int | None = None
    legal_entity_id: int | None = None


# Looks at the state of things at a moment and names all trouble of its kind; what it no longer names is over.
Look = Callable[[datetime], Iterable[Finding]]

_alert_kinds: dict[str, AlertKind] = {}
_watches: dict[str, Look] = {}
_client_kinds: set[str] = set()


def register_alert_kind(kind: AlertKind, *, watch: Look | None = None) -> None:
    """Make a kind of alert known, with the function that looks for it if the watch job is to raise and end it."""
    known = _alert_kinds.get(kind.kind)
    if known is not None and known != kind:
        raise ValueError(f"alert kind {kind.kind} is registered twice")
    _alert_kinds[kind.kind] = kind
    if watch is not None:
        _watches[kind.kind] = watch


def alert_kind(name: str) -> AlertKind:
    """One kind of alert; raises KeyError: an alert of an unknown kind is a mistake in code."""
    return _alert_kinds[name]


def describe_alert(name: str) -> str:
    """What a kind of alert is about; empty for one that this release no longer knows: old alerts can still end."""
    known = _alert_kinds.get(name)
    return known.description if known else ""


def alert_kinds() -> list[AlertKind]:
    """Every kind of alert, by name."""
    return [_alert_kinds[name] for name in sorted(_alert_kinds)]


def watches() -> list[tuple[str, Look]]:
    """Every watch with the kind of alert it looks for, by name."""
    return sorted(_watches.items(), key=lambda pair: pair[0])


def allow_for_clients(*kinds: str) -> None:
    """Events of these kinds tell a customer nothing but what its people may read anyway: webhooks may carry them."""
    _client_kinds.update(kinds)


def client_kinds() -> list[str]:
    """What a customer may subscribe to."""
    return sorted(_client_kinds)


def kind_choices() -> list[tuple[str, list[tuple[str, Any]]]]:
    """Everything a rule may speak of, for forms: alerts, then events, each with its description."""
    return [
        ("alerts", [(kind.kind, kind.description) for kind in alert_kinds()]),
        ("events", [(kind.kind, kind.description) for kind in all_kinds()]),
    ]


def known_kinds() -> set[str]:
    """Names of all events and alerts."""
    return set(_alert_kinds) | {kind.kind for kind in all_kinds()}
