"""Locks with a fencing token: taken, prolonged, given back, and asked for in the transaction of each write.

All times are the database's own: it is the one clock that every process shares.
"""

import os
import socket

from django.db import DatabaseError, connection, transaction

from hashinsight.jobs.domain.work import worker_identity
from hashinsight.jobs.models import SchedulerLock

BEAT = "beat"
PATIENCE_MS = 2000

_TAKE = """
INSERT INTO jobs_schedulerlock AS held
       (lock_key, lock_version, holder, hostname, process_id, acquired_at, last_heartbeat, expires_at)
VALUES (%(key)s, 1, %(holder)s, %(host)s, %(pid)s, clock_timestamp(), clock_timestamp(),
        clock_timestamp() + make_interval(secs => %(seconds)s))
    ON CONFLICT (lock_key) DO UPDATE
   SET lock_version = held.lock_version + 1, holder = EXCLUDED.holder, hostname = EXCLUDED.hostname,
       process_id = EXCLUDED.process_id, acquired_at = EXCLUDED.acquired_at,
       last_heartbeat = EXCLUDED.last_heartbeat, expires_at = EXCLUDED.expires_at
 WHERE held.expires_at <= clock_timestamp()
RETURNING lock_version
"""
_PROLONG = """
UPDATE jobs_schedulerlock
   SET last_heartbeat = clock_timestamp(), expires_at = clock_timestamp() + make_interval(secs => %s)
 WHERE lock_key = %s AND lock_version = %s
"""
_GIVE_BACK = "UPDATE jobs_schedulerlock SET expires_at = clock_timestamp() WHERE lock_key = %s AND lock_version = %s"
_FENCE = "SELECT 1 FROM jobs_schedulerlock WHERE lock_key = %s AND lock_version = %s FOR SHARE"


class StaleLock(Exception):
    """Somebody else holds the lock by now: nothing of the running transaction may stay."""


@transaction.atomic
def take_lock(key: str, *, seconds: float) -> int | None:
    """The token (a number that rises with every holder), or None while somebody holds the lock.

    Waits PATIENCE_MS at most for a write of the old holder that is just being committed.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('lock_timeout', %s, true)", [f"{PATIENCE_MS}ms"])
        cursor.execute(
            _TAKE,
            {
                "key": key,
                "holder": worker_identity(),
                "host": socket.gethostname()[:255],
                "pid": os.getpid(),
                "seconds": seconds,
            },
        )
        row = cursor.fetchone()
    return int(row[0]) if row else None


def prolong_lock(key: str, *, token: int, seconds: float) -> bool:
    """Still alive: the lock runs ``seconds`` from now; False when it has passed to somebody else."""
    with connection.cursor() as cursor:
        cursor.execute(_PROLONG, [seconds, key, token])
        return bool(cursor.rowcount == 1)


def give_back_lock(key: str, *, token: int) -> bool:
    """Whoever waits may have it at once; the row stays, for its version must never start anew."""
    with connection.cursor() as cursor:
        cursor.execute(_GIVE_BACK, [key, token])
        return bool(cursor.rowcount == 1)


def fence(key: str, *, token: int, seconds: float) -> None:
    """Hold the lock's row until this transaction ends; raises StaleLock when ``token`` is not the newest.

    Nobody can take the lock over between this question and the commit. Should this very process fall asleep in
    between, the server ends its session after ``seconds``, so that the lock does not sleep with it.
    """
    if not connection.in_atomic_block:
        raise DatabaseError("a fence outside of a transaction guards nothing")
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('idle_in_transaction_session_timeout', %s, true)", [f"{seconds * 1000:.0f}ms"]
        )
        cursor.execute(_FENCE, [key, token])
        if cursor.fetchone() is None:
            raise StaleLock(f"version {token} of lock {key} is not the newest")


def current_lock(key: str) -> SchedulerLock | None:
    """The lock as it stands; None when nobody ever took it."""
    return SchedulerLock.objects.filter(lock_key=key).first()


def is_held(key: str) -> bool:
    """Whether somebody holds the lock at this moment, by the database's clock."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM jobs_schedulerlock WHERE lock_key = %s AND expires_at > clock_timestamp()", [key])
        return cursor.fetchone() is not None
