"""A batch of readings of meters from an edge device: each once, believed only of meters that this device reads."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from hosting.domain.edge_batches import SKEW, answer_before, one_at_a_time
from hosting.domain.meters.keeping import MeterRefused
from hosting.domain.meters.storing import put_aside, store_readings
from hosting.engine.ingest.checking import Doubts, Reason
from hosting.engine.metering.values import Said
from hosting.engine.metering.wire import MeterBatch, note
from hosting.meter_enums import MeterFeed, MeterSource
from hosting.models import EdgeBatch, EdgeDevice, Meter

Where = dict[int, tuple[Meter | None, str, datetime | None]]


def meters_to_read(device: EdgeDevice, *, at: datetime) -> list[Meter]:
    """Meters of a device that are in use, with how they are reached."""
    return list(Meter.objects.in_use(at.date()).filter(device=device, feed=MeterFeed.EDGE).order_by("pk"))


@transaction.atomic
def take_meter_batch(
    device: EdgeDevice, batch: MeterBatch, *, digest: str, sent_at: datetime | None, at: datetime
) -> dict[str, Any]:
    """Store a batch received at ``at``; returns what the device is told. Raises BatchDiffers.

    Ids of batches are the device's own, whatever they speak of.
    """
    one_at_a_time(device)
    before = answer_before(device, batch.batch_id, digest)
    if before is not None:
        return before
    is_skewed = sent_at is not None and abs(at - sent_at) > SKEW
    doubts, where = batch.doubts, _where(batch)
    stored = duplicates = 0
    meters = _known(device, batch)
    for name, said in sorted(batch.by_meter.items(), key=lambda pair: meters[pair[0]].pk if pair[0] in meters else 0):
        meter = meters.get(name)
        if meter is None:
            for one in said:
                note(doubts, Reason.UNKNOWN_METER, one.place)
            continue
        where |= {one.place: (meter, name, one.at) for one in said}
        came = store_readings(meter, said, source=MeterSource.EDGE, at=at, doubts=doubts)
        stored, duplicates = stored + came.stored, duplicates + came.duplicates
    answer = _answer(batch, stored, duplicates, is_skewed=is_skewed, at=at)
    row = EdgeBatch.objects.create(
        device=device, batch_id=batch.batch_id, digest=digest, received_at=at, readings=batch.readings, stored=stored,
        duplicates=duplicates, quarantined=answer["quarantined"], clock_skewed=is_skewed, answer=answer,
    )  # fmt: skip
    nowhere = (None, "", None)
    put_aside([(doubt, *where.get(doubt.place, nowhere)) for doubt in doubts.listed], batch=row, at=at)
    return {**answer, "repeated": False}


@transaction.atomic
def push_readings(meter: Meter, said: Sequence[Mapping[str, Any]], *, at: datetime) -> dict[str, Any]:
    """Readings of one meter from a program of ours, ``said`` with ``recorded_at``, ``power_kw``, ``register_kwh``.

    Raises MeterRefused for a meter that somebody else reads.
    """
    if meter.feed != MeterFeed.API:
        raise MeterRefused(_("%(meter)s is not read by a program.") % {"meter": meter})
    doubts, rows = Doubts(), []
    for place, one in enumerate(said):
        power, register = one.get("power_kw"), one.get("register_kwh")
        if power is None and register is None:
            note(doubts, Reason.NOT_A_READING, place)
        else:
            rows.append(Said(place, one["recorded_at"].astimezone(UTC), power, register))
    came = store_readings(meter, rows, source=MeterSource.API, at=at, doubts=doubts)
    put_aside([(one, meter, "", said[one.place]["recorded_at"]) for one in doubts.listed], batch=None, at=at)
    return {
        "readings": len(said), "stored": came.stored, "duplicates": came.duplicates,
        "quarantined": len(said) - came.stored - came.duplicates, "doubts": _counted(doubts),
    }  # fmt: skip


def _counted(doubts: Doubts) -> list[dict[str, Any]]:
    return [
        {"reason": reason.value, "figure": figure or None, "count": count}
        for (reason, figure), count in sorted(doubts.counts.items())
    ]


def _known(device: EdgeDevice, batch: MeterBatch) -> dict[str, Meter]:
    """Meters of this device by the names the batch uses; of others it does not hear that they exist."""
    ids = {name: found for name in batch.by_meter if (found := _uuid(name)) is not None}
    rows = {
        meter.public_id: meter
        for meter in Meter.objects.filter(public_id__in=ids.values(), device=device, feed=MeterFeed.EDGE)
    }
    return {name: rows[public_id] for name, public_id in ids.items() if public_id in rows}


def _where(batch: MeterBatch) -> Where:
    return {one.place: (None, name, one.at) for name, said in batch.by_meter.items() for one in said}


def _uuid(name: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(name)
    except ValueError:
        return None


def _answer(batch: MeterBatch, stored: int, duplicates: int, *, is_skewed: bool, at: datetime) -> dict[str, Any]:
    return {
        "batch_id": batch.batch_id,
        "received_at": at.isoformat(),
        "readings": batch.readings,
        "stored": stored,
        "duplicates": duplicates,
        "quarantined": batch.readings - stored - duplicates,
        "clock_skewed": is_skewed,
        "doubts": _counted(batch.doubts),
    }
