"""A relay's work: batches from the outbox to all consumers, and second chances for what is held."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction

from hashinsight.events.consumers import Consumer, Event, Lane, consumers_of
from hashinsight.events.domain.attempting import Outcome, attempt
from hashinsight.events.domain.claiming import EVENT_COLUMNS, begin_batch, claim_events, events_from, numbers, positions
from hashinsight.events.domain.holding import Chance, aggregates_waiting, note_failure, park, release, settle
from hashinsight.events.models import HeldDelivery

_DONE = """
UPDATE events_outboxevent SET status = 'processed', processed_at = %s, attempts = attempts + 1
 WHERE id = ANY (%s::bigint[])
"""
# Due ones of a group, none of which stands behind one that still waits.
_HELD = f"""
SELECT {EVENT_COLUMNS} FROM events_helddelivery h JOIN events_outboxevent o ON o.id = h.event_id
 WHERE h.consumer_group = %s AND h.next_attempt_at <= %s
   AND NOT EXISTS (SELECT 1 FROM events_helddelivery e
                    WHERE e.consumer_group = h.consumer_group AND e.aggregate_type = h.aggregate_type
                      AND e.aggregate_id = h.aggregate_id AND e.event_id < h.event_id AND e.next_attempt_at > %s)
 ORDER BY h.event_id LIMIT %s FOR UPDATE OF h SKIP LOCKED
"""  # noqa: S608  (constants)
_FOREIGN_HELD = """
SELECT mine.aggregate_type, mine.aggregate_id, other.event_id
  FROM events_outboxevent mine
 CROSS JOIN LATERAL (
       SELECT h.event_id FROM events_helddelivery h
        WHERE h.consumer_group = %s AND h.aggregate_type = mine.aggregate_type AND h.aggregate_id = mine.aggregate_id
          AND h.event_id < mine.id AND h.event_id <> ALL (%s::bigint[])
        ORDER BY h.event_id LIMIT 1) other
 WHERE mine.id = ANY (%s::bigint[])
"""


@dataclass(frozen=True)
class Handed:
    """What a batch came to: events taken, and why a consumer could not be reached ('' when it could)."""

    count: int
    unavailable: str = ""


@transaction.atomic
def hand_on(*, at: datetime, most: int, chance: Chance) -> Handed:
    """Hand up to ``most`` waiting events to every consumer that wants them, in one transaction.

    Inbox entries, effects and the events' state commit together. A consumer that fails gets the event later, by
    itself; the others have had it.
    """
    begin_batch()
    events = claim_events(most=most)
    if not events:
        return Handed(0)
    unfinished: set[int] = set()
    for consumer in consumers_of(Lane.INNER):
        wanted = [event for event in events if consumer.wants(event.kind)]
        if wanted:
            unfinished |= _hand_to(consumer, wanted, at=at, chance=chance)
    for sink in consumers_of(Lane.SINK):
        keys = positions(event for event in events if sink.wants(event.kind))
        park(sink.group, keys, at=at)
        unfinished.update(keys)
    with connection.cursor() as cursor:
        cursor.execute(_DONE, [at, numbers(key for key in positions(events) if key not in unfinished)])
    settle(unfinished, at=at)
    return Handed(len(events))


def _hand_to(consumer: Consumer, events: list[Event], *, at: datetime, chance: Chance) -> set[int]:
    """Attempt what nothing stands in front of, park the rest; returns the keys the group has not had."""
    waiting = aggregates_waiting(consumer.group, events)
    free = [event for event in events if event.aggregate not in waiting] if waiting else events
    outcome = attempt(consumer, free, at=at) if free else Outcome()
    for event, error in outcome.failed:
        note_failure(consumer.group, event, error, at=at, chance=chance)
    queued = [event for event in events if event.aggregate in waiting] if waiting else []
    behind = positions([*outcome.behind, *queued])
    park(consumer.group, behind, at=at, why=outcome.unavailable)
    return {*behind, *positions(event for event, _error in outcome.failed)}


@transaction.atomic
def hand_on_held(consumer: Consumer, *, at: datetime, most: int, chance: Chance) -> Handed:
    """Give the group what it is still to have and what is due now; returns how many it was tried with."""
    begin_batch()
    events = _claim_held(consumer.group, at=at, most=most)
    if not events:
        return Handed(0)
    outcome = attempt(consumer, events, at=at)
    for event, error in outcome.failed:
        note_failure(consumer.group, event, error, at=at, chance=chance)
    if outcome.unavailable:
        HeldDelivery.objects.filter(consumer_group=consumer.group, event_id__in=positions(outcome.behind)).update(
            last_error=outcome.unavailable
        )
    release(consumer.group, positions(outcome.done))
    settle(positions([*outcome.done, *(event for event, _error in outcome.failed)]), at=at)
    return Handed(len(outcome.done) + len(outcome.failed), outcome.unavailable)


def _claim_held(group: str, *, at: datetime, most: int) -> list[Event]:
    """As ``claim_events``, from the deliveries held for a group."""
    with connection.cursor() as cursor:
        cursor.execute(_HELD, [group, at, at, most])
        events = events_from(cursor.fetchall())
        if not events:
            return []
        last = {event.aggregate: event.position for event in events}
        cursor.execute(_FOREIGN_HELD, [group, numbers(positions(events)), numbers(last.values())])
        foreign = {(kind, key): position for kind, key, position in cursor.fetchall()}
    return [event for event in events if event.position < foreign.get(event.aggregate, event.position + 1)]


def groups_waiting(groups: Collection[str], *, at: datetime) -> set[str]:
    """Which of these groups have something due."""
    due = HeldDelivery.objects.filter(consumer_group__in=groups, next_attempt_at__lte=at).order_by()
    return set(due.values_list("consumer_group", flat=True).distinct())
