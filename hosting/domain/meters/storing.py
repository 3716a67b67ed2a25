"""Readings of a meter into the table: what fits is written, once; what does not is told, and nothing by halves."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction

from hosting.engine.grid import day_start
from hosting.engine.ingest.checking import Doubt, Doubts
from hosting.engine.metering.judging import Bounds, judge
from hosting.engine.metering.values import MOST_KWH, Change, Point, Register, Said
from hosting.meter_enums import MeterSource
from hosting.models import EdgeBatch, Meter, MeterChange, MeterReading, QuarantinedReading

ROWS = 2_000
TWICE = 2  # of the capacity of the place: no meter shows more


@dataclass(frozen=True, slots=True)
class Stored:
    """How many readings were written or completed, and how many were there already."""

    stored: int = 0
    duplicates: int = 0


@transaction.atomic
def store_readings(
    meter: Meter, said: Sequence[Said], *, source: MeterSource, at: datetime, doubts: Doubts,
    oldest: datetime | None = None,
) -> Stored:  # fmt: skip
    """Judge and write readings of one meter, received at ``at``; what is not believed is noted in ``doubts``.

    ``oldest`` takes the place of the setting that says what is too old. Readings of one meter are written one batch
    after the other, for each is compared with those beside it.
    """
    if not said:
        return Stored()
    locked = Meter.objects.select_for_update(of=("self",)).select_related("site", "zone").get(pk=meter.pk)
    bounds = _bounds(locked, at, oldest)
    first, last = min(one.at for one in said), max(one.at for one in said)
    rows = MeterReading.objects.filter(meter=locked, recorded_at__range=(first, last)).order_by("recorded_at")
    known = {
        moment: Point(moment, power, register, ratio)
        for moment, power, register, ratio in rows.values_list("recorded_at", "power_kw", "register_kwh", "ratio")
    }
    registers = [Register(one.at, one.register_kwh) for one in known.values() if one.register_kwh is not None]
    before, _after = register_around(locked, first)
    _before, after = register_around(locked, last)
    line = [one for one in (before, *registers, after) if one is not None]
    judged = judge(said, bounds, known, line, changes_of(locked), doubts)
    MeterReading.objects.bulk_create(
        [
            MeterReading(
                meter=locked, recorded_at=one.at, power_kw=one.power_kw, register_kwh=one.register_kwh,
                ratio=one.ratio, source=source, received_at=at,
            )
            for one in judged.fresh
        ],
        batch_size=ROWS,
    )  # fmt: skip
    for one in judged.filled:
        MeterReading.objects.filter(meter=locked, recorded_at=one.at).update(
            power_kw=one.power_kw, register_kwh=one.register_kwh
        )
    return Stored(len(judged.fresh) + len(judged.filled), judged.duplicates)


def _bounds(meter: Meter, at: datetime, oldest: datetime | None) -> Bounds:
    zone = ZoneInfo(meter.site.time_zone)
    return Bounds(
        ratio=meter.ratio,
        most_kw=most_kw(meter),
        oldest=oldest or at - timedelta(days=settings.TELEMETRY_ACCEPTED_DAYS),
        newest=at + timedelta(seconds=settings.TELEMETRY_AHEAD_SECONDS),
        used_from=day_start(meter.valid_from, zone),
        used_to=None if meter.valid_to is None else day_start(meter.valid_to, zone),
    )


def most_kw(meter: Meter) -> Decimal:
    """What the meter can show at most; of a place without a capacity nobody knows it."""
    if meter.most_kw is not None:
        return meter.most_kw
    capacity = meter.zone.capacity_kw if meter.zone is not None else meter.site.capacity_kw
    return capacity * TWICE or MOST_KWH


def changes_of(meter: Meter) -> list[Change]:
    """Where the register began anew, by time."""
    rows = MeterChange.objects.filter(meter=meter).order_by("changed_at")
    return [Change(*row) for row in rows.values_list("changed_at", "before_kwh", "after_kwh")]


def register_around(meter: Meter, moment: datetime) -> tuple[Register | None, Register | None]:
    """The last figure of the register before a moment, and the first one after it."""
    rows = MeterReading.objects.filter(meter=meter, register_kwh__isnull=False)
    pairs = (
        rows.filter(recorded_at__lt=moment).order_by("-recorded_at").values_list("recorded_at", "register_kwh").first(),
        rows.filter(recorded_at__gt=moment).order_by("recorded_at").values_list("recorded_at", "register_kwh").first(),
    )
    before, after = (None if pair is None or pair[1] is None else Register(pair[0], pair[1]) for pair in pairs)
    return before, after


def put_aside(
    doubts: Sequence[tuple[Doubt, Meter | None, str, datetime | None]], *, batch: EdgeBatch | None, at: datetime
) -> None:
    """Keep what was not believed, to be looked at: each with its meter, how it was named, and its moment."""
    QuarantinedReading.objects.bulk_create(
        [
            QuarantinedReading(
                batch=batch, device=batch.device if batch is not None else None, meter=meter, recorded_at=moment,
                place=doubt.place, machine=named.replace("\x00", "?")[:64], reason=doubt.reason.value,
                figure=doubt.figure, value=doubt.value.replace("\x00", "?"), received_at=at,
            )
            for doubt, meter, named, moment in doubts
        ],
        batch_size=500,
    )  # fmt: skip


def in_doubt(meter: Meter) -> int:
    """How many of its readings, or figures of them, were put aside and nobody has looked at."""
    return QuarantinedReading.objects.filter(meter=meter, seen_at__isnull=True).count()
