"""A meter over time for its page: power by steps, gaps, and beside it what the machines say of the same time."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import OuterRef, QuerySet, Subquery

from hosting.domain.meters.loads import BY_MACHINES, machine_quarters, quarter_means
from hosting.engine.grid import QUARTER, day_of, floor, quarters
from hosting.meter_enums import MeterScope
from hosting.models import Demand15Min, Meter, MeterReading

POINTS = 240


@dataclass(frozen=True, slots=True)
class Day:
    """Energy of the quarter-hours that both know, in kWh; ``known`` and ``all`` count those the meter knows."""

    day: date
    meter_kwh: Decimal
    machines_kwh: Decimal
    compared: int
    known: int
    all: int

    @property
    def difference_percent(self) -> Decimal | None:
        """By how much the meter shows more than the machines say; None where the machines say nothing."""
        if not self.compared or not self.machines_kwh:
            return None
        return 100 * (self.meter_kwh - self.machines_kwh) / self.machines_kwh


@dataclass(frozen=True, slots=True)
class Story:
    """Quarter-hours from ``start`` to ``end``, by their beginning, in kW; gaps of the meter; days of the site."""

    start: datetime
    end: datetime
    meter: Mapping[datetime, Decimal]
    machines: Mapping[datetime, Decimal]
    gaps: list[tuple[datetime, datetime]]
    days: list[Day]

    def steps(self, kw: Mapping[datetime, Decimal]) -> list[tuple[datetime, float | None]]:
        """At most so many means for a picture; a step of which nothing is known is a gap."""
        moments = list(quarters(self.start, self.end))
        width = max(1, -(-len(moments) // POINTS))
        found = []
        for first in range(0, len(moments), width):
            known = [kw[moment] for moment in moments[first : first + width] if moment in kw]
            found.append((moments[first], float(sum(known) / len(known)) if known else None))
        return found


def story_of(meter: Meter, *, start: datetime, end: datetime) -> Story:
    """From the quarter-hour of ``start`` to that of ``end`` (exclusive)."""
    first, past = floor(start, QUARTER), floor(end, QUARTER)
    shown = quarter_means(meter, first, past)
    machines = machines_behind(meter, first, past)
    moments = list(quarters(first, past))
    return Story(first, past, shown, machines, _gaps(moments, shown), _days(meter, moments, shown, machines))


def machines_behind(meter: Meter, start: datetime, end: datetime) -> dict[datetime, Decimal]:
    """What the machines behind a meter drew by their own word; of a PDU nobody knows which these are."""
    if meter.measures == MeterScope.SITE:
        return machine_quarters(meter.site, start, end)
    if meter.measures == MeterScope.PDU:
        return {}
    rows = Demand15Min.objects.current().filter(
        zone=meter.zone_id, interval_start__gte=start, interval_start__lt=end, kw__isnull=False,
        source__in=BY_MACHINES,
    )  # fmt: skip
    return dict(rows.values_list("interval_start", "kw"))


def _gaps(moments: list[datetime], shown: Mapping[datetime, Decimal]) -> list[tuple[datetime, datetime]]:
    """Stretches of quarter-hours of which the meter says nothing, the newest first."""
    found: list[tuple[datetime, datetime]] = []
    for moment in moments:
        if moment in shown:
            continue
        if found and found[-1][1] == moment:
            found[-1] = (found[-1][0], moment + QUARTER)
        else:
            found.append((moment, moment + QUARTER))
    return found[::-1]


def _days(
    meter: Meter, moments: list[datetime], shown: Mapping[datetime, Decimal], machines: Mapping[datetime, Decimal]
) -> list[Day]:
    """By the calendar of the site, the newest first."""
    zone = ZoneInfo(meter.site.time_zone)
    by_day: dict[date, list[datetime]] = {}
    for moment in moments:
        by_day.setdefault(day_of(moment, zone), []).append(moment)
    hour = Decimal(QUARTER / timedelta(hours=1))
    found = []
    for day, some in by_day.items():
        both = [moment for moment in some if moment in shown and moment in machines]
        found.append(
            Day(
                day, sum((shown[one] for one in both), Decimal(0)) * hour,
                sum((machines[one] for one in both), Decimal(0)) * hour, len(both),
                sum(one in shown for one in some), len(some),
            )
        )  # fmt: skip
    return found[::-1]


def with_last(meters: QuerySet[Any]) -> QuerySet[Any]:
    """With ``last_at``, the moment of the newest reading of each."""
    newest = MeterReading.objects.filter(meter=OuterRef("pk")).order_by("-recorded_at").values("recorded_at")
    found: QuerySet[Any] = meters.annotate(last_at=Subquery(newest[:1]))
    return found
