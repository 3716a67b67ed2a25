"""What a day's plan has to keep at a site: breakers, ramps, what was promised, and the peak of the month."""

from calendar import monthrange
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Literal
from zoneinfo import ZoneInfo

from django.db.models import Q, Sum
from django.utils.translation import gettext as _

from curtailment.domain.dispatch.programmes import commitments
from curtailment.domain.settings import ramps_of
from curtailment.enums import UNFINISHED, Cause, Goal
from curtailment.models import CurtailmentPlan
from hosting.domain.meters.loads import metered_quarters
from hosting.engine.grid import month_span
from hosting.meter_enums import LoadSource
from hosting.models import Demand15Min, Site, Zone
from intelligence.domain.schedule_fleet import Group, Machine
from intelligence.engine.optimiser import Commitment, DemandCharge
from intelligence.engine.optimiser import Zone as Breaker
from intelligence.models import ScheduleSettings
from marketdata.engine.numbers import ZERO

THOUSAND = 1000
PRIORITY = 200  # of schedules: behind dispatches and prices of the hour
# What was promised: its name, from when to when, and either at most so many kW or so many less.
Promise = tuple[str, datetime, datetime, Decimal | None, Decimal | None]


def breakers(
    zones: Sequence[Zone], groups: Sequence[Group], steps: int, pue: float
) -> tuple[tuple[Breaker, ...], list[Group]]:
    """Zones whose machines could draw more than the breaker gives; the others limit nothing."""
    drawn = {zone.pk: 0.0 for zone in zones}
    for one in groups:
        if one.one.zone:
            drawn[int(one.one.zone)] += one.one.count * one.one.modes[1].power_w / THOUSAND
    tight = {zone.pk: float(zone.usable_kw) * pue for zone in zones if drawn[zone.pk] > float(zone.usable_kw) * pue}
    kept = [
        one if one.one.zone and int(one.one.zone) in tight else replace(one, one=replace(one.one, zone=""))
        for one in groups
    ]
    return tuple(Breaker(str(pk), (limit,) * steps) for pk, limit in sorted(tight.items())), kept


def reserves_kw(site: Site, starts: Sequence[datetime], minutes: int) -> list[Decimal]:
    """For each step what programmes of more importance want to be running in it, so that they can be called.

    In the hours and the season of their commitments; of several that hold at once the largest.
    """
    step, found = timedelta(minutes=minutes), [ZERO] * len(starts)
    for one in commitments(site, starts[0], starts[-1] + step):
        if one.called or one.priority >= PRIORITY:
            continue
        for place, start in enumerate(starts):
            if start < one.ends_at and start + step > one.starts_at:
                found[place] = max(found[place], one.reserve_kw)
    return found


def kept_running(groups: Sequence[Group], needs: Sequence[Decimal]) -> list[Group]:
    """So much load stays on in each step: the most efficient machines, which would be the last to go anyway.

    Beyond those that run anyway. A class of which some are needed in some steps is divided; for each level of what is
    needed one class at most comes out of it more.
    """
    left = [
        float(kw * THOUSAND) - sum(_runs_anyway(group, place) for group in groups) for place, kw in enumerate(needs)
    ]
    found: list[tuple[Group, Group]] = []
    for group in sorted(groups, key=lambda one: -one.one.modes[1].hashrate_ths / max(one.one.modes[1].power_w, 1)):
        found += _divided(group, left)
    order = {id(group): place for place, group in enumerate(groups)}
    return [part for group, part in sorted(found, key=lambda pair: order[id(pair[0])])]


def _runs_anyway(group: Group, step: int) -> float:
    """Watts of its machines that nobody stops in a step."""
    one, draws = group.one, [machine.draw_w for machine in group.machines]
    return float(sum(draws if step in one.held else draws[one.count - one.protected :]))


def _divided(group: Group, left: list[float]) -> Iterator[tuple[Group, Group]]:
    """Parts of a class, each held in other steps, and the rest; ``left`` (W by step) becomes less by what they draw."""
    one = group.one
    free = list(group.machines[: one.count - one.protected])
    parts: dict[tuple[int, ...], list[Machine]] = {}
    while free and one.start_mode:
        steps = tuple(place for place, watts in enumerate(left) if watts > 0 and place not in one.held)
        if not steps:
            break
        machine = free.pop()
        parts.setdefault(steps, []).append(machine)
        for place in steps:
            left[place] -= machine.draw_w
    rest = [*free, *group.machines[one.count - one.protected :]]
    if rest:
        yield group, _part(group, rest, one.name, one.held, one.protected)
    for number, (steps, machines) in enumerate(parts.items(), start=1):
        name = ", ".join(filter(None, (one.name, _("kept for a programme"), str(number) if number > 1 else "")))
        held = tuple(sorted({*one.held, *steps}))
        yield group, _part(group, machines, name if rest or number > 1 else one.name, held, 0)


def _part(group: Group, machines: Sequence[Machine], name: str, held: tuple[int, ...], protected: int) -> Group:
    one = replace(group.one, name=name, count=len(machines), held=held, protected=protected)
    return replace(group, one=one, machines=tuple(machines))


def ramps(site: Site, minutes: int, full_kw: float) -> tuple[float | None, float | None]:
    """What a step may change at the meter; None where a step is long enough for everything."""
    ramps, pue = ramps_of(site), float(site.pue)
    up, down = (watts * minutes * pue / THOUSAND for watts in (ramps.up_w, ramps.down_w))
    return (up if up < full_kw else None), (down if down < full_kw else None)


def promised(
    site: Site, starts: Sequence[datetime], minutes: int, full_kw: float, free_kw: float
) -> tuple[Commitment, ...]:
    """What was promised: plans of another cause that were approved, and programmes."""
    step, end, pue = timedelta(minutes=minutes), starts[-1] + timedelta(minutes=minutes), float(site.pue)
    touching = Q(starts_at__lt=end) & (Q(ends_at__isnull=True) | Q(ends_at__gt=starts[0]))
    plans = CurtailmentPlan.objects.filter(touching, site=site, status__in=UNFINISHED, target_kw__isnull=False)
    promises: list[Promise] = [
        (str(plan), plan.starts_at, plan.ends_at or end, None, plan.target_kw)
        for plan in plans.exclude(cause=Cause.SCHEDULE).order_by("pk")
    ]
    for one in commitments(site, starts[0], end):
        if one.called:
            by = one.goal == Goal.REDUCE_BY
            promises.append((one.name, one.starts_at, one.ends_at, None if by else one.kw, one.kw if by else None))
    found = []
    for name, begin, until, at_most, below in promises:
        places = tuple(place for place, start in enumerate(starts) if start < until and start + step > begin)
        if places and at_most is not None:
            found.append(Commitment(name, places, at_most_kw=float(at_most) * pue))
        elif places and below is not None:
            # It may ask for more than can be switched off: then it takes what there is.
            least = min(float(below) * pue, free_kw)
            found.append(Commitment(name, places, below_kw=least, baseline_kw=(full_kw,) * len(places)))
    return tuple(found)


def demand(
    site: Site, planning: ScheduleSettings, starts: Sequence[datetime], *, at: datetime
) -> tuple[DemandCharge | None, str]:
    """The charge of a new peak, spread over the days of the month that can use it; the peak so far is sunk.

    And where that peak is from (``LoadSource``; empty: there is none).
    """
    if planning.demand_charge_per_kw <= 0:
        return None, ""
    day = starts[0].astimezone(ZoneInfo(site.time_zone)).date()
    left = monthrange(day.year, day.month)[1] - day.day + 1
    peak = peak_so_far(site, day, at=at)
    charge = DemandCharge(
        per_kw=float(planning.demand_charge_per_kw) / left,
        intervals=tuple((place,) for place in range(len(starts))),
        sunk_kw=float(peak.kw),
    )
    return charge, peak.source


@dataclass(frozen=True)
class Peak:
    """The highest quarter-hour of a site (kW), with cooling, and where it is from; empty: none is known."""

    kw: Decimal = ZERO
    source: LoadSource | Literal[""] = ""


def peak_so_far(site: Site, day: date, *, at: datetime) -> Peak:
    """The highest quarter-hour of the site in the month of a day (its own calendar), as known now.

    By the meters of the site where they know a quarter-hour, for that is what is billed. Else by the sum of its
    machines times the PUE; of a part of the zones too, for the site drew that at least.
    """
    first, past = month_span(day, ZoneInfo(site.time_zone))
    past = min(at, past)
    if first >= past:
        return Peak()
    metered = metered_quarters(site, first, past)
    rows = Demand15Min.objects.current().filter(
        zone__site=site, interval_start__gte=first, interval_start__lt=past, kw__isnull=False
    )
    sums = rows.order_by().values_list("interval_start").annotate(kw_sum=Sum("kw"))
    told = [(kw * site.pue, LoadSource.MACHINES) for moment, kw in sums if moment not in metered]
    highest = max([*metered.values(), *told], key=lambda one: one[0], default=None)
    return Peak() if highest is None else Peak(*highest)
