"""Deleting what has been kept long enough, a bounded number of rows per call, oldest first.

Each function takes the moment before which rows may go and returns how many went; call again until it says 0.
"""

from datetime import datetime

from django.db import connection

BATCH = 5000
# Never what a consumer is still to have, nor what a dead letter speaks of.
_PROCESSED = """
SELECT o.id FROM events_outboxevent o
 WHERE o.status = 'processed' AND o.processed_at < %s
   AND NOT EXISTS (SELECT 1 FROM events_helddelivery h WHERE h.event_id = o.id)
   AND NOT EXISTS (SELECT 1 FROM events_deadletter d WHERE d.event_id = o.event_id AND d.replayed_at IS NULL)
 ORDER BY o.id LIMIT %s FOR UPDATE SKIP LOCKED
"""
_FAILED = """
SELECT o.id FROM events_outboxevent o
 WHERE o.status = 'failed' AND o.created_at < %s
   AND NOT EXISTS (SELECT 1 FROM events_helddelivery h WHERE h.event_id = o.id)
   AND NOT EXISTS (SELECT 1 FROM events_deadletter d WHERE d.event_id = o.event_id)
 ORDER BY o.id LIMIT %s FOR UPDATE SKIP LOCKED
"""
_DEAD = """
SELECT d.id FROM events_deadletter d WHERE d.failed_at < %s ORDER BY d.failed_at, d.id LIMIT %s FOR UPDATE SKIP LOCKED
"""
# As long as the event is there, its inbox entry keeps it from happening twice.
_INBOX = """
SELECT i.id FROM events_inboxentry i
 WHERE i.processed_at < %s AND NOT EXISTS (SELECT 1 FROM events_outboxevent o WHERE o.event_id = i.event_id)
 ORDER BY i.id LIMIT %s FOR UPDATE SKIP LOCKED
"""
_RELAYS = "SELECT r.id FROM events_relayprocess r WHERE r.heartbeat_at < %s ORDER BY r.id LIMIT %s"


def forget_processed_before(*, at: datetime, most: int = BATCH) -> int:
    """Events every consumer has had before ``at``."""
    return _delete("events_outboxevent", _PROCESSED, at, most)


def forget_failed_before(*, at: datetime, most: int = BATCH) -> int:
    """Events written before ``at`` that were given up and whose dead letter is gone as well."""
    return _delete("events_outboxevent", _FAILED, at, most)


def forget_dead_letters_before(*, at: datetime, most: int = BATCH) -> int:
    """Dead letters last given up before ``at``, sent again or not."""
    return _delete("events_deadletter", _DEAD, at, most)


def forget_inbox_before(*, at: datetime, most: int = BATCH) -> int:
    """Inbox entries written before ``at`` whose event is gone."""
    return _delete("events_inboxentry", _INBOX, at, most)


def forget_relays_before(*, at: datetime, most: int = BATCH) -> int:
    """Relays not heard of since ``at``."""
    return _delete("events_relayprocess", _RELAYS, at, most)


def _delete(table: str, rows: str, at: datetime, most: int) -> int:
    # MATERIALIZED: a plan that asks the subselect again for each row would find, and lock, the next ones every time.
    statement = f"WITH due AS MATERIALIZED ({rows}) DELETE FROM {table} WHERE id IN (SELECT id FROM due)"  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(statement, [at, most])
        return int(cursor.rowcount)
