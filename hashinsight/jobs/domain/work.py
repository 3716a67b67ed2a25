"""Due work: asking for it, claiming it, finishing it, sweeping up after the dead."""

import os
import socket
import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.db import transaction
from django.db.models import Q

from hashinsight.common.context import current_request_id
from hashinsight.common.transitions import lock_for_move
from hashinsight.jobs.enums import WORK_MOVES, WorkQueue, WorkState
from hashinsight.jobs.models import DueWork
from hashinsight.jobs.queue import enqueue_after_commit

BACKOFF_SECONDS = 10
LONGEST_BACKOFF = timedelta(hours=1)


def require_work(
    kind: str, *, key: str, payload: Mapping[str, Any], at: datetime, queue: str = WorkQueue.DEFAULT
) -> DueWork:
    """Write the row that says this must happen (once per kind and key) and wake a worker after commit.

    Bulk work wakes nobody: the sweeper drains it in small portions, so that it never stands in a person's way.
    """
    work, created = DueWork.objects.get_or_create(
        kind=kind,
        key=key,
        defaults={
            "payload": dict(payload),
            "queue": queue,
            "not_before": at,
            "created_at": at,
            "request_id": current_request_id(),
        },
    )
    if created and queue != WorkQueue.BULK:
        wake(work)
    return work


def wake(work: DueWork) -> None:
    """Send a message for one row after commit."""
    enqueue_after_commit("jobs.do_due_work", queue=work.queue, work_id=work.pk)


def promote(work: DueWork, *, at: datetime) -> bool:
    """Somebody now waits for it: move open work to the interactive queue and wake a worker.

    Once only: asking again and again must not send a message each time, nor skip the wait after a failure.
    """
    waiting = DueWork.objects.filter(pk=work.pk, state=WorkState.PENDING).exclude(queue=WorkQueue.INTERACTIVE)
    moved = waiting.update(queue=WorkQueue.INTERACTIVE, not_before=at)
    if moved:
        work.refresh_from_db()
        wake(work)
    return bool(moved)


def claim(work_id: int, *, at: datetime, seconds: int) -> DueWork | None:
    """Take one open row for ``seconds``; None when it is done, taken by a living worker, or not yet due."""
    token = uuid.uuid4()
    with transaction.atomic():
        work = DueWork.objects.select_for_update(skip_locked=True).filter(pk=work_id).first()
        if work is None or not _may_claim(work, at):
            return None
        if work.attempts >= work.max_attempts:
            DueWork.objects.filter(pk=work.pk).update(state=WorkState.FAILED)
            return None
        DueWork.objects.filter(pk=work.pk).update(
            state=WorkState.CLAIMED,
            attempts=work.attempts + 1,
            claim_token=token,
            claimed_by=worker_identity(),
            claimed_until=at + timedelta(seconds=seconds),
        )
    work.refresh_from_db()
    return work


def _may_claim(work: DueWork, at: datetime) -> bool:
    if work.state == WorkState.PENDING:
        return work.not_before <= at
    if work.state != WorkState.CLAIMED:
        return False
    return work.claimed_until is None or work.claimed_until <= at or not worker_alive(work.claimed_by)


def finish(work: DueWork, *, at: datetime) -> bool:
    """Mark the claimed row done; False when the claim was lost to another worker meanwhile."""
    updated = DueWork.objects.filter(pk=work.pk, state=WorkState.CLAIMED, claim_token=work.claim_token).update(
        state=WorkState.DONE, done_at=at, last_error="", claimed_until=None
    )
    return updated == 1


def give_back(work: DueWork, *, error: str, at: datetime) -> None:
    """After an error: pending again later (exponentially), or failed when the attempts are used up."""
    wait = min(timedelta(seconds=BACKOFF_SECONDS * 2 ** (work.attempts - 1)), LONGEST_BACKOFF)
    state = WorkState.FAILED if work.attempts >= work.max_attempts else WorkState.PENDING
    DueWork.objects.filter(pk=work.pk, state=WorkState.CLAIMED, claim_token=work.claim_token).update(
        state=state, last_error=error[:2000], not_before=at + wait, claimed_until=None
    )


@transaction.atomic
def retry_work(work: DueWork, *, at: datetime) -> DueWork:
    """A person wants failed work tried again: pending with fresh attempts."""
    locked = lock_for_move(
        work, field="state", to=WorkState.PENDING, moves={WorkState.FAILED: WORK_MOVES[WorkState.FAILED]}
    )
    DueWork.objects.filter(pk=locked.pk).update(state=WorkState.PENDING, attempts=0, not_before=at)
    locked.refresh_from_db()
    wake(locked)
    return locked


def open_work(*, queue: str | None, at: datetime, limit: int) -> list[DueWork]:
    """Rows that are due and that no living worker holds, oldest first."""
    claimed = DueWork.objects.filter(state=WorkState.CLAIMED)
    holders = claimed.order_by().values_list("claimed_by", flat=True).distinct()
    dead = [holder for holder in holders if not worker_alive(holder)]
    rows = DueWork.objects.filter(
        Q(state=WorkState.PENDING, not_before__lte=at)
        | Q(state=WorkState.CLAIMED, claimed_until__isnull=True)
        | Q(state=WorkState.CLAIMED, claimed_until__lte=at)
        | Q(state=WorkState.CLAIMED, claimed_by__in=dead)
    )
    if queue is not None:
        rows = rows.filter(queue=queue)
    return list(rows.order_by("not_before", "id")[:limit])


def worker_identity() -> str:
    """Host, process id and start time of this process: enough to tell whether the claimant still lives."""
    pid = os.getpid()
    return f"{socket.gethostname()}:{pid}:{_start_time(pid)}"


def worker_alive(identity: str) -> bool:
    """False only when the claimant ran on this host and is gone; a stranger host's claim runs out by time."""
    host, _, rest = identity.rpartition(":")
    host, _, pid = host.rpartition(":")
    if host != socket.gethostname() or not pid.isdigit():
        return True
    return _start_time(int(pid)) == rest


def _start_time(pid: int) -> str:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return "gone" if Path("/proc/self").exists() else "unknown"
    fields = stat.rpartition(")")[2].split()
    # Killed, but its parent has not taken notice yet: it will do nothing any more.
    return "gone" if fields[0] in "ZX" else fields[19]
