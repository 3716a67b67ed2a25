"""Machines that do not come back by themselves: who they are, since when, who tries, and how people take them over.

A machine that is dead, or whose edge device is, stays in the control's hands: it is tried for ever. Somebody who has
switched it by hand, or sent it to repair, hands it over: it is locked out, the next step of the control lets go of it
(TRUST I5, I6), and its plan is over.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from curtailment.domain.settings import control_of, ramps_of
from curtailment.enums import RUNNING
from curtailment.models import ControlledMachine, CurtailmentPlan, CurtailmentPlanMiner
from hashinsight.common.errors import DomainError
from hosting.domain import fleet
from hosting.domain.edge_leases import lease_takers, taker_of
from hosting.enums import MinerIntent
from hosting.models import EdgeDevice, Miner, Site

SLACK = timedelta(minutes=10)  # beyond the ramp and two steps
NAMED = 5  # of many machines so many are named


class HandOverRefused(DomainError):
    """These machines are not to be handed over."""

    code = "hand_over_refused"


@dataclass(frozen=True)
class Stuck:
    """A machine that should be back; ``device``: the edge device it is switched by, None: we ourselves.

    ``earlier_w``: to which limit of power it kept before we lowered it; None: we have not.
    """

    miner: Miner
    plan: CurtailmentPlan | None
    off_since: datetime | None
    told_to_run: bool
    tries: int
    last_order: datetime | None
    device: EdgeDevice | None
    earlier_w: int | None = None


def late_at(plan: CurtailmentPlan) -> datetime | None:
    """When all machines of a plan that is over should be back; None while it is not over."""
    if plan.status_since is None or plan.status in RUNNING:
        return None
    ramp = timedelta(minutes=ceil(float(plan.power_reduced_kw) * 1000 / ramps_of(plan.site).up_w))
    return plan.status_since + ramp + 2 * control_of(plan.site).step + SLACK


def stuck_machines(site: Site, *, at: datetime) -> list[Stuck]:
    """Those of a site whose plan is over for so long that they should be back, by name."""
    rows = ControlledMachine.objects.in_hand().filter(site=site).exclude(plan__status__in=RUNNING)
    kept = list(rows.select_related("miner__model", "plan__site").order_by("miner__serial", "pk"))
    late = {pk: _is_late(plan, at) for pk, plan in {one.plan_id: one.plan for one in kept}.items()}
    kept = [one for one in kept if late[one.plan_id] and one.miner.intent != MinerIntent.MAINTENANCE]
    if not kept:
        return []
    off = CurtailmentPlanMiner.objects.filter(miner__in=[one.miner_id for one in kept], off_at__isnull=False)
    since = dict(off.order_by("off_at").values_list("miner_id", "off_at"))
    takers = lease_takers(site)
    return [
        Stuck(
            one.miner, one.plan, since.get(one.miner_id, one.paused_at), one.resumed, one.tries, one.sent_at,
            taker_of(one.miner.zone_id, takers), one.earlier_w,
        )
        for one in kept
    ]  # fmt: skip


def _is_late(plan: CurtailmentPlan | None, at: datetime) -> bool:
    moment = None if plan is None else late_at(plan)
    return plan is None or (moment is not None and at >= moment)


def who_acts(one: Stuck) -> str:
    """Who tries to bring it back, in words."""
    if one.device is None:
        if not one.told_to_run:
            return _("the control, which waits for it to answer")
        last = f"{one.last_order:%Y-%m-%d %H:%M}" if one.last_order else "-"
        return _("the control: %(count)s orders, the last at %(when)s UTC") % {"count": one.tries, "when": last}
    asked = one.device.lease.asked_at
    return _("%(device)s, last heard of at %(when)s UTC") % {
        "device": one.device, "when": f"{asked:%Y-%m-%d %H:%M}" if asked else "-",
    }  # fmt: skip


def told_of(some: Sequence[Stuck]) -> str:
    """The first of them by name, since when they are off, and who acts, for an alert."""
    lines = [_line(one) for one in some[:NAMED]]
    if len(some) > NAMED:
        lines.append(_("and %(count)s more") % {"count": len(some) - NAMED})
    return "; ".join(lines) + "."


def _line(one: Stuck) -> str:
    text = _("%(machine)s: off since %(since)s UTC, %(who)s")
    if one.earlier_w is not None:
        text = _("%(machine)s: off or lower since %(since)s UTC, its limit was %(watts)s W before, %(who)s")
    return text % {
        "machine": one.miner, "since": f"{one.off_since:%Y-%m-%d %H:%M}" if one.off_since else "-",
        "watts": one.earlier_w, "who": who_acts(one),
    }  # fmt: skip


def way_out(site: Site) -> str:
    """What somebody can do, for an alert."""
    return _("Switch them by hand, then hand them over on the page Curtailment of %(site)s.") % {"site": site}


@transaction.atomic
def hand_over(site: Site, machines: Collection[int], *, reason: str, by: Any, at: datetime) -> list[Miner]:
    """Somebody takes over machines that do not come back: nobody but people switches them from now on.

    They go to maintenance, whatever they do. Raises HandOverRefused for others, MinersRefused.
    """
    stuck = {one.miner.pk: one.miner for one in stuck_machines(site, at=at)}
    wanted = sorted(set(machines))
    if not wanted:
        raise HandOverRefused(_("Choose at least one machine."))
    if any(pk not in stuck for pk in wanted):
        raise HandOverRefused(_("One of them came back, or is wanted off again. Please look again."))
    rows = [stuck[pk] for pk in wanted]
    return fleet.set_intent(
        rows, to=MinerIntent.MAINTENANCE, by=by, at=at, reason=_("handed over: %(why)s") % {"why": reason}
    )
