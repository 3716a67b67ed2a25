"""Runs of periodic jobs: the unique row is written before anything else happens."""

from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from hashinsight.common.errors import DomainError
from hashinsight.common.transitions import lock_row
from hashinsight.jobs.domain.locks import BEAT, fence
from hashinsight.jobs.enums import RunState
from hashinsight.jobs.models import JobRun
from hashinsight.jobs.registry import PeriodicJob

MAX_ATTEMPTS = 5
MOST_CAUGHT_UP = 200
STILL_WANTED = timedelta(days=7)
_WAITING = (RunState.DUE, RunState.RUNNING)


class JobBusy(DomainError):
    """The job is due or at work already."""

    code = "job_busy"


# --- ringing --------------------------------------------------------------------------------------------------
@transaction.atomic
def ring(job: PeriodicJob, *, at: datetime, token: int, seconds: float) -> list[JobRun]:
    """Beat says that the period of ``at`` is due; returns the rows that are new, oldest first.

    Of a job that serves each period, those that no beat rang for are added (MOST_CAUGHT_UP at most). Raises StaleLock
    when another beat leads by now; then nothing is written.
    """
    fence(BEAT, token=token, seconds=seconds)
    found = []
    for period_start in _unrung(job, at):
        run, created = JobRun.objects.get_or_create(
            job=job.name, period_start=period_start, defaults=_due(at) | {"fencing_token": token}
        )
        found += [run] if created else []
    return found


def _due(at: datetime) -> dict[str, Any]:
    return {"state": RunState.DUE, "attempts": 0, "started_at": at, "heartbeat_at": at}


def _unrung(job: PeriodicJob, at: datetime) -> list[datetime]:
    newest = job.period_start(at)
    if not job.each_period:
        return [newest]
    rung = JobRun.objects.filter(job=job.name, is_manual=False, period_start__lte=newest)
    last = rung.order_by("-period_start").values_list("period_start", flat=True).first()
    if last is None:
        return [newest]
    missing: list[datetime] = []
    while last < newest:
        last = job.next_period(last)
        missing.append(last)
    return missing[-MOST_CAUGHT_UP:]


@transaction.atomic
def ask_for_run(job: PeriodicJob, *, by: Any, at: datetime) -> JobRun:
    """A person wants the job to run now: the current period if it still waits for that, else a run of its own.

    Raises JobBusy when a run waits or is at work already.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"jobs.run:{job.name}"])
    busy = JobRun.objects.filter(job=job.name, state__in=_WAITING).order_by("-started_at").first()
    if busy is not None:
        raise JobBusy(_("%(job)s is %(state)s already.") % {"job": job.name, "state": busy.get_state_display()})
    asked = {"is_manual": True, "asked_by": str(by)[:254]}
    run, created = JobRun.objects.get_or_create(
        job=job.name, period_start=job.period_start(at), defaults=_due(at) | asked | {"is_manual": False}
    )
    return run if created else JobRun.objects.create(job=job.name, period_start=at, **_due(at), **asked)


# --- running --------------------------------------------------------------------------------------------------
def start_run(
    job: str, *, period_start: datetime, at: datetime, claim: timedelta, each_period: bool = True
) -> JobRun | None:
    """Claim (job, period); None when it is done or missed, or at work with a heartbeat younger than ``claim``.

    A failed run, or one whose process died, is taken up again up to MAX_ATTEMPTS times. Unless ``each_period`` is to
    be served, older periods that nobody has begun are missed from now on.
    """
    with transaction.atomic():
        run, created = JobRun.objects.get_or_create(
            job=job, period_start=period_start, defaults={"started_at": at, "heartbeat_at": at}
        )
        if not created:
            run = lock_row(run)
            if not _is_open(run, at=at, claim=claim):
                return None
            run.state = RunState.RUNNING
            run.attempts += 1
            run.started_at = run.heartbeat_at = at
            run.error = ""
            run.save(update_fields=["state", "attempts", "started_at", "heartbeat_at", "error"])
        if not each_period:
            older = JobRun.objects.filter(job=job, state=RunState.DUE, period_start__lt=period_start)
            older.update(state=RunState.MISSED, finished_at=at)
        return run


def unserved(job: PeriodicJob, *, at: datetime, claim: timedelta, patience: timedelta) -> list[datetime]:
    """Periods a worker should be woken for again, oldest first: lost messages, failures, dead workers.

    A due run counts as lost after ``patience``. Of a job that need not serve each period: the newest due one, and the
    current one if it failed or died.
    """
    lost = Q(state=RunState.DUE, started_at__lt=at - patience)
    broken = Q(state=RunState.FAILED) | Q(state=RunState.RUNNING, heartbeat_at__lt=at - claim)
    rows = JobRun.objects.filter(job=job.name, attempts__lt=MAX_ATTEMPTS, started_at__gt=at - STILL_WANTED)
    if job.each_period:
        wanted = rows.filter(lost | broken).order_by("period_start")
        return list(wanted.values_list("period_start", flat=True)[:MOST_CAUGHT_UP])
    due = rows.filter(lost).order_by("-period_start").values_list("period_start", flat=True)[:1]
    now = rows.filter(broken, period_start=job.period_start(at)).values_list("period_start", flat=True)
    return sorted({*due, *now})


def _is_open(run: JobRun, *, at: datetime, claim: timedelta) -> bool:
    dead = run.state == RunState.RUNNING and run.heartbeat_at < at - claim
    waits = dead or run.state in (RunState.FAILED, RunState.DUE)
    return waits and run.attempts < MAX_ATTEMPTS


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
