"""Events of a kind of their own, and consumers that remember what they were given."""

import uuid
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import transaction

from hashinsight.events import consumers, registry
from hashinsight.events.consumers import EVERYTHING, Consumer, Event
from hashinsight.events.domain import publish
from hashinsight.events.domain.handing_on import Handed, hand_on, hand_on_held
from hashinsight.events.models import OutboxEvent
from tests.factories import NOW

KIND = registry.EventKind("test.counted", "A test counts.", {"number": "integer"})


class Broken(Exception):
    """What a consumer of the tests raises."""


class Memory:
    """A consumer's effect: the numbers it has had, by aggregate; fails on those it is told to."""

    def __init__(self) -> None:
        self.had: list[tuple[str, int]] = []
        self.fails_on: set[int] = set()
        self.error: Callable[[], Exception] = lambda: Broken("no")
        self.calls: list[int] = []

    def __call__(self, events: Sequence[Event]) -> None:
        self.calls.append(len(events))
        bad = [event for event in events if event.payload["number"] in self.fails_on]
        if bad:
            raise self.error()
        self.had += [(event.aggregate_id, event.payload["number"]) for event in events]

    def of(self, aggregate: str) -> list[int]:
        return [number for key, number in self.had if key == aggregate]


def use(monkeypatch: pytest.MonkeyPatch, *known: Consumer) -> None:
    """Only these consumers, and the tests' kind of event beside the product's."""
    monkeypatch.setattr(consumers, "_consumers", {one.group: one for one in known})
    monkeypatch.setattr(registry, "_kinds", {**registry._kinds, KIND.kind: KIND})


def consumer(group: str, memory: Callable[[Sequence[Event]], None], **changes: Any) -> Consumer:
    values: dict[str, Any] = {"kinds": EVERYTHING, "repeatable": True, **changes}
    return Consumer(group, "A test.", handle=memory, **values)


def count(aggregate: str, *numbers: int, user_id: uuid.UUID | None = None) -> list[OutboxEvent]:
    """One event per number."""
    with transaction.atomic():
        return [
            publish(KIND.kind, aggregate_type="test", aggregate_id=aggregate, payload={"number": n}, user_id=user_id)
            for n in numbers
        ]


def relay(at: datetime = NOW, most: int = 100) -> Handed:
    """One batch of new events; no jitter."""
    return hand_on(at=at, most=most, chance=lambda: 0.0)


def retry(one: Consumer, at: datetime = NOW) -> Handed:
    """One batch of what the consumer is still to have."""
    return hand_on_held(one, at=at, most=100, chance=lambda: 0.0)


def later(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def statuses() -> list[str]:
    return list(OutboxEvent.objects.order_by("id").values_list("status", flat=True))
