"""What must be well for the house to do its work; each check says in words what is wrong, and never a secret.

``serving``: without it a request cannot be answered, so a balancer should send it elsewhere. The others are about work
behind the scenes; they make ``/health/ready`` say 503 as well, for somebody has to act.
"""

import logging
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from celery import current_app
from django.conf import settings
from django.core.cache import cache
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.models import Min
from django.utils import timezone

from hashinsight.events.domain import queries as events
from hashinsight.jobs.domain import locks
from hashinsight.jobs.domain.status import all_job_states
from hashinsight.jobs.enums import WorkQueue, WorkState
from hashinsight.jobs.models import DueWork, JobRun

logger = logging.getLogger(__name__)
WORKER_SILENT = timedelta(minutes=2)
QUEUE_LIMITS = {WorkQueue.INTERACTIVE: 120, WorkQueue.DEFAULT: 600, WorkQueue.BULK: 86_400}
RELAY_LIMIT = 300
DISK_FREE = 0.05
DISK_FREE_BYTES = 200 * 1024 * 1024
_migrated = False


class Unwell(Exception):
    """What is wrong, in words fit for everybody who can reach the page."""


@dataclass(frozen=True)
class Outcome:
    """Of one check: its words are empty where all is well; ``ms`` is how long the look took."""

    name: str
    ok: bool
    words: str
    ms: float


def check_database() -> None:
    """It answers, and it is the one that may be written to."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_is_in_recovery()")
        if cursor.fetchone()[0]:
            raise Unwell("the database is a standby and cannot be written to")


def check_migrations() -> None:
    """The tables are those of this code."""
    global _migrated  # once seen complete it stays so for this process
    if _migrated:
        return
    executor = MigrationExecutor(connection)
    missing = len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
    if missing:
        raise Unwell(f"{missing} migrations are missing; run manage.py migrate")
    _migrated = True


def check_cache() -> None:
    """What is put in comes out."""
    cache.set("health", "1", 10)
    if cache.get("health") != "1":
        raise Unwell("the cache forgets what it is given")


def check_broker() -> None:
    """Messages can be handed over."""
    with current_app.connection_for_write() as broker:
        broker.ensure_connection(max_retries=1, timeout=2)


def check_workers() -> None:
    """Somebody finishes jobs: the sweeper, which runs four times a minute, was done a moment ago."""
    last = JobRun.objects.filter(job="jobs.sweep", state="done").order_by("-period_start").first()
    if last is None:
        raise Unwell("no worker has done anything yet")
    silence = timezone.now() - (last.finished_at or last.started_at)
    if silence > WORKER_SILENT:
        raise Unwell(f"no worker has finished a job for {_minutes(silence)}")


def check_beat() -> None:
    """One beat leads."""
    if not locks.is_held(locks.BEAT):
        raise Unwell("no beat leads, so nothing starts by itself; start celery beat")


def check_jobs() -> None:
    """No job is late."""
    late = [status.job.name for status in all_job_states(at=timezone.now()) if status.is_late]
    if late:
        raise Unwell(f"late: {', '.join(late)}")


def check_relay() -> None:
    """Events leave the outbox."""
    now = timezone.now()
    lag = events.lag(at=now)
    if lag.oldest_unsent_seconds > RELAY_LIMIT:
        raise Unwell(f"an event waits for {_minutes(timedelta(seconds=lag.oldest_unsent_seconds))}")
    if silent := events.lanes_without_relay(at=now):
        raise Unwell(f"no relay serves {', '.join(silent)}")


def check_queues() -> None:
    """Nothing waits longer than its queue allows."""
    now = timezone.now()
    rows = DueWork.objects.filter(state=WorkState.PENDING, not_before__lte=now).values("queue")
    slow = []
    for row in rows.annotate(oldest=Min("not_before")).order_by("queue"):
        age = now - row["oldest"]
        if age.total_seconds() > QUEUE_LIMITS[WorkQueue(row["queue"])]:
            slow.append(f"{row['queue']} work waits for {_minutes(age)}")
    if slow:
        raise Unwell("; ".join(slow))


def check_disk() -> None:
    """There is room for documents and logs."""
    usage = shutil.disk_usage(settings.VAR_DIR if settings.VAR_DIR.exists() else settings.BASE_DIR)
    if usage.free < DISK_FREE_BYTES or usage.free < DISK_FREE * usage.total:
        raise Unwell(f"only {usage.free // 1024**2:,} MB are free where files are kept")


def _minutes(age: timedelta) -> str:
    seconds = int(age.total_seconds())
    return f"{seconds} s" if seconds < 120 else f"{seconds // 60} minutes"


SERVING: dict[str, Callable[[], None]] = {
    "database": check_database,
    "migrations": check_migrations,
    "cache": check_cache,
    "broker": check_broker,
}
BEHIND: dict[str, Callable[[], None]] = {
    "workers": check_workers,
    "beat": check_beat,
    "jobs": check_jobs,
    "relay": check_relay,
    "queues": check_queues,
    "disk": check_disk,
}


def run_checks(checks: dict[str, Callable[[], None]]) -> list[Outcome]:
    """Each check by itself; what a library says when it fails goes to the log, not to the page."""
    return [_outcome(name, check) for name, check in checks.items()]


def _outcome(name: str, check: Callable[[], None]) -> Outcome:
    begin, words = time.monotonic(), ""
    try:
        check()
    except Unwell as trouble:
        words = str(trouble)
    except Exception as error:  # noqa: BLE001  (whatever it is, this part is not ready)
        logger.warning("health check %s failed: %s", name, error)
        words = f"{name} cannot be reached"
    return Outcome(name, not words, words, round((time.monotonic() - begin) * 1000, 1))
