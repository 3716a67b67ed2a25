"""Audit: database triggers write one row per changed tracked row; this module says who, why, on which request.

The triggers come from django-pghistory, so bulk updates and raw SQL are caught as well. ``tracked`` is the one
decorator models use: it adds the history triggers and the trigger that counts ``version`` up.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar
from uuid import uuid4

import pghistory
import pgtrigger
from django.db import models
from pghistory import runtime

from hashinsight.common.context import current_request_id

ModelT = TypeVar("ModelT", bound=type[models.Model])


@contextmanager
def audit_context(*, actor: Any = None, reason: str = "", source: str = "") -> Iterator[None]:
    """Label every audit row written inside the block; an inner block adds to the outer one for its own rows only.

    ``actor`` is a user, or text such as ``"system"`` for a job; only the id is stored.
    """
    metadata: dict[str, str] = {}
    if actor is not None:
        metadata["actor"] = str(getattr(actor, "pk", actor))
        metadata["actor_name"] = str(actor)
    if reason:
        metadata["reason"] = reason
    if source:
        metadata["source"] = source
    request_id = current_request_id()
    if request_id:
        metadata["request_id"] = request_id
    if hasattr(runtime._tracker, "value"):
        with _inner_context(metadata):
            yield
    else:
        with pghistory.context(**metadata):
            yield


@contextmanager
def _inner_context(metadata: dict[str, str]) -> Iterator[None]:
    """A context of its own inside another one.

    pghistory keeps one row per outermost context and would overwrite its labels, so the reason of the second
    move of a request would also stand beside the first.
    """
    outer = runtime._tracker.value
    runtime._tracker.value = runtime.Context(id=uuid4(), metadata={**outer.metadata, **metadata})
    try:
        yield
    finally:
        runtime._tracker.value = outer


def version_trigger(exclude: Sequence[str] = ()) -> pgtrigger.Trigger:
    """Counts ``version`` and sets ``updated_at`` whenever a row really changes, whoever changes it."""
    return pgtrigger.Trigger(
        name="bump_version",
        when=pgtrigger.Before,
        operation=pgtrigger.Update,
        condition=pgtrigger.AnyChange(exclude=list(exclude)) if exclude else pgtrigger.AnyChange(),
        func="NEW.version = OLD.version + 1; NEW.updated_at = clock_timestamp(); RETURN NEW;",
    )


def tracked(*, exclude: Sequence[str] = (), quiet: Sequence[str] = ()) -> Callable[[ModelT], ModelT]:
    """Class decorator: history of insert, update and delete; ``exclude`` names secrets and large contents.

    ``quiet`` names columns that are kept in the history but whose change alone is none: no row, no new version.
    """
    ignored = [*exclude, *quiet]
    update = pghistory.UpdateEvent(condition=pghistory.AnyChange(exclude=ignored)) if quiet else pghistory.UpdateEvent()

    def decorate(model: ModelT) -> ModelT:
        model = pgtrigger.register(version_trigger(ignored))(model)
        return pghistory.track(
            pghistory.InsertEvent(),
            update,
            pghistory.DeleteEvent(),
            exclude=list(exclude) or None,
            append_only=True,
        )(model)

    return decorate
