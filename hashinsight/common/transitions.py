"""Moves between states: one MOVES table per state field, and the row re-read under a lock before each move."""

from collections.abc import Collection, Mapping
from typing import Any, TypeVar

from django.db import models
from django.utils.translation import gettext as _

from hashinsight.common.errors import DomainError

ModelT = TypeVar("ModelT", bound=models.Model)
Moves = Mapping[Any, Collection[Any]]


class MoveRefused(DomainError):
    """The row is in a state from which this move is not allowed."""

    code = "move_refused"


class RowGone(DomainError):
    """Somebody deleted the row after it was read."""

    code = "gone"


def lock_row(instance: ModelT) -> ModelT:
    """The same row, re-read under ``FOR UPDATE``; what the caller held in hand may be old. Raises RowGone."""
    manager: Any = type(instance)._default_manager
    locked: ModelT | None = manager.select_for_update(of=("self",)).filter(pk=instance.pk).first()
    if locked is None:
        raise RowGone(_("%(object)s was deleted in the meantime.") % {"object": instance})
    return locked


def lock_for_move(instance: ModelT, *, field: str, to: str, moves: Moves) -> ModelT:
    """Re-read the row under lock and check that ``field`` may go to ``to``; needs a transaction.

    Raises MoveRefused, naming both states, when the table of moves has no such arrow.
    """
    locked = lock_row(instance)
    state = getattr(locked, field)
    if to not in moves.get(state, ()):
        raise MoveRefused(
            _("%(object)s is %(state)s and cannot become %(to)s.")
            % {"object": locked, "state": _label(locked, field, state), "to": _label(locked, field, to)},
            state=str(state),
            to=str(to),
        )
    return locked


def _label(instance: models.Model, field: str, value: str) -> str:
    choices = dict(instance._meta.get_field(field).flatchoices)  # type: ignore[union-attr]
    return str(choices.get(value, value))
