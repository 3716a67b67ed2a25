"""Deleting what is old enough: policies, legal holds, dry runs, and bounded batches that may be cut off anywhere."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import F
from django.utils.translation import gettext as _

from hashinsight.common.errors import DomainError
from hashinsight.common.transitions import lock_row
from hashinsight.jobs.models import LegalHold, RetentionPolicy, RetentionReport
from hashinsight.jobs.retention import Held, RetentionKind, find_kind, find_subject, kinds

logger = logging.getLogger(__name__)
BATCH = 2000
COUNTED = 100_000
EXAMPLES = 5
_HOLDS_LOCK = "SELECT pg_advisory_xact_lock{shared}(hashtextextended('jobs.legal_holds', 0))"


class BelowMinimum(DomainError):
    """Shorter than the law or the product allows."""

    code = "below_minimum"


class UnknownKind(DomainError):
    """The app that knew these rows is gone."""

    code = "unknown_kind"


class HeldAlready(DomainError):
    """A hold stands already."""

    code = "held_already"


class NothingFound(DomainError):
    """Nothing of that name."""

    code = "nothing_found"


class ReleasedAlready(DomainError):
    """The hold has ended."""

    code = "released_already"


class PoliciesFailed(DomainError):
    """Some policies could not be run; their reports say why."""

    code = "policies_failed"


@dataclass(frozen=True)
class Preview:
    """What a policy would delete: how many rows (``is_capped``: at least so many), the oldest of them in words."""

    cutoff: datetime
    count: int
    is_capped: bool
    held: Held
    examples: list[str] = field(default_factory=list)


# --- policies -------------------------------------------------------------------------------------------------
def seed_policies() -> int:
    """A policy for each kind that has none; what a person set stays. Returns how many were new."""
    new = 0
    for kind in kinds():
        defaults = {"keep_days": kind.keep_days, "minimum_days": kind.minimum_days}
        policy, created = RetentionPolicy.objects.get_or_create(kind=kind.name, defaults=defaults)
        new += created
        if policy.minimum_days != kind.minimum_days:
            RetentionPolicy.objects.filter(pk=policy.pk).update(
                minimum_days=kind.minimum_days, keep_days=max(policy.keep_days, kind.minimum_days)
            )
    return new


@transaction.atomic
def change_policy(policy: RetentionPolicy, *, keep_days: int, is_enabled: bool, by: Any, at: datetime) -> None:
    """Keep longer or shorter, delete or not. Raises BelowMinimum, UnknownKind."""
    kind = _kind(policy)
    if keep_days < kind.minimum_days:
        text = _("%(kind)s must be kept for at least %(days)s days.")
        raise BelowMinimum(text % {"kind": kind.label, "days": kind.minimum_days})
    locked: RetentionPolicy = lock_row(policy)
    locked.keep_days, locked.is_enabled = keep_days, is_enabled
    locked.save(update_fields=["keep_days", "is_enabled"])


def _kind(policy: RetentionPolicy) -> RetentionKind:
    kind = find_kind(policy.kind)
    if kind is None:
        raise UnknownKind(_("Nobody knows rows of kind %(kind)s any more.") % {"kind": policy.kind})
    return kind


# --- holds ----------------------------------------------------------------------------------------------------
@transaction.atomic
def place_hold(subject: str, *, text: str, reason: str, by: Any, at: datetime) -> LegalHold:
    """From now on nothing about it is deleted. Raises NothingFound, HeldAlready.

    Waits for a batch that is just being deleted; none that begins later can miss the hold.
    """
    known = find_subject(subject)
    found = known.find(text.strip()) if known is not None else None
    if found is None:
        raise NothingFound(_("Nothing is called “%(text)s”.") % {"text": text})
    with connection.cursor() as cursor:
        cursor.execute(_HOLDS_LOCK.format(shared=""))
    key, label = found
    if LegalHold.objects.filter(subject=subject, key=key, released_at__isnull=True).exists():
        raise HeldAlready(_("%(name)s is held already.") % {"name": label})
    return LegalHold.objects.create(
        subject=subject, key=key, label=label[:200], reason=reason, placed_by=str(by)[:254], placed_at=at
    )


@transaction.atomic
def release_hold(hold: LegalHold, *, reason: str, by: Any, at: datetime) -> LegalHold:
    """What is old may be deleted again. Raises ReleasedAlready."""
    locked: LegalHold = lock_row(hold)
    if locked.released_at is not None:
        raise ReleasedAlready(_("The hold on %(name)s has ended already.") % {"name": locked.label})
    locked.released_at, locked.released_by, locked.release_reason = at, str(by)[:254], reason
    locked.save(update_fields=["released_at", "released_by", "release_reason"])
    return locked


def held_now() -> Held:
    """Everything that holds protect at this moment, with what hangs on it."""
    found: dict[str, set[str]] = {}
    for subject, key in LegalHold.objects.filter(released_at__isnull=True).values_list("subject", "key"):
        found.setdefault(subject, set()).add(key)
    for name in list(found):
        known = find_subject(name)
        for other, keys in (known.expand(found[name]) if known and known.expand else {}).items():
            found.setdefault(other, set()).update(keys)
    return Held({subject: frozenset(keys) for subject, keys in found.items()})


# --- deleting -------------------------------------------------------------------------------------------------
def cutoff_of(policy: RetentionPolicy, *, at: datetime) -> datetime:
    """Rows older than this are due."""
    return at - timedelta(days=policy.keep_days)


def preview(policy: RetentionPolicy, *, at: datetime) -> Preview:
    """What would go now; counts COUNTED rows at most."""
    kind, held, cutoff = _kind(policy), held_now(), cutoff_of(policy, at=at)
    rows = kind.rows(cutoff, held)
    count = rows.order_by()[: COUNTED + 1].count()
    oldest = [str(row) for row in rows.order_by(kind.moment, "pk")[:EXAMPLES]]
    return Preview(cutoff, min(count, COUNTED), count > COUNTED, held, oldest)


def dry_run(policy: RetentionPolicy, *, by: Any, at: datetime) -> RetentionReport:
    """A report of what would go now; nothing is deleted."""
    found = preview(policy, at=at)
    return RetentionReport.objects.create(
        kind=policy.kind,
        is_dry_run=True,
        keep_days=policy.keep_days,
        cutoff=found.cutoff,
        due_count=found.count,
        examples=found.examples,
        started_by=str(by)[:254],
        started_at=at,
        finished_at=at,
    )


def run_policy(
    policy: RetentionPolicy,
    *,
    at: datetime,
    go_on: Callable[[], bool],
    run_id: int | None = None,
    by: str = "",
    batch: int = BATCH,
) -> RetentionReport:
    """Delete batch after batch, each a short transaction that also counts; stops when ``go_on`` says False.

    Cut off anywhere and run again, the same rows are gone and the report of the run adds up.
    """
    kind, cutoff = _kind(policy), cutoff_of(policy, at=at)
    report = _report(policy, preview(policy, at=at), run_id=run_id, by=by, at=at)
    while _delete_batch(kind, cutoff, report, batch) and go_on():
        pass
    RetentionReport.objects.filter(pk=report.pk).update(finished_at=at, error="")
    report.refresh_from_db()
    return report


def _report(policy: RetentionPolicy, found: Preview, *, run_id: int | None, by: str, at: datetime) -> RetentionReport:
    facts = {
        "keep_days": policy.keep_days,
        "cutoff": found.cutoff,
        "due_count": found.count,
        "examples": found.examples,
        "started_by": by[:254],
        "started_at": at,
    }
    if run_id is None:
        return RetentionReport.objects.create(kind=policy.kind, **facts)
    return RetentionReport.objects.get_or_create(kind=policy.kind, run_id=run_id, defaults=facts)[0]


@transaction.atomic
def _delete_batch(kind: RetentionKind, cutoff: datetime, report: RetentionReport, most: int) -> int:
    with connection.cursor() as cursor:
        cursor.execute(_HOLDS_LOCK.format(shared="_shared"))
    held = held_now()
    if kind.delete is not None:
        deleted = kind.delete(cutoff, held, most)
    else:
        rows = kind.rows(cutoff, held)
        keys = list(rows.order_by(kind.moment, "pk").values_list("pk", flat=True)[:most])
        # The condition once more: a row may have changed between the two statements.
        deleted = rows.filter(pk__in=keys).delete()[1].get(rows.model._meta.label, 0) if keys else 0
    RetentionReport.objects.filter(pk=report.pk).update(deleted_count=F("deleted_count") + deleted)
    return deleted


def note_failure(policy: RetentionPolicy, *, run_id: int | None, error: str, at: datetime) -> None:
    """A policy that could not be run says so in its report; the others go on."""
    found = {"keep_days": policy.keep_days, "cutoff": cutoff_of(policy, at=at), "started_at": at}
    report, _created = RetentionReport.objects.get_or_create(kind=policy.kind, run_id=run_id, defaults=found)
    RetentionReport.objects.filter(pk=report.pk).update(error=error[:2000], finished_at=at)
