"""Which rows may be deleted once they are old: filled by every app in ``ready()``, read by the policies.

A kind says which rows are due before a moment, without those that must stay (unbilled, disputed, unprocessed, held).
What the law wants kept for good is named by ``never_delete``; a kind that reaches for it is refused by name.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.db.models import QuerySet

Found = tuple[str, str]  # key, name
Expansion = Mapping[str, Collection[str]]


@dataclass(frozen=True)
class Held:
    """Keys (as text) that legal holds protect, by subject (``crm.customer``)."""

    keys: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def of(self, subject: str) -> frozenset[str]:
        """Protected keys of one subject."""
        return self.keys.get(subject, frozenset())

    def ids(self, subject: str) -> list[int]:
        """The same for subjects whose keys are numbers."""
        return [int(key) for key in self.of(subject)]


@dataclass(frozen=True)
class RetentionKind:
    """Rows of one kind: ``rows(before, held)`` are those due, ``moment`` the column that makes them old.

    ``delete(before, held, most)`` deletes a bounded batch where plain deletion is not right (partitions, SQL of its
    own); it must delete exactly what ``rows`` names and return how many.
    """

    name: str
    label: Any
    what: Any
    table: str
    moment: str
    rows: Callable[[datetime, Held], QuerySet[Any]]
    keep_days: int
    minimum_days: int = 1
    delete: Callable[[datetime, Held, int], int] | None = None


@dataclass(frozen=True)
class HoldSubject:
    """What a hold may be about. ``find`` reads what a person typed; ``expand`` names what is protected along."""

    name: str
    label: Any
    find: Callable[[str], Found | None]
    expand: Callable[[Collection[str]], Expansion] | None = None


class KeptByLaw(ImproperlyConfigured):
    """A kind would delete what must be kept."""


# History tables are named after what they follow, with ``Event`` behind it; this one is none.
_NO_HISTORY = frozenset({"events.OutboxEvent"})

_kinds: dict[str, RetentionKind] = {}
_subjects: dict[str, HoldSubject] = {}
_never: dict[str, Any] = {}


def register_kind(kind: RetentionKind) -> None:
    """Make a kind known; raises KeptByLaw when its table is never deleted from."""
    app, _, model = kind.table.partition(".")
    if app == "pghistory" or (model.endswith("Event") and kind.table not in _NO_HISTORY):
        raise KeptByLaw(f"{kind.name}: {kind.table} belongs to the history, which is never deleted from")
    if kind.table.lower() in _never:
        raise KeptByLaw(f"{kind.name}: {kind.table} is never deleted from: {_never[kind.table.lower()]}")
    _kinds[kind.name] = kind


def never_delete(table: str, why: Any) -> None:
    """Name a table (``crm.Invoice``) that no policy may touch; raises KeptByLaw when one does."""
    for kind in _kinds.values():
        if kind.table.lower() == table.lower():
            raise KeptByLaw(f"{kind.name}: {table} is never deleted from: {why}")
    _never[table.lower()] = why


def register_subject(subject: HoldSubject) -> None:
    """Make something known that a hold may be about."""
    _subjects[subject.name] = subject


def kinds() -> list[RetentionKind]:
    """All kinds, by name."""
    return [_kinds[name] for name in sorted(_kinds)]


def find_kind(name: str) -> RetentionKind | None:
    """One kind; None when its app is gone."""
    return _kinds.get(name)


def subjects() -> list[HoldSubject]:
    """What a hold may be about, by name."""
    return [_subjects[name] for name in sorted(_subjects)]


def find_subject(name: str) -> HoldSubject | None:
    """One of them."""
    return _subjects.get(name)


def kept_for_good() -> list[tuple[str, Any]]:
    """Tables no policy may touch, and why."""
    return sorted(_never.items())
