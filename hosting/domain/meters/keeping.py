"""Meters: entering and changing them, and the dated moments at which a register begins anew."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from hashinsight.common.errors import DomainError
from hashinsight.common.transitions import lock_row
from hosting.domain.meters.storing import register_around, store_readings
from hosting.engine.ingest.checking import MOST_NOTES, Doubts, Reason
from hosting.engine.metering.values import MOST_KWH, TINY, Said
from hosting.enums import EdgeStatus
from hosting.meter_enums import MeterChangeKind, MeterFeed, MeterSource
from hosting.models import Meter, MeterChange, QuarantinedReading

_SOURCES = {
    MeterFeed.EDGE: MeterSource.EDGE, MeterFeed.API: MeterSource.API, MeterFeed.FILE: MeterSource.FILE,
}  # fmt: skip
_WAITING = (Reason.REGISTER_BACK.value, Reason.REGISTER_JUMP.value)


class MeterRefused(DomainError):
    """What is asked of a meter is not possible."""

    code = "meter_refused"


@transaction.atomic
def create_meter(*, at: datetime, **fields: Any) -> Meter:
    """A new meter; ``fields`` are columns of the model. Raises ValidationError, MeterRefused."""
    meter = Meter(created_at=at, **fields)
    check_meter(meter)
    meter.full_clean()
    meter.save()
    return meter


@transaction.atomic
def change_meter(meter: Meter) -> Meter:
    """Keep what was changed. What was read before stays as it was multiplied then. Raises as ``create_meter``."""
    check_meter(meter)
    meter.full_clean()
    meter.save()
    return meter


def check_meter(meter: Meter) -> None:
    """Place and device are of its site. Raises MeterRefused."""
    if meter.zone is not None and meter.zone.site_id != meter.site_id:
        raise MeterRefused(_("%(zone)s is no zone of %(site)s.") % {"zone": meter.zone, "site": meter.site})
    if meter.device is None:
        return
    if meter.device.site_id != meter.site_id:
        raise MeterRefused(_("%(device)s stands at another site.") % {"device": meter.device})
    if meter.device.status == EdgeStatus.REVOKED and meter.valid_to is None:
        raise MeterRefused(_("%(device)s is revoked.") % {"device": meter.device})


@transaction.atomic
def record_change(
    meter: Meter, *, kind: str, changed_at: datetime, before: Decimal, after: Decimal, reason: str, serial: str = "",
    by: Any, at: datetime,
) -> MeterChange:  # fmt: skip
    """From ``changed_at`` on the register goes on from ``after``; both figures as the meter shows them, in kWh.

    Figures of the register that were put aside since, because it seemed to run backwards, are looked at again. Raises
    ValidationError, and MeterRefused for a figure that the readings before do not allow.
    """
    locked = lock_row(meter)
    if changed_at > at:
        raise MeterRefused(_("A change is recorded once it has happened."))
    if not all(0 <= figure * locked.ratio < MOST_KWH for figure in (before, after)):
        raise MeterRefused(_("This is no figure of a register."))
    ended, begun = ((figure * locked.ratio).quantize(TINY) for figure in (before, after))
    earlier, later = register_around(locked, changed_at)
    if earlier is not None and earlier.kwh > ended:
        raise MeterRefused(_("The register showed more already: %(kwh)s kWh.") % {"kwh": f"{earlier.kwh:f}"})
    if later is not None and later.kwh < begun:
        raise MeterRefused(_("The register showed less afterwards: %(kwh)s kWh.") % {"kwh": f"{later.kwh:f}"})
    change = MeterChange(
        meter=locked, kind=kind, changed_at=changed_at, before_kwh=ended, after_kwh=begun, reason=reason,
        serial=serial, created_at=at,
    )  # fmt: skip
    change.full_clean()
    change.save()
    if serial and kind == MeterChangeKind.EXCHANGE:
        locked.serial = serial
        locked.save(update_fields=["serial"])
    look_again(locked, since=changed_at, at=at)
    return change


def look_again(meter: Meter, *, since: datetime, at: datetime) -> int:
    """Take in figures of the register that were put aside and fit now; returns how many. They count as seen."""
    rows = list(
        QuarantinedReading.objects.filter(
            meter=meter, figure="register_kwh", reason__in=_WAITING, recorded_at__gte=since, seen_at__isnull=True
        ).order_by("recorded_at", "pk")
    )
    taken = 0
    for first in range(0, len(rows), MOST_NOTES):  # of more at once not each doubt would be told
        taken += _again(meter, rows[first : first + MOST_NOTES], since=since, at=at)
    return taken


def _again(meter: Meter, rows: Sequence[QuarantinedReading], *, since: datetime, at: datetime) -> int:
    doubts = Doubts()
    said = [
        Said(place, row.recorded_at, register_kwh=Decimal(row.value))
        for place, row in enumerate(rows)
        if row.recorded_at is not None
    ]
    store_readings(meter, said, source=_SOURCES[MeterFeed(meter.feed)], at=at, doubts=doubts, oldest=since)
    still = {doubt.place for doubt in doubts.listed}
    taken = [row.pk for place, row in enumerate(rows) if place not in still]
    QuarantinedReading.objects.filter(pk__in=taken).update(seen_at=at)
    return len(taken)
