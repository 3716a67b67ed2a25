"""Sealing what the history has grown by."""

import hashlib
import time
from datetime import UTC, datetime

from django.db import connection, transaction

from hashinsight.audit.domain import rows
from hashinsight.audit.engine import chain
from hashinsight.audit.engine.chain import Header
from hashinsight.audit.models import AuditBatch
from hashinsight.common import guards

BATCH = 5000
QUIET_SECONDS = 10.0
_LOCK = 7_310_618


def seal_all(*, at: datetime, most: int = BATCH) -> dict[str, int]:
    """Seal everything up to a moment at which nobody was writing; returns how many batches and rows.

    Ids are given out before they are committed. Only at such a moment can no smaller one appear later, which would
    look like a row smuggled into the past. On a server where none comes within ten seconds the next run tries again.
    """
    limits = _limits()
    if limits is None:
        return {"batches": 0, "rows": 0, "busy": 1}
    batches = count = 0
    for table, last in limits.items():
        while batch := _seal_next(table, to=last, at=at, most=most):
            batches, count = batches + 1, count + batch.row_count
    return {"batches": batches, "rows": count}


def _limits() -> dict[str, int] | None:
    """Highest id of each history table at a quiet moment; None when there was none."""
    tables = [name for name in guards.history_tables() if name != rows.CONTEXTS]
    quote = connection.ops.quote_name
    looks = [f"(SELECT coalesce(max(pgh_id), 0) FROM public.{quote(_bare(name))})" for name in tables]  # noqa: S608
    # One statement, one snapshot: the highest ids are those of the quiet moment itself.
    statement = f"SELECT pg_snapshot_xmin(s) = pg_snapshot_xmax(s), {', '.join(looks)} FROM pg_current_snapshot() s"  # noqa: S608  (quoted names)
    end = time.monotonic() + QUIET_SECONDS
    while True:
        with connection.cursor() as cursor:
            cursor.execute(statement)
            quiet, *highest = cursor.fetchone()
        if quiet or connection.in_atomic_block:  # inside a transaction the moment cannot change
            return {_bare(name): last for name, last in zip(tables, highest, strict=True) if last}
        if time.monotonic() > end:
            return None
        time.sleep(0.05)


def _bare(name: str) -> str:
    return name.strip('"')


@transaction.atomic
def _seal_next(table: str, *, to: int, at: datetime, most: int) -> AuditBatch | None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
    newest = AuditBatch.objects.order_by("-number").only("number", "batch_hash").first()
    before = AuditBatch.objects.filter(table=table).order_by("-last_id").values_list("last_id", flat=True).first() or 0
    columns = rows.columns_of(table)
    found = rows.read_rows(table, columns, after=before, to=to, most=most)
    if not found:
        return None
    contents = chain.pack(found)
    header = Header(
        number=newest.number + 1 if newest else 1,
        table=table,
        columns=columns,
        first_id=before,
        last_id=found[-1][0] if len(found) == most else to,
        row_count=len(found),
        rows_sha256=hashlib.sha256(contents).hexdigest(),
        previous_hash=newest.batch_hash if newest else "",
        sealed_at=at.astimezone(UTC).isoformat(),
    )
    digest = header.hash()
    signed = chain.signature(digest, rows.keys()[0])
    fields = {**header.__dict__, "sealed_at": at}
    return AuditBatch.objects.create(**fields, contents=contents, batch_hash=digest, signature=signed)
