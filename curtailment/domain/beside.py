"""Plans at the same time: whose machines are off anyway, and what programmes of more importance want to be running.

Two plans may add up though they share machines: whoever began first has its own off already. So what is off in all is
reckoned from the machines that each of them would take, in the order of each, and a machine counts once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal

from django.db import connection
from django.db.models import Q, QuerySet

from curtailment.domain.behind import of_one_person
from curtailment.domain.dispatch.programmes import most_reserved
from curtailment.engine.selection import Candidate
from curtailment.enums import RUNNING, Cause, PlanKind, PlanStatus
from curtailment.models import CurtailmentPlan, CurtailmentPlanMiner

SAVING = (Cause.PRICE, Cause.PEAK, Cause.SCHEDULE)  # what may wait for whoever pays more


def lock_fleet() -> None:
    """One approval after the other, at all sites, and one number: what is approved at the same moment adds up.

    To the end of the transaction, and before any row of a plan or a site is locked: else two wait for each other.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('curtailment plan', 0))")


def beside(plan: CurtailmentPlan, rows: QuerySet[CurtailmentPlan]) -> QuerySet[CurtailmentPlan]:
    """Those of the plans that are approved or run at the same time."""
    others = rows.filter(status__in=(PlanStatus.APPROVED, *RUNNING)).exclude(pk=plan.pk)
    others = others.filter(Q(ends_at=None) | Q(ends_at__gt=plan.starts_at))
    return others if plan.ends_at is None else others.filter(starts_at__lt=plan.ends_at)


def kept_of(plan: CurtailmentPlan) -> Decimal:
    """kW that rules which save money leave on for programmes of more importance; people and programmes may have all."""
    if plan.kind != PlanKind.AUTOMATIC or plan.cause not in SAVING:
        return Decimal(0)
    end = plan.ends_at or plan.starts_at + timedelta(days=1)
    return most_reserved(plan.site, plan.starts_at, end, priority=plan.priority)


@dataclass(frozen=True)
class Beside:
    """Machines that other plans take at the same time: how much less each draws (W), and which of them do so by now."""

    less_w: Mapping[int, int] = field(default_factory=dict)
    held: frozenset[int] = frozenset()


def off_beside(plan: CurtailmentPlan, *, of_one: bool = False) -> Beside:
    """Of all other plans at the site, or of those of one person alone: the first of each, up to what it wants."""
    others = list(beside(plan, CurtailmentPlan.objects.filter(site=plan.site, target_kw__isnull=False)))
    if of_one:
        alone = of_one_person(others)
        others = [other for other in others if other.pk in alone]
    found: dict[int, int] = {}
    held: set[int] = set()
    for other in others:
        left_w = int((other.target_kw or 0) * 1000)
        rows = CurtailmentPlanMiner.objects.filter(plan=other, stood=False).order_by("shutdown_order")
        for miner, draw_w, limit_w in rows.values_list("miner_id", "draw_w", "limit_w").iterator(chunk_size=2_000):
            if left_w <= 0:
                break
            less_w = draw_w - (limit_w or 0)
            left_w -= less_w
            found[miner] = max(found.get(miner, 0), less_w)
            if other.status in RUNNING:
                held.add(miner)
    return Beside(found, frozenset(held))


def room_w(order: Sequence[Candidate], off: Beside, most_w: int) -> int:
    """How much of ``order`` may be off so that neither it nor all together is above ``most_w``; whole machines (W).

    A plan counts what it finds off among its machines; what is only going to be off, it takes beside it.
    """
    left_w, found = most_w - sum(off.less_w.values()), 0
    for one in sorted(order, key=lambda one: one.key not in off.held):
        more = max(0, one.gain_w - off.less_w.get(one.key, 0))
        if found + one.gain_w > most_w or (more and more > left_w):
            break
        left_w -= more
        found += one.gain_w
    return found
