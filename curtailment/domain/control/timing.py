"""What only the clock does to plans and orders, at the beginning of a tick."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Case, Q, Value, When

from curtailment.domain.measurement.events import join_event
from curtailment.domain.plans import payload_of
from curtailment.enums import RUNNING, OrderOutcome, PlanStatus
from curtailment.models import CurtailmentPlan, MachineOrder
from hashinsight.events.domain import publish
from hosting.models import Site

LEASED_LATE = timedelta(minutes=5)


def move_by_time(site: Site, at: datetime) -> None:
    """Plans begin and end by the clock; what has ended does not begin again."""
    rows = CurtailmentPlan.objects.select_for_update(of=("self",)).filter(site=site).order_by("pk")
    begins, ends = Q(status=PlanStatus.APPROVED, starts_at__lte=at), Q(status__in=RUNNING, ends_at__lte=at)
    plans = sorted(rows.filter(begins | ends), key=lambda plan: plan.status != PlanStatus.APPROVED)
    for plan in plans:  # who begins first: the event of one that ends goes on where another joins it
        over = plan.ends_at is not None and plan.ends_at <= at
        if plan.status != PlanStatus.APPROVED:
            plan.ended_at = at
            _move(plan, PlanStatus.RECOVERING, at)
        elif over:
            _move(plan, PlanStatus.EXPIRED, at)
        else:
            join_event(plan, at=at)
            _move(plan, PlanStatus.EXECUTING, at)


def _move(plan: CurtailmentPlan, to: PlanStatus, at: datetime) -> None:
    plan.status, plan.status_since = to, at
    plan.save(update_fields=["status", "status_since", "ended_at", "event"])
    publish(
        f"curtailment.{to.value}",
        aggregate_type="curtailment_plan",
        aggregate_id=plan.public_id,
        payload=payload_of(plan),
    )


def lapse(at: datetime, *, site: Site | None = None) -> None:
    """Orders whose control ended before it wrote what came of them, at a site or anywhere.

    What came of an order in a lease, the device says a little later.
    """
    rows = MachineOrder.objects.all() if site is None else MachineOrder.objects.filter(site=site)
    late = Q(device=None, expires_at__lte=at) | Q(device__isnull=False, expires_at__lte=at - LEASED_LATE)
    died = Value("the control ended before it wrote what came of it")
    unsaid = Value("the edge device has not said what came of it")
    rows.filter(late, outcome=OrderOutcome.OPEN).update(
        outcome=OrderOutcome.UNKNOWN, answered_at=at, reply=Case(When(device=None, then=died), default=unsaid)
    )


def expire_plans(at: datetime) -> int:
    """Plans nobody approved in time."""
    late = Q(ends_at__lte=at) | Q(ends_at=None, starts_at__lte=at - timedelta(days=1))
    found = 0
    with transaction.atomic():
        rows = CurtailmentPlan.objects.select_for_update(of=("self",)).filter(late, status=PlanStatus.PENDING)
        for plan in rows.order_by("pk"):
            _move(plan, PlanStatus.EXPIRED, at)
            found += 1
    return found
