"""Which standing approval covers a plan: two people have said how much, for what, at which site, in which hours."""

from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from django.db.models import Sum

from curtailment.domain.beside import beside
from curtailment.engine.hours import within
from curtailment.models import CurtailmentPlan, StandingApproval

ENDLESS = timedelta(days=365)  # a plan without an end has to be covered for so long
MOMENT = timedelta(microseconds=1)


def standing_for(plan: CurtailmentPlan, *, kw: Decimal) -> StandingApproval | None:
    """The first signed standing approval that covers a plan from its beginning to its end.

    It is locked for the rest of the transaction: of two plans that want what is left of it the second waits, and so
    does whoever revokes it.
    """
    zone = ZoneInfo(plan.site.time_zone)
    start, end = plan.starts_at, plan.ends_at or plan.starts_at + ENDLESS
    last = (end - MOMENT).astimezone(zone).date()  # an end at midnight is not of the next day
    rows = StandingApproval.objects.select_for_update(of=("self",)).filter(
        site=plan.site, cause=plan.cause, most_kw__gte=kw, second_by__isnull=False, revoked_at__isnull=True,
        valid_from__lte=start.astimezone(zone).date(), valid_until__gte=last,
    )  # fmt: skip
    found = (row for row in rows.order_by("pk") if covers(row, start, end, zone) and _has_left(row, plan, kw))
    return next(found, None)


def _has_left(row: StandingApproval, plan: CurtailmentPlan, kw: Decimal) -> bool:
    """Two people have said so much in all: what other plans have of it at the same time is not there any more."""
    taken: Decimal = beside(plan, row.plans.all()).aggregate(kw=Sum("target_kw"))["kw"] or Decimal(0)
    return taken + kw <= row.most_kw


def covers(row: StandingApproval, start: datetime, end: datetime, zone: ZoneInfo) -> bool:
    """Whether each moment from start to end lies in the hours of the approval, by the clock of the site."""
    return within(start, end, time_from=row.time_from, time_to=row.time_to, zone=zone)
