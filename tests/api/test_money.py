"""Customers' money by key: staff record, apply, pay back and take back; clients read their own account."""

import csv
import io
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pypdfium2
import pytest

from accounts.models import User
from crm.domain import customer_credits, write_offs
from crm.domain.ledger import queries
from crm.domain.ledger.check import discrepancies
from crm.models import ApprovalLimit, Customer, CustomerCredit, Invoice, LegalEntity, Refund, WriteOff
from hashinsight.approvals.models import ApprovalRequest
from tests import factories
from tests.api.client import Caller
from tests.api.conftest import money_rows
from tests.factories import NOW, TODAY
from tests.support.standing import standing

pytestmark = pytest.mark.django_db
PERIOD = f"first_on={TODAY - timedelta(days=30)}&last_on={TODAY}"


@pytest.fixture(autouse=True)
def _books_add_up(db: None) -> Iterator[None]:
    yield
    assert discrepancies() == []


@pytest.fixture
@standing
def rows(invoice_a: Invoice, root: User) -> dict[str, Any]:
    """Payment 20, deposits 50 (5 applied, 5 paid back) and 50, 5 written off, of an invoice over 1,000 USD."""
    return money_rows(invoice_a, root)


def outstanding(invoice: Invoice) -> Decimal:
    found: Any = Invoice.objects.with_balance().get(pk=invoice.pk)
    return Decimal(found.outstanding)


def test_a_deposit_pays_an_invoice_and_the_rest_goes_back(as_root: Caller, invoice_a: Invoice) -> None:
    body = {"customer": str(invoice_a.customer.public_id), "currency": "USD", "received_on": TODAY.isoformat()}
    made = as_root.post("/credits/", {**body, "amount": "1200", "reference": "Advance"})
    assert (made.status_code, made.json()["balance"], made.json()["kind"]) == (201, "1200.00", "deposit")
    address = f"/credits/{made.json()['id']}"
    applied = as_root.post(f"{address}/apply/", {"invoice": str(invoice_a.public_id), "amount": "1000"})
    assert (applied.status_code, applied.json()["amount"]) == (201, "1000.00")
    assert as_root.get(f"/invoices/{invoice_a.public_id}/").json()["status"] == "paid"
    back = as_root.post(f"{address}/refund/", {"amount": "200", "reason": "asked for it", "reference": "R"})
    assert (back.status_code, back.json()["reason"], back["Location"]) == (
        201, "asked for it", f"/api/v1/refunds/{back.json()['id']}/",
    )  # fmt: skip
    assert as_root.get(f"{address}/").json()["balance"] == "0.00"


@pytest.mark.parametrize(
    ("body", "status"),
    [({"amount": "0"}, 400), ({"amount": "-1"}, 400), ({"currency": "XXX"}, 400), ({"received_on": "2099-01-01"}, 409),
     ({"amount": "0.001"}, 409), ({"surprise": 1}, 400), ({"customer": "0199f3a1-7c1e-7b52-9d3e-2f6a41c07d11"}, 400)],
)  # fmt: skip
def test_a_deposit_without_sense_is_refused(
    as_root: Caller, customer_a: Customer, body: dict[str, Any], status: int
) -> None:
    good = {"customer": str(customer_a.public_id), "amount": "1", "currency": "USD", "received_on": TODAY.isoformat()}
    assert as_root.post("/credits/", {**good, **body}).status_code == status
    assert CustomerCredit.objects.count() == 0


def test_the_same_key_records_one_deposit(as_root: Caller, customer_a: Customer) -> None:
    body = {"customer": str(customer_a.public_id), "amount": "1", "currency": "USD", "received_on": TODAY.isoformat()}
    answers = [as_root.post("/credits/", body, Idempotency_Key="once") for _call in range(2)]
    assert answers[0].content == answers[1].content
    assert CustomerCredit.objects.count() == 1


@pytest.mark.parametrize("what", ["credit", "payment", "write-off"])
def test_above_the_limit_the_answer_is_202_and_nothing_is_done(
    what: str, as_root: Caller, rows: dict[str, Any], invoice_a: Invoice
) -> None:
    act = "write_off" if what == "write-off" else "refund"
    ApprovalLimit.objects.create(legal_entity=invoice_a.legal_entity, act=act, rule="always")
    before = (Refund.objects.count(), WriteOff.objects.count())
    url, body = {
        "credit": (f"/credits/{rows['deposit'].public_id}/refund/", {}),
        "payment": (f"/payments/{rows['payment'].public_id}/refund/", {}),
        "write-off": (f"/invoices/{invoice_a.public_id}/write-off/", {"kind": "bad_debt"}),
    }[what]
    answer = as_root.post(url, {"amount": "7", "reason": "because", **body})
    assert (answer.status_code, answer.json()["state"], answer.json()["amount"]) == (202, "pending", "7.00")
    assert answer["Location"] == f"/api/v1/approvals/{ApprovalRequest.objects.get().public_id}/"
    assert (Refund.objects.count(), WriteOff.objects.count()) == before


def test_each_kind_of_mistake_is_taken_back_once(as_root: Caller, rows: dict[str, Any], invoice_a: Invoice) -> None:
    owed = outstanding(invoice_a)
    places = {
        "application": "credit-applications", "refund": "refunds", "write_off": "write-offs", "untouched": "credits",
        "payment": "payments",
    }  # fmt: skip
    for name, place in places.items():
        url = f"/{place}/{rows[name].public_id}/reverse/"
        answer = as_root.post(url, {"reason": "typed twice"})
        assert (answer.status_code, answer.json()["reversed_on"] is not None) == (200, True), name
        again = as_root.post(url, {"reason": "typed twice"})
        assert (again.status_code, again.json()["code"]) == (409, "money_refused"), name
    assert outstanding(invoice_a) == owed + 5 + 5 + 20


# --- reading --------------------------------------------------------------------------------------------------
def test_a_client_reads_its_own_money_without_what_is_meant_for_the_house(
    as_bob: Caller, as_charlie: Caller, rows: dict[str, Any]
) -> None:
    for place, name in (("credits", "deposit"), ("credit-applications", "application"), ("refunds", "refund")):
        shown = as_bob.get(f"/{place}/{rows[name].public_id}/").json()
        assert not {"note", "reason", "recorded_by", "legal_entity"} & set(shown), place
        assert len(as_bob.get(f"/{place}/").json()["results"]) >= 1
        assert as_charlie.get(f"/{place}/{rows[name].public_id}/").status_code == 404
        assert as_charlie.get(f"/{place}/").json()["results"] == []
    assert as_bob.get("/write-offs/").status_code == 404
    assert as_bob.get(f"/credits/{rows['deposit'].public_id}/").json()["balance"] == "40.00"


def test_the_statement_is_what_the_ledger_says(as_bob: Caller, rows: dict[str, Any], customer_a: Customer) -> None:
    body = as_bob.get(f"/customers/{customer_a.public_id}/statement/?{PERIOD}").json()
    assert Decimal(body["closing"]) == queries.balance_of(customer_a, "USD")
    moved = sum(Decimal(line["charged"]) - Decimal(line["paid_or_credited"]) for line in body["lines"])
    assert Decimal(body["opening"]) + moved == Decimal(body["closing"])
    assert Decimal(body["ages"]["total"]) - Decimal(body["held"]) == Decimal(body["closing"])
    assert body["accounts"] == [
        {
            "legal_entity": body["legal_entity"], "legal_entity_name": body["legal_entity_name"], "currency": "USD",
            "balance": body["closing"],
        }
    ]  # fmt: skip
    assert "for the house" not in str(body)


def test_the_statement_comes_as_pdf_and_csv_too(as_bob: Caller, rows: dict[str, Any], customer_a: Customer) -> None:
    address = f"/customers/{customer_a.public_id}/statement"
    pdf = as_bob.get(f"{address}/pdf/?{PERIOD}")
    assert (pdf.status_code, pdf["Content-Type"], pdf.content[:5]) == (200, "application/pdf", b"%PDF-")
    assert as_bob.get(f"{address}/pdf/?{PERIOD}", If_None_Match=pdf["ETag"]).status_code == 304
    table = as_bob.get(f"{address}/csv/?{PERIOD}")
    lines = list(csv.reader(io.StringIO(table.content.decode("utf-8-sig"))))
    assert lines[-1][6] == as_bob.get(f"{address}/?{PERIOD}").json()["closing"]


def test_an_account_with_another_company_is_chosen_by_its_id(
    as_bob: Caller, rows: dict[str, Any], customer_a: Customer, customer_b: Customer, root: User
) -> None:
    step: dict[str, Any] = {"received_on": TODAY, "by": root, "on": TODAY, "at": NOW, "amount": Decimal(9)}
    other, foreign = factories.LegalEntityFactory(), factories.LegalEntityFactory()
    customer_credits.record_deposit(customer_a, currency="EUR", legal_entity=other, **step)
    customer_credits.record_deposit(customer_b, currency="EUR", legal_entity=foreign, **step)
    address = f"/customers/{customer_a.public_id}/statement/?{PERIOD}"
    shown = as_bob.get(f"{address}&legal_entity={other.public_id}").json()
    assert (shown["closing"], shown["currency"], shown["legal_entity_name"]) == ("-9.00", "EUR", other.name)
    assert len(shown["accounts"]) == 2
    nobody = "0199f3a1-7c1e-7b52-9d3e-2f6a41c07d11"
    refused = [as_bob.get(f"{address}&legal_entity={one}").json() for one in (foreign.public_id, nobody, "x")]
    assert {(one["code"], one["detail"]) for one in refused} == {("invalid_parameter", "There is no such account.")}


@pytest.mark.parametrize(
    "query", ["first_on=2026-11-20&last_on=2026-11-01", "first_on=x", "currency=XXX", "currency=", "page_size=1"]
)
def test_a_statement_that_makes_no_sense_is_a_400(as_bob: Caller, customer_a: Customer, query: str) -> None:
    for ending in ("", "pdf/", "csv/"):
        answer = as_bob.get(f"/customers/{customer_a.public_id}/statement/{ending}?{query}")
        assert (answer.status_code, answer.json()["errors"][0]["parameter"]) == (400, query.split("=")[0].replace(
            "first_on" if "last_on" in query else "-", "last_on"
        ))  # fmt: skip


def test_a_foreign_statement_is_a_missing_one(as_charlie: Caller, customer_a: Customer) -> None:
    for ending in ("", "pdf/", "csv/"):
        assert as_charlie.get(f"/customers/{customer_a.public_id}/statement/{ending}").status_code == 404


def test_the_ageing_of_a_client_is_its_own(
    as_bob: Caller, as_charlie: Caller, as_root: Caller, rows: dict[str, Any], root: User, customer_b: Customer
) -> None:
    factories.issued_invoice(by=root, customer=customer_b, value=Decimal(300))
    mine, theirs, every = (
        caller.get(f"/ageing/?on={TODAY}").json() for caller in (as_bob, as_charlie, as_root)
    )  # fmt: skip
    assert [row["total"] for row in mine["rows"]] == ["970.00"]
    assert [row["total"] for row in theirs["rows"]] == ["300.00"]
    assert every["totals"][0]["total"] == "1270.00"
    assert (mine["rows"][0]["disputed"], every["rows"][0]["disputed"]) == (None, "0.00")
    for ending, start in (("pdf", b"%PDF"), ("csv", b"\xef\xbb\xbf")):
        assert as_bob.get(f"/ageing/{ending}/?on={TODAY}").content.startswith(start)
    assert customer_b.company_name not in as_bob.get(f"/ageing/csv/?on={TODAY}").content.decode()
    entity = LegalEntity.objects.first()
    assert entity is not None
    assert as_bob.get(f"/ageing/?legal_entity={entity.public_id}").status_code == 400
    assert as_root.get(f"/ageing/?legal_entity={entity.public_id}&on={TODAY}").status_code == 200


def page_text(answer: Any) -> str:
    with pypdfium2.PdfDocument(answer.content) as pdf:
        return " ".join(page.get_textpage().get_text_bounded() for page in pdf).replace("\r\n", " ")


def test_the_ageing_pdf_of_a_client_bears_the_name_of_the_company_it_owes(
    as_bob: Caller, as_charlie: Caller, as_root: Caller, customer_a: Customer, customer_b: Customer, root: User
) -> None:
    first, second = factories.LegalEntityFactory(name="Erste GmbH"), factories.LegalEntityFactory(name="Zweite GmbH")
    address = f"/ageing/pdf/?on={TODAY}"
    Customer.objects.filter(pk=customer_a.pk).update(legal_entity=second)
    assert "Zweite" in page_text(as_bob.get(address))
    assert not {"Erste", "Zweite"} & set(page_text(as_charlie.get(address)).split())
    step: dict[str, Any] = {"received_on": TODAY, "by": root, "on": TODAY, "at": NOW, "amount": Decimal(9)}
    customer_credits.record_deposit(customer_a, currency="EUR", legal_entity=second, **step)
    mine = page_text(as_bob.get(address))
    assert ("Zweite GmbH." in mine, "Erste" in mine) == (True, False)
    customer_credits.record_deposit(customer_a, currency="EUR", legal_entity=first, **step)
    both = page_text(as_bob.get(address))
    assert "those of several of our companies together: Erste GmbH, Zweite GmbH" in both
    assert both.index("Zweite GmbH") < both.index("Receivables by age") < both.index("Erste GmbH")
    customer_credits.record_deposit(customer_b, currency="EUR", legal_entity=second, **step)
    assert "Erste" not in page_text(as_charlie.get(address))
    assert "all legal entities" in page_text(as_root.get(address))


def test_staff_need_powers_to_read_accounts(as_clerk: Caller, customer_a: Customer) -> None:
    for path in ("/ageing/", "/ageing/csv/", f"/customers/{customer_a.public_id}/statement/"):
        assert as_clerk.get(path).status_code == 403


def test_a_payment_in_another_currency_brings_its_rate(
    as_bob: Caller, as_root: Caller, invoice_a: Invoice, root: User
) -> None:
    body = {"invoice": str(invoice_a.public_id), "amount": "0.01", "currency": "BTC", "received_on": TODAY.isoformat()}
    assert as_root.post("/payments/", body).json()["code"] == "payment_refused"
    paid = as_root.post("/payments/", {**body, "method": "bitcoin", "rate": "60000"}).json()
    shown = as_bob.get(f"/payments/{paid['id']}/").json()
    assert (shown["amount"], shown["rate"], shown["settled_amount"]) == ("0.01000000", "60000", "600.00")
    write_offs.write_off(invoice_a, amount=Decimal(400), reason="x", by=root, on=TODAY, at=NOW)


def test_the_figures_of_an_invoice_explain_what_is_outstanding(
    as_bob: Caller, rows: dict[str, Any], invoice_a: Invoice
) -> None:
    shown = {
        name: Decimal(value) for name, value in as_bob.get(f"/invoices/{invoice_a.public_id}/").json().items()
        if value is not None and (name.endswith("_total") or name == "outstanding")
    }  # fmt: skip
    taken = sum(shown[f"{name}_total"] for name in ("paid", "credited", "applied", "written_off"))
    assert shown["gross_total"] - taken + shown["surplus_total"] == shown["outstanding"] == Decimal(970)
