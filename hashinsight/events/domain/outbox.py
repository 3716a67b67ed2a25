"""Publishing: the one way to write an outbox row."""

import uuid
from typing import Any

from django.db import connection

from hashinsight.common.context import current_request_id
from hashinsight.events.models import OutboxEvent
from hashinsight.events.registry import checked


class PublishedOutsideTransaction(RuntimeError):
    """An event must share the transaction of the fact it tells."""


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
    if not connection.in_atomic_block:
        raise PublishedOutsideTransaction(kind)
    definition = checked(kind, payload)
    return OutboxEvent.objects.create(
        kind=kind,
        schema_version=definition.version,
        aggregate_type=aggregate_type,
        aggregate_id=str(aggregate_id),
        customer_id=customer_id,
        user_id=user_id,
        payload=payload,
        idempotency_key=idempotency_key,
        request_id=current_request_id(),
    )
