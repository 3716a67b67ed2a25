"""Tasks of the commercial truth: thin, safe to run twice."""

from datetime import date
from typing import Any

from celery import shared_task
from django.utils import timezone

from crm.domain import dunning, overdue, renewals
from crm.domain.ledger.watch import check_books
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


@shared_task(name="crm.dun")
def dun() -> dict[str, Any] | None:
    """Hourly: fan out one task per customer with something late; each is reminded at most once a day of theirs."""
    return run_periodic("crm.dun", _dun)


def _dun(run: JobRun) -> dict[str, Any]:
    due = dunning.customers_due(timezone.now())
    for customer_id, day in due:
        enqueue_after_commit("crm.dun_customer", customer_id=customer_id, on=day.isoformat())
    return {"customers": len(due)}


@shared_task(name="crm.dun_customer")
def dun_customer(*, customer_id: int, on: str) -> int:
    """Write one customer's reminders of a day; returns how many."""
    return len(dunning.dun_customer(customer_id, on=date.fromisoformat(on), at=timezone.now()))


@shared_task(name="crm.check_ledger")
def check_ledger() -> dict[str, Any] | None:
    """Hourly: recompute the books from the documents; what does not add up becomes an alert."""
    return run_periodic("crm.check_ledger", _check_ledger)


def _check_ledger(run: JobRun) -> dict[str, Any]:
    return {"mismatches": check_books(at=timezone.now())}


@shared_task(name="crm.renew_contracts")
def renew_contracts() -> dict[str, Any] | None:
    """Hourly: renew contracts whose last day for notice has passed on the customer's own calendar."""
    return run_periodic("crm.renew_contracts", _renew_contracts)


def _renew_contracts(run: JobRun) -> dict[str, Any]:
    return {"renewed": renewals.renew_contracts(at=timezone.now())}
