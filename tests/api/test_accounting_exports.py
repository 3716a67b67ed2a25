"""Files for accounting through the API: staff with the power make and fetch them; for clients there are none."""

import hashlib
from typing import Any

import pytest

from crm.models import AccountingExport, Customer, Invoice
from tests.api.client import Caller

pytestmark = pytest.mark.django_db
ADDRESS = "/accounting-exports/"


def wish(customer: Customer, **more: Any) -> dict[str, Any]:
    """A body."""
    entity = str(customer.legal_entity.public_id)  # type: ignore[union-attr]
    return {"legal_entity": entity, "kind": "journal_csv", "first": "2026-11", "last": "2026-11", **more}


def body_of(answer: Any) -> bytes:
    """Streamed or not."""
    return b"".join(answer.streaming_content) if answer.streaming else answer.content


@pytest.mark.parametrize("kind", ["journal_csv", "journal_xlsx", "documents"])
def test_staff_make_and_fetch(as_root: Caller, invoice_a: Invoice, kind: str) -> None:
    made = as_root.call("POST", ADDRESS, wish(invoice_a.customer, kind=kind))
    assert made.status_code == 201, made.content
    shown = made.json()
    assert shown["is_provisional"]
    assert "provisional" in shown["file_name"]
    answer = as_root.get(f"{ADDRESS}{shown['id']}/file/")
    content = body_of(answer)
    assert hashlib.sha256(content).hexdigest() == shown["sha256"]
    assert len(content) == shown["size"] == int(answer["Content-Length"])
    assert as_root.get(ADDRESS).json()["results"][0]["id"] == shown["id"]


def test_what_is_missing_is_said(as_root: Caller, invoice_a: Invoice) -> None:
    answer = as_root.call("POST", ADDRESS, wish(invoice_a.customer, kind="datev"))
    assert answer.status_code == 409
    assert answer.json()["code"] == "export_refused"
    assert "debtor number" in answer.json()["detail"]
    assert AccountingExport.objects.count() == 0


@pytest.mark.parametrize(
    "wrong", [{"first": "2026-13"}, {"kind": "sap"}, {"last": "2026-10"}, {"first": "x"}, {"extra": 1}]
)
def test_nonsense_is_refused(as_root: Caller, invoice_a: Invoice, wrong: dict[str, Any]) -> None:
    assert as_root.call("POST", ADDRESS, wish(invoice_a.customer, **wrong)).status_code == 400


def test_looking_is_not_fetching(as_root: Caller, as_clerk: Caller, as_alice: Caller, invoice_a: Invoice) -> None:
    shown = as_root.call("POST", ADDRESS, wish(invoice_a.customer)).json()
    for path in (ADDRESS, f"{ADDRESS}{shown['id']}/", f"{ADDRESS}{shown['id']}/file/"):
        assert as_clerk.get(path).status_code == 403
        assert as_alice.get(path).status_code == 404
    assert as_clerk.call("POST", ADDRESS, wish(invoice_a.customer)).status_code == 403
    assert as_alice.call("POST", ADDRESS, wish(invoice_a.customer)).status_code == 404
