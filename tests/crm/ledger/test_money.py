"""Deposits, credits, refunds, write-offs and reversals: what they do to invoice and books, and what is refused."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.utils import IntegrityError

from accounts.models import User
from crm.domain import customer_credits, issuing, payments, periods, refunds, reversals, write_offs
from crm.domain.ledger import queries
from crm.domain.ledger.check import discrepancies
from crm.domain.money_rules import MoneyRefused
from crm.enums import CreditKind
from crm.models import ApprovalLimit, Customer, CustomerCredit, Invoice, LegalEntity, Payment, Refund, Reversal
from hashinsight.approvals.domain.gate import SecondPersonNeeded
from hashinsight.approvals.models import ApprovalRequest
from hashinsight.events.models import OutboxEvent
from tests import factories
from tests.crm.ledger.test_posting import pay, postings
from tests.factories import NOW, TODAY
from tests.support.standing import standing

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _books_add_up(db: None) -> Any:
    yield
    assert discrepancies() == []


@pytest.fixture
@standing
def invoice(root: User, customer_a: Customer) -> Invoice:
    """1,000.00 USD."""
    return factories.issued_invoice(by=root, customer=customer_a)


@pytest.fixture
@standing
def when(root: User) -> dict[str, Any]:
    """By whom and when."""
    return {"by": root, "on": TODAY, "at": NOW}


def deposit(customer: Customer, amount: Any, when: dict[str, Any], **more: Any) -> CustomerCredit:
    fields = {"currency": "USD", "received_on": TODAY, **when, **more}
    return customer_credits.record_deposit(customer, amount=Decimal(amount), **fields)


def state(invoice: Invoice) -> tuple[str, Decimal]:
    found: Any = Invoice.objects.with_balance().get(pk=invoice.pk)
    return found.status, found.outstanding


def left(credit: CustomerCredit) -> Decimal:
    return customer_credits.balance_of(credit)


def test_a_deposit_waits_and_then_pays(invoice: Invoice, when: dict[str, Any]) -> None:
    held = deposit(invoice.customer, "1500", when, method="card", reference="A1")
    assert postings("deposit") == [("card", "1500", "USD"), ("deposits", "-1500", "USD")]
    assert state(invoice) == ("sent", Decimal(1000))
    customer_credits.apply_credit(held, invoice=invoice, amount=Decimal(400), **when)
    assert (state(invoice), left(held)) == (("sent", Decimal(600)), Decimal(1100))
    customer_credits.apply_credit(held, invoice=invoice, amount=Decimal(600), **when)
    assert (state(invoice), left(held)) == (("paid", Decimal(0)), Decimal(500))
    assert invoice.reload().paid_on == TODAY
    assert postings("application")[:2] == [("deposits", "400", "USD"), ("receivable", "-400", "USD")]
    assert queries.balance_of(invoice.customer, "USD") == Decimal(-500)
    kinds = OutboxEvent.objects.values_list("kind", flat=True)
    assert {"deposit.recorded", "credit.applied", "invoice.paid"} <= set(kinds)


def test_an_overpayment_pays_the_next_invoice_and_the_rest_goes_back(
    invoice: Invoice, root: User, when: dict[str, Any]
) -> None:
    surplus = pay(invoice, 1300, root).surplus
    second = factories.issued_invoice(by=root, customer=invoice.customer, value=Decimal(200))
    customer_credits.apply_credit(surplus, invoice=second, amount=Decimal(200), **when)
    refunds.refund_credit(surplus, amount=Decimal(100), reason="asked for it", reference="R", **when)
    assert (state(second)[0], left(surplus)) == ("paid", Decimal(0))
    assert postings("refund") == [("credits", "100", "USD"), ("bank", "-100", "USD")]
    with pytest.raises(MoneyRefused, match=r"more than the 0\.00 USD there are"):
        refunds.refund_credit(surplus, amount=Decimal("0.01"), reason="x", **when)


def test_a_refund_of_a_payment_opens_the_invoice_again(invoice: Invoice, root: User, when: dict[str, Any]) -> None:
    payment = pay(invoice, 1200, root)
    refunds.refund_payment(payment, amount=Decimal(1000), reason="charged back", **when)
    assert state(invoice) == ("sent", Decimal(1000))
    assert invoice.reload().paid_on is None
    with pytest.raises(MoneyRefused, match="more than"):
        refunds.refund_payment(payment, amount=Decimal(1), reason="the surplus is a credit of its own", **when)
    assert left(payment.surplus) == Decimal(200)
    assert OutboxEvent.objects.filter(kind="invoice.reopened").count() == 1


def test_a_mistyped_payment_is_taken_back_and_both_stay(invoice: Invoice, root: User, when: dict[str, Any]) -> None:
    payment = pay(invoice, 1200, root, reference="typo")
    made = reversals.reverse(payment, reason="was for another customer", **when)
    assert state(invoice) == ("sent", Decimal(1000))
    assert (Payment.objects.count(), left(payment.surplus)) == (1, Decimal(0))
    assert postings("reversal") == [
        ("bank", "-1200", "USD"), ("receivable", "1000", "USD"), ("credits", "200", "USD"),
    ]  # fmt: skip
    assert made.reason == "was for another customer"
    with pytest.raises(MoneyRefused, match="taken back already"):
        reversals.reverse(payment, reason="again", **when)
    pay(invoice, 1000, root, reference="right")
    assert state(invoice) == ("paid", Decimal(0))


def test_an_invoice_reopened_late_becomes_overdue_again(invoice: Invoice, root: User, when: dict[str, Any]) -> None:
    from crm.domain import overdue

    payment = pay(invoice, 1000, root)
    reversals.reverse(payment, reason="x", **when)
    overdue.mark_customer(invoice.customer_id, on=invoice.due_on + timedelta(days=1), at=NOW)
    assert state(invoice)[0] == "overdue"


def test_a_bad_debt_stays_unpaid_a_small_difference_does_not(
    invoice: Invoice, root: User, when: dict[str, Any]
) -> None:
    lost = write_offs.write_off(invoice, amount=Decimal(1000), reason="insolvent", **when)
    assert state(invoice) == ("sent", Decimal(0))
    with pytest.raises(payments.PaymentRefused, match="take the write-off back first"):
        pay(invoice, 10, root)
    with pytest.raises(issuing.InvoiceRefused, match="take the write-off back first"):
        issuing.credit_invoice(invoice, reason="x", **when)
    reversals.reverse(lost, reason="they paid after all", **when)
    pay(invoice, "999.98", root)
    write_offs.write_off(invoice, amount=Decimal("0.02"), reason="cents", kind="small_difference", **when)
    assert state(invoice) == ("paid", Decimal(0))
    assert postings("write_off") == [
        ("bad_debt", "1000", "USD"), ("receivable", "-1000", "USD"),
        ("small_difference", "0.02", "USD"), ("receivable", "-0.02", "USD"),
    ]  # fmt: skip


def test_what_was_used_is_taken_back_in_its_order(invoice: Invoice, when: dict[str, Any]) -> None:
    held = deposit(invoice.customer, 100, when)
    used = customer_credits.apply_credit(held, invoice=invoice, amount=Decimal(60), **when)
    back = refunds.refund_credit(held, amount=Decimal(40), reason="x", **when)
    for row in (held,):
        with pytest.raises(MoneyRefused, match="take that back first"):
            reversals.reverse(row, reason="x", **when)
    reversals.reverse(used, reason="x", **when)
    reversals.reverse(back, reason="x", **when)
    assert (state(invoice), left(held)) == (("sent", Decimal(1000)), Decimal(100))
    reversals.reverse(held, reason="x", **when)
    assert (left(held), queries.balance_of(invoice.customer, "USD")) == (Decimal(0), Decimal(1000))


def test_a_credit_note_after_payment_leaves_a_credit_that_is_refunded(
    invoice: Invoice, root: User, when: dict[str, Any]
) -> None:
    pay(invoice, 1000, root)
    issuing.credit_invoice(invoice, reason="x", **when)
    held = CustomerCredit.objects.get(kind=CreditKind.CREDIT_NOTE)
    refunds.refund_credit(held, amount=Decimal(1000), reason="x", **when)
    assert queries.balance_of(invoice.customer, "USD") == 0
    with pytest.raises(MoneyRefused, match="Only a deposit"):
        reversals.reverse(held, reason="x", **when)


WRONG_AMOUNTS = [("0", "greater"), ("-1", "greater"), ("NaN", "greater"), ("0.001", "digits"), ("1E+15", "digits")]


@pytest.mark.parametrize(("amount", "message"), WRONG_AMOUNTS)
@pytest.mark.parametrize("what", ["deposit", "apply", "refund_credit", "refund_payment", "write_off"])
def test_amounts_without_sense_are_refused_everywhere(
    what: str, amount: str, message: str, invoice: Invoice, root: User, when: dict[str, Any]
) -> None:
    held, payment, wrong = deposit(invoice.customer, 10, when), pay(invoice, 10, root), Decimal(amount)
    acts: dict[str, Callable[[], Any]] = {
        "deposit": lambda: deposit(invoice.customer, wrong, when),
        "apply": lambda: customer_credits.apply_credit(held, invoice=invoice, amount=wrong, **when),
        "refund_credit": lambda: refunds.refund_credit(held, amount=wrong, reason="x", **when),
        "refund_payment": lambda: refunds.refund_payment(payment, amount=wrong, reason="x", **when),
        "write_off": lambda: write_offs.write_off(invoice, amount=wrong, reason="x", **when),
    }
    with pytest.raises(MoneyRefused, match=message):
        acts[what]()


def test_wrong_days_reasons_and_doubles_are_refused(invoice: Invoice, root: User, when: dict[str, Any]) -> None:
    held, payment = deposit(invoice.customer, 10, when, reference="D"), pay(invoice, 10, root)
    late = {**when, "on": TODAY + timedelta(days=2)}
    with pytest.raises(customer_credits.DuplicateDeposit):
        deposit(invoice.customer, 10, when, reference="D")
    with pytest.raises(MoneyRefused, match="future"):
        deposit(invoice.customer, 11, when, received_on=TODAY + timedelta(days=1))
    with pytest.raises(MoneyRefused, match="no currency we know"):
        deposit(invoice.customer, 11, when, currency="XXX")
    for act in (
        lambda: refunds.refund_credit(held, amount=Decimal(1), reason="x", **late),
        lambda: write_offs.write_off(invoice, amount=Decimal(1), reason="x", **late),
        lambda: reversals.reverse(payment, reason="x", **late),
    ):
        with pytest.raises(MoneyRefused, match="future"):
            act()
    for act in (
        lambda: refunds.refund_credit(held, amount=Decimal(1), reason="  ", **when),
        lambda: write_offs.write_off(invoice, amount=Decimal(1), reason="", **when),
        lambda: reversals.reverse(payment, reason="", **when),
    ):
        with pytest.raises(MoneyRefused, match="State the reason"):
            act()


def test_credits_stay_with_customer_entity_and_currency(
    invoice: Invoice, root: User, customer_b: Customer, when: dict[str, Any]
) -> None:
    other: LegalEntity = factories.LegalEntityFactory()
    draft = factories.draft_invoice(by=root, customer=invoice.customer)
    cases = [
        (deposit(customer_b, 10, when), invoice, "own customer"),
        (deposit(invoice.customer, 10, when, legal_entity=other), invoice, "own customer and legal entity"),
        (deposit(invoice.customer, 10, when, currency="EUR"), invoice, "is in USD, the credit in EUR"),
        (deposit(invoice.customer, 10, when), draft, "issued invoices"),
    ]
    for held, target, message in cases:
        with pytest.raises(MoneyRefused, match=message):
            customer_credits.apply_credit(held, invoice=target, amount=Decimal(1), **when)


def test_a_closed_month_takes_nothing(invoice: Invoice, when: dict[str, Any], root: User) -> None:
    held = deposit(invoice.customer, 10, when)
    later = NOW + timedelta(days=40)
    periods.close_period(invoice.legal_entity, month=periods.first_of(TODAY), by=root, at=later)
    for act in (
        lambda: customer_credits.apply_credit(held, invoice=invoice, amount=Decimal(1), by=root, on=TODAY, at=later),
        lambda: refunds.refund_credit(held, amount=Decimal(1), reason="x", by=root, on=TODAY, at=later),
        lambda: write_offs.write_off(invoice, amount=Decimal(1), reason="x", by=root, on=TODAY, at=later),
        lambda: reversals.reverse(held, reason="x", by=root, on=TODAY, at=later),
    ):
        with pytest.raises(periods.PeriodClosed):
            act()
    late = deposit(invoice.customer, 5, {"by": root, "on": later.date(), "at": later})
    assert late.ledger_postings.get().entry.posted_on == later.date()


@pytest.mark.parametrize("act", ["refund", "write_off"])
def test_above_the_limit_a_second_person_is_asked(act: str, invoice: Invoice, root: User, when: dict[str, Any]) -> None:
    ApprovalLimit.objects.create(legal_entity=invoice.legal_entity, act=act, rule="above", amount=Decimal(50))
    held, payment = deposit(invoice.customer, 100, when), pay(invoice, 100, root)
    many: dict[str, Any] = {"amount": Decimal(51), "reason": "because", **when}
    if act == "write_off":
        with pytest.raises(SecondPersonNeeded):
            write_offs.write_off(invoice, **many)
        asked = [write_offs.write_off_or_ask(invoice, kind="bad_debt", **many)]
    else:
        with pytest.raises(SecondPersonNeeded):
            refunds.refund_credit(held, **many)
        asked = [refunds.refund_or_ask(held, **many), refunds.refund_or_ask(payment, **many)]
    from hashinsight.approvals.domain import requests

    other = factories.UserFactory(is_staff=True, is_superuser=True)
    for request in asked:
        assert isinstance(request, ApprovalRequest)
        assert requests.approve(request, by=other, at=NOW + timedelta(hours=1)).state == "approved"
    assert Refund.objects.count() + invoice.write_offs.count() == len(asked)


RAW = {
    "more applied than there is": (
        "INSERT INTO crm_creditapplication (public_id, version, created_at, updated_at, customer_id, credit_id,"
        " invoice_id, amount, currency, applied_on, is_sample) SELECT gen_random_uuid(), 1, now(), now(),"
        " c.customer_id, c.id, i.id, 11, 'USD', now(), false FROM crm_customercredit c, crm_invoice i"
    ),
    "more refunded than there is": (
        "INSERT INTO crm_refund (public_id, version, created_at, updated_at, customer_id, credit_id, amount, currency,"
        " refunded_on, method, reference, reason, is_sample) SELECT gen_random_uuid(), 1, now(), now(), customer_id,"
        " id, 11, 'USD', now(), 'cash', '', 'x', false FROM crm_customercredit"
    ),
    "a payment refunded beyond its amount": (
        "INSERT INTO crm_refund (public_id, version, created_at, updated_at, customer_id, payment_id, amount, currency,"
        " refunded_on, method, reference, reason, is_sample) SELECT gen_random_uuid(), 1, now(), now(), customer_id,"
        " id, 11, 'USD', now(), 'cash', '', 'x', false FROM crm_payment"
    ),
    "a credit changed": "UPDATE crm_customercredit SET amount = 99",
    "a credit deleted": "DELETE FROM crm_customercredit",
    "the invoice paid without money": "UPDATE crm_invoice SET status = 'paid', paid_on = now() WHERE status = 'sent'",
    "a payment without rate in another currency": (
        "INSERT INTO crm_payment (public_id, version, created_at, updated_at, customer_id, invoice_id, amount,"
        " currency, received_on, method, reference, note, is_sample) SELECT gen_random_uuid(), 1, now(), now(),"
        " customer_id, id, 1, 'BTC', now(), 'cash', '', '', false FROM crm_invoice"
    ),
}


@pytest.mark.parametrize("what", RAW)
def test_the_database_holds_it_as_well(what: str, invoice: Invoice, root: User, when: dict[str, Any]) -> None:
    deposit(invoice.customer, 10, when)
    pay(invoice, 10, root)
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(RAW[what])


def test_a_paid_invoice_is_not_opened_by_hand(invoice: Invoice, root: User) -> None:
    pay(invoice, 1000, root)
    with pytest.raises(IntegrityError, match="is settled"), transaction.atomic():
        Invoice.objects.filter(pk=invoice.pk).update(status="sent", paid_on=None)


def test_reversals_name_exactly_one_row(invoice: Invoice, root: User) -> None:
    payment = pay(invoice, 10, root)
    with pytest.raises(IntegrityError), transaction.atomic():
        Reversal.objects.create(customer=invoice.customer, reversed_on=TODAY, reason="x")
    held = deposit(invoice.customer, 10, {"by": root, "on": TODAY, "at": NOW})
    both = Refund(customer=invoice.customer, amount=1, currency="USD", refunded_on=TODAY, reason="x")
    both.payment, both.credit = payment, held
    with pytest.raises(IntegrityError), transaction.atomic():
        both.save()
