"""The journal as CSV and XLSX: sums equal the ledger, a closed month's file is the same bytes for ever."""

import csv
import hashlib
import io
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import translation
from openpyxl import load_workbook

from crm.domain import exports
from crm.domain.exports import journal, making
from crm.domain.exports.span import span_of
from crm.domain.ledger.queries import trial_balance
from crm.enums import ExportKind
from crm.models import AccountingExport, AccountingPeriod, LedgerAccount, LedgerPosting
from tests.crm.exports.conftest import LATER, MONTH, Books
from tests.support.standing import standing

pytestmark = pytest.mark.django_db
KINDS = [ExportKind.JOURNAL_CSV, ExportKind.JOURNAL_XLSX]


@pytest.fixture
@standing
def month(books: Books) -> Books:
    """Two currencies, money, both rates."""
    for place in range(4):
        invoice = books.issue(books.customers[place % 2], [("3", "33.335", books.taxes[0]), ("1", "7", books.taxes[1])])
        books.settle(invoice, "20.01")
    books.issue(books.customers[0], [("1", "1234567", books.taxes[2])], currency="JPY")
    books.map()
    return books


def made(books: Books, kind: ExportKind, at: Any = LATER) -> AccountingExport:
    """The file of the month."""
    return exports.make_export(books.entity, kind=kind, first=MONTH, last=MONTH, by=books.by, at=at)


def content(export: AccountingExport) -> bytes:
    """As it is fetched."""
    return b"".join(exports.chunks_of(AccountingExport.objects.get(pk=export.pk)))


def rows_of(export: AccountingExport) -> list[list[Any]]:
    """Read by other people's readers."""
    if export.kind == ExportKind.JOURNAL_XLSX:
        sheet: Any = load_workbook(io.BytesIO(content(export))).active
        return [list(row) for row in sheet.iter_rows(values_only=True)]
    return list(csv.reader(io.StringIO(content(export).decode("utf-8-sig"), newline="")))


@pytest.mark.parametrize("kind", KINDS)
def test_sums_equal_the_ledger_and_the_screen(month: Books, kind: ExportKind) -> None:
    export = made(month, kind)
    head, *rows = rows_of(export)
    at = {name: place for place, name in enumerate(head)}
    found: dict[str, list[Decimal]] = {}
    for row in rows:
        sums = found.setdefault(row[at["currency"]], [Decimal(0), Decimal(0)])
        for side, name in enumerate(("debit", "credit")):
            sums[side] += Decimal(str(row[at[name]]))
    wanted: dict[str, list[Decimal]] = {}
    for line in trial_balance():
        sums = wanted.setdefault(line["currency"], [Decimal(0), Decimal(0)])
        sums[0], sums[1] = sums[0] + line["debit_total"], sums[1] + line["credit_total"]
    assert found == wanted
    assert {name: [Decimal(sums["debit"]), Decimal(sums["credit"])] for name, sums in export.sums.items()} == wanted
    assert export.row_count == len(rows) == LedgerPosting.objects.count()
    assert set(found) == {"EUR", "JPY"}


@pytest.mark.parametrize("kind", KINDS)
def test_an_open_month_is_provisional(month: Books, kind: ExportKind) -> None:
    export = made(month, kind)
    assert export.is_provisional
    assert "provisional" in export.file_name
    assert export.state_of == LATER


@pytest.mark.parametrize("kind", KINDS)
def test_a_closed_month_gives_the_same_bytes(month: Books, kind: ExportKind) -> None:
    month.close()
    first = made(month, kind)
    assert "provisional" not in first.file_name
    assert first.sha256 == hashlib.sha256(content(first)).hexdigest()
    assert first.size == len(content(first))
    with translation.override("de"):
        again = made(month, kind, at=LATER + timedelta(days=400))
    assert again.pk == first.pk
    # Made anew, years later and in another language, it is the same as well.
    span = span_of(month.entity, first=MONTH, last=MONTH, at=LATER + timedelta(days=400))
    plan = making.ExportPlan(span, kind, first.row_count, first.sums)
    anew = b"".join(making._chunks(plan, making.mapping_of(month.entity)))
    assert anew == content(first)


def test_mapped_otherwise_it_is_another_file_and_the_old_one_stays(month: Books) -> None:
    month.close()
    first = made(month, KINDS[0])
    account = LedgerAccount.objects.get(legal_entity=month.entity, code="bank")
    account.external_number = "1210"
    account.save()
    second = made(month, KINDS[0])
    assert second.pk != first.pk
    assert content(second) != content(first)
    assert first.sha256 == hashlib.sha256(content(first)).hexdigest()


def test_two_months_with_an_open_one_are_provisional(month: Books) -> None:
    month.close()
    wish: dict[str, Any] = {"kind": KINDS[0], "first": MONTH, "by": month.by, "at": LATER}
    assert exports.make_export(month.entity, last=date(2026, 11, 1), **wish).is_provisional
    assert AccountingPeriod.objects.count() == 1


def test_what_was_exported_stays(month: Books) -> None:
    month.close()
    export = made(month, KINDS[0])
    for statement in (
        "UPDATE crm_accountingexport SET sha256 = ''", "DELETE FROM crm_accountingexport",
        "TRUNCATE crm_accountingexport CASCADE",
    ):  # fmt: skip
        with pytest.raises(Exception, match=r"written once|cannot be emptied|permission denied"), transaction.atomic():
            connection.cursor().execute(statement)
    with pytest.raises(IntegrityError, match="does not belong"), transaction.atomic():
        AccountingExport.objects.create(
            legal_entity=month.entity, kind=KINDS[0], first_month=MONTH, last_month=MONTH, file_name="x",
            sha256=export.sha256, size=export.size, row_count=1, content=b"other", state_of=LATER,
        )  # fmt: skip


def test_too_many_rows_for_a_workbook_are_refused(month: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crm.domain.exports.making.XLSX_MOST_ROWS", 3)
    with pytest.raises(exports.ExportRefused, match="CSV"):
        made(month, ExportKind.JOURNAL_XLSX)
    assert AccountingExport.objects.count() == 0


def test_the_journal_is_read_in_pieces(month: Books, django_assert_max_num_queries: Any) -> None:
    span = span_of(month.entity, first=MONTH, last=MONTH, at=LATER)
    with django_assert_max_num_queries(2):
        assert len(list(journal.csv_chunks(span))) == LedgerPosting.objects.count() + 1
