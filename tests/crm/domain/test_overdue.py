"""Overdue by the customer's own calendar, also where the day changes long before or after UTC's."""

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from django.db import connection, transaction

from accounts.models import User
from crm.domain import issuing, overdue, settlement
from crm.models import Customer, Invoice
from hashinsight.events.models import OutboxEvent
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.django_db
# Ten calendar days of payment, issued so that the due date is 2026-03-28 / 2026-10-24.
CASES = [
    # zone, due date, the last moment of that day on the customer's calendar in UTC
    ("UTC", date(2026, 12, 1), datetime(2026, 12, 1, 23, 59, 59, tzinfo=UTC)),
    ("Pacific/Kiritimati", date(2026, 12, 1), datetime(2026, 12, 1, 9, 59, 59, tzinfo=UTC)),
    ("Pacific/Pago_Pago", date(2026, 12, 1), datetime(2026, 12, 2, 10, 59, 59, tzinfo=UTC)),
    ("Asia/Kathmandu", date(2026, 12, 1), datetime(2026, 12, 1, 18, 14, 59, tzinfo=UTC)),
    ("Europe/Berlin", date(2026, 3, 28), datetime(2026, 3, 28, 22, 59, 59, tzinfo=UTC)),
    ("Europe/Berlin", date(2026, 3, 29), datetime(2026, 3, 29, 21, 59, 59, tzinfo=UTC)),
    ("Europe/Berlin", date(2026, 10, 25), datetime(2026, 10, 25, 22, 59, 59, tzinfo=UTC)),
    ("America/Chicago", date(2026, 11, 1), datetime(2026, 11, 2, 5, 59, 59, tzinfo=UTC)),
    # Here the clock jumps at midnight itself: the day begins at 01:00.
    ("America/Asuncion", date(2023, 9, 30), datetime(2023, 10, 1, 3, 59, 59, tzinfo=UTC)),
]


def _due(by: User, zone: str, due_on: date) -> Invoice:
    customer = factories.CustomerFactory(time_zone=zone, payment_terms_days=0)
    draft = factories.draft_invoice(by=by, customer=customer)
    return issuing.issue_invoice(draft, by=by, on=due_on, at=NOW)


def _run(at: datetime) -> int:
    return sum(overdue.mark_customer(customer, on=day, at=at) for customer, day in overdue.customers_due(at))


@pytest.mark.parametrize(("zone", "due_on", "last"), CASES)
def test_an_invoice_is_overdue_from_the_first_second_of_the_next_local_day(
    zone: str, due_on: date, last: datetime, root: User, legal_entity: object
) -> None:
    invoice = _due(root, zone, due_on)
    assert _run(last) == 0
    assert _run(last + timedelta(seconds=1)) == 1
    assert _run(last + timedelta(seconds=1)) == 0
    assert invoice.reload().status == "overdue"
    assert OutboxEvent.objects.filter(kind="invoice.overdue").count() == 1
    assert invoice.activities.filter(kind="invoice_overdue").count() == 1


@pytest.mark.parametrize("hours", [-11, 0, 14])
def test_the_zone_in_which_the_moment_is_written_does_not_matter(hours: int, root: User, legal_entity: object) -> None:
    _due(root, "Pacific/Kiritimati", date(2026, 12, 1))
    moment = datetime(2026, 12, 1, 10, 0, tzinfo=UTC).astimezone(timezone(timedelta(hours=hours)))
    assert len(overdue.customers_due(moment)) == 1


def test_only_issued_and_unsettled_invoices_become_overdue(root: User, customer_a: Customer) -> None:
    later = NOW + timedelta(days=400)
    factories.draft_invoice(by=root, customer=customer_a)
    credited = factories.issued_invoice(by=root, customer=customer_a)
    issuing.credit_invoice(credited, by=root, on=NOW.date(), at=NOW, reason="x")
    assert _run(later) == 0
    factories.issued_invoice(by=root, customer=customer_a)
    factories.issued_invoice(by=root, customer=customer_a)
    assert overdue.customers_due(later) == [(customer_a.pk, later.date())]
    assert _run(later) == 2
    assert sorted(Invoice.objects.values_list("status", flat=True)) == [
        "cancelled",
        "draft",
        "overdue",
        "overdue",
        "sent",
    ]


def test_days_overdue_count_from_the_due_date(root: User, customer_a: Customer) -> None:
    invoice = factories.issued_invoice(by=root, customer=customer_a)
    assert [invoice.days_overdue(invoice.due_on + timedelta(days=n)) for n in (-1, 0, 1, 30)] == [0, 0, 1, 30]


def test_one_that_cannot_be_marked_stops_no_other_and_is_named(
    root: User, customer_a: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, broken, last = (factories.issued_invoice(by=root, customer=customer_a) for _ in range(3))

    def mark(invoice: Invoice, **when: Any) -> bool:
        if invoice.pk == broken.pk:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("SELECT 1 / 0")
        return settlement.mark_overdue(invoice, **when)

    monkeypatch.setattr(overdue, "mark_overdue", mark)
    later = NOW + timedelta(days=400)
    with pytest.raises(overdue.OverdueRefused, match=f"2 marked, 1 refused: {broken.number}: division by zero"):
        overdue.mark_customer(customer_a.pk, on=later.date(), at=later)
    assert [one.reload().status for one in (first, broken, last)] == ["overdue", "sent", "overdue"]
