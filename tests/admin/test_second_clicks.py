"""A button pressed twice at the same moment acts once: forms carry no key of their own, the pages must see to it."""

from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from crm.domain import customer_credits, payments
from crm.models import Customer, CustomerCredit, Invoice, Lead, Payment, Refund
from hashinsight.common.admin.confirm import ConfirmPage
from tests import factories
from tests.admin.conftest import SignIn, seen
from tests.admin.forms import url
from tests.admin.test_imports import LEADS, upload
from tests.factories import NOW, TODAY
from tests.support.standing import standing
from tests.trust.threads import in_threads

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("quiet_broker")]
CLICKS = 4


@pytest.fixture
@standing
def issued(root: User, customer_a: Customer) -> Invoice:
    return factories.issued_invoice(by=root, customer=customer_a)


def book(invoice: Invoice, amount: str, *, by: User) -> None:
    payments.record_payment(
        invoice, amount=Decimal(amount), currency="USD", received_on=TODAY, by=by, on=TODAY, at=NOW, method="cash"
    )


def _click_together(user: User, sign_in: SignIn, address: str, **fields: Any) -> list[int]:
    """The same page, sent ``CLICKS`` times at once; the status of each answer, in rising order."""
    clients = [sign_in(user) for _click in range(CLICKS)]
    data = {"seen": seen(clients[0].get(address)), **fields}
    return sorted(in_threads(lambda n: clients[n].post(address, data).status_code, CLICKS))


def test_one_credit_note(root: User, issued: Invoice, sign_in: SignIn) -> None:
    """A tenth of the line could be taken back four times, if nobody looked."""
    page = url("invoice", issued.pk, "credit")
    answers = _click_together(root, sign_in, page, line_1="0.1", reason="broken rack")
    assert answers == [302] + [409] * (CLICKS - 1)
    assert Invoice.objects.filter(corrects=issued).count() == 1


def test_one_payment(root: User, issued: Invoice, sign_in: SignIn) -> None:
    """Without a reference nothing else tells two payments of one day apart."""
    fields = {"amount": "10", "received_on": TODAY.isoformat(), "method": "cash"}
    answers = _click_together(root, sign_in, url("invoice", issued.pk, "pay"), **fields)
    assert answers == [302] + [409] * (CLICKS - 1)
    assert [payment.amount for payment in Payment.objects.all()] == [Decimal(10)]


@pytest.mark.parametrize("page", ["deposit", "refund"])
def test_one_deposit_and_one_refund(page: str, root: User, issued: Invoice, sign_in: SignIn) -> None:
    """Rows that are written once have no version that a first click would raise."""
    customer, step = issued.customer, {"by": root, "on": TODAY, "at": NOW}
    held = customer_credits.record_deposit(customer, amount=Decimal(90), currency="USD", received_on=TODAY, **step)
    fields: dict[str, Any] = {"amount": "10", "method": "cash"}
    if page == "deposit":
        address = url("customer", customer.pk, "deposit")
        fields |= {"currency": "USD", "received_on": TODAY.isoformat(), "legal_entity": issued.legal_entity_id}
    else:
        address = url("customercredit", held.pk, "refund")
        fields |= {"on": TODAY.isoformat(), "reason": "x"}
    assert _click_together(root, sign_in, address, **fields) == [302] + [409] * (CLICKS - 1)
    assert CustomerCredit.objects.count() + Refund.objects.count() == 2


def test_who_was_too_late_sees_what_is_there_now(
    root: User, issued: Invoice, as_root: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other click gets through after the first look at the version, and before the deed."""
    address, act = url("invoice", issued.pk, "pay"), ConfirmPage.act

    def act_after_another(page: ConfirmPage, obj: Any, form: Any) -> None:
        monkeypatch.setattr(ConfirmPage, "act", act)
        book(issued, "400", by=root)
        act(page, obj, form)

    monkeypatch.setattr(ConfirmPage, "act", act_after_another)
    fields = {"amount": "1000", "received_on": TODAY.isoformat(), "method": "cash"}
    late = as_root.post(address, {"seen": seen(as_root.get(address)), **fields})
    assert late.status_code == 409
    assert "Something changed since this page was opened." in late.context["error"]
    assert [str(change[1]) for change in late.context["effect"].changes[:2]] == ["400.00\xa0USD", "600.00\xa0USD"]
    assert as_root.post(address, {"seen": seen(late), **fields}).status_code == 302
    assert sorted(payment.amount for payment in Payment.objects.all()) == [Decimal(400), Decimal(1000)]


def test_one_import(root: User, sign_in: SignIn) -> None:
    clients = [sign_in(root) for _click in range(CLICKS)]
    token = upload(clients[0], LEADS, "title\nOne\nTwo\n").context["token"]
    answers = in_threads(lambda n: clients[n].post(LEADS, {"token": token})["Location"], CLICKS)
    assert sorted(answers) == ["/admin/crm/lead/"] + [LEADS] * (CLICKS - 1)
    assert sorted(Lead.objects.values_list("title", flat=True)) == ["One", "Two"]
