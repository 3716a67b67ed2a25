"""Verifying the chain: every batch, and every row in it."""

import hashlib
import struct
from dataclasses import dataclass
from datetime import UTC

from django.db import DatabaseError, transaction
from django.utils.translation import gettext as _

from hashinsight.audit.domain import rows
from hashinsight.audit.engine import chain
from hashinsight.audit.engine.chain import Header
from hashinsight.audit.models import AuditBatch


@dataclass(frozen=True)
class Break:
    """The first thing that is not as it was sealed; ``row_id`` is None when the batch itself is wrong."""

    number: int
    table: str
    row_id: int | None
    what: str

    def __str__(self) -> str:
        place = f"{self.table} {self.row_id}" if self.row_id is not None else self.table
        return f"batch {self.number}, {place}: {self.what}"


@dataclass(frozen=True)
class Verdict:
    """What was looked at, the newest link of the chain, and the first break (None: all is well)."""

    batches: int
    rows: int
    head: str
    broken: Break | None


def verify_chain(*, expected_head: str = "") -> Verdict:
    """Walk the chain from its beginning and stop at the first break.

    ``expected_head`` is a hash somebody noted earlier (each run shows it): a chain whose end was cut off no longer
    holds it, which nothing inside the database could tell.
    """
    count = seen = 0
    previous = ""
    heads: set[str] = set()
    for batch in AuditBatch.objects.order_by("number").iterator(chunk_size=50):
        broken = _link(batch, number=count + 1, previous=previous) or verify_rows(batch)
        if broken is not None:
            return Verdict(count, seen, previous, broken)
        count, seen, previous = count + 1, seen + batch.row_count, batch.batch_hash
        heads.add(previous)
    broken = None
    if expected_head and expected_head not in heads:
        broken = Break(count, "", None, _("the chain no longer holds the link %(head)s") % {"head": expected_head})
    return Verdict(count, seen, previous, broken)


def verify_batch(batch: AuditBatch) -> Break | None:
    """One batch by itself: its signature, its place in the chain and its rows."""
    before = AuditBatch.objects.filter(number=batch.number - 1).values_list("batch_hash", flat=True).first()
    return _link(batch, number=batch.number, previous=before or "") or verify_rows(batch)


def _link(batch: AuditBatch, *, number: int, previous: str) -> Break | None:
    def broken(what: str) -> Break:
        return Break(batch.number, batch.table, None, what)

    if batch.number != number:
        return broken(_("batch %(number)s is missing") % {"number": number})
    if batch.previous_hash != previous:
        return broken(_("it does not follow the batch before"))
    contents = bytes(batch.contents)
    if hashlib.sha256(contents).hexdigest() != batch.rows_sha256:
        return broken(_("its contents were changed"))
    header = Header(
        batch.number, batch.table, batch.columns, batch.first_id, batch.last_id, batch.row_count, batch.rows_sha256,
        batch.previous_hash, batch.sealed_at.astimezone(UTC).isoformat(),
    )  # fmt: skip
    if header.hash() != batch.batch_hash:
        return broken(_("its header was changed"))
    if not chain.is_signed(batch.batch_hash, batch.signature, rows.keys()):
        return broken(_("no known key has signed it"))
    return None


def verify_rows(batch: AuditBatch) -> Break | None:
    """The rows of a batch against their sealed checksums; also what has appeared between them."""
    words = {"missing": _("the row is gone"), "added": _("the row was added later"), "changed": _("it was changed")}
    try:
        with transaction.atomic():
            found = rows.read_rows(batch.table, batch.columns, after=batch.first_id, to=batch.last_id)
        different = chain.first_difference(chain.unpack(bytes(batch.contents)), found)
    except (DatabaseError, struct.error) as error:
        return Break(batch.number, batch.table, None, str(error).splitlines()[0])
    if different is None:
        return None
    return Break(batch.number, batch.table, different.row_id, words[different.what])
