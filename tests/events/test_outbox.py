"""The outbox: one row per fact, in the fact's transaction, with a payload that keeps its word."""

from dataclasses import replace
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, transaction

from crm.domain import leads
from crm.models import Lead
from hashinsight.common.context import request_id_scope
from hashinsight.events import registry
from hashinsight.events.domain import publish
from hashinsight.events.domain.outbox import PublishedOutsideTransaction
from hashinsight.events.models import OutboxEvent
from tests.factories import NOW

KIND = registry.EventKind(
    "test.happened", "A test.", {"name": "string", "count": "integer", "flag": "boolean", "more": "object?"}
)
GOOD: dict[str, Any] = {"name": "x", "count": 1, "flag": False, "more": None}


@pytest.fixture(autouse=True)
def kind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_kinds", {**registry._kinds, KIND.kind: KIND})


def _publish(**changes: Any) -> OutboxEvent:
    payload = {name: value for name, value in {**GOOD, **changes}.items() if value is not ...}
    return publish(KIND.kind, aggregate_type="test", aggregate_id=7, payload=payload)


@pytest.mark.django_db
def test_an_event_keeps_what_a_consumer_needs() -> None:
    with request_id_scope("request-12345"):
        event = _publish(more={"a": [1]})
    event.refresh_from_db()
    assert (event.kind, event.schema_version, event.aggregate_type, event.aggregate_id, event.request_id) == (
        "test.happened",
        1,
        "test",
        "7",
        "request-12345",
    )
    assert (event.payload, event.status, event.attempts) == ({**GOOD, "more": {"a": [1]}}, "pending", 0)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "changes",
    [
        {"name": ...},
        {"extra": 1},
        {"name": 1},
        {"name": None},
        {"count": "1"},
        {"count": 1.5},
        {"count": True},
        {"flag": 0},
        {"more": []},
    ],
    ids=str,
)
def test_a_payload_that_breaks_its_schema_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"test\.happened"):
        _publish(**changes)
    assert OutboxEvent.objects.count() == 0


@pytest.mark.django_db
def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown event kind"):
        publish("test.unknown", aggregate_type="test", aggregate_id=1, payload={})


def test_a_kind_cannot_be_registered_with_two_meanings() -> None:
    registry.register(KIND)
    with pytest.raises(ValueError, match="registered twice"):
        registry.register(replace(KIND, description="Another."))


@pytest.mark.django_db(transaction=True)
def test_an_event_outside_of_a_transaction_is_refused() -> None:
    with pytest.raises(PublishedOutsideTransaction):
        _publish()


@pytest.mark.django_db(transaction=True)
def test_a_rollback_leaves_neither_fact_nor_event() -> None:
    with transaction.atomic():
        leads.create_lead(title="gone", by=None, at=NOW)
        assert OutboxEvent.objects.count() == 1
        transaction.set_rollback(True)
    assert (Lead.objects.count(), OutboxEvent.objects.count()) == (0, 0)


@pytest.mark.django_db
def test_an_idempotency_key_is_used_once() -> None:
    _publish()
    publish(KIND.kind, aggregate_type="test", aggregate_id=1, payload=GOOD, idempotency_key="k")
    with pytest.raises(IntegrityError), transaction.atomic():
        publish(KIND.kind, aggregate_type="test", aggregate_id=2, payload=GOOD, idempotency_key="k")


@pytest.mark.django_db
@pytest.mark.parametrize("payload", [[1], "text", 3, None])
def test_the_database_takes_only_objects_as_payload(payload: Any) -> None:
    with pytest.raises(DatabaseError), transaction.atomic():
        OutboxEvent.objects.create(kind="x", aggregate_type="x", aggregate_id="1", payload=payload)


def test_every_registered_kind_says_what_it_is() -> None:
    for one in registry.all_kinds():
        assert one.description.endswith("."), one.kind
        assert {value.rstrip("?") for value in one.fields.values()} <= set(registry._TYPES), one.kind
