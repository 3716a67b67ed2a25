"""The life of an event: it begins with the first plan at a site and ends when the machines of all are back."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Count, Max

from curtailment.enums import RUNNING, EventStatus, MachineResult, PlanStatus
from curtailment.models import CurtailmentEvent, CurtailmentPlan, CurtailmentPlanMiner, EventShare
from hashinsight.events.domain import publish
from hosting.models import Site


def join_event(plan: CurtailmentPlan, *, at: datetime) -> CurtailmentEvent:
    """A plan begins: it belongs to the event that runs at its site, or is the first of one.

    Within the transaction and under the lock of the control; the caller saves the plan.
    """
    event = running_event(plan.site)
    if event is None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('curtailment event', 0))")
        last = CurtailmentEvent.objects.aggregate(last=Max("number"))["last"] or 0
        event = CurtailmentEvent.objects.create(number=last + 1, site=plan.site, started_at=at, created_at=at)
        _tell(event, "curtailment.event_started")
    plan.event = event
    return event


def running_event(site: Site) -> CurtailmentEvent | None:
    """The one of a site that is not over; there is never a second."""
    found: CurtailmentEvent | None = CurtailmentEvent.objects.filter(site=site, status=EventStatus.RUNNING).first()
    return found


def share_out(event: CurtailmentEvent, *, at: datetime) -> None:
    """Whose machines were told so far: each owner has a share from then on, and can read it."""
    told = CurtailmentPlanMiner.objects.filter(plan__event=event).exclude(result=MachineResult.RESERVE)
    counts = dict(told.order_by().values_list("customer_id").annotate(count=Count("miner_id", distinct=True)))
    known = {share.customer_id: share for share in event.shares.all()}
    why = leading_by_owner(event) if counts.keys() - known.keys() else {}
    for customer, count in counts.items():
        share = known.get(customer)
        if share is None:
            first = why[customer]
            EventShare.objects.create(
                event=event, customer_id=customer, site=event.site, cause=first.cause, reason=first.reason,
                started_at=event.started_at, machines=count, created_at=at,
            )  # fmt: skip
        elif share.machines != count:
            EventShare.objects.filter(pk=share.pk).update(machines=count)


def leading(plans: Iterable[CurtailmentPlan]) -> CurtailmentPlan | None:
    """The plan whose reason is given: the one that wanted most, of those the first."""
    return max(plans, key=_weight, default=None)


def leading_by_owner(event: CurtailmentEvent) -> dict[int | None, CurtailmentPlan]:
    """For each owner of machines that were told: nobody reads the reason of a plan that took only others' machines."""
    told = CurtailmentPlanMiner.objects.filter(plan__event=event).exclude(result=MachineResult.RESERVE)
    plans = event.plans.in_bulk()
    found: dict[int | None, list[CurtailmentPlan]] = {}
    for plan_id, customer in told.order_by().values_list("plan_id", "customer_id").distinct():
        found.setdefault(customer, []).append(plans[plan_id])
    return {customer: max(some, key=_weight) for customer, some in found.items()}


def _weight(plan: CurtailmentPlan) -> tuple[Any, ...]:
    return plan.target_kw or 0, -plan.starts_at.timestamp(), -plan.pk


def close_event(event: CurtailmentEvent, *, at: datetime) -> None:
    """Over when no plan of it runs or recovers. Within the transaction of a tick."""
    if event.plans.filter(status__in=(*RUNNING, PlanStatus.RECOVERING)).exists():
        return
    event.status, event.ended_at = EventStatus.OVER, max(at, event.started_at)
    event.save(update_fields=["status", "ended_at"])
    event.shares.update(status=event.status, ended_at=event.ended_at)
    _tell(event, "curtailment.event_ended")


def payload_of(event: CurtailmentEvent) -> dict[str, Any]:
    """What is told of an event."""
    return {
        "event_id": str(event.public_id), "number": event.number, "site_id": str(event.site.public_id),
        "status": str(event.status), "started_at": event.started_at.isoformat(),
        "ended_at": event.ended_at.isoformat() if event.ended_at else None, "machines": event.machines,
        "saved_kwh": f"{event.saved_kwh:f}", "revision": event.revision,
    }  # fmt: skip


def _tell(event: CurtailmentEvent, kind: str) -> None:
    publish(kind, aggregate_type="curtailment_event", aggregate_id=event.public_id, payload=payload_of(event))
