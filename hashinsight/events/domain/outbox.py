"""Publishing: the one way to write an outbox row."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db import connection

from hashinsight.common.context import current_request_id
from hashinsight.events.models import OutboxEvent
from hashinsight.events.registry import checked


class PublishedOutsideTransaction(RuntimeError):
    """An event must share the transaction of the fact it tells."""


@dataclass(frozen=True)
class Fact:
    """What one event tells of one object."""

    aggregate_id: object
    payload: dict[str, Any]
    customer_id: int | None = None
    idempotency_key: str | None = None


def publish(
    kind: str,
    *,
    aggregate_type: str,
    aggregate_id: object,
    payload: dict[str, Any],
    customer_id: int | None = None,
    user_id: uuid.UUID | None = None,
    idempotency_key: str | None = None,
) -> OutboxEvent:
    """Write one event in the running transaction; raises outside of one, or when the payload breaks its schema."""
    fact = Fact(aggregate_id, payload, customer_id=customer_id, idempotency_key=idempotency_key)
    event = _event(kind, aggregate_type, fact, user_id)
    event.save(force_insert=True)
    return event


def publish_many(
    kind: str, *, aggregate_type: str, facts: Iterable[Fact], user_id: uuid.UUID | None = None
) -> list[OutboxEvent]:
    """The same for a bulk verb: one event per object, in few statements."""
    return OutboxEvent.objects.bulk_create(
        [_event(kind, aggregate_type, fact, user_id) for fact in facts], batch_size=1000
    )


def _event(kind: str, aggregate_type: str, fact: Fact, user_id: uuid.UUID | None) -> OutboxEvent:
    if not connection.in_atomic_block:
        raise PublishedOutsideTransaction(kind)
    definition = checked(kind, fact.payload)
    return OutboxEvent(
        kind=kind,
        schema_version=definition.version,
        aggregate_type=aggregate_type,
        aggregate_id=str(fact.aggregate_id),
        customer_id=fact.customer_id,
        user_id=user_id,
        payload=fact.payload,
        idempotency_key=fact.idempotency_key,
        request_id=current_request_id(),
    )
