"""Tasks of the jobs app: thin, safe to run twice."""

import logging
import time
from datetime import timedelta
from typing import Any

from celery import shared_task
from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.utils import timezone

from hashinsight.common import retention
from hashinsight.common.audit import audit_context
from hashinsight.common.context import current_request_id, request_id_scope
from hashinsight.jobs.domain import care, runs
from hashinsight.jobs.domain import retention as retaining
from hashinsight.jobs.domain import work as due
from hashinsight.jobs.enums import WorkQueue
from hashinsight.jobs.models import DueWork, JobRun, RetentionPolicy
from hashinsight.jobs.periodic import run_periodic
from hashinsight.jobs.queue import enqueue_after_commit, wake_run
from hashinsight.jobs.registry import handler_for, periodic_jobs

logger = logging.getLogger(__name__)
SWEEP_LIMIT = 1_000  # told of in 15 s: more than the workers of a small machine do
DRAIN_SECONDS = 20
RETENTION_SECONDS = 150
MESSAGE_PATIENCE = timedelta(seconds=30)


@shared_task(name="jobs.do_due_work")
def do_due_work(*, work_id: int) -> str:
    """Do one row of due work if it is still open."""
    return perform(work_id)


def perform(work_id: int) -> str:
    """Claim, hand to the handler, settle; returns what became of it (``skipped``, ``done``, ``failed``)."""
    work = due.claim(work_id, at=timezone.now(), seconds=settings.JOB_CLAIM_SECONDS)
    if work is None:
        return "skipped"
    # Whoever woke us, the audit rows belong to the request that asked for the work.
    with request_id_scope(work.request_id or current_request_id()), audit_context(actor="system", source=work.kind):
        return _perform_claimed(work)


def _perform_claimed(work: DueWork) -> str:
    def finish() -> bool:
        return due.finish(work, at=timezone.now())

    try:
        handler_for(work.kind)(work.payload, finish)
    except Exception as error:
        logger.exception("due work %s %s failed", work.kind, work.key)
        due.give_back(work, error=f"{type(error).__name__}: {error}", at=timezone.now())
        return "failed"
    return "done"


@shared_task(name="jobs.drain_bulk")
def drain_bulk() -> dict[str, int]:
    """Do bulk work, row after row, for at most DRAIN_SECONDS, so that the worker stays responsive."""
    deadline = time.monotonic() + DRAIN_SECONDS
    done = 0
    while time.monotonic() < deadline:
        batch = due.open_work(queue=WorkQueue.BULK, at=timezone.now(), limit=20)
        if not batch:
            break
        for row in batch:
            done += perform(row.pk) == "done"
            if time.monotonic() >= deadline:
                break
    return {"done": done}


@shared_task(name="jobs.sweep")
def sweep() -> dict[str, Any] | None:
    """Wake workers for open rows whose message was lost or whose worker died; start the bulk drain; retry runs."""
    return run_periodic("jobs.sweep", _sweep)


def _sweep(run: JobRun) -> dict[str, Any]:
    queues = (WorkQueue.INTERACTIVE, WorkQueue.DEFAULT)
    woken = sum(due.tell_again(queue=queue, at=timezone.now(), limit=SWEEP_LIMIT) for queue in queues)
    bulk = bool(due.open_work(queue=WorkQueue.BULK, at=timezone.now(), limit=1))
    if bulk:
        enqueue_after_commit("jobs.drain_bulk", queue=WorkQueue.BULK)
    return {"woken": woken, "bulk": bulk, "runs": _retry_runs()}


@shared_task(name="jobs.forget_answers")
def forget_answers() -> dict[str, Any] | None:
    """Daily: delete the answers kept for idempotency keys whose time is over."""
    return run_periodic("jobs.forget_answers", _forget_answers)


def _forget_answers(run: JobRun) -> dict[str, Any]:
    """Batch after batch, each a short transaction of its own; stops when another worker has taken over the run."""
    deleted = 0
    while batch := retention.forget_answers(at=timezone.now()):
        deleted += batch
        if not runs.beat(run, at=timezone.now()):
            break
    return {"deleted": deleted}


@shared_task(name="jobs.retention")
def retention_run() -> dict[str, Any] | None:
    """Daily: each policy deletes what is old enough, as long as there is time; tomorrow is another day."""
    return run_periodic("jobs.retention", _retention)


def _retention(run: JobRun) -> dict[str, Any]:
    deadline = time.monotonic() + RETENTION_SECONDS

    def go_on() -> bool:
        return time.monotonic() < deadline and runs.beat(run, at=timezone.now())

    retaining.seed_policies()
    deleted, failed = 0, []
    for policy in RetentionPolicy.objects.filter(is_enabled=True).order_by("kind"):
        try:
            report = retaining.run_policy(policy, at=timezone.now(), go_on=go_on, run_id=run.pk)
            deleted += report.deleted_count
        except (OperationalError, InterfaceError):
            raise  # without a database none of the others can be run either
        except Exception as error:
            logger.exception("retention of %s failed", policy.kind)
            retaining.note_failure(policy, run_id=run.pk, error=f"{type(error).__name__}: {error}", at=timezone.now())
            failed.append(policy.kind)
    if failed:
        raise retaining.PoliciesFailed(", ".join(failed))
    return {"deleted": deleted}


@shared_task(name="jobs.measure_tables")
def measure_tables() -> dict[str, Any] | None:
    """Daily: note the size of each table."""
    return run_periodic("jobs.measure_tables", _measure_tables)


def _measure_tables(run: JobRun) -> dict[str, Any]:
    return {"tables": care.measure_tables(on=timezone.now().date())}


def _retry_runs() -> int:
    """Start runs whose message was lost, and those that failed or died and are still wanted."""
    now, retried = timezone.now(), 0
    claim = timedelta(seconds=settings.JOB_CLAIM_SECONDS)
    for job in periodic_jobs():
        for period_start in runs.unserved(job, at=now, claim=claim, patience=MESSAGE_PATIENCE):
            wake_run(job, period_start)
            retried += 1
    return retried
