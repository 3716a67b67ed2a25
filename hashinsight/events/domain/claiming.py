"""Taking events from the outbox: each by one relay only, and never one before an earlier one of its aggregate."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from django.db import connection

from hashinsight.events.consumers import Event

EVENT_COLUMNS = (
    "o.id, o.event_id, o.kind, o.schema_version, o.aggregate_type, o.aggregate_id, o.customer_id, o.user_id,"
    " o.payload, o.request_id, (extract(epoch FROM o.created_at) * 1000000)::bigint"
)
_PAYLOAD = 8  # its place among them
_WINDOW = f"""
SELECT {EVENT_COLUMNS} FROM events_outboxevent o
 WHERE o.status = 'pending' ORDER BY o.id LIMIT %s FOR UPDATE SKIP LOCKED
"""  # noqa: S608  (constants)
# The LIMIT keeps the planner from turning the look-ups into a join over the whole backlog.
_FOREIGN = """
SELECT mine.aggregate_type, mine.aggregate_id, other.id
  FROM events_outboxevent mine
 CROSS JOIN LATERAL (
       SELECT o.id FROM events_outboxevent o
        WHERE o.status = 'pending' AND o.aggregate_type = mine.aggregate_type AND o.aggregate_id = mine.aggregate_id
          AND o.id < mine.id AND o.id <> ALL (%s::bigint[])
        ORDER BY o.id LIMIT 1) other
 WHERE mine.id = ANY (%s::bigint[])
"""
_UP_TO = "SELECT count(*) FROM events_outboxevent o WHERE o.status = 'pending' AND o.id <= %s"
# Replays take this lock alone, relays share it: a replay begins between two batches.
REPLAY_LOCK = 7_310_411
STATEMENT_TIMEOUT = "30s"


def begin_batch() -> None:
    """First statement of each batch: no replay meanwhile, and no consumer that waits for a lock for ever."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock_shared(%s), set_config('statement_timeout', %s, true)",
            [REPLAY_LOCK, STATEMENT_TIMEOUT],
        )


def claim_events(*, most: int) -> list[Event]:
    """Lock and return up to ``most`` waiting events, oldest first, in the running transaction.

    Rows another relay has locked are passed over. An event is left out when an earlier one of its aggregate waits
    outside of this batch: somebody else has that one, and this one comes after it.
    """
    with connection.cursor() as cursor:
        cursor.execute(_WINDOW, [most])
        events = events_from(cursor.fetchall())
        if not events:
            return []
        cursor.execute(_UP_TO, [events[-1].position])
        if cursor.fetchone()[0] == len(events):
            return events  # all that waits up to here is ours: there is nothing for any of them to stand behind
        last = {event.aggregate: event.position for event in events}
        cursor.execute(_FOREIGN, [numbers(positions(events)), numbers(last.values())])
        foreign = {(kind, key): position for kind, key, position in cursor.fetchall()}
    if not foreign:
        return events
    return [event for event in events if event.position < foreign.get(event.aggregate, event.position + 1)]


def events_from(rows: Sequence[Sequence[Any]]) -> list[Event]:
    """The events in rows of EVENT_COLUMNS. Reading their payloads as one text takes a third of the time."""
    payloads = json.loads(f"[{','.join([row[_PAYLOAD] for row in rows])}]")
    return [
        Event._make((*row[:_PAYLOAD], payload, *row[_PAYLOAD + 1 :]))
        for row, payload in zip(rows, payloads, strict=True)
    ]


def numbers(keys: Iterable[int]) -> str:
    """An array of bigint as text: the driver would spend more time on each number than the rest of a batch does."""
    return "{" + ",".join(map(str, keys)) + "}"


def positions(events: Iterable[Event]) -> list[int]:
    """Keys of the outbox rows."""
    return [event.position for event in events]
