"""Exports: exactly the filtered list, in its order, and no cell that a spreadsheet would execute."""

import csv
import io
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.test import Client
from openpyxl import load_workbook

from accounts.models import User
from crm.domain import payments
from crm.models import Customer, Deal, Lead
from hashinsight.common.exports import Column, csv_lines, safe_text, write_xlsx
from hosting.models import Miner, MinerModel
from tests import factories
from tests.admin.conftest import SignIn
from tests.factories import NOW, TODAY
from tests.support.standing import standing

PAYLOADS = [
    "=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1", "=cmd|' /C calc'!A0", "＝1+1", "－1",
    '=HYPERLINK("http://x.example","y")',
]  # fmt: skip
STARTS = ("=", "+", "-", "@", "\t", "\r")
EXPORTS = [model for model, page in admin.site._registry.items() if page.export_columns]
ids = [model._meta.model_name for model in EXPORTS]


def address(model: Any, kind: str, query: str = "") -> str:
    return f"/admin/{model._meta.app_label}/{model._meta.model_name}/export/{kind}/{query}"


def body(response: Any) -> bytes:
    return b"".join(response.streaming_content)


def csv_rows(client: Client, model: Any, query: str = "") -> list[list[str]]:
    content = body(client.get(address(model, "csv", query)))
    assert content.startswith(b"\xef\xbb\xbf")
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))


def xlsx_rows(client: Client, model: Any, query: str = "") -> list[tuple[Any, ...]]:
    sheet = load_workbook(io.BytesIO(body(client.get(address(model, "xlsx", query))))).active
    assert sheet is not None
    return list(sheet.iter_rows())


def test_what_can_be_exported() -> None:
    assert sorted(ids) == ["customer", "deal", "invoice", "lead", "miner", "minermodel", "payment"]


@pytest.fixture
@standing
def poisoned(root: User, legal_entity: Any) -> None:
    """Every text column of every exported table holds a formula, one row per formula."""
    for number, text in enumerate(PAYLOADS):
        customer = factories.CustomerFactory(
            company_name=text, contact_name=text, phone=text, street=text, city=text, region=text,
            postal_code=text[:20], tax_id=text[:40], vat_id=text[:40], sector=text, code=f"C{number}",
        )  # fmt: skip
        lead = factories.LeadFactory(title=text, name=text, company=text, phone=text, email="")
        Lead.objects.filter(pk=lead.pk).update(value=Decimal("-0.00"))
        invoice = factories.issued_invoice(by=root, customer=customer, title=text)
        payments.record_payment(
            invoice, amount=Decimal("1.50"), currency="USD", received_on=TODAY, by=root, on=TODAY, at=NOW,
            reference=text.strip(), note=text,
        )  # fmt: skip
        model = MinerModel.objects.create(
            name=f"{text}{number}", manufacturer=text, hashrate_ths=1, power_w=1, chip=text, source=text, note=text
        )
        Miner.objects.create(
            serial=f"S{number}", manufacturer=text, model=model, model_text=text, customer=customer, internal_note=text
        )


def test_no_text_cell_is_a_formula(as_root: Client, poisoned: None) -> None:
    for model in EXPORTS:
        assert_harmless(as_root, model)


def assert_harmless(as_root: Client, model: Any) -> None:
    """Neither as CSV nor as a workbook."""
    columns = admin.site._registry[model].export_columns
    rows = csv_rows(as_root, model)[1:]
    assert len(rows) == len(PAYLOADS)
    for row in rows:
        for column, cell in zip(columns, row, strict=True):
            if column.kind == "text":
                assert not cell.startswith(STARTS), (column.header, cell)
            elif column.kind == "number" and cell:
                Decimal(cell)
    dangerous = 0
    for sheet_row in xlsx_rows(as_root, model)[1:]:
        for column, cell in zip(columns, sheet_row, strict=True):
            assert cell.data_type != "f"
            if column.kind == "number" and cell.value is not None:
                assert cell.data_type == "n", column.header
            if column.kind == "text" and cell.value:
                assert not str(cell.value).startswith(STARTS)
                dangerous += str(cell.value).startswith("'")
    assert dangerous >= len(PAYLOADS), model


def test_control_the_writers_alone_would_let_formulas_through() -> None:
    sheet = load_workbook(write_xlsx([Column("x", str, "number")], [], title="t")).active
    assert sheet is not None
    sheet["A2"] = PAYLOADS[0]
    assert sheet["A2"].data_type == "f"
    assert safe_text(PAYLOADS[0]) == "'=1+1"


@pytest.mark.parametrize("payload", PAYLOADS)
def test_text_that_looks_like_a_formula_is_marked(payload: str) -> None:
    assert safe_text(payload).startswith("'")


@pytest.mark.parametrize("harmless", ["", "Aurora", "a=b", "1-2", "x@y.example", "–5", "中"])
def test_harmless_text_stays_as_it_is(harmless: str) -> None:
    assert safe_text(harmless) == harmless


def test_an_export_is_exactly_the_filtered_list_in_its_order(as_root: Client, root: User, customer_a: Customer) -> None:
    for value in ("300.00", "100.00", "200.00"):
        factories.DealFactory(customer=customer_a, title=f"Rack {value}", value=Decimal(value))
    factories.DealFactory(customer=customer_a, title="Something else", value=Decimal("150.00"))
    query = "?q=rack&status__exact=draft&o=5"
    listed = [deal.title for deal in as_root.get(f"/admin/crm/deal/{query}").context["cl"].result_list]
    assert listed == ["Rack 100.00", "Rack 200.00", "Rack 300.00"]
    assert [row[0] for row in csv_rows(as_root, Deal, query)[1:]] == listed
    assert [row[0].value for row in xlsx_rows(as_root, Deal, query)[1:]] == listed
    backwards = [row[0] for row in csv_rows(as_root, Deal, query.replace("o=5", "o=-5"))[1:]]
    assert backwards == listed[::-1]


def test_an_export_holds_all_pages(as_root: Client) -> None:
    factories.CustomerFactory.create_batch(120)
    assert len(csv_rows(as_root, Customer, "?p=2")) == 121


def test_sums_of_the_export_equal_the_list(as_root: Client, root: User, customer_a: Customer) -> None:
    for value in ("0.10", "0.20", "1234567.89"):
        factories.issued_invoice(by=root, customer=customer_a, value=Decimal(value))
    model = next(model for model in EXPORTS if model._meta.model_name == "invoice")
    header, *rows = csv_rows(as_root, model)
    assert sum(Decimal(row[header.index("outstanding")]) for row in rows) == Decimal("1234568.19")
    heading, *cells = xlsx_rows(as_root, model)
    place = [cell.value for cell in heading].index("total")
    assert sum(Decimal(str(row[place].value)) for row in cells) == Decimal("1234568.19")


def test_a_broken_filter_leads_back_to_the_list(as_root: Client, customer_a: Customer) -> None:
    response = as_root.get("/admin/crm/deal/export/csv/?customer__id__exact=abc")
    assert (response.status_code, response.url) == (302, "/admin/crm/deal/?e=1")
    assert as_root.get("/admin/crm/deal/export/pdf/").status_code == 404


@pytest.mark.parametrize("model", EXPORTS, ids=ids)
def test_an_export_needs_its_own_permission_and_is_noted(
    model: Any, staff: Callable[..., User], sign_in: SignIn
) -> None:
    app, name = model._meta.app_label, model._meta.model_name
    looker = sign_in(staff(f"{app}.view_{name}"))
    assert looker.get(address(model, "csv")).status_code == 403
    assert "export/csv" not in looker.get(f"/admin/{app}/{name}/").content.decode()
    blind = sign_in(staff(f"{app}.export_{name}"))
    assert blind.get(address(model, "csv")).status_code == 403
    taker = staff(f"{app}.view_{name}", f"{app}.export_{name}")
    client = sign_in(taker)
    assert "export/csv" in client.get(f"/admin/{app}/{name}/").content.decode()
    assert client.get(address(model, "csv", "?q=x")).status_code == 200
    noted = LogEntry.objects.get(user=taker)
    assert "export csv ?q=x" in noted.change_message


def test_csv_is_written_line_by_line() -> None:
    pulled = []

    def rows() -> Any:
        for number in range(1000):
            pulled.append(number)
            yield number

    lines = csv_lines([Column("n", lambda row: row, "number")], rows())
    assert next(lines) == "\ufeffn\r\n"
    assert next(lines) == "0\r\n"
    assert pulled == [0]
