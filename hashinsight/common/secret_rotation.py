"""Bringing stored secrets under the current master key while the product runs.

Row by row with compare-and-set, in the order of their keys: a run may be killed and started again, two may run at
once, and whoever writes a new secret at the same moment wins.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from django.apps import apps
from django.db.models import Model

from hashinsight.common.encrypted import EncryptedField
from hashinsight.common.secrets import SecretUnreadable, current_key_id, key_id_of, rewrap

BATCH = 500
# Takes a row, returns what its columns should hold, or nothing when all is well. Raises SecretUnreadable.
Renew = Callable[[Any], dict[str, Any]]


@dataclass
class Outcome:
    """What a run did: secrets brought over, those that were current, and the rows that do not open."""

    renewed: int = 0
    current: int = 0
    unreadable: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Source:
    model: type[Model]
    renew: Renew


_sources: list[_Source] = []


def register_secrets(model: type[Model], renew: Renew) -> None:
    """A table whose secrets stand in a form of its own; EncryptedField columns are found without being told."""
    _sources.append(_Source(model, renew))


def rotate_all() -> Outcome:
    """Every secret of every table; one broken row stops nothing."""
    outcome = Outcome()
    for source in [*_fields(), *_sources]:
        for row in _rows(source.model):
            _rotate_row(source, row, outcome)
    return outcome


def _rotate_row(source: _Source, row: Any, outcome: Outcome) -> None:
    try:
        changes = source.renew(row)
    except SecretUnreadable:
        outcome.unreadable.append(f"{source.model._meta.label} {row.pk}")
        return
    if not changes:
        outcome.current += 1
        return
    unchanged = source.model._base_manager.filter(pk=row.pk, **{name: getattr(row, name) for name in changes})
    outcome.renewed += unchanged.update(**changes)


def _fields() -> Iterable[_Source]:
    for model in apps.get_models():
        columns = [column for column in model._meta.concrete_fields if isinstance(column, EncryptedField)]
        if columns and not model._meta.proxy and not hasattr(model, "pgh_tracked_model"):
            yield _Source(model, _renewer(columns))


def _renewer(columns: list[EncryptedField]) -> Renew:
    def renew(row: Any) -> dict[str, Any]:
        held = {column.attname: (getattr(row, column.attname), column.place_of(row)) for column in columns}
        stale = {name: pair for name, pair in held.items() if pair[0] and key_id_of(pair[0]) != current_key_id()}
        return {name: rewrap(sealed, place) for name, (sealed, place) in stale.items()}

    return renew


def _rows(model: type[Model]) -> Iterator[Any]:
    last: Any = None
    while True:
        rows = model._base_manager.order_by("pk")
        batch = list((rows.filter(pk__gt=last) if last is not None else rows)[:BATCH])
        yield from batch
        if len(batch) < BATCH:
            return
        last = batch[-1].pk
