"""Runs of periodic jobs: the unique row is written before anything else happens."""

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from hashinsight.common.transitions import lock_row
from hashinsight.jobs.enums import RunState
from hashinsight.jobs.models import JobRun

MAX_ATTEMPTS = 5


def start_run(job: str, *, period_start: datetime, at: datetime, claim: timedelta) -> JobRun | None:
    """Claim (job, period); None when it is done, or at work with a heartbeat younger than ``claim``.

    A failed run, or one whose process died, is taken up again up to MAX_ATTEMPTS times.
    """
    with transaction.atomic():
        run, created = JobRun.objects.get_or_create(
            job=job, period_start=period_start, defaults={"started_at": at, "heartbeat_at": at}
        )
        if created:
            return run
        run = lock_row(run)
        if not _is_open(run, at=at, claim=claim):
            return None
        run.state = RunState.RUNNING
        run.attempts += 1
        run.started_at = run.heartbeat_at = at
        run.error = ""
        run.save(update_fields=["state", "attempts", "started_at", "heartbeat_at", "error"])
        return run


def may_retry(job: str, *, period_start: datetime, at: datetime, claim: timedelta) -> bool:
    """Whether the run of this period was begun, did not end well, and may be taken up again."""
    run = JobRun.objects.filter(job=job, period_start=period_start).first()
    return run is not None and _is_open(run, at=at, claim=claim)


def _is_open(run: JobRun, *, at: datetime, claim: timedelta) -> bool:
    dead = run.state == RunState.RUNNING and run.heartbeat_at < at - claim
    return (dead or run.state == RunState.FAILED) and run.attempts < MAX_ATTEMPTS


def beat(run: JobRun, *, at: datetime) -> bool:
    """Say that the run is alive; False when another process has taken it over."""
    return JobRun.objects.filter(pk=run.pk, state=RunState.RUNNING, attempts=run.attempts).update(heartbeat_at=at) == 1


def finish_run(run: JobRun, *, at: datetime, result: dict[str, Any]) -> bool:
    """The run is done; False when it was taken over meanwhile."""
    return _end(run, at=at, state=RunState.DONE, result=result)


def fail_run(run: JobRun, *, at: datetime, error: str) -> bool:
    """The run ended with an error."""
    return _end(run, at=at, state=RunState.FAILED, error=error[:2000])


def _end(run: JobRun, *, at: datetime, **changes: Any) -> bool:
    mine = JobRun.objects.filter(pk=run.pk, state=RunState.RUNNING, attempts=run.attempts)
    return mine.update(finished_at=at, heartbeat_at=at, **changes) == 1
