"""A customer number that documents bear stays with its customer, whoever tries what."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from accounts.models import User
from crm.admin.imports import CustomerResource
from crm.domain import edits, issuing, master_data, numbering
from crm.domain.customers import CustomerRefused
from crm.models import Customer, Invoice, LegalEntity
from tests import factories
from tests.factories import NOW
from tests.support.standing import standing

pytestmark = pytest.mark.django_db


@pytest.fixture
@standing
def billed(root: User, customer_a: Customer) -> Customer:
    factories.issued_invoice(by=root, customer=customer_a)
    return customer_a


def test_before_the_first_document_the_number_is_free(root: User, customer_a: Customer) -> None:
    assert edits.change_customer(customer_a, changes={"code": "KIEL1"}, by=root).code == "KIEL1"
    factories.draft_invoice(by=root, customer=customer_a)
    assert edits.change_customer(customer_a, changes={"code": "KIEL2"}, by=root).code == "KIEL2"


def test_afterwards_the_domain_refuses_in_words(root: User, billed: Customer) -> None:
    old = billed.code
    sentence = f"The customer number {old} cannot be changed: invoices are numbered with it."
    with pytest.raises(CustomerRefused, match=sentence):
        edits.change_customer(billed, changes={"code": "KIEL1"}, by=root)
    billed.code = "KIEL1"
    with pytest.raises(CustomerRefused, match=sentence):
        master_data.save_customer(billed, by=root)
    assert billed.reload().code == old
    assert edits.change_customer(billed, changes={"city": "Kiel"}, by=root).city == "Kiel"


def test_one_series_for_all_customers_leaves_the_number_free(root: User, customer_a: Customer) -> None:
    LegalEntity.objects.update(number_scope="entity")
    factories.issued_invoice(by=root, customer=customer_a)
    assert edits.change_customer(customer_a, changes={"code": "KIEL1"}, by=root).code == "KIEL1"


def by_sql(customer: Customer) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE crm_customer SET code = 'KIEL1' WHERE id = %s", [customer.pk])


@pytest.mark.parametrize(
    "write",
    [
        lambda customer: customer.save(update_fields=["code"]),
        lambda customer: Customer.objects.filter(pk=customer.pk).update(code="KIEL1"),
        lambda customer: Customer.objects.bulk_update([customer], ["code"]),
        by_sql,
    ],
    ids=["save", "update", "bulk_update", "sql"],
)
def test_no_raw_path_gets_past_the_database(write: Callable[[Customer], Any], billed: Customer) -> None:
    old, billed.code = billed.code, "KIEL1"
    with pytest.raises(IntegrityError, match="numbered with customer number"), transaction.atomic():
        write(billed)
    assert billed.reload().code == old


def test_an_import_has_no_column_for_it() -> None:
    assert "code" not in CustomerResource.columns()


@pytest.mark.django_db(transaction=True)
def test_a_number_changed_during_the_first_issue_is_the_one_on_the_document(
    root: User, customer_a: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The issue has read the customer already when somebody else changes the number and commits."""
    draft = factories.draft_invoice(by=root, customer=customer_a)
    real, started, changed = numbering.take, Event(), Event()

    def late(**parts: Any) -> str:
        assert parts["customer"].code != "KIEL1"
        started.set()
        assert changed.wait(10)
        return real(**parts)

    monkeypatch.setattr(numbering, "take", late)

    def change() -> None:
        try:
            assert started.wait(10)
            edits.change_customer(customer_a, changes={"code": "KIEL1"}, by=root)
        finally:
            changed.set()
            connection.close()

    with ThreadPoolExecutor(max_workers=1) as elsewhere:
        running = elsewhere.submit(change)
        issuing.issue_invoice(draft, by=root, on=NOW.date(), at=NOW)
        running.result()
    assert Invoice.objects.get(pk=draft.pk).number == "INV-KIEL1-2026-0001"
