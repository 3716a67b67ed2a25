"""Excused hours: written by whoever wanted machines off, read by whoever judges how long they were up."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from crm.domain.texts import printable
from hosting.models import ExcusedInterval

BATCH = 2_000


@dataclass(frozen=True)
class Excuse:
    """Of one machine: whose it was, from when to when (exclusive), and why in words."""

    miner_id: int
    customer_id: int | None
    starts_at: datetime
    ends_at: datetime
    reason: str


@transaction.atomic
def set_excused(source_key: str, excuses: Iterable[Excuse], *, at: datetime) -> int:
    """Let these be all the excused intervals of a source, in place of those it had. Returns how many there are.

    Raises ValueError for an empty key.
    """
    if not source_key:
        raise ValueError("excused intervals need a source")
    ExcusedInterval.objects.filter(source_key=source_key).delete()
    rows = [
        ExcusedInterval(
            miner_id=one.miner_id, customer_id=one.customer_id, starts_at=one.starts_at, ends_at=one.ends_at,
            reason=printable(one.reason)[:300], source_key=source_key, created_at=at,
        )
        for one in excuses
        if one.ends_at > one.starts_at
    ]  # fmt: skip
    return len(ExcusedInterval.objects.bulk_create(rows, batch_size=BATCH))


def excused_within(miner_id: int, *, start: datetime, end: datetime) -> timedelta:
    """How much of a span is excused for a machine; what overlaps counts once."""
    rows = ExcusedInterval.objects.filter(miner_id=miner_id, starts_at__lt=end, ends_at__gt=start)
    total, reached = timedelta(0), start
    for begins, ends in rows.order_by("starts_at", "pk").values_list("starts_at", "ends_at"):
        begins, ends = max(begins, reached), min(ends, end)
        if ends > begins:
            total, reached = total + (ends - begins), ends
    return total
