"""Meters that have fallen silent, found by the watch of the notifications."""

from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _

from hashinsight.notify.registry import Finding
from hosting.domain.meters.loads import patience
from hosting.domain.meters.showing import with_last
from hosting.engine.grid import day_of, day_start
from hosting.meter_enums import MeterFeed
from hosting.models import Meter


def silent_meters(at: datetime) -> Iterator[Finding]:
    """Meters in use that a device or program reads, and whose last reading is older than some intervals."""
    for meter, last in silent(at):
        when = f"{last:%Y-%m-%d %H:%M} UTC" if last else "–"
        yield Finding(
            key=str(meter.public_id),
            title=_("%(meter)s is silent") % {"meter": meter},
            text=_("Its last reading is of %(when)s; it should be read every %(seconds)s seconds.")
            % {"when": when, "seconds": meter.interval_s},
        )


def silent(at: datetime) -> list[tuple[Meter, datetime | None]]:
    """The same, with the moment of the last reading."""
    rows = with_last(Meter.objects.exclude(feed=MeterFeed.FILE).select_related("site"))
    found = []
    for meter in rows.order_by("pk"):
        zone = ZoneInfo(meter.site.time_zone)
        day = day_of(at, zone)
        if meter.valid_from > day or (meter.valid_to is not None and meter.valid_to <= day):
            continue
        if at - (meter.last_at or day_start(meter.valid_from, zone)) > patience(meter):
            found.append((meter, meter.last_at))
    return found
