"""A batch of an edge device: each once, its machines found, its readings stored, its doubts kept.

Batches of one device go in one after another: the second of two with the same id waits for the first, and gets its
answer. A device may speak of machines only that stood in its zone (without one: at its site) at that moment; of others
it does not even hear that they exist.
"""

import uuid
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from django.db import transaction
from django.utils.translation import gettext as _

from hashinsight.common.errors import DomainError
from hosting.domain.packed import packed, packed_cursor, rows
from hosting.domain.telemetry import Stored, store_readings
from hosting.engine.ingest.checking import Doubt
from hosting.engine.ingest.columns import Columns, Integers
from hosting.engine.ingest.packing import Cell
from hosting.engine.ingest.spans import SECOND_US, Period, holders, microseconds, moment_of
from hosting.engine.ingest.wire import Batch
from hosting.enums import ReadingSource
from hosting.models import EdgeBatch, EdgeDevice, QuarantinedReading

SKEW = timedelta(seconds=30)  # a clock further off is wrong, and its readings say so
_PLACED = """
    SELECT place.miner_id, 1::bigint, extract(epoch FROM place.valid_from)::bigint,
           extract(epoch FROM place.valid_to)::bigint
    FROM hosting_minerplacement place
    WHERE place.miner_id = ANY(%b::bigint[]) AND place.site_id = %s AND (%s OR place.zone_id = %s)
      AND place.valid_from <= %s AND (place.valid_to IS NULL OR place.valid_to > %s)
"""
_IDS = "SELECT id, public_id FROM hosting_miner WHERE public_id = ANY(%s::uuid[])"


class BatchDiffers(DomainError):
    """A batch of this id was taken in already, and it was another one."""

    code = "batch_differs"


@transaction.atomic
def take_batch(
    device: EdgeDevice, batch: Batch, *, digest: str, sent_at: datetime | None, at: datetime
) -> dict[str, Any]:
    """Store a batch received at ``at``; returns what the device is told. Raises BatchDiffers.

    ``sent_at`` is the device's clock when it sent: the difference to ours is the error of that clock.
    """
    one_at_a_time(device)
    before = answer_before(device, batch.batch_id, digest)
    if before is not None:
        return before
    is_skewed = sent_at is not None and abs(at - sent_at) > SKEW
    found = _found(device, batch)
    if is_skewed:
        found = replace(found, skewed=np.ones(len(found), bool))
    stored = store_readings(found, source=ReadingSource.EDGE, at=at, site=device.site, doubts=batch.doubts)
    answer = _answer(batch, stored, is_skewed=is_skewed, at=at)
    row = EdgeBatch.objects.create(
        device=device, batch_id=batch.batch_id, digest=digest, received_at=at, readings=len(batch),
        stored=stored.stored, duplicates=stored.duplicates, quarantined=stored.quarantined,
        clock_skewed=is_skewed, answer=answer,
    )  # fmt: skip
    _keep_doubts(row, batch, at)
    return {**answer, "repeated": False}


def answer_before(device: EdgeDevice, batch_id: str, digest: str) -> dict[str, Any] | None:
    """What was told of this batch when it was taken in; None for a new one. Raises BatchDiffers."""
    before = EdgeBatch.objects.filter(device=device, batch_id=batch_id).first()
    if before is None:
        return None
    if before.digest != digest:
        raise BatchDiffers(_("Batch %(id)s was taken in already with other contents.") % {"id": batch_id})
    return {**before.answer, "repeated": True}


def one_at_a_time(device: EdgeDevice) -> None:
    """A lock of its own, not the row's: the row is touched by every call."""
    with packed_cursor() as cursor:
        cursor.execute(b"SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (f"edge batch:{device.pk}",))


def _found(device: EdgeDevice, batch: Batch) -> Columns:
    """The columns with the ids of the machines the device may speak of; 0 for all others."""
    columns = batch.columns
    wanted = _uuids(batch.names)
    ids = np.zeros(len(batch.names) + 2, np.int64)
    ids[-2] = -1  # what is no reading stands apart from what names no machine, which is at -1
    if not len(columns) or not wanted:
        return replace(columns, miner_ids=ids[batch.at_name])
    with packed_cursor() as cursor:
        known = dict(rows(cursor, _IDS, (list(wanted),)))
        for miner_id, public_id in known.items():
            ids[wanted[public_id]] = miner_id
        miner_ids = ids[batch.at_name]
        timed = columns.recorded_us[(miner_ids > 0) & (columns.recorded_us > 0)]
        if not len(timed):
            return replace(columns, miner_ids=miner_ids)
        first, last = _moment(int(timed.min())), _moment(int(timed.max()))
        placed = rows(
            cursor,
            _PLACED,
            (
                packed(Cell(">i8", ids[ids > 0])),
                device.site_id,
                device.zone_id is None,
                device.zone_id or 0,
                last,
                first,
            ),
        )
    return replace(columns, miner_ids=_there(miner_ids, columns.recorded_us, placed, int(timed.min())))


def _there(miner_ids: Integers, recorded_us: Integers, placed: list[tuple[Any, ...]], oldest_us: int) -> Integers:
    """The ids of machines that stood there at the moment of each reading, else 0."""
    always = [row[0] for row in placed if row[3] is None and row[2] * SECOND_US <= oldest_us]
    if len(always) == len(placed):
        return np.where(np.isin(miner_ids, always), miner_ids, np.minimum(miner_ids, 0))
    held = holders(miner_ids, recorded_us, (Period(*row) for row in placed))
    return np.where(held > 0, miner_ids, np.minimum(miner_ids, 0))


def _moment(micros: int) -> datetime:
    """Within what the database can hold: a batch may speak of any year."""
    return moment_of(min(max(micros, 0), microseconds(datetime.fromisoformat("9000-01-01T00:00:00+00:00"))))


def _uuids(names: tuple[str, ...]) -> dict[uuid.UUID, int]:
    """Places of names that have the form of an id."""
    found: dict[uuid.UUID, int] = {}
    for place, name in enumerate(names):
        try:
            found.setdefault(uuid.UUID(name), place)
        except ValueError:
            continue
    return found


def _answer(batch: Batch, stored: Stored, *, is_skewed: bool, at: datetime) -> dict[str, Any]:
    return {
        "batch_id": batch.batch_id,
        "received_at": at.isoformat(),
        "readings": len(batch),
        "stored": stored.stored,
        "duplicates": stored.duplicates,
        "quarantined": stored.quarantined,
        "clock_skewed": is_skewed,
        "doubts": [
            {"reason": reason.value, "figure": figure or None, "count": count}
            for (reason, figure), count in sorted(stored.doubts.counts.items())
        ],
    }


def _keep_doubts(row: EdgeBatch, batch: Batch, at: datetime) -> None:
    """The first thousand of a batch are kept one by one; the answer of the batch counts all."""
    QuarantinedReading.objects.bulk_create(
        [
            QuarantinedReading(
                batch=row, device=row.device, place=doubt.place, machine=_named(batch, doubt),
                reason=doubt.reason.value, figure=doubt.figure, value=doubt.value, received_at=at,
            )
            for doubt in batch.doubts.listed
        ],
        batch_size=500,
    )  # fmt: skip


def _named(batch: Batch, doubt: Doubt) -> str:
    place = int(batch.at_name[doubt.place])
    return batch.names[place].replace("\x00", "?") if place >= 0 else ""
