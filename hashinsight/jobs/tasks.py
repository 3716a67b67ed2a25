"""Tasks of the jobs app: thin, safe to run twice."""

import logging
import time
from datetime import timedelta
from typing import Any

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from hashinsight.common.audit import audit_context
from hashinsight.common.context import current_request_id, request_id_scope
from hashinsight.jobs.domain import runs
from hashinsight.jobs.domain import work as due
from hashinsight.jobs.enums import WorkQueue
from hashinsight.jobs.models import DueWork, JobRun
from hashinsight.jobs.periodic import run_periodic
from hashinsight.jobs.queue import enqueue_after_commit
from hashinsight.jobs.registry import handler_for, periodic_jobs

logger = logging.getLogger(__name__)
SWEEP_LIMIT = 200
DRAIN_SECONDS = 20


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
    woken = 0
    for queue in (WorkQueue.INTERACTIVE, WorkQueue.DEFAULT):
        for row in due.open_work(queue=queue, at=timezone.now(), limit=SWEEP_LIMIT):
            due.wake(row)
            woken += 1
    bulk = bool(due.open_work(queue=WorkQueue.BULK, at=timezone.now(), limit=1))
    if bulk:
        enqueue_after_commit("jobs.drain_bulk", queue=WorkQueue.BULK)
    return {"woken": woken, "bulk": bulk, "runs": _retry_runs()}


def _retry_runs() -> int:
    """Start the jobs whose run of the current period failed or died; beat alone would wait for the next period."""
    now, retried = timezone.now(), 0
    claim = timedelta(seconds=settings.JOB_CLAIM_SECONDS)
    for job in periodic_jobs():
        if runs.may_retry(job.name, period_start=job.period_start(now), at=now, claim=claim):
            enqueue_after_commit(job.task, queue=job.queue)
            retried += 1
    return retried
