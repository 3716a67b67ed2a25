"""What a site's day is planned with: prices and revenue as known now, the demand charge, limits and commitments.

Everything that was used is kept beside the answer in plain figures, so that it can be reckoned again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from hashinsight.common.errors import DomainError
from hosting.models import Site, Zone
from intelligence.domain.schedule_fleet import Group, Steps, groups_of
from intelligence.domain.schedule_limits import (
    THOUSAND,
    breakers,
    demand,
    kept_running,
    promised,
    ramps,
    reserves_kw,
)
from intelligence.domain.schedule_prices import Priced, Revenue, prices_of, revenue_of
from intelligence.engine.optimiser import Problem, SafeState
from intelligence.models import ScheduleSettings


class NoMachines(DomainError):
    """There is nothing to plan."""

    code = "no_machines"


@dataclass(frozen=True)
class Gathered:
    """The problem, its classes with their machines, the inputs in plain figures; ``lacking``: what is not known."""

    problem: Problem
    groups: tuple[Group, ...]
    inputs: dict[str, Any]
    lacking: str = ""


def gather(site: Site, planning: ScheduleSettings, starts: Sequence[datetime], *, at: datetime) -> Gathered:
    """All that is known of these steps. Raises NoMachines."""
    minutes = planning.step_minutes
    steps = Steps(starts[0], starts[-1] + timedelta(minutes=minutes), minutes)
    zones = list(Zone.objects.filter(site=site).order_by("pk"))
    groups = groups_of(site, planning, steps, limited=[zone.pk for zone in zones], at=at)
    if not groups:
        raise NoMachines(_("No machine runs at %(site)s.") % {"site": site})
    reserves = reserves_kw(site, starts, minutes)
    groups = kept_running(groups, reserves)
    priced = prices_of(site, starts, minutes, at=at)
    earned = revenue_of(site, planning, starts, at=at)
    lacking = priced.lacking or earned.lacking
    full_kw = sum(one.one.count * one.one.modes[1].power_w for one in groups) / THOUSAND
    tight, groups = breakers(zones, groups, len(starts), float(site.pue))
    up, down = ramps(site, minutes, full_kw)
    free_kw = sum((one.one.count - one.one.protected) * one.one.modes[1].power_w for one in groups) / THOUSAND
    kept = promised(site, starts, minutes, full_kw, free_kw)
    charge, peak_from = demand(site, planning, starts, at=at)
    loss = 1 / (1 - min(float(planning.loss_percent), 99.0) / 100)
    problem = Problem(
        starts=tuple(starts), step_minutes=minutes,
        price=tuple(None if one is None or earned.lacking else one * loss for one in priced.values),
        revenue=earned.values, classes=tuple(one.one for one in groups),
        adders=(float(planning.adder_per_kwh),) * len(starts),
        limit_kw=(float(site.capacity_kw),) * len(starts) if full_kw > site.capacity_kw > 0 else (),
        zones=tight, ramp_up_kw=up, ramp_down_kw=down, commitments=kept, demand=charge,
        safe_state=SafeState(planning.on_stale),
    )  # fmt: skip
    inputs = _inputs(problem, priced, earned, planning, site, reserves)
    if charge is not None:
        inputs["demand"]["sunk_from"] = str(peak_from)
    return Gathered(problem, tuple(groups), inputs, lacking)


def _inputs(
    problem: Problem,
    priced: Priced,
    earned: Revenue,
    planning: ScheduleSettings,
    site: Site,
    reserves: Sequence[Decimal],
) -> dict[str, Any]:
    """In plain figures: whoever wants to reckon it again needs nothing else."""
    return {
        "series": str(priced.series.public_id) if priced.series else None,
        "series_name": str(priced.series) if priced.series else "",
        "prices_known_at": priced.issued_at.isoformat() if priced.issued_at else None,
        "price": list(problem.price), "price_from": list(priced.origins), "adders": list(problem.adders),
        "loss_percent": str(planning.loss_percent), "revenue": list(problem.revenue), "market": earned.facts,
        "demand": None if problem.demand is None else {
            "per_kw_and_month": str(planning.demand_charge_per_kw), "per_kw_today": problem.demand.per_kw,
            "sunk_kw": problem.demand.sunk_kw,
        },
        "limit_kw": problem.limit_kw[0] if problem.limit_kw else None,
        "zones": {one.name: one.limit_kw[0] for one in problem.zones}, "pue": str(site.pue),
        "ramp_up_kw": problem.ramp_up_kw, "ramp_down_kw": problem.ramp_down_kw,
        "commitments": [
            {"name": one.name, "steps": list(one.steps), "caps_kw": [one.cap_kw(n) for n in range(len(one.steps))]}
            for one in problem.commitments
        ],
        "modes": {
            one.name: [[mode.name, mode.power_w, mode.hashrate_ths] for mode in one.modes[2:]]
            for one in problem.classes if len(one.modes) > 2
        },
        "start_cost": str(planning.start_cost), "reserve_kw": str(max(reserves)),
        "reserves_kw": [str(kw) for kw in reserves],
        "held": {one.name: list(one.held) for one in problem.classes if one.held},
        "safe_state": str(problem.safe_state),
    }  # fmt: skip
