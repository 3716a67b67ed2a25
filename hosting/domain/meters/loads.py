"""The load of a site by its meters: now, and by quarter-hours; which meters it is from is always said."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from zoneinfo import ZoneInfo

from django.db.models import Count, Sum

from hosting.domain.meters.storing import changes_of
from hosting.engine.grid import day_of, day_start
from hosting.engine.metering.quarters import NEAR, means
from hosting.engine.metering.values import Point, Register, hours, parts_between
from hosting.enums import EnergySource, PlaceStatus
from hosting.meter_enums import LoadSource, MeterScope
from hosting.models import Demand15Min, Meter, MeterReading, Site

PATIENCE_INTERVALS = 3
LEAST_PATIENCE = timedelta(minutes=2)
LOOKED_BACK = timedelta(days=2)  # an older reading is no load any more
BY_MACHINES = (EnergySource.MACHINES, EnergySource.FIRMWARE)


@dataclass(frozen=True, slots=True)
class Load:
    """What flows into a site: kW, the moment of the oldest reading in it, from which meters, and whether it is old."""

    kw: Decimal
    at: datetime
    source: LoadSource
    meters: int
    is_stale: bool


def patience(meter: Meter) -> timedelta:
    """After so long without a reading the last one says nothing of now."""
    return max(LEAST_PATIENCE, PATIENCE_INTERVALS * timedelta(seconds=meter.interval_s))


def chosen(site: Site, *, at: datetime) -> list[tuple[LoadSource, list[Meter]]]:
    """Meters that say the whole load of a site, the better first: those of its connections, then those of all zones.

    Several meters of one place add up. Zones that are archived need none.
    """
    day = day_of(at, ZoneInfo(site.time_zone))
    meters = list(Meter.objects.in_use(day).filter(site=site).exclude(measures=MeterScope.PDU).order_by("pk"))
    if not meters:
        return []
    found = []
    if whole := [one for one in meters if one.measures == MeterScope.SITE]:
        found.append((LoadSource.SITE_METER, whole))
    zones = set(site.zones.filter(status=PlaceStatus.ACTIVE).values_list("pk", flat=True))
    of_zones = [one for one in meters if one.zone_id in zones]
    if zones and {one.zone_id for one in of_zones} == zones:
        found.append((LoadSource.ZONE_METERS, of_zones))
    return found


def site_load(site: Site, *, at: datetime) -> Load | None:
    """The load now; None where no meter says it. Of two ways the fresh one, else the better."""
    loads = [load for source, meters in chosen(site, at=at) if (load := _sum(source, meters, at)) is not None]
    return next((load for load in loads if not load.is_stale), loads[0] if loads else None)


def _sum(source: LoadSource, meters: Sequence[Meter], at: datetime) -> Load | None:
    kw, oldest, is_stale = Decimal(0), at, False
    for meter in meters:
        point = newest_power(meter, at=at)
        if point is None or point.power_kw is None:
            return None
        kw, oldest = kw + point.power_kw, min(oldest, point.at)
        is_stale = is_stale or at - point.at > patience(meter)
    return Load(kw, oldest, source, len(meters), is_stale)


def newest_power(meter: Meter, *, at: datetime) -> Point | None:
    """The last power of a meter until ``at``; of one that tells its register alone the mean between the last two."""
    rows = MeterReading.objects.filter(meter=meter, recorded_at__lte=at, recorded_at__gt=at - LOOKED_BACK)
    last = list(rows.order_by("-recorded_at").values_list("recorded_at", "power_kw", "register_kwh")[:2])
    if not last:
        return None
    moment, power, register = last[0]
    if power is not None:
        return Point(moment, power)
    if len(last) < 2 or register is None or last[1][2] is None:
        return None
    first, second = Register(last[1][0], last[1][2]), Register(moment, register)
    energy = sum(parts_between(first, second, changes_of(meter)), Decimal(0))
    return Point(moment, energy / hours(second.at - first.at)) if energy >= 0 else None


def quarter_means(meter: Meter, start: datetime, end: datetime) -> dict[datetime, Decimal]:
    """kW of one meter by quarter-hours; what is not known is not there."""
    interval = timedelta(seconds=meter.interval_s)
    margin = max(NEAR, 2 * interval)
    rows = MeterReading.objects.filter(meter=meter, recorded_at__range=(start - margin, end + margin))
    points = [
        Point(*row)
        for row in rows.order_by("recorded_at").values_list("recorded_at", "power_kw", "register_kwh", "ratio")
    ]
    return means(points, changes_of(meter), start, end, interval=interval)


def site_quarters(site: Site, start: datetime, end: datetime) -> list[tuple[LoadSource, dict[datetime, Decimal]]]:
    """kW of a site by quarter-hours, for each way in which it is known, the better first; the machines' sum last."""
    return [*_by_meters(site, start, end), (LoadSource.MACHINES, machine_quarters(site, start, end))]


def _by_meters(site: Site, start: datetime, end: datetime) -> list[tuple[LoadSource, dict[datetime, Decimal]]]:
    found = []
    for source, meters in chosen(site, at=start):
        parts = [quarter_means(meter, start, end) for meter in meters]
        common = set(parts[0]).intersection(*parts[1:])
        found.append((source, {moment: sum((part[moment] for part in parts), Decimal(0)) for moment in common}))
    return found


def metered_quarters(site: Site, start: datetime, end: datetime) -> dict[datetime, tuple[Decimal, LoadSource]]:
    """kW of a site by quarter-hours as meters say it alone, over a span in which meters may have come and gone.

    Each quarter-hour by the better way that knows it. For what is highest or lowest, not for differences.
    """
    zone = ZoneInfo(site.time_zone)
    days = {day for row in Meter.objects.filter(site=site).values_list("valid_from", "valid_to") for day in row if day}
    edges = sorted({start, end, *(moment for day in days if start < (moment := day_start(day, zone)) < end)})
    found: dict[datetime, tuple[Decimal, LoadSource]] = {}
    for begin, past in pairwise(edges):
        for source, known in _by_meters(site, begin, past):
            for moment, kw in known.items():
                found.setdefault(moment, (kw, source))
    return found


def machine_quarters(site: Site, start: datetime, end: datetime) -> dict[datetime, Decimal]:
    """What the machines of all zones drew by their own word; only where every zone is known."""
    zones = site.zones.count()
    rows = Demand15Min.objects.current().filter(zone__site=site, interval_start__gte=start, interval_start__lt=end)
    sums = (
        rows.filter(kw__isnull=False).order_by().values_list("interval_start").annotate(kw=Sum("kw"), n=Count("zone"))
    )
    return {moment: kw for moment, kw, n in sums if n == zones}


def best_of(
    ways: Sequence[tuple[LoadSource, dict[datetime, Decimal]]], wanted: Sequence[datetime]
) -> tuple[LoadSource | None, dict[datetime, Decimal]]:
    """The way that knows most of the wanted quarter-hours, of those that know the same the better; never a mixture.

    A load of the whole site and a sum of its machines must not be compared with each other.
    """
    counts = [sum(moment in quarters for moment in wanted) for _source, quarters in ways]
    if not counts or not max(counts):
        return None, {}
    return ways[counts.index(max(counts))]
