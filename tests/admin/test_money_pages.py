"""Customers' money in the back office: the effect first, a power for each act, a second person above the limit."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from crm.domain import customer_credits, payments, refunds, reversals, write_offs
from crm.domain.ledger.check import discrepancies
from crm.models import (
    ApprovalLimit,
    CreditApplication,
    Customer,
    CustomerCredit,
    Invoice,
    JournalEntry,
    Payment,
    Refund,
    Reversal,
    WriteOff,
)
from hashinsight.approvals.domain import requests
from hashinsight.approvals.models import ApprovalRequest
from tests import factories
from tests.admin.conftest import SignIn, seen, texts
from tests.admin.forms import confirm, url
from tests.factories import NOW, TODAY
from tests.support.standing import standing

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("quiet_broker")]
DAY = TODAY.isoformat()
REFUND = {"amount": "40", "on": DAY, "method": "bank_transfer", "reason": "asked for it"}
WRITE_OFF = {"amount": "1000", "kind": "bad_debt", "on": DAY, "reason": "insolvent"}


@pytest.fixture
@standing
def invoice(root: User, customer_a: Customer) -> Invoice:
    """1,000.00 USD."""
    return factories.issued_invoice(by=root, customer=customer_a)


@pytest.fixture
@standing
def deposit(root: User, invoice: Invoice) -> CustomerCredit:
    """300.00 USD."""
    return customer_credits.record_deposit(
        invoice.customer, amount=Decimal(300), currency="USD", received_on=TODAY, by=root, on=TODAY, at=NOW
    )


@pytest.fixture
@standing
def payment(root: User, invoice: Invoice) -> Payment:
    """100.00 USD."""
    return payments.record_payment(
        invoice, amount=Decimal(100), currency="USD", received_on=TODAY, by=root, on=TODAY, at=NOW
    )


def changes(page: Any) -> list[tuple[str, ...]]:
    return [tuple(str(part).replace("\xa0", " ") for part in row) for row in page.context["effect"].changes]


def deposit_fields(customer: Customer, **more: Any) -> dict[str, Any]:
    entity = customer.legal_entity or factories.LegalEntityFactory()
    fields = {"amount": "250", "currency": "USD", "received_on": DAY, "method": "card", "legal_entity": entity.pk}
    return {**fields, **more}


def state(invoice: Invoice) -> tuple[str, Decimal]:
    found: Any = Invoice.objects.with_balance().get(pk=invoice.pk)
    return found.status, found.outstanding


def test_a_deposit_is_shown_then_recorded(as_root: Client, invoice: Invoice) -> None:
    customer = invoice.customer
    address, fields = url("customer", customer.pk, "deposit"), deposit_fields(customer, reference="T-1")
    look = as_root.post(address, {"seen": seen(as_root.get(address)), "preview": "1", **fields})
    assert changes(look) == [("balance", "1,000.00 USD owed", "750.00 USD owed")]
    assert CustomerCredit.objects.count() == 0
    assert texts(confirm(as_root, address, **fields)) == ["The deposit was recorded."]
    made = CustomerCredit.objects.get()
    assert (made.amount, made.kind, made.method, made.reference) == (Decimal(250), "deposit", "card", "T-1")
    assert discrepancies() == []


def test_a_second_click_on_a_deposit_meets_a_changed_account(as_root: Client, invoice: Invoice) -> None:
    address = url("customer", invoice.customer_id, "deposit")
    fields = {"seen": seen(as_root.get(address)), **deposit_fields(invoice.customer)}
    assert as_root.post(address, fields).status_code == 302
    late = as_root.post(address, fields)
    assert late.status_code == 409
    assert "Something changed" in late.context["error"]
    assert CustomerCredit.objects.count() == 1


@pytest.mark.parametrize("wrong", [{"amount": "0"}, {"amount": "1.001"}, {"received_on": "2099-01-01"}])
def test_a_deposit_without_sense_is_refused_on_the_filled_form(
    as_root: Client, invoice: Invoice, wrong: dict[str, str]
) -> None:
    page = confirm(
        as_root, url("customer", invoice.customer_id, "deposit"), **deposit_fields(invoice.customer, **wrong)
    )
    assert page.status_code == 409
    assert page.context["error"]
    assert CustomerCredit.objects.count() == 0


@pytest.mark.parametrize("side", ["credit", "invoice"])
def test_a_credit_is_applied_from_either_page(
    side: str, as_root: Client, invoice: Invoice, deposit: CustomerCredit
) -> None:
    if side == "credit":
        address, fields = url("customercredit", deposit.pk, "apply"), {"invoice": invoice.pk, "amount": "300"}
    else:
        address, fields = url("invoice", invoice.pk, "apply"), {"credit": deposit.pk, "amount": "300"}
    assert changes(as_root.get(address)) == [
        (f"outstanding on {invoice}", "1,000.00 USD", "700.00 USD"),
        ("status", "sent", "sent"),
        ("left of the credit", "300.00 USD", "0.00 USD"),
    ]
    assert CreditApplication.objects.count() == 0
    assert texts(confirm(as_root, address, **fields)) == ["The credit was applied."]
    assert state(invoice) == ("sent", Decimal(700))


def test_a_foreign_invoice_cannot_be_chosen(
    as_root: Client, root: User, deposit: CustomerCredit, customer_b: Customer
) -> None:
    foreign = factories.issued_invoice(by=root, customer=customer_b)
    page = confirm(as_root, url("customercredit", deposit.pk, "apply"), invoice=foreign.pk, amount="1")
    assert page.context["form"].errors["invoice"]
    assert CreditApplication.objects.count() == 0


def test_where_nothing_fits_there_is_no_button(as_root: Client, invoice: Invoice) -> None:
    page = as_root.get(url("invoice", invoice.pk, "apply"))
    assert page.status_code == 409
    assert "We hold no money of this customer" in page.context["error"]
    assert 'name="seen"' not in page.content.decode()


def test_a_refund_of_a_credit(as_root: Client, deposit: CustomerCredit) -> None:
    address = url("customercredit", deposit.pk, "refund")
    assert changes(as_root.get(address)) == [("left of the credit", "300.00 USD", "0.00 USD")]
    assert texts(confirm(as_root, address, **REFUND)) == ["The refund was recorded."]
    assert customer_credits.balance_of(deposit) == Decimal(260)
    assert Refund.objects.get().reason == "asked for it"


def test_a_refund_of_a_payment_opens_the_invoice_again(as_root: Client, payment: Payment, invoice: Invoice) -> None:
    address = url("payment", payment.pk, "refund")
    assert changes(as_root.get(address))[0] == (f"outstanding on {invoice}", "900.00 USD", "1,000.00 USD")
    assert texts(confirm(as_root, address, **REFUND)) == ["The refund was recorded."]
    assert state(invoice) == ("sent", Decimal(940))


def test_a_write_off(as_root: Client, invoice: Invoice) -> None:
    address = url("invoice", invoice.pk, "writeoff")
    assert changes(as_root.get(address))[0] == (f"outstanding on {invoice}", "1,000.00 USD", "0.00 USD")
    assert WriteOff.objects.count() == 0
    assert texts(confirm(as_root, address, **WRITE_OFF)) == ["The claim was written off."]
    assert (state(invoice), WriteOff.objects.get().kind) == (("sent", Decimal(0)), "bad_debt")


@pytest.mark.parametrize("what", ["refund", "write_off"])
def test_above_the_limit_the_page_says_so_and_a_second_person_decides(
    what: str, as_root: Client, invoice: Invoice, deposit: CustomerCredit, staff: Any, sign_in: SignIn
) -> None:
    ApprovalLimit.objects.create(legal_entity=invoice.legal_entity, act=what, rule="above", amount=Decimal(30))
    address = (
        url("customercredit", deposit.pk, "refund") if what == "refund" else url("invoice", invoice.pk, "writeoff")
    )
    page = as_root.get(address)
    assert any("it will wait for a second person" in str(text) for text in page.context["effect"].warnings)
    said = texts(confirm(as_root, address, **(REFUND if what == "refund" else WRITE_OFF)))
    assert said == ["The request waits for a second person's approval."]
    assert Refund.objects.count() + WriteOff.objects.count() == 0
    request = ApprovalRequest.objects.get()
    other = factories.UserFactory(is_staff=True, is_superuser=True)
    decision = sign_in(other).get(f"/admin/approvals/approvalrequest/{request.pk}/approve/")
    assert changes(decision)[0][1:] in (("300.00 USD", "260.00 USD"), ("1,000.00 USD", "0.00 USD"))
    assert requests.approve(request, by=other, at=NOW).state == "approved"
    assert Refund.objects.count() + WriteOff.objects.count() == 1


def rows_to_reverse(invoice: Invoice, deposit: CustomerCredit, payment: Payment, root: User) -> dict[str, Any]:
    step: dict[str, Any] = {"by": root, "on": TODAY, "at": NOW}
    other = customer_credits.record_deposit(
        invoice.customer, amount=Decimal(7), currency="USD", received_on=TODAY, **step
    )
    return {
        "payment": payment,
        "customercredit": other,
        "creditapplication": customer_credits.apply_credit(deposit, invoice=invoice, amount=Decimal(5), **step),
        "refund": refunds.refund_credit(deposit, amount=Decimal(6), reason="x", **step),
        "writeoff": write_offs.write_off(invoice, amount=Decimal(8), reason="x", **step),
    }


def test_each_kind_of_mistake_is_taken_back_once(
    as_root: Client, root: User, invoice: Invoice, deposit: CustomerCredit, payment: Payment
) -> None:
    for model, row in rows_to_reverse(invoice, deposit, payment, root).items():
        address = url(model, row.pk, "reverse")
        page = as_root.get(address)
        assert any(before != after for _label, before, after in changes(page)), model
        said = texts(confirm(as_root, address, on=DAY, reason="typed twice"))
        assert said == ["It was taken back; the counter-entry is in the books."], model
        again = as_root.get(address)
        assert (again.status_code, "taken back already" in again.context["error"]) == (409, True), model
        listed = as_root.get(f"/admin/crm/{model}/").content.decode()
        assert "taken back" in listed, model
    assert Reversal.objects.count() == 5
    assert state(invoice) == ("sent", Decimal(1000))
    assert "typed twice" in as_root.get("/admin/crm/reversal/").content.decode()
    assert discrepancies() == []


POWERS = [
    ("customer", "deposit", "crm.view_customer", "crm.add_customercredit"),
    ("customercredit", "apply", "crm.view_customercredit", "crm.apply_customercredit"),
    ("customercredit", "refund", "crm.view_customercredit", "crm.refund_customercredit"),
    ("customercredit", "reverse", "crm.view_customercredit", "crm.reverse_customercredit"),
    ("payment", "refund", "crm.view_payment", "crm.refund_payment"),
    ("payment", "reverse", "crm.view_payment", "crm.reverse_payment"),
    ("invoice", "apply", "crm.view_invoice", "crm.apply_customercredit"),
    ("invoice", "writeoff", "crm.view_invoice", "crm.add_writeoff"),
]


@pytest.mark.parametrize(("model", "page", "look", "power"), POWERS)
def test_each_page_has_a_power_of_its_own(
    model: str, page: str, look: str, power: str, staff: Any, sign_in: SignIn, deposit: CustomerCredit, payment: Payment
) -> None:
    rows = {
        "customer": deposit.customer, "customercredit": deposit, "payment": payment, "invoice": payment.invoice,
    }  # fmt: skip
    address = url(model, rows[model].pk, page)
    others = [other for _model, _page, _look, other in POWERS if other != power]
    without, with_it = sign_in(staff(look, *others)), sign_in(staff(look, power))
    assert (without.get(address).status_code, without.post(address).status_code) == (403, 403)
    assert with_it.get(address).status_code == 200


def test_buttons_fit_the_state(as_root: Client, root: User, deposit: CustomerCredit) -> None:
    def buttons() -> set[str]:
        page = as_root.get(url("customercredit", deposit.pk, "change"))
        return {str(button["title"]) for button in page.context["house_buttons"]}

    assert buttons() == {"Apply credit", "Refund", "Take back"}
    refunds.refund_credit(deposit, amount=Decimal(1), reason="x", by=root, on=TODAY, at=NOW)
    assert buttons() == {"Apply credit", "Refund"}
    refunds.refund_credit(deposit, amount=Decimal(299), reason="x", by=root, on=TODAY, at=NOW)
    assert buttons() == set()


def test_the_journal_shows_both_sides(as_root: Client, deposit: CustomerCredit) -> None:
    entry = JournalEntry.objects.get(kind="deposit")
    text = as_root.get(f"/admin/crm/journalentry/{entry.pk}/change/").content.decode()
    assert "deposits" in text
    assert text.count("300.00\xa0USD") >= 2
    assert date.fromisoformat(DAY) == entry.posted_on
    assert as_root.post(f"/admin/crm/journalentry/{entry.pk}/change/", {"text": "x"}).status_code == 403


@pytest.mark.parametrize("model", ["customercredit", "creditapplication", "refund", "writeoff", "reversal"])
def test_lists_do_not_ask_row_by_row(
    model: str, as_root: Client, root: User, invoice: Invoice, deposit: CustomerCredit, payment: Payment
) -> None:
    def asked() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert as_root.get(f"/admin/crm/{model}/").status_code == 200
        return len(captured)

    rows = rows_to_reverse(invoice, deposit, payment, root)
    reversals.reverse(rows["payment"], reason="x", by=root, on=TODAY, at=NOW)
    asked()
    few = asked()
    more = rows_to_reverse(invoice, deposit, payment, root)
    for name in ("refund", "writeoff"):
        reversals.reverse(more[name], reason="x", by=root, on=TODAY, at=NOW)
    assert asked() == few


def test_a_payment_in_bitcoin_brings_its_rate(as_root: Client, invoice: Invoice) -> None:
    address = url("invoice", invoice.pk, "pay")
    fields = {"amount": "0.01", "currency": "BTC", "received_on": DAY, "method": "bitcoin"}
    without = confirm(as_root, address, **fields)
    assert "state the rate" in without.context["error"]
    fields |= {"rate": "60000", "settles": "590"}
    look = as_root.post(address, {"seen": seen(as_root.get(address)), "preview": "1", **fields})
    assert changes(look)[1] == ("outstanding", "1,000.00 USD", "410.00 USD")
    assert texts(confirm(as_root, address, **fields)) == ["The payment was recorded."]
    made = Payment.objects.get()
    assert (made.amount, made.rate, made.settles) == (Decimal("0.01"), Decimal(60000), Decimal(590))
    assert state(invoice) == ("sent", Decimal(410))
    assert discrepancies() == []


def test_what_was_taken_back_can_be_recorded_again(as_root: Client, invoice: Invoice) -> None:
    address = url("invoice", invoice.pk, "pay")
    fields = {"amount": "10", "currency": "USD", "received_on": DAY, "method": "cash", "reference": "R-1"}
    confirm(as_root, address, **fields)
    assert "recorded for that day already" in confirm(as_root, address, **fields).context["error"]
    confirm(as_root, url("payment", Payment.objects.get().pk, "reverse"), on=DAY, reason="it was a card")
    assert texts(confirm(as_root, address, **{**fields, "method": "card"})) == ["The payment was recorded."]
    assert state(invoice) == ("sent", Decimal(990))
