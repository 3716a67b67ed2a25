"""Reading: who sees what, in which form."""

import hashlib
from collections.abc import Callable

import pytest
from django.utils import timezone

from accounts.models import User
from crm.domain import payments
from crm.models import Customer, Invoice
from hashinsight.jobs.models import DueWork
from tests import factories
from tests.api.client import Caller

pytestmark = pytest.mark.django_db
NOBODY = "0199f3a1-7c1e-7b52-9d3e-2f6a41c07d11"


def test_me_names_user_customers_and_key(as_alice: Caller, customer_a: Customer) -> None:
    body = as_alice.get("/me/").json()
    assert body == {
        "id": str(as_alice.user.pk),
        "email": "alice@aurora.example",
        "name": "Alice",
        "role": "client",
        "customers": [
            {
                "id": str(customer_a.public_id),
                "number": customer_a.code,
                "company_name": "Aurora Mining AG",
                "role": "customer_admin",
            }
        ],
        "key": {
            "id": str(as_alice.key.public_id),
            "name": "test",
            "prefix": as_alice.key.prefix,
            "scopes": as_alice.key.scopes,
            "expires_at": None,
        },
    }


def test_client_reads_own_invoice_with_lines_and_money_as_text(as_bob: Caller, invoice_a: Invoice) -> None:
    body = as_bob.get(f"/invoices/{invoice_a.public_id}/").json()
    assert (body["number"], body["gross_total"], body["outstanding"], body["currency"]) == (
        invoice_a.number,
        "1000.00",
        "1000.00",
        "USD",
    )
    assert [(line["quantity"], line["unit_price"], line["net_amount"]) for line in body["lines"]] == [
        ("1", "1000", "1000.00")
    ]
    assert body["document"] is None
    assert "reference" not in body


def test_amounts_have_the_digits_of_their_currency(as_bob: Caller, customer_a: Customer, root: User) -> None:
    factories.issued_invoice(by=root, customer=customer_a, currency="JPY", value=1200)
    assert as_bob.get("/invoices/").json()["results"][0]["gross_total"] == "1200"


def test_staff_see_the_staff_fields_too(as_clerk: Caller, invoice_a: Invoice) -> None:
    assert as_clerk.get(f"/invoices/{invoice_a.public_id}/").json()["reference"] == invoice_a.reference


def test_drafts_do_not_exist_for_clients(as_alice: Caller, customer_a: Customer, root: User) -> None:
    draft = factories.draft_invoice(by=root, customer=customer_a)
    deal = factories.DealFactory(customer=customer_a)
    assert as_alice.get(f"/invoices/{draft.public_id}/").status_code == 404
    assert as_alice.get(f"/deals/{deal.public_id}/").status_code == 404
    assert as_alice.get("/invoices/").json()["results"] == []


def test_foreign_and_missing_are_the_same_answer(as_charlie: Caller, invoice_a: Invoice) -> None:
    foreign = as_charlie.get(f"/invoices/{invoice_a.public_id}/", X_Request_ID="the-same-id").content
    missing = as_charlie.get(f"/invoices/{NOBODY}/", X_Request_ID="the-same-id").content
    no_route = as_charlie.get("/nothing-here/", X_Request_ID="the-same-id").content
    assert foreign == missing == no_route


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_leads_do_not_exist_for_clients(as_alice: Caller, method: str) -> None:
    lead = factories.LeadFactory()
    assert as_alice.call(method, "/leads/").status_code == 404
    assert as_alice.call(method, f"/leads/{lead.public_id}/").status_code == 404


def test_staff_without_the_view_permission_may_not_read(operator: User, invoice_a: Invoice) -> None:
    response = Caller(operator).get("/invoices/")
    assert (response.status_code, response.json()["code"]) == (403, "permission_denied")


def test_key_without_the_scope_may_not_read(alice: User) -> None:
    response = Caller(alice, ["deals:read"]).get("/invoices/")
    assert (response.status_code, response.json()["code"]) == (403, "scope_missing")


def test_pdf_is_the_stored_bytes_with_digest_and_etag(
    as_bob: Caller, invoice_a: Invoice, stored_pdf: Callable[[Invoice], bytes]
) -> None:
    content = stored_pdf(invoice_a)
    response = as_bob.get(f"/invoices/{invoice_a.public_id}/pdf/", Accept="application/pdf")
    assert (response.status_code, response.content) == (200, content)
    assert response["Content-Type"] == "application/pdf"
    assert response["Content-Disposition"] == f'attachment; filename="{invoice_a.number}.pdf"'
    assert response["ETag"] == f'"{hashlib.sha256(content).hexdigest()}"'
    assert response["Repr-Digest"].startswith("sha-256=:")
    again = as_bob.get(f"/invoices/{invoice_a.public_id}/pdf/", If_None_Match=response["ETag"])
    assert (again.status_code, again.content) == (304, b"")


def test_xml_is_the_stored_e_invoice_with_digest_and_etag(as_bob: Caller, invoice_a: Invoice) -> None:
    content = bytes(invoice_a.documents.get(format="xml").content)
    address = f"/invoices/{invoice_a.public_id}/xml/"
    response = as_bob.get(address, Accept="application/xml")
    assert (response.status_code, response.content, response["Content-Type"]) == (200, content, "application/xml")
    assert response["Content-Disposition"] == f'attachment; filename="{invoice_a.number}.xml"'
    assert response["ETag"] == f'"{hashlib.sha256(content).hexdigest()}"'
    again = as_bob.get(address, If_None_Match=response["ETag"])
    assert (again.status_code, again.content) == (304, b"")
    shown = as_bob.get(f"/invoices/{invoice_a.public_id}/").json()
    assert shown["e_invoice"]["sha256"] == hashlib.sha256(content).hexdigest()
    assert (shown["document"], shown["e_invoice"]["size"]) == (None, len(content))


def test_a_document_without_e_invoice_says_so(as_bob: Caller, customer_a: Customer, root: User) -> None:
    Customer.objects.filter(pk=customer_a.pk).update(invoice_format="pdf")
    issued = factories.issued_invoice(by=root, customer=customer_a.reload())
    response = as_bob.get(f"/invoices/{issued.public_id}/xml/")
    assert (response.status_code, response.json()["code"]) == (409, "no_e_invoice")


def test_xml_of_others_is_not_there(as_charlie: Caller, invoice_a: Invoice) -> None:
    assert as_charlie.get(f"/invoices/{invoice_a.public_id}/xml/").status_code == 404


def test_pdf_in_the_making_is_hurried(as_bob: Caller, invoice_a: Invoice) -> None:
    DueWork.objects.filter(key=str(invoice_a.pk)).update(queue="bulk", not_before=timezone.now())
    response = as_bob.get(f"/invoices/{invoice_a.public_id}/pdf/")
    assert (response.status_code, response.json()["code"], response["Retry-After"]) == (409, "document_pending", "2")
    assert DueWork.objects.get(key=str(invoice_a.pk)).queue == "interactive"


def test_pdf_of_others_is_not_there_and_hurries_nothing(as_charlie: Caller, invoice_a: Invoice) -> None:
    DueWork.objects.filter(key=str(invoice_a.pk)).update(queue="bulk")
    assert as_charlie.get(f"/invoices/{invoice_a.public_id}/pdf/").status_code == 404
    assert DueWork.objects.get(key=str(invoice_a.pk)).queue == "bulk"


def test_payments_and_activities_of_the_own_customer(
    as_alice: Caller, as_charlie: Caller, invoice_a: Invoice, root: User
) -> None:
    payments.record_payment(
        invoice_a, amount=factories.Decimal(400), currency="USD", received_on=factories.TODAY, by=root,
        on=factories.TODAY, at=factories.NOW, note="ask Tom",
    )  # fmt: skip
    (payment,) = as_alice.get("/payments/").json()["results"]
    assert (payment["amount"], payment["invoice"]) == ("400.00", str(invoice_a.public_id))
    assert "note" not in payment
    kinds = [row["kind"] for row in as_alice.get("/activities/").json()["results"]]
    assert sorted(kinds) == ["invoice_issued", "payment_recorded"]
    assert as_charlie.get("/payments/").json() == {"next": None, "previous": None, "results": []}
    assert as_charlie.get("/activities/").json()["results"] == []


def test_a_person_without_membership_sees_nothing(db: None, invoice_a: Invoice) -> None:
    stranger = Caller(factories.UserFactory())
    assert stranger.get("/me/").json()["customers"] == []
    assert stranger.get("/invoices/").json()["results"] == []
    assert stranger.get(f"/invoices/{invoice_a.public_id}/").status_code == 404
