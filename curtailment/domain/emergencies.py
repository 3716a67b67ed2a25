"""What an emergency wants, whether one that runs wants the same already, and which calls are not followed any more."""

from datetime import datetime
from decimal import Decimal

from django.db.models import Q, QuerySet

from curtailment.domain.planning import PlanRefused, Wish, preview
from curtailment.enums import RUNNING, WANTED_STATES, Goal, PlanStatus, Selection
from curtailment.models import CurtailmentPlan, Dispatch
from hosting.models import Site


def emergency_wish(site: Site, *, at: datetime, goal_kw: Decimal | None = None) -> Wish:
    """All of a site off now, or so many kW, without an end."""
    goal, kw = (Goal.REDUCE_TO, Decimal(0)) if goal_kw is None else (Goal.REDUCE_BY, goal_kw)
    return Wish(site, goal, kw, Selection.EFFICIENCY, at, None, is_emergency=True)


def same_emergency(wish: Wish, *, at: datetime) -> CurtailmentPlan | None:
    """An emergency with the same goal that has every machine this one would take; None where there is none."""
    rows = CurtailmentPlan.objects.filter(
        site=wish.site, is_emergency=True, goal=wish.goal, goal_kw=wish.goal_kw,
        status__in=(PlanStatus.APPROVED, *RUNNING),
    ).order_by("-pk")  # fmt: skip
    wanted: set[int] | None = None
    plan: CurtailmentPlan
    for plan in rows:
        if wanted is None:
            wanted = _wanted(wish, at)
        if wanted <= set(plan.miners.values_list("miner_id", flat=True)):
            return plan
    return None


def _wanted(wish: Wish, at: datetime) -> set[int]:
    try:
        return {one.key for one in preview(wish, at=at).chosen.order}
    except PlanRefused:  # nothing is left that draws
        return set()


def calls_at(site: Site, *, at: datetime) -> QuerySet[Dispatch]:
    """Dispatches of programmes that are followed at a site, now or from a later moment on."""
    rows = Dispatch.objects.filter(site=site, state__in=WANTED_STATES).filter(Q(ends_at=None) | Q(ends_at__gt=at))
    return rows.select_related("programme", "site").order_by("starts_at", "pk")
