"""Publishing many facts in one statement (a bulk verb writes one event per object)."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection

from hashinsight.common.context import current_request_id
from hashinsight.events.domain.outbox import PublishedOutsideTransaction
from hashinsight.events.models import OutboxEvent
from hashinsight.events.registry import checked


@dataclass(frozen=True, slots=True)
class Fact:
    """What ``publish`` takes, for one object."""

    aggregate_id: object
    payload: dict[str, Any]
    customer_id: int | None = None


def publish_many(
    kind: str, facts: Sequence[Fact], *, aggregate_type: str, user_id: uuid.UUID | None = None, batch: int = 1000
) -> int:
    """One event per fact in the running transaction, with the same checks as ``publish``; returns how many."""
    if not connection.in_atomic_block:
        raise PublishedOutsideTransaction(kind)
    request_id = current_request_id()
    rows = [
        OutboxEvent(
            kind=kind,
            schema_version=checked(kind, fact.payload).version,
            aggregate_type=aggregate_type,
            aggregate_id=str(fact.aggregate_id),
            customer_id=fact.customer_id,
            user_id=user_id,
            payload=fact.payload,
            request_id=request_id,
        )
        for fact in facts
    ]
    return len(OutboxEvent.objects.bulk_create(rows, batch_size=batch))
