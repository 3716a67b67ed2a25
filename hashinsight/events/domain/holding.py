"""Deliveries that wait: parked, tried again later, given up, and what that makes of the event's state."""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection
from django.db.models import F

from hashinsight.events.consumers import Event
from hashinsight.events.domain.claiming import numbers, positions
from hashinsight.events.engine.backoff import backoff_seconds
from hashinsight.events.models import DeadLetter, HeldDelivery, OutboxEvent

# Drawn anew for each wait: 0 to below 1.
Chance = Callable[[], float]
_PARK = """
INSERT INTO events_helddelivery
       (event_id, consumer_group, aggregate_type, aggregate_id, attempts, next_attempt_at, last_error, held_at)
SELECT o.id, %s, o.aggregate_type, o.aggregate_id, 0, %s, %s, %s
  FROM events_outboxevent o WHERE o.id = ANY (%s::bigint[])
    ON CONFLICT (event_id, consumer_group) DO NOTHING
"""
_ANY_HELD = "SELECT 1 FROM events_helddelivery h WHERE h.consumer_group = %s LIMIT 1"
_WAITING = """
SELECT DISTINCT mine.aggregate_type, mine.aggregate_id FROM events_outboxevent mine
  JOIN events_helddelivery h ON h.consumer_group = %s
   AND h.aggregate_type = mine.aggregate_type AND h.aggregate_id = mine.aggregate_id
 WHERE mine.id = ANY (%s::bigint[])
"""
_LOCK = "SELECT id FROM events_outboxevent WHERE id = ANY (%s::bigint[]) ORDER BY id FOR UPDATE"
_SETTLE = """
UPDATE events_outboxevent o
   SET status = found.status, processed_at = CASE WHEN found.status = 'processed' THEN %s ELSE o.processed_at END
  FROM (SELECT e.id, CASE
               WHEN EXISTS (SELECT 1 FROM events_helddelivery h WHERE h.event_id = e.id) THEN 'held'
               WHEN EXISTS (SELECT 1 FROM events_deadletter d
                             WHERE d.event_id = e.event_id AND d.replayed_at IS NULL) THEN 'failed'
               ELSE 'processed' END AS status
          FROM events_outboxevent e WHERE e.id = ANY (%s::bigint[])) found
 WHERE o.id = found.id
"""


def next_attempt(attempts: int, *, at: datetime, chance: Chance) -> datetime:
    """When to try again after so many failed attempts."""
    first, longest = settings.EVENT_BACKOFF_SECONDS, settings.EVENT_LONGEST_BACKOFF_SECONDS
    return at + timedelta(seconds=backoff_seconds(attempts, first=first, longest=longest, chance=chance()))


def aggregates_waiting(group: str, events: Sequence[Event]) -> set[tuple[str, str]]:
    """Aggregates of these events of which the group has one waiting already; the new ones go behind it."""
    with connection.cursor() as cursor:
        cursor.execute(_ANY_HELD, [group])  # nearly always none
        if cursor.fetchone() is None:
            return set()
        cursor.execute(_WAITING, [group, numbers(positions(events))])
        return {(kind, key) for kind, key in cursor.fetchall()}


def park(group: str, keys: Collection[int], *, at: datetime, why: str = "") -> int:
    """Let the group have these events later, with no attempt counted; returns how many were not waiting already."""
    if not keys:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(_PARK, [group, at, why, at, numbers(keys)])
        return int(cursor.rowcount)


def note_failure(group: str, event: Event, error: str, *, at: datetime, chance: Chance) -> None:
    """Count a failed attempt: try again later, or give up when it was the last one."""
    park(group, [event.position], at=at)
    held = HeldDelivery.objects.get(event_id=event.position, consumer_group=group)
    held.attempts += 1
    held.last_error = error
    OutboxEvent.objects.filter(pk=event.position).update(attempts=F("attempts") + 1)
    if held.attempts >= settings.EVENT_MAX_ATTEMPTS:
        _give_up(held, event, at=at)
        return
    held.next_attempt_at = next_attempt(held.attempts, at=at, chance=chance)
    held.save(update_fields=["attempts", "last_error", "next_attempt_at"])


def _give_up(held: HeldDelivery, event: Event, *, at: datetime) -> None:
    """The dead letter takes the place of the delivery; later events of the aggregate go on."""
    letter, created = DeadLetter.objects.get_or_create(
        event_id=event.event_id,
        consumer_group=held.consumer_group,
        defaults={
            "kind": event.kind,
            "aggregate_type": event.aggregate_type,
            "aggregate_id": event.aggregate_id,
            "customer_id": event.customer_id,
            "user_id": event.user_id,
            "payload": event.payload,
            "error_message": held.last_error,
            "retry_count": held.attempts,
            "failed_at": at,
        },
    )
    if not created:
        letter.retry_count += held.attempts
        letter.error_message, letter.failed_at, letter.replayed_at = held.last_error, at, None
        letter.save(update_fields=["retry_count", "error_message", "failed_at", "replayed_at"])
    held.delete()


def release(group: str, keys: Collection[int]) -> None:
    """The group has had these events: nothing waits any more."""
    HeldDelivery.objects.filter(consumer_group=group, event_id__in=keys).delete()


def settle(keys: Collection[int], *, at: datetime) -> None:
    """Bring the state of these events in line with what still waits and what was given up.

    Two consumers may finish the same event at the same time: the lock lets the second one see what the first did.
    """
    if not keys:
        return
    with connection.cursor() as cursor:
        cursor.execute(_LOCK, [numbers(keys)])
        cursor.execute(_SETTLE, [at, numbers(keys)])
