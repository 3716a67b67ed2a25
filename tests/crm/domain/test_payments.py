"""Money on invoices: in part, all, too much, late, twice, wrong; and what the invoice becomes."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from accounts.models import User
from crm.domain import deals, invoicing, issuing, overdue, payments
from crm.models import Customer, DealLine, Invoice, Payment
from hashinsight.events.models import OutboxEvent
from tests import factories
from tests.factories import NOW, TODAY
from tests.support.standing import standing

pytestmark = pytest.mark.django_db


@pytest.fixture
@standing
def invoice(root: User, customer_a: Customer) -> Invoice:
    """1,000.00 USD, issued today."""
    return factories.issued_invoice(by=root, customer=customer_a)


def pay(invoice: Invoice, amount: Any, by: User, **changes: Any) -> Payment:
    fields = {"currency": invoice.currency, "received_on": TODAY, "on": TODAY, "at": NOW, **changes}
    return payments.record_payment(invoice, amount=Decimal(amount), by=by, **fields)


def balance(invoice: Invoice) -> tuple[str, Decimal, Decimal]:
    found = Invoice.objects.with_balance().get(pk=invoice.pk)
    return found.status, found.paid_total, found.outstanding


def test_a_part_leaves_the_rest_open_and_the_last_part_pays(invoice: Invoice, root: User) -> None:
    pay(invoice, "400.01", root)
    assert balance(invoice) == ("sent", Decimal("400.01"), Decimal("599.99"))
    pay(invoice, "599.98", root)
    assert balance(invoice) == ("sent", Decimal("999.99"), Decimal("0.01"))
    pay(invoice, "0.01", root, on=date(2026, 11, 30), received_on=date(2026, 11, 29))
    assert balance(invoice) == ("paid", Decimal(1000), Decimal(0))
    assert invoice.reload().paid_on == date(2026, 11, 29)
    assert OutboxEvent.objects.filter(kind="payment.recorded").count() == 3
    assert OutboxEvent.objects.filter(kind="invoice.paid").count() == 1


def test_it_was_paid_when_the_last_money_came_not_when_it_was_typed_in(invoice: Invoice, root: User) -> None:
    """A statement found later: the older part is booked after the newer one."""
    pay(invoice, 600, root, received_on=TODAY - timedelta(days=1))
    pay(invoice, 400, root, received_on=TODAY - timedelta(days=10))
    assert balance(invoice) == ("paid", Decimal(1000), Decimal(0))
    assert invoice.reload().paid_on == TODAY - timedelta(days=1)


def test_too_much_becomes_the_customers_credit_also_later(invoice: Invoice, root: User) -> None:
    first = pay(invoice, "1000.50", root)
    assert balance(invoice) == ("paid", Decimal("1000.5"), Decimal(0))
    assert first.surplus.amount == Decimal("0.5")
    pay(invoice, "10", root)
    assert balance(invoice) == ("paid", Decimal("1010.5"), Decimal(0))
    assert [one.amount for one in invoice.surpluses.order_by("id")] == [Decimal("0.5"), Decimal(10)]
    assert {(one.kind, one.customer_id) for one in invoice.surpluses.all()} == {("overpayment", invoice.customer_id)}


def test_a_late_payment_settles_an_overdue_invoice(invoice: Invoice, root: User) -> None:
    overdue.mark_customer(invoice.customer_id, on=invoice.due_on + timedelta(days=1), at=NOW)
    pay(invoice, 999, root)
    assert balance(invoice)[0] == "overdue"
    pay(invoice, 1, root)
    assert balance(invoice)[0] == "paid"


def test_an_early_payment_counts(invoice: Invoice, root: User) -> None:
    assert pay(invoice, 1000, root, received_on=date(2026, 1, 1)).received_on == date(2026, 1, 1)
    assert (balance(invoice)[0], invoice.reload().paid_on) == ("paid", date(2026, 1, 1))


def test_the_same_reference_amount_and_day_are_one_payment(invoice: Invoice, root: User) -> None:
    pay(invoice, 10, root, reference="R1")
    with pytest.raises(payments.DuplicatePayment):
        pay(invoice, "10.00", root, reference="R1")
    pay(invoice, 10, root, reference="R2")
    pay(invoice, 11, root, reference="R1")
    pay(invoice, 10, root, reference="R1", received_on=TODAY - timedelta(days=1))
    pay(invoice, 10, root)
    pay(invoice, 10, root)
    assert balance(invoice)[1] == Decimal(61)


@pytest.mark.parametrize(
    ("amount", "changes", "message"),
    [
        ("0", {}, "greater than zero"),
        ("-1", {}, "greater than zero"),
        ("-0.00", {}, "greater than zero"),
        ("NaN", {}, "greater than zero"),
        ("sNaN", {}, "greater than zero"),
        ("Infinity", {}, "greater than zero"),
        ("0.001", {}, "too many digits"),
        ("1.005", {}, "too many digits"),
        ("1E+30", {}, "too many digits"),
        ("100000000000000", {}, "too many digits"),
        ("1", {"currency": "EUR"}, "is in USD, the payment in EUR"),
        ("1", {"currency": "XXX"}, "is in USD, the payment in XXX"),
        ("1", {"received_on": TODAY + timedelta(days=1)}, "in the future"),
    ],
)
def test_a_payment_that_makes_no_sense_is_refused(
    amount: str, changes: dict[str, Any], message: str, invoice: Invoice, root: User
) -> None:
    with pytest.raises(payments.PaymentRefused, match=message):
        pay(invoice, amount, root, **changes)
    assert (Payment.objects.count(), balance(invoice)[0]) == (0, "sent")


def test_nothing_is_paid_on_drafts_withdrawn_credited_and_credit_notes(root: User, customer_a: Customer) -> None:
    draft = factories.draft_invoice(by=root, customer=customer_a)
    withdrawn = invoicing.cancel_draft(factories.draft_invoice(by=root, customer=customer_a), by=root, reason="x")
    credited = factories.issued_invoice(by=root, customer=customer_a)
    note = issuing.credit_invoice(credited, by=root, on=TODAY, at=NOW, reason="x")
    for one in (draft, withdrawn, credited, note):
        with pytest.raises(payments.PaymentRefused):
            pay(one, 1, root)
    assert Payment.objects.count() == 0


@pytest.mark.parametrize("field", ["reference", "note"])
@pytest.mark.parametrize("text", ["\x00", "a\x07b", "x" * 301])
def test_texts_that_cannot_be_kept_are_refused_clearly(field: str, text: str, invoice: Invoice, root: User) -> None:
    from django.core.exceptions import ValidationError

    with pytest.raises(ValidationError):
        pay(invoice, 1, root, **{field: text})


@pytest.mark.parametrize(
    ("currency", "price", "parts", "too_fine"),
    [("BTC", "0.12345678", ("0.12345677", "0.00000001"), "0.000000001"), ("JPY", "1001", ("1000", "1"), "0.5")],
)
def test_currencies_with_eight_and_with_no_decimals(
    currency: str, price: str, parts: tuple[str, str], too_fine: str, root: User, customer_a: Customer
) -> None:
    deal = factories.DealFactory(customer=customer_a, currency=currency)
    deals.set_lines(deal, lines=[DealLine(description="Hash", quantity=1, unit_price=Decimal(price))])
    invoice = issuing.issue_invoice(
        invoicing.draft_from_deal(factories.signed(deal, by=root), by=root, at=NOW), by=root, on=TODAY, at=NOW
    )
    with pytest.raises(payments.PaymentRefused, match="too many digits"):
        pay(invoice, too_fine, root)
    pay(invoice, parts[0], root)
    assert balance(invoice) == ("sent", Decimal(parts[0]), Decimal(parts[1]))
    pay(invoice, parts[1], root)
    assert balance(invoice)[::2] == ("paid", Decimal(0))
    amounts = [event.payload["amount"] for event in OutboxEvent.objects.filter(kind="payment.recorded").order_by("id")]
    assert [("E" in one, Decimal(one)) for one in amounts] == [(False, Decimal(part)) for part in parts]
