"""From a quarter-hour back to what was read: the five minutes it was reckoned from, and the readings behind them."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Q

from hosting.domain.charging import terms_in_force
from hosting.engine.grid import QUARTER, day_of
from hosting.models import (
    Demand15Min,
    Miner,
    MinerOwnership,
    MinerPlacement,
    RepairOrder,
    Telemetry,
    TelemetryFiveMinutes,
    Usage15Min,
)

MOST = 60  # machines shown


@dataclass(frozen=True)
class Part:
    """Five minutes of one machine with its readings (None of them where they were dropped already)."""

    miner: Miner
    row: TelemetryFiveMinutes
    readings: list[Telemetry] = field(default_factory=list)


def _within(start: datetime, past: datetime) -> Q:
    return Q(valid_from__lt=past) & (Q(valid_to__isnull=True) | Q(valid_to__gt=start))


def machines_behind(row: Demand15Min | Usage15Min) -> Any:
    """The machines a figure was reckoned from (a queryset of them, by id), as the histories say now."""
    start, past = row.interval_start, row.interval_start + QUARTER
    stood = MinerPlacement.objects.filter(_within(start, past))
    if isinstance(row, Demand15Min):
        return Miner.objects.filter(pk__in=stood.filter(zone=row.zone_id).values("miner")).order_by("pk")
    terms = row.terms
    stood = stood.filter(site=terms.site_id)
    if terms.zone_id is not None:
        stood = stood.filter(zone=terms.zone_id)
    else:
        in_force = terms_in_force(terms.site, day_of(start, ZoneInfo(terms.site.time_zone)))
        own = [one.zone_id for one in in_force if one.contract.customer_id == terms.contract.customer_id]
        stood = stood.exclude(zone__in=[zone for zone in own if zone is not None])
    in_repair = RepairOrder.objects.filter(paused_from__lte=start).filter(
        Q(paused_to__isnull=True) | Q(paused_to__gt=start)
    )
    stood = stood.exclude(miner__in=in_repair.values("miner"))
    owned = MinerOwnership.objects.filter(_within(start, past), customer=terms.contract.customer_id)
    return Miner.objects.filter(pk__in=stood.values("miner")).filter(pk__in=owned.values("miner")).order_by("pk")


def parts_of(row: Demand15Min | Usage15Min) -> list[Part]:
    """The five minutes behind a quarter-hour, of MOST machines at most, each with its readings."""
    miners = {miner.pk: miner for miner in machines_behind(row)[:MOST]}
    span = (row.interval_start, row.interval_start + QUARTER)
    fives = TelemetryFiveMinutes.objects.filter(
        miner_id__in=miners, bucket_start__gte=span[0], bucket_start__lt=span[1]
    ).order_by("miner_id", "bucket_start")
    readings: dict[tuple[int, int], list[Telemetry]] = {}
    for reading in Telemetry.objects.filter(
        miner_id__in=miners, recorded_at__gte=span[0], recorded_at__lt=span[1]
    ).order_by("recorded_at"):
        bucket = int(reading.recorded_at.timestamp()) // 300
        readings.setdefault((reading.miner_id, bucket), []).append(reading)
    return [
        Part(miners[five.miner_id], five, readings.get((five.miner_id, int(five.bucket_start.timestamp()) // 300), []))
        for five in fives
    ]
