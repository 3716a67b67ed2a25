"""Closed months: nothing dated in them is taken, by no path and no login; late money goes into the open month."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, transaction

from accounts.models import User
from crm.domain import invoicing, issuing, payments, periods
from crm.models import AccountingPeriod, Customer, Invoice, Payment
from hashinsight.approvals.domain import requests
from hashinsight.approvals.domain.gate import SecondPersonNeeded
from hashinsight.common.transitions import MoveRefused
from hashinsight.events.models import OutboxEvent
from tests import factories
from tests.factories import NOW, TODAY
from tests.support.standing import standing

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("quiet_broker")]
OCTOBER = date(2026, 10, 1)
IN_OCTOBER = datetime(2026, 10, 20, 9, tzinfo=UTC)


@pytest.fixture
@standing
def invoice(root: User, customer_a: Customer) -> Invoice:
    """Issued in October."""
    return factories.issued_invoice(by=root, customer=customer_a, at=IN_OCTOBER)


@pytest.fixture
@standing
def closed(invoice: Invoice, root: User) -> AccountingPeriod:
    return periods.close_period(invoice.legal_entity, month=OCTOBER, by=root, at=NOW)


def pay(invoice: Invoice, received_on: date, on: date = TODAY) -> Payment:
    return payments.record_payment(
        invoice, amount=Decimal(10), currency="USD", received_on=received_on, by=None, on=on, at=NOW
    )


def test_closing_is_told_and_signed(closed: AccountingPeriod, root: User) -> None:
    assert (closed.state, closed.closed_by, closed.closed_at) == ("closed", root, NOW)
    assert OutboxEvent.objects.get(kind="period.closed").payload["month"] == "2026-10"
    with pytest.raises(MoveRefused):
        periods.close_period(closed.legal_entity, month=OCTOBER, by=root, at=NOW)


@pytest.mark.parametrize("month", [date(2026, 11, 1), date(2026, 12, 1), date(2026, 10, 2)])
def test_only_a_month_that_is_over_is_closed(invoice: Invoice, root: User, month: date) -> None:
    with pytest.raises(periods.PeriodRefused):
        periods.close_period(invoice.legal_entity, month=month, by=root, at=NOW)


def test_the_month_is_over_by_the_clock_of_the_entity(invoice: Invoice, root: User) -> None:
    still_october_in_utc = datetime(2026, 10, 31, 23, 30, tzinfo=UTC)  # Berlin: 1 November
    assert periods.close_period(invoice.legal_entity, month=OCTOBER, by=root, at=still_october_in_utc).state == "closed"


def test_nothing_is_issued_into_a_closed_month(closed: AccountingPeriod, root: User, customer_a: Customer) -> None:
    draft = factories.draft_invoice(by=root, customer=customer_a)
    with pytest.raises(periods.PeriodClosed):
        issuing.issue_invoice(draft, by=root, on=date(2026, 10, 31), at=NOW)
    assert issuing.issue_invoice(draft, by=root, on=TODAY, at=NOW).issued_on == TODAY


def test_late_money_is_booked_in_the_open_month_with_its_value_date(closed: AccountingPeriod, invoice: Invoice) -> None:
    late = pay(invoice, date(2026, 10, 25))
    assert (late.received_on, late.booked_on) == (date(2026, 10, 25), TODAY)
    early = pay(invoice, date(2026, 11, 2))
    assert early.booked_on == date(2026, 11, 2)
    with pytest.raises(periods.PeriodClosed):
        pay(invoice, date(2026, 10, 25), on=date(2026, 10, 31))


def test_an_invoice_of_a_closed_month_is_still_paid_and_credited(
    closed: AccountingPeriod, invoice: Invoice, root: User
) -> None:
    note = issuing.credit_invoice(invoice, by=root, on=TODAY, at=NOW, reason="x", quantities={1: Decimal("0.5")})
    assert note.issued_on == TODAY
    payments.record_payment(invoice, amount=Decimal(500), currency="USD", received_on=TODAY, by=None, on=TODAY, at=NOW)
    assert invoice.reload().status == "paid"


# --- raw SQL --------------------------------------------------------------------------------------------------
def raw_issue(draft: Invoice, day: date) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE crm_invoice SET status = 'sent', number = 'X-1', issued_on = %s, due_on = %s WHERE id = %s",
            [day, day, draft.pk],
        )


def raw_payment(invoice: Invoice, received_on: date, booked_on: date | None) -> None:
    payment = Payment(
        customer=invoice.customer, invoice=invoice, amount=Decimal(1), currency="USD", received_on=received_on,
        booked_on=booked_on,
    )  # fmt: skip
    Payment.objects.bulk_create([payment])


def test_raw_sql_dates_nothing_in_a_closed_month(
    closed: AccountingPeriod, invoice: Invoice, root: User, customer_a: Customer
) -> None:
    draft = factories.draft_invoice(by=root, customer=customer_a)
    with pytest.raises(IntegrityError, match="2026-10 is closed"), transaction.atomic():
        raw_issue(draft, date(2026, 10, 31))
    with pytest.raises(IntegrityError, match="2026-10 is closed"), transaction.atomic():
        raw_payment(invoice, date(2026, 10, 31), None)
    with pytest.raises(IntegrityError, match="2026-10 is closed"), transaction.atomic():
        raw_payment(invoice, TODAY, date(2026, 10, 31))
    raw_payment(invoice, date(2026, 10, 31), TODAY)


def test_control_an_open_month_takes_the_same(invoice: Invoice, root: User, customer_a: Customer) -> None:
    raw_payment(invoice, date(2026, 10, 31), None)
    draft = factories.draft_invoice(by=root, customer=customer_a)
    with pytest.raises(IntegrityError, match="comes from no series"), transaction.atomic():
        raw_issue(draft, date(2026, 10, 31))  # past the guard of the month, into the next one
    assert issuing.issue_invoice(draft, by=root, on=date(2026, 10, 31), at=NOW).issued_on == date(2026, 10, 31)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ("UPDATE crm_accountingperiod SET state = 'open'", "two people"),
        ("UPDATE crm_accountingperiod SET month = '2020-01-01'", "stays where it is"),
        ("DELETE FROM crm_accountingperiod", "is kept"),
    ],
)
def test_raw_sql_opens_no_month(closed: AccountingPeriod, change: str, why: str) -> None:
    with pytest.raises(IntegrityError, match=why), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(change)


# --- reopening ------------------------------------------------------------------------------------------------
def test_reopening_takes_two_people_and_a_reason(closed: AccountingPeriod, root: User, invoice: Invoice) -> None:
    other = factories.UserFactory(is_staff=True, is_superuser=True)
    with pytest.raises(SecondPersonNeeded):
        periods.reopen_period(closed, approval=None, by=root, at=NOW)
    with pytest.raises(requests.ApprovalRefused):
        periods.ask_reopen(closed, reason=" ", by=root, at=NOW)
    wish = periods.ask_reopen(closed, reason="A bill was forgotten", by=root, at=NOW)
    with pytest.raises(requests.OwnRequest):
        requests.approve(wish, by=root, at=NOW)
    assert closed.reload().state == "closed"
    requests.approve(wish, by=other, at=NOW)
    assert (closed.reload().state, closed.reopen_reason) == ("open", "A bill was forgotten")
    assert pay(invoice, date(2026, 10, 25)).booked_on == date(2026, 10, 25)
    assert periods.close_period(closed.legal_entity, month=OCTOBER, by=root, at=NOW).state == "closed"


def test_what_is_open_is_shown_before_closing(invoice: Invoice, root: User, customer_a: Customer) -> None:
    draft = invoicing.draft_from_deal(factories.signed_deal(by=root, customer=customer_a), by=root, at=NOW)
    Invoice.objects.filter(pk=draft.pk).update(service_from=OCTOBER, service_to=date(2026, 10, 31))
    found = periods.findings(invoice.legal_entity, OCTOBER)
    assert [(str(draft) in finding.text, finding.stops) for finding in found] == [(True, False)]


def test_a_check_that_stops_keeps_the_month_open(invoice: Invoice, root: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(periods, "_checks", [lambda *_: [periods.Finding("The ledger does not add up.", stops=True)]])
    with pytest.raises(periods.PeriodRefused, match="add up"):
        periods.close_period(invoice.legal_entity, month=OCTOBER, by=root, at=NOW)
    assert not periods.is_closed(invoice.legal_entity, OCTOBER)
