"""The pages of files for accounting: the effect first, all that is missing, and the bytes."""

import hashlib
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from crm.models import (
    AccountingExport,
    AccountingSettings,
    DebtorNumber,
    Invoice,
    LedgerAccount,
    LegalEntity,
    NumberSeries,
)
from tests.admin.forms import save
from tests.factories import NOW, CustomerFactory, issued_invoice
from tests.support.standing import standing

pytestmark = pytest.mark.django_db
MAKE = "/admin/crm/accountingexport/make/"


@pytest.fixture
@standing
def invoice(root: User, legal_entity: LegalEntity) -> Invoice:
    """In the books of November."""
    return issued_invoice(by=root, customer=CustomerFactory(), at=NOW)


@pytest.fixture
def staff(client: Client, root: User) -> Client:
    """Signed in."""
    client.force_login(root)
    return client


def form(invoice: Invoice, kind: str, page: Any, **more: str) -> dict[str, str]:
    """Filled, with the fingerprint the page showed."""
    return {
        "legal_entity": str(invoice.legal_entity_id), "kind": kind, "first": "2026-11", "last": "",
        "seen": page.context["seen"], **more,
    }  # fmt: skip


def test_the_plan_first_then_the_file(staff: Client, invoice: Invoice) -> None:
    page = staff.get(MAKE)
    preview = staff.post(MAKE, form(invoice, "journal_csv", page, preview="1"))
    text = preview.content.decode()
    assert "the file is provisional" in text
    assert "1,000.00" in text
    assert AccountingExport.objects.count() == 0
    done = staff.post(MAKE, form(invoice, "journal_csv", page))
    export = AccountingExport.objects.get()
    assert done.headers["Location"].endswith(f"/admin/crm/accountingexport/{export.pk}/change/")
    shown = staff.get(done.headers["Location"]).content.decode()
    assert export.sha256 in shown
    answer: Any = staff.get(f"/admin/crm/accountingexport/{export.pk}/fetch/")
    assert hashlib.sha256(b"".join(answer.streaming_content)).hexdigest() == export.sha256


def test_an_account_gets_its_number_and_nothing_else_of_it_changes(staff: Client, invoice: Invoice) -> None:
    account = LedgerAccount.objects.filter(legal_entity=invoice.legal_entity, kind="receivable").get()
    page = f"/admin/crm/ledgeraccount/{account.pk}/change/"
    save(staff, page, external_number="1200", code="other", kind="bank")
    after = LedgerAccount.objects.get(pk=account.pk)
    assert (after.external_number, after.code, after.kind) == ("1200", account.code, account.kind)
    assert "1200" in staff.get("/admin/crm/ledgeraccount/").content.decode()
    assert staff.get("/admin/crm/ledgeraccount/add/").status_code == 403


def test_what_is_missing_is_listed_and_nothing_is_made(staff: Client, invoice: Invoice) -> None:
    page = staff.get(MAKE)
    preview = staff.post(MAKE, form(invoice, "datev", page, preview="1")).content.decode()
    assert "has no debtor number" in preview
    answer = staff.post(MAKE, form(invoice, "datev", page))
    assert answer.status_code == 409
    assert "Nothing was made" in answer.content.decode()
    assert AccountingExport.objects.count() == 0


def test_debtor_numbers_are_given_out_once(staff: Client, invoice: Invoice) -> None:
    settings = AccountingSettings.objects.create(legal_entity=invoice.legal_entity)
    address = f"/admin/crm/accountingsettings/{settings.pk}/assign/"
    page: Any = staff.get(address)
    assert invoice.customer.company_name in page.content.decode()
    staff.post(address, {"seen": page.context["seen"]})
    assert [row.number for row in DebtorNumber.objects.all()] == ["10000"]
    again: Any = staff.get(address)
    staff.post(address, {"seen": again.context["seen"]})
    assert DebtorNumber.objects.count() == 1


def test_who_may_look_may_not_fetch(client: Client, clerk: User, staff: Client, invoice: Invoice) -> None:
    staff.post(MAKE, form(invoice, "journal_csv", staff.get(MAKE)))
    export = AccountingExport.objects.get()
    other = Client()
    other.force_login(clerk)
    assert other.get(f"/admin/crm/accountingexport/{export.pk}/fetch/").status_code == 403
    assert other.get(MAKE).status_code == 403


def test_the_company_shows_where_a_series_that_was_taken_over_begins(staff: Client, legal_entity: LegalEntity) -> None:
    NumberSeries.objects.create(legal_entity=legal_entity, kind="deal", year=2026, starts_after=471, last_number=471)
    page: Any = staff.get(f"/admin/crm/legalentity/{legal_entity.pk}/change/")
    (inline,) = page.context["inline_admin_formsets"]
    assert [field["label"] for field in inline.fields()] == ["kind", "year", "customer", "starts after", "last number"]
    assert "471" in page.content.decode()
