"""How far plans are, and what came of each of their machines: written in the transaction of a tick."""

from collections.abc import Collection
from datetime import datetime
from decimal import Decimal

import numpy as np
from django.db.models import Exists, F, OuterRef, QuerySet, Sum
from django.db.models.functions import Coalesce

from curtailment.domain.control.books import Machines, lowered
from curtailment.domain.plans import payload_of
from curtailment.engine.values import Action, Decision, End, Mask, Progress, Seen
from curtailment.enums import RUNNING, MachineResult, PlanStatus
from curtailment.models import ControlledMachine, CurtailmentPlan, CurtailmentPlanMiner
from hashinsight.events.domain import publish
from hosting.models import Site

ENOUGH = Decimal("0.98")  # of the target: the last machine is rarely just as big as what is left
WAITING = (MachineResult.RESERVE, MachineResult.BACK)
ON_THE_WAY = (MachineResult.ORDERED, MachineResult.REFUSED)
IS_DOWN = (MachineResult.OFF, MachineResult.LOWERED, MachineResult.RESUMING)


def note_results(
    site: Site, machines: Machines, seen: Seen, decision: Decision, *, now: datetime, corrected: Mask
) -> None:
    """Machines first, then the plans they decide about. ``corrected``: what they had before, devices know better."""
    plans = CurtailmentPlan.objects.filter(site=site, status__in=(*RUNNING, PlanStatus.RECOVERING))
    live = list(plans.select_for_update(of=("self",)).order_by("pk"))
    _machines(live, machines, seen, decision, now)
    rows = CurtailmentPlanMiner.objects.filter(plan__in=[plan.pk for plan in live])
    _note_earlier(rows, machines, decision, corrected)
    progress = {one.plan: one for one in decision.progress}
    for plan in live:
        if plan.status == PlanStatus.RECOVERING:
            _recovered(plan, now)
        elif plan.pk in progress:
            _progress(plan, progress[plan.pk], now)


def _machines(
    live: Collection[CurtailmentPlan], machines: Machines, seen: Seen, decision: Decision, now: datetime
) -> None:
    ids = machines.ids
    told = _told(machines, decision)
    resumed = {ids[one.machine] for one in decision.orders if one.action is Action.RESUME}
    after = decision.state
    off = {ids[place] for place in (after.paused & ~after.resumed & seen.off).nonzero()[0].tolist()}
    locked = {ids[place] for place, end in decision.given_back if end is End.LOCKED}
    back = {ids[place] for place, end in decision.given_back if end is End.RUNNING}
    rows = CurtailmentPlanMiner.objects.filter(plan__in=[plan.pk for plan in live])
    for plan, machines_told in told.items():  # another plan that wants it too takes it over when this one is over
        rows.filter(plan=plan, miner__in=machines_told, result__in=WAITING).update(
            result=MachineResult.ORDERED, ordered_at=now, off_at=None, back_at=None
        )
    low = {ids[place] for place in lowered(after, seen).nonzero()[0].tolist()}
    for miners, limits, result in ((off, False, MachineResult.OFF), (low, True, MachineResult.LOWERED)):
        theirs = rows.filter(miner__in=miners, limit_w__isnull=not limits, result__in=ON_THE_WAY)
        theirs.update(result=result, off_at=Coalesce("off_at", now))
    rows.filter(miner__in=resumed, result=MachineResult.OFF).update(result=MachineResult.RESUMING)
    in_hand = (MachineResult.ORDERED, MachineResult.OFF, MachineResult.LOWERED, MachineResult.RESUMING)
    rows.filter(miner__in=locked, result__in=in_hand).update(back_at=now)  # what follows is not our doing
    rows.filter(miner__in=locked).exclude(result=MachineResult.RESERVE).update(result=MachineResult.LOCKED)
    gone = rows.filter(miner__in=back)
    gone.filter(result__in=IS_DOWN).update(result=MachineResult.BACK, back_at=now)
    gone.filter(result=MachineResult.ORDERED).exclude(miner__in=set().union(*told.values())).update(
        result=MachineResult.REFUSED
    )
    half = {ids[place] for place in decision.half_back}
    rows.filter(miner__in=half, limit_w=None, result__in=IS_DOWN).update(result=MachineResult.BACK, back_at=now)
    if len(live) > 1:  # one that is over, and one that still wants its machines
        _handed_over(live, off, now)


def _told(machines: Machines, decision: Decision) -> dict[int, set[int]]:
    """Machines that each plan pauses or limits with this tick."""
    told: dict[int, set[int]] = {}
    for one in decision.orders:
        if one.action.lowers:
            told.setdefault(one.plan, set()).add(machines.ids[one.machine])
    return told


def _note_earlier(
    rows: QuerySet[CurtailmentPlanMiner], machines: Machines, decision: Decision, corrected: Mask
) -> None:
    """What each machine kept to before its limit: whoever locks it out reads there what to set it back to."""
    by_watts: dict[int, set[int]] = {}
    told = {one.machine for one in decision.orders if one.action is Action.LIMIT}
    for place in told | set(np.flatnonzero(corrected & decision.state.limited).tolist()):
        by_watts.setdefault(int(decision.state.before[place]), set()).add(machines.ids[place])
    for watts, miners in by_watts.items():
        rows.filter(miner__in=miners, limit_w__isnull=False).update(earlier_w=watts)


def _handed_over(live: Collection[CurtailmentPlan], off: Collection[int], now: datetime) -> None:
    """A plan that is over leaves machines off that another one still wants: from now on they are that one's."""
    rows = CurtailmentPlanMiner.objects.filter(plan__in=[plan.pk for plan in live])
    its_own = ControlledMachine.objects.filter(miner=OuterRef("miner_id"), plan=OuterRef("plan_id"), touched=True)
    taken = rows.filter(Exists(its_own), result__in=WAITING, plan__status__in=RUNNING)
    taken.filter(miner__in=off, limit_w=None).update(result=MachineResult.OFF, ordered_at=now, off_at=now, back_at=None)
    taken.update(result=MachineResult.ORDERED, ordered_at=now, off_at=None, back_at=None)
    another = ControlledMachine.objects.filter(miner=OuterRef("miner_id"), touched=True, plan__status__in=RUNNING)
    left = rows.filter(Exists(another.exclude(plan=OuterRef("plan_id"))), plan__status=PlanStatus.RECOVERING)
    kept = (MachineResult.ORDERED, MachineResult.OFF, MachineResult.LOWERED)
    left.filter(result__in=kept).update(result=MachineResult.KEPT)


def _progress(plan: CurtailmentPlan, told: Progress, now: datetime) -> None:
    plan.measured_kw = Decimal(told.off_w) / 1000
    plan.power_reduced_kw = max(plan.power_reduced_kw, plan.measured_kw)
    plan.miners_affected = max(plan.miners_affected, told.off + told.lowered)
    fields = ["measured_kw", "power_reduced_kw", "miners_affected"]
    if plan.status == PlanStatus.EXECUTING and plan.measured_kw >= (plan.target_kw or 0) * ENOUGH:
        plan.status, plan.status_since, plan.executed_at = PlanStatus.EXECUTED, now, now
        _save(plan, [*fields, "status", "status_since", "executed_at"])
        return
    plan.save(update_fields=fields)


def _recovered(plan: CurtailmentPlan, now: datetime) -> None:
    """Over when none of its machines is in our hands, but for those that another plan keeps."""
    switched = plan.miners.exclude(result=MachineResult.RESERVE)
    mine = ControlledMachine.objects.in_hand().filter(site=plan.site, miner__in=switched.values("miner"))
    if mine.exclude(plan__in=CurtailmentPlan.objects.filter(site=plan.site, status__in=RUNNING)).exists():
        still = switched.filter(result__in=IS_DOWN).aggregate(watts=Sum(F("draw_w") - Coalesce("limit_w", 0)))
        plan.measured_kw = Decimal(still["watts"] or 0) / 1000
        plan.save(update_fields=["measured_kw"])
        return
    plan.measured_kw = Decimal(0)
    reached = plan.executed_at is not None
    plan.status = (
        PlanStatus.RECOVERED if reached else PlanStatus.PARTIAL if plan.power_reduced_kw else PlanStatus.FAILED
    )
    plan.status_since = plan.recovered_at = now
    _save(plan, ["measured_kw", "status", "status_since", "recovered_at"])


def _save(plan: CurtailmentPlan, fields: list[str]) -> None:
    plan.save(update_fields=fields)
    publish(
        f"curtailment.{plan.status}",
        aggregate_type="curtailment_plan",
        aggregate_id=plan.public_id,
        payload=payload_of(plan),
    )
