"""Due work: asking for it, claiming it, finishing it, sweeping up after the dead."""

import os
import socket
import uuid
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils.translation import gettext as _

from hashinsight.common import hold
from hashinsight.common.context import current_request_id
from hashinsight.common.errors import DomainError
from hashinsight.common.transitions import lock_for_move
from hashinsight.jobs.enums import WORK_MOVES, WorkQueue, WorkState
from hashinsight.jobs.models import DueWork
from hashinsight.jobs.queue import enqueue_after_commit
from hashinsight.jobs.registry import reviver_for

BACKOFF_SECONDS = 10
LONGEST_BACKOFF = timedelta(hours=1)
SWEEP_PATIENCE = timedelta(minutes=1)


class WorkBusy(DomainError):
    """A worker holds the row at this moment."""

    code = "work_busy"


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


def wait_from(at: datetime) -> int:
    """Open work asked for in the past of a story that was only now written down begins to wait at ``at``.

    Readiness asks how long work waits; by the days of the story it would be months.
    """
    return DueWork.objects.filter(state=WorkState.PENDING, not_before__lt=at).update(not_before=at)


def claim(work_id: int, *, at: datetime, seconds: int) -> DueWork | None:
    """Take one open row for ``seconds``; None when it is done, taken by a living worker, not yet due, or held.

    Held is what would leave the house while a restored database has not been released.
    """
    if not hold.may_act() and not DueWork.objects.filter(pk=work_id, kind__in=hold.inward_kinds()).exists():
        return None
    token, until = uuid.uuid4(), at + timedelta(seconds=seconds)
    taken = {
        "state": WorkState.CLAIMED, "claim_token": token, "claimed_by": worker_identity(), "claimed_until": until,
        "swept_at": None,
    }  # fmt: skip
    # Nearly always the row is simply waiting: one statement takes it, whoever else tries finds it taken.
    waiting = DueWork.objects.filter(
        pk=work_id, state=WorkState.PENDING, not_before__lte=at, attempts__lt=F("max_attempts")
    )
    if not waiting.update(attempts=F("attempts") + 1, **taken) and not _take_over(work_id, at=at, taken=taken):
        return None
    return DueWork.objects.get(pk=work_id)


@transaction.atomic
def _take_over(work_id: int, *, at: datetime, taken: dict[str, Any]) -> bool:
    """The claim of a dead worker; a row out of attempts fails here."""
    work = DueWork.objects.select_for_update(skip_locked=True).filter(pk=work_id).first()
    if work is None or not _may_claim(work, at):
        return False
    row = DueWork.objects.filter(pk=work.pk)
    if work.attempts >= work.max_attempts:
        row.update(state=WorkState.FAILED)
        return False
    return bool(row.update(attempts=work.attempts + 1, **taken))


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


def set_aside(*, kinds_kept: Collection[str], before: datetime, why: str) -> int:
    """After a restore: open outward work asked for before ``before`` fails, so that a person decides; how many.

    Inward work and the kinds to keep stay as they are.
    """
    old = DueWork.objects.filter(state__in=[WorkState.PENDING, WorkState.CLAIMED], created_at__lt=before)
    outward = old.exclude(kind__in=[*hold.inward_kinds(), *kinds_kept])
    return outward.update(state=WorkState.FAILED, last_error=why[:2000], claimed_until=None)


@transaction.atomic
def retry_work(work: DueWork, *, at: datetime) -> DueWork:
    """A person wants failed work tried again: pending with fresh attempts, and what it is about as well.

    Raises MoveRefused when it has not failed, or the refusal of its owner.
    """
    revive = reviver_for(work.kind)
    if revive is not None:
        revive(work.payload, at)  # locks the owner's row first, as the worker does
    locked = lock_for_move(
        work, field="state", to=WorkState.PENDING, moves={WorkState.FAILED: WORK_MOVES[WorkState.FAILED]}
    )
    DueWork.objects.filter(pk=locked.pk).update(state=WorkState.PENDING, attempts=0, not_before=at)
    locked.refresh_from_db()
    wake(locked)
    return locked


@transaction.atomic
def reopen_work(kind: str, *, key: str, payload: Mapping[str, Any], at: datetime) -> DueWork:
    """Whoever asked for the work wants it done again: pending with fresh attempts, once. Raises WorkBusy.

    Work that waits already stays as it is.
    """
    work = DueWork.objects.select_for_update().filter(kind=kind, key=key).first()
    if work is None:
        return require_work(kind, key=key, payload=payload, at=at)
    if work.state == WorkState.CLAIMED:
        raise WorkBusy(_("%(work)s is being worked on; try again in a moment.") % {"work": work})
    if work.state != WorkState.PENDING:
        work.state, work.attempts, work.not_before, work.done_at = WorkState.PENDING, 0, at, None
        work.save(update_fields=["state", "attempts", "not_before", "done_at"])
        wake(work)
    return work


def open_work(*, queue: str | None, at: datetime, limit: int) -> list[DueWork]:
    """Rows that are due and that no living worker holds, oldest first; while the house is held, inward ones only."""
    return list(_open_rows(queue, at)[:limit])


@transaction.atomic
def tell_again(*, queue: str, at: datetime, limit: int) -> int:
    """Send a message for open rows, whose own may be lost or whose worker may be dead; how many.

    Whoever was told of within ``SWEEP_PATIENCE`` still waits its turn, and of such messages there are ``limit`` at
    most: slow workers would else read ever more of them and do ever less.
    """
    lately = Q(swept_at__gt=at - SWEEP_PATIENCE, swept_at__lte=at)
    told = DueWork.objects.filter(lately, queue=queue, state=WorkState.PENDING)[:limit].count()
    rows = list(_open_rows(queue, at).exclude(lately)[: limit - told])
    DueWork.objects.filter(pk__in=[row.pk for row in rows]).update(swept_at=at)
    for row in rows:
        wake(row)
    return len(rows)


def _open_rows(queue: str | None, at: datetime) -> QuerySet[DueWork]:
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
    if not hold.may_act():
        rows = rows.filter(kind__in=hold.inward_kinds())
    return rows.order_by("not_before", "id")


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
