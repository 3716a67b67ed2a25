"""ETag, If-None-Match, If-Match."""

import pytest
from django.db import transaction

from accounts.models import User
from crm.domain import customers, invoicing
from crm.models import Customer, Invoice, InvoiceLine
from tests import factories
from tests.api.client import Caller

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("path", ["/me/", "/customers/", "/invoices/", "/invoices/{invoice}/", "/schema/"])
def test_unchanged_is_304_without_a_body(as_alice: Caller, invoice_a: Invoice, path: str) -> None:
    url = path.format(invoice=invoice_a.public_id)
    first = as_alice.get(url)
    again = as_alice.get(url, If_None_Match=f'"other", W/{first["ETag"]}')
    assert (first.status_code, again.status_code, again.content) == (200, 304, b"")
    assert again["ETag"] == first["ETag"]
    assert as_alice.get(url, If_None_Match='"other"').status_code == 200


def test_a_payment_changes_the_tag_of_its_invoice(as_root: Caller, invoice_a: Invoice) -> None:
    url = f"/invoices/{invoice_a.public_id}/"
    before = as_root.get(url)["ETag"]
    body = {"invoice": str(invoice_a.public_id), "amount": "1", "currency": "USD", "received_on": "2026-11-20"}
    assert as_root.post("/payments/", body).status_code == 201
    assert as_root.get(url, If_None_Match=before).status_code == 200


def test_answer_of_a_change_has_the_tag_that_reading_gives(as_alice: Caller, customer_a: Customer) -> None:
    url = f"/customers/{customer_a.public_id}/"
    changed = as_alice.patch(url, {"phone": "1"}, If_Match=as_alice.get(url)["ETag"])
    assert (changed.status_code, changed["Content-Location"]) == (200, f"/api/v1{url}")
    assert as_alice.get(url, If_None_Match=changed["ETag"]).status_code == 304


def test_stale_state_is_412_and_changes_nothing(as_alice: Caller, customer_a: Customer, root: User) -> None:
    url = f"/customers/{customer_a.public_id}/"
    tag = as_alice.get(url)["ETag"]
    customers.change_contact(customer_a, changes={"phone": "by somebody else"}, by=root)
    answer = as_alice.patch(url, {"phone": "mine"}, If_Match=tag)
    assert (answer.status_code, answer.json()["code"]) == (412, "stale")
    assert as_alice.get(url).json()["phone"] == "by somebody else"


@pytest.mark.parametrize("header", ['"nonsense"', "nonsense", "", 'W/"x"', '"' + "a" * 5000 + '"'])
def test_a_tag_that_is_not_ours_is_412(as_alice: Caller, customer_a: Customer, header: str) -> None:
    url = f"/customers/{customer_a.public_id}/"
    assert as_alice.patch(url, {"phone": "x"}, If_Match=header).status_code == 412


def test_if_match_compares_strongly_and_star_matches_all(as_alice: Caller, customer_a: Customer) -> None:
    url = f"/customers/{customer_a.public_id}/"
    tag = as_alice.get(url)["ETag"]
    assert as_alice.patch(url, {"phone": "x"}, If_Match=f"W/{tag}").status_code == 412
    assert as_alice.patch(url, {"phone": "x"}, If_Match="*").status_code == 200


def test_lines_are_part_of_the_state_of_a_draft(as_root: Caller, customer_a: Customer, root: User) -> None:
    draft = factories.draft_invoice(by=root, customer=customer_a)
    url = f"/invoices/{draft.public_id}/"
    tag = as_root.get(url)["ETag"]
    with transaction.atomic():
        line = InvoiceLine(description="the same price, another thing", quantity=1, unit_price=1000)
        invoicing.set_lines(draft, lines=[line], on=factories.TODAY)
    assert as_root.post(f"{url}issue/", If_Match=tag).status_code == 412
    assert as_root.post(f"{url}issue/", If_Match=as_root.get(url)["ETag"]).status_code == 200


def test_being_used_does_not_make_a_key_stale(as_alice: Caller) -> None:
    url = f"/api-keys/{as_alice.key.public_id}/"
    tag = as_alice.get(url)["ETag"]
    as_alice.key.__class__.objects.filter(pk=as_alice.key.pk).update(last_used_at=factories.NOW)
    assert as_alice.post(f"{url}revoke/", If_Match=tag).status_code == 200
