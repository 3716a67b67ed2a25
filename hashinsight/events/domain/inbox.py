"""The inbox: an event enters once per consumer group."""

from collections.abc import Sequence
from datetime import datetime

from django.db import connection

from hashinsight.events.consumers import Event

_ENTER = """
INSERT INTO events_inboxentry (event_id, consumer_group, processed_at)
SELECT event_id, %s, %s FROM unnest(%s::uuid[]) AS event_id
    ON CONFLICT (event_id, consumer_group) DO NOTHING RETURNING event_id
"""


def enter(group: str, events: Sequence[Event], *, at: datetime) -> list[Event]:
    """Note that the group has these events; returns those it had not had yet, in the same order.

    Part of the transaction of the group's effect: rolled back together, the event counts as not had.
    """
    with connection.cursor() as cursor:
        ids = "{" + ",".join(str(event.event_id) for event in events) + "}"
        cursor.execute(_ENTER, [group, at, ids])
        if cursor.rowcount == len(events):
            return list(events)
        new = {event_id for (event_id,) in cursor.fetchall()}
    return [event for event in events if event.event_id in new]
