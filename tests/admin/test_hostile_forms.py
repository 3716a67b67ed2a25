"""Requests no browser sends: the server does not do the work they claim to bring."""

import pytest
from django.test import Client

from accounts.models import User
from crm.models import Customer, DealLine, Payment
from tests import factories
from tests.admin.forms import confirm, page_data, url

pytestmark = pytest.mark.django_db


def test_a_claim_of_a_hundred_thousand_lines_builds_few_forms(as_root: Client, customer_a: Customer) -> None:
    deal = factories.DealFactory(customer=customer_a)
    address = url("deal", deal.pk, "change")
    data = page_data(as_root.get(address))
    prefix = next(name for name in data if name.endswith("-TOTAL_FORMS"))
    page = as_root.post(address, {**data, prefix: "99999"})

    assert page.status_code == 200
    assert page.content.count(b"-description") < 600 * 5
    assert not DealLine.objects.filter(deal=deal).exists()


PAYMENTS = [
    {"amount": "-1"}, {"amount": "0"}, {"amount": "0.001"}, {"amount": "ten"}, {"amount": "NaN"}, {"amount": "9" * 30},
    {"currency": "EUR"}, {"currency": "XXX"}, {"currency": "usd"}, {"received_on": "2999-01-01"},
    {"received_on": "31.02.2026"}, {"method": "barter"}, {"reference": "a\x00b"}, {"reference": "x" * 1000},
]  # fmt: skip


@pytest.mark.parametrize("wrong", PAYMENTS, ids=str)
def test_wrong_money_is_refused_on_the_page(
    as_root: Client, root: User, customer_a: Customer, wrong: dict[str, str]
) -> None:
    invoice = factories.issued_invoice(by=root, customer=customer_a)
    good = {"amount": "10", "currency": "USD", "received_on": factories.TODAY.isoformat(), "method": "cash"}
    page = confirm(as_root, url("invoice", invoice.pk, "pay"), **{**good, **wrong})
    assert page.context["error"] or page.context["form"].errors
    assert not Payment.objects.exists()
    confirm(as_root, url("invoice", invoice.pk, "pay"), **{**good, "reference": "Überweisung ⛏️"})
    assert Payment.objects.get().reference == "Überweisung ⛏️"
