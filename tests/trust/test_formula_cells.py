"""T26: twelve formulas in every text column of every CSV and XLSX file the product makes: no cell is a formula.

The files are found in the code: a new table of columns, or a new place that writes such files, fails here until it
has a case.
"""

import csv
import gc
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import fields, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib import admin
from openpyxl import Workbook, load_workbook

from crm.documents.ageing import ageing_columns
from crm.documents.statement import statement_csv
from crm.domain.exports.documents import MANIFEST_COLUMNS
from crm.domain.exports.journal import JOURNAL_COLUMNS
from crm.domain.ledger.statement import Statement, StatementLine
from crm.engine.ageing import aged
from crm.engine.bookfiles import datev, quickbooks, xero
from crm.engine.bookfiles.values import Batch, Booking, Sale, SoldGroup, SoldLine
from crm.models import Customer
from hashinsight.common.admin.charting import csv_file
from hashinsight.common.exports import Column, csv_lines, write_xlsx

PAYLOADS = (
    "=1+1", '=HYPERLINK("http://x.example","x")', "+1+cmd|' /C calc'!A0", "-2+3", "@SUM(1+1)", "\t=1+1", "\r=1+1",
    "\n=1+1", "  =1+1", "＝1+1", "=cmd|' /C calc'!A0", "@import",
)  # fmt: skip
STARTS = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")
# Where such files are written, and the case below that covers each.
WRITERS = {
    "hashinsight/common/exports.py": "the writers themselves",
    "hashinsight/common/admin/importing.py": "reads uploaded files; writes none",
    "hashinsight/common/admin/exporting.py": "tables of columns",
    "crm/domain/exports/journal.py": "tables of columns",
    "crm/domain/exports/documents.py": "tables of columns",
    "hosting/admin/miner_import.py": "tables of columns",
    "hashinsight/common/admin/charting.py": "the file of a page",
    "crm/documents/ageing.py": "its table, named below",
    "crm/documents/statement.py": "its file",
    "curtailment/documents/event_report.py": "tables",
    "crm/engine/bookfiles/xero.py": "Xero",
    "crm/engine/bookfiles/quickbooks.py": "QuickBooks",
}
WRITES = re.compile(r"csv_lines\(|write_xlsx\(|csv\.writer\(|DictWriter|Workbook\(|tablib")
APPS = ("accounts", "crm", "curtailment", "hashinsight", "hosting", "intelligence", "marketdata")


class Poison:
    """A row in which everything anybody could have typed is the payload."""

    def __init__(self, payload: str) -> None:
        self._payload = payload

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self

    def __str__(self) -> str:
        return self._payload


@cache
def tables() -> list[Sequence[Column]]:
    """Every sequence of columns that lives in the product."""
    found = {id(page.export_columns): page.export_columns for page in admin.site._registry.values()}
    gc.unfreeze()  # what tests.support.garbage put aside is not listed otherwise
    for one in gc.get_objects():
        if type(one) in (tuple, list) and one and all(type(part) is Column for part in one):  # a dead proxy would raise
            found[id(one)] = one
    made = ageing_columns(disputes=True)  # depends on who asks, so it lives in no module
    return [one for one in (*found.values(), JOURNAL_COLUMNS, MANIFEST_COLUMNS, made) if one]


def headings(columns: Sequence[Column]) -> str:
    """A name for the test's output."""
    return ",".join(str(column.header) for column in columns)[:60]


def poisoned(columns: Sequence[Column], payload: str) -> list[Column]:
    """The text columns that show what people typed; the value is fetched as the product does."""
    row, found = Poison(payload), []
    for column in columns:
        try:
            column.value(row)
        except (ValueError, TypeError, KeyError, AttributeError):
            continue  # a choice's label or a figure: not what anybody typed
        if column.kind == "text":
            found.append(column)
    return found


def check_cell(cell: str) -> None:
    """Text of a CSV file."""
    assert not cell.startswith(STARTS), repr(cell)
    assert not cell.lstrip().startswith(STARTS), repr(cell)


def test_every_place_that_writes_such_files_has_a_case() -> None:
    found = set()
    for app in APPS:
        for path in (Path(settings.BASE_DIR) / app).rglob("*.py"):
            if WRITES.search(path.read_text(encoding="utf-8")):
                found.add(path.relative_to(settings.BASE_DIR).as_posix())
    assert found == set(WRITERS)


def test_the_tables_are_found() -> None:
    names = {headings(columns) for columns in tables()}
    assert len(names) >= 6
    assert any(name.startswith("entry,") for name in names), "the journal"
    assert any("PDF file" in headings(columns) or len(columns) == 13 for columns in tables()), "the manifest"


@pytest.mark.parametrize("payload", PAYLOADS)
def test_no_cell_of_any_table_is_a_formula(payload: str) -> None:
    for columns in tables():
        chosen = poisoned(columns, payload)
        if all(column.kind != "text" for column in columns):
            continue  # moments and figures alone: nobody typed anything
        assert chosen, headings(columns)
        text = "".join(csv_lines(chosen, [Poison(payload)]))
        _head, cells = list(csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline="")))
        assert len(cells) == len(chosen)
        for cell in cells:
            check_cell(cell)
        sheet: Any = load_workbook(write_xlsx(chosen, [Poison(payload)], title="x")).active
        for cell in sheet[2]:
            assert cell.data_type == "s", (headings(columns), cell.value)
            check_cell(cell.value)


def test_no_heading_is_a_formula() -> None:
    for columns in tables():
        for column in columns:
            check_cell(str(column.header))


def test_amounts_are_numbers_to_the_cent() -> None:
    amounts = [Decimal("-1234567.89"), Decimal("0.01"), Decimal("99999999999.99"), Decimal("-0.005")]
    for columns in tables():
        numbers = [replace(column, value=lambda row: row) for column in columns if column.kind == "number"]
        if not numbers:
            continue
        sheet: Any = load_workbook(write_xlsx(numbers, amounts, title="x")).active
        for place, amount in enumerate(amounts, start=2):
            for cell in sheet[place]:
                assert cell.data_type == "n"
                assert round(Decimal(str(cell.value)), 3) == amount
        text = "".join(csv_lines(numbers, amounts)).removeprefix("\ufeff")
        rows = list(csv.reader(io.StringIO(text, newline="")))[1:]
        assert [[Decimal(cell) for cell in row] for row in rows] == [[amount] * len(numbers) for amount in amounts]


@pytest.mark.parametrize("payload", PAYLOADS)
def test_no_cell_of_a_statement_is_a_formula(payload: str) -> None:
    day, one = date(2026, 11, 2), Decimal("10.50")
    line = StatementLine(day, "invoice", payload, payload, one, -one, one, -one, "")
    statement = Statement(
        Customer(language="en"), None, "EUR", day, day, one, (line,), -one, aged([], on=day), (), Decimal(0)
    )
    rows = list(csv.reader(io.StringIO(statement_csv(statement).decode().removeprefix("\ufeff"), newline="")))
    assert len(rows) == 4
    for row in rows[1:]:
        for cell in (*row[1:4], row[7]):
            check_cell(cell)
        assert {Decimal(cell) for cell in row[4:7] if cell} <= {one, -one}
    assert payload.strip() in rows[2][3]


@pytest.mark.parametrize("payload", PAYLOADS)
def test_no_cell_of_a_pages_file_is_a_formula(payload: str) -> None:
    answer = csv_file("x", ["name", "figure"], [[payload, "-1.5"], [Customer(company_name=payload), Decimal("-1.5")]])
    rows = list(csv.reader(io.StringIO(answer.content.decode(), newline="")))[1:]
    for name, figure in rows:
        check_cell(name)
        assert figure == "-1.5"
    assert payload.strip() in rows[0][0]


# --- files of other programs --------------------------------------------------------------------------------------
def sale(payload: str) -> Sale:
    """With the payload in every text."""
    line = SoldLine(payload, Decimal(1), Decimal("10.00"), Decimal("10.00"))
    group = SoldGroup(Decimal(19), Decimal("10.00"), Decimal("1.90"), payload, payload, [line])
    day = date(2026, 10, 1)
    texts = {one.name: payload for one in fields(Sale) if one.type in (str, "str")}
    return Sale(**{**texts, "address": [payload] * 4, "issued_on": day, "due_on": day, "groups": [group]})  # type: ignore[arg-type]


def text_cells(content: bytes) -> Iterator[str]:
    """All cells of the rows that are no plain numbers."""
    for row in list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))[1:]:
        for cell in row:
            try:
                Decimal(cell)
            except ArithmeticError:
                yield cell


@pytest.mark.parametrize("payload", PAYLOADS)
def test_no_cell_for_xero_or_quickbooks_is_a_formula(payload: str) -> None:
    (one,) = xero.files([sale(payload)], stem="x", dates="dmy")
    (other,) = quickbooks.files([sale(payload)], stem="x", dates="dmy")
    for file, least in ((one, 14), (other, 7)):
        cells = [cell for cell in text_cells(file.content) if payload.strip() in cell.replace("\r\n", "\n") or cell]
        assert len(cells) >= least
        for cell in cells:
            check_cell(cell)


@pytest.mark.parametrize("payload", PAYLOADS)
def test_no_field_for_datev_is_a_formula(payload: str) -> None:
    moment = datetime(2026, 10, 1, tzinfo=UTC)
    day = moment.date()
    batch = Batch("1001", "1", 4, day, day, day, "EUR", payload, moment, fixed=True)
    booking = Booking(Decimal(1), "S", "EUR", "10000", "8400", day, payload, payload, vat_id=payload)
    lines = [line.decode("cp1252") for line in datev.lines(batch, [booking])]
    assert len(lines) == 3
    for line in (lines[0], lines[2]):
        for cell in next(csv.reader([line.rstrip("\r\n")], delimiter=";")):
            check_cell(cell)


# --- controls ---------------------------------------------------------------------------------------------------
def test_naive_writers_fail() -> None:
    book = Workbook()
    sheet: Any = book.active
    sheet.append(["=1+1"])
    target = io.BytesIO()
    book.save(target)
    target.seek(0)
    read: Any = load_workbook(target).active
    assert read["A1"].data_type == "f"
    for payload in PAYLOADS:
        with pytest.raises(AssertionError):
            check_cell(payload)


def test_the_defaults_of_import_export_fail() -> None:
    tablib: Any = pytest.importorskip("tablib")
    data = tablib.Dataset(["=1+1"], headers=["x"])
    cells = list(csv.reader(io.StringIO(data.export("csv"))))[1]
    with pytest.raises(AssertionError):
        check_cell(cells[0])
