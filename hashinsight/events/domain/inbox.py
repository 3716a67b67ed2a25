"""The inbox: an event enters once per consumer group."""

from collections.abc import Sequence
from datetime import datetime

from django.db import IntegrityError, connection

from hashinsight.events.consumers import Event

_ENTER = """
INSERT INTO events_inboxentry (event_id, consumer_group, processed_at)
SELECT event_id, %s, %s FROM unnest(%s::uuid[]) AS event_id
"""
_ENTER_NEW = f"{_ENTER} ON CONFLICT (event_id, consumer_group) DO NOTHING RETURNING event_id"
_ONCE = "events_inbox_event_group"


class HadBefore(Exception):
    """The group has had some of these events: the savepoint around must be rolled back, then ``enter_new`` asked."""


def enter(group: str, events: Sequence[Event], *, at: datetime) -> None:
    """Note that the group has these events, all of them for the first time. Raises HadBefore.

    Part of the transaction of the group's effect: rolled back together, the event counts as not had.
    """
    with connection.cursor() as cursor:
        try:
            cursor.execute(_ENTER, [group, at, _ids(events)])
        except IntegrityError as error:
            if _ONCE in str(error):
                raise HadBefore from error
            raise


def enter_new(group: str, events: Sequence[Event], *, at: datetime) -> list[Event]:
    """The same for events of which the group may have had some; returns the others, in the same order.

    Looking before each insert costs half as much again, and nearly always there is nothing to find.
    """
    with connection.cursor() as cursor:
        cursor.execute(_ENTER_NEW, [group, at, _ids(events)])
        new = {event_id for (event_id,) in cursor.fetchall()}
    return [event for event in events if event.event_id in new]


def _ids(events: Sequence[Event]) -> str:
    return "{" + ",".join([event.event_id.hex for event in events]) + "}"
