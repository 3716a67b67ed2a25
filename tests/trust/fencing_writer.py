"""A holder of a lock that writes as long as it holds it: started by ``test_fencing``, stopped and continued there.

``fenced``: each write asks for the newest version of the lock in its own transaction, as beat's starts do. ``ttl``: the
control; it looks at its watch and writes when its time is not over.
"""

import sys
import time
from datetime import UTC, datetime, timedelta

import django

BEGIN = datetime(2001, 1, 1, tzinfo=UTC)
LIFE = 0.25  # seconds a lock runs
PAUSE = 0.004  # between deciding and writing, and between writing and committing: a stop hits there


def main(mode: str) -> None:
    """Until killed."""
    django.setup()
    from django.db import DatabaseError, connection, transaction

    from hashinsight.jobs.domain import locks, runs
    from hashinsight.jobs.models import JobRun
    from hashinsight.jobs.registry import PeriodicJob

    job = PeriodicJob("test.fenced", "test.fenced", timedelta(seconds=1), "")
    written, token, until = 0, None, 0.0
    while True:
        try:
            if token is None:
                token = locks.take_lock(locks.BEAT, seconds=LIFE)
                until = time.monotonic() + LIFE
                time.sleep(PAUSE)
                continue
            if until - time.monotonic() < LIFE / 2:
                if not locks.prolong_lock(locks.BEAT, token=token, seconds=LIFE):
                    token = None
                    continue
                until = time.monotonic() + LIFE
            mine = time.monotonic() < until
            time.sleep(PAUSE)
            written += 1
            at = BEGIN + timedelta(seconds=written)
            if mode == "ttl":
                if mine:
                    JobRun.objects.create(job=job.name, period_start=at, fencing_token=token)
                continue
            with transaction.atomic():
                runs.ring(job, at=at, token=token, seconds=LIFE)
                time.sleep(PAUSE)
        except locks.StaleLock:
            token = None
        except DatabaseError:
            connection.close()
            token = None


if __name__ == "__main__":
    main(sys.argv[1])
