"""Tasks of the commercial truth: thin, safe to run twice."""

from datetime import date
from typing import Any

from celery import shared_task
from django.utils import timezone

from crm.domain import overdue
from hashinsight.jobs.models import JobRun
from hashinsight.jobs.periodic import run_periodic
from hashinsight.jobs.queue import enqueue_after_commit


@shared_task(name="crm.check_overdue")
def check_overdue() -> dict[str, Any] | None:
    """Hourly: fan out one task per customer whose due dates have passed on the customer's own calendar."""
    return run_periodic("crm.check_overdue", _check_overdue)


def _check_overdue(run: JobRun) -> dict[str, Any]:
    due = overdue.customers_due(timezone.now())
    for customer_id, day in due:
        enqueue_after_commit("crm.check_overdue_customer", customer_id=customer_id, on=day.isoformat())
    return {"customers": len(due)}


@shared_task(name="crm.check_overdue_customer")
def check_overdue_customer(*, customer_id: int, on: str) -> int:
    """Mark one customer's late invoices; returns how many."""
    return overdue.mark_customer(customer_id, on=date.fromisoformat(on), at=timezone.now())
