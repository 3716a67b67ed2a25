"""What was brought along from another system, reminded of and given up here, in the files for every target."""

import csv
import io
import zipfile
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from crm.domain import customer_credits, dunning, exports, invoicing, issuing, periods, reversals, write_offs
from crm.domain.ledger.check import discrepancies
from crm.domain.opening_import import import_opening
from crm.enums import ExportKind, WriteOffKind
from crm.models import CustomerCredit, DunningLetter, DunningLevel, Invoice, LedgerPosting
from tests.crm.exports import targets
from tests.crm.exports.conftest import KEYS, LATER, MONTH, NAMES, Books
from tests.crm.exports.test_targets import files_of, ledger, made
from tests.crm.opening_files import OpeningFiles

pytestmark = pytest.mark.django_db
CUT, DAY = date(2026, 10, 10), date(2026, 10, 26)
AT = datetime(2026, 10, 26, 9, 0, tzinfo=UTC)
# A number of the former system as no program of ours would give it.
STRANGE = "2025/R 17-ä"


@pytest.fixture
def brought(books: Books, tmp_path: Path) -> dict[str, Invoice]:
    """Two open invoices and a deposit of a former system, and one invoice of ours, all of October."""
    files = OpeningFiles({
        "open_invoices": [
            f"{STRANGE},AAAA,2025-11-01,2025-11-15,EUR,1190.00,1190.00",
            "R-2026-03,BBBB,2026-08-01,2026-08-15,EUR,500.00,120.50",
        ],
        "credits": ["DEP-1,AAAA,deposit,2025-01-02,EUR,300.00"],
        "number_series": ["invoice,2026,AAAA,41"],
        "balances": ["AAAA,EUR,890.00", "BBBB,EUR,120.50"],
        "totals": ["EUR,1010.50"],
    })  # fmt: skip
    import_opening(files.read(tmp_path), legal_entity=books.entity, on=CUT, by=books.by, at=AT)
    ours = books.issue(books.customers[0], [("1", "1000", books.taxes[0])], day=11)
    return {"old": Invoice.objects.get(number=STRANGE), "part": Invoice.objects.get(number="R-2026-03"), "ours": ours}


def live_on(books: Books, brought: dict[str, Invoice]) -> DunningLetter:
    """Reminded with a fee, settled out of the deposit, written off for good and for a while."""
    DunningLevel.objects.create(
        legal_entity=books.entity, level=1, days_after_due=7, fee=Decimal(5), interest_percent=0, text_en="Please pay."
    )
    letters = [letter for one in books.customers for letter in dunning.dun_customer(one.pk, on=DAY, at=AT)]
    step: dict[str, Any] = {"by": books.by, "on": DAY, "at": AT}
    deposit = CustomerCredit.objects.get(reference="DEP-1")
    customer_credits.apply_credit(deposit, invoice=brought["old"], amount=Decimal(300), **step)
    off = {"amount": Decimal("120.50"), "reason": "insolvent", **step}
    wrong = write_offs.write_off(brought["part"], kind=WriteOffKind.SMALL_DIFFERENCE, **off)
    reversals.reverse(wrong, reason="wrong kind", **step)
    write_offs.write_off(brought["part"], kind=WriteOffKind.BAD_DEBT, **off)
    write_offs.write_off(brought["old"], amount=Decimal(190), reason="settled", kind=WriteOffKind.BAD_DEBT, **step)
    write_offs.write_off(
        brought["ours"], amount=Decimal("0.40"), reason="charges", kind=WriteOffKind.SMALL_DIFFERENCE, **step
    )
    books.settle(brought["old"], "700")
    assert discrepancies() == []
    return letters[0]


def mapped(books: Books) -> None:
    """Numbers for all accounts, those of an opening excepted."""
    books.map()
    for code, number in (("small_difference", "2450"), ("credits", "1715")):
        books.entity.ledger_accounts.filter(code=code).update(external_number=number)


def test_a_reminder_of_what_was_brought_along_is_no_booking(books: Books, brought: dict[str, Invoice]) -> None:
    before = LedgerPosting.objects.count()
    letter = live_on(books, brought)
    assert set(letter.items.values_list("invoice__number", flat=True)) == {STRANGE}
    assert letter.fee == 5
    assert LedgerPosting.objects.filter(entry__text="Reminder").count() == 0
    assert LedgerPosting.objects.count() > before
    # Nothing of ours was billed to this customer under a deal and on the letter: no draft for the fee.
    assert letter.fee_invoice is None


def test_the_zip_holds_documents_of_ours_only(books: Books, brought: dict[str, Invoice]) -> None:
    live_on(books, brought)
    export = made(books, "documents")
    (content,) = files_of_zip(export)
    rows = list(csv.DictReader(io.StringIO(content["manifest.csv"].decode("utf-8-sig"), newline="")))
    assert [row["number"] for row in rows] == [brought["ours"].number]
    assert Decimal(rows[0]["total"]) == 1190  # what was billed; a write-off changes no document
    assert export.sums == {"EUR": {"net": "1000.00", "tax": "190.00", "gross": "1190.00"}}


def files_of_zip(export: Any) -> list[dict[str, bytes]]:
    with zipfile.ZipFile(io.BytesIO(b"".join(exports.chunks_of(export)))) as archive:
        return [{name: archive.read(name) for name in archive.namelist()}]


def test_the_journal_tells_all_of_it(books: Books, brought: dict[str, Invoice]) -> None:
    live_on(books, brought)
    (content,) = files_of(made(books, "journal_csv"))
    rows = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))
    assert len(rows) == LedgerPosting.objects.count()
    assert sum(Decimal(row["debit"]) for row in rows) == sum(Decimal(row["credit"]) for row in rows)
    kinds = [row["kind"] for row in rows if row["invoice"] == "R-2026-03"]
    assert {kind: kinds.count(kind) for kind in kinds} == {
        "invoice brought along": 2, "write-off": 4, "reversal": 2,
    }  # fmt: skip
    assert {row["invoice"] for row in rows} >= {STRANGE, "R-2026-03", brought["ours"].number}
    assert files_of(made(books, "journal_xlsx"))[0][:2] == b"PK"


def test_datev_gets_what_happened_here_and_not_the_opening(books: Books, brought: dict[str, Invoice]) -> None:
    opening = ledger()
    assert opening["opening_balance"] == Fraction("-1010.50")
    live_on(books, brought)
    mapped(books)
    periods.close_period(books.entity, month=MONTH, by=books.by, at=LATER)
    batch = targets.read_datev(*files_of(made(books, "datev")), rates=KEYS)
    booked = ledger()
    assert batch.accounts["2400"] == booked["bad_debt"] == Fraction("310.50")
    assert batch.accounts["2450"] == booked["small_difference"] == Fraction("0.40")
    assert batch.accounts["1200"] == booked["bank"] == 700
    # The deposit was brought along (300 held there), and used here.
    assert batch.accounts["1710"] == booked["deposits"] - opening["deposits"] == 300
    assert batch.debtors == booked["receivable"] - Fraction("1310.50")
    assert sum(batch.accounts.values()) == -sum(batch.taxes.values())
    assert {row["Belegfeld 1"] for row in batch.rows if row["Gegenkonto (ohne BU-Schlüssel)"] == "2400"} | {
        row["Belegfeld 1"] for row in batch.rows if row["Konto"] == "2400"
    } == {"2025/R-17--", "R-2026-03"}  # fmt: skip


@pytest.mark.parametrize(("kind", "totals"), [("xero", targets.xero_totals), ("quickbooks", targets.quickbooks_totals)])
def test_sales_files_hold_what_we_billed(books: Books, brought: dict[str, Invoice], kind: str, totals: Any) -> None:
    live_on(books, brought)
    mapped(books)
    found = totals(files_of(made(books, kind)), rates=NAMES)
    assert found == {brought["ours"].number: (1000, 190)}


def test_a_fee_that_is_billed_is_a_document_like_others(books: Books, brought: dict[str, Invoice]) -> None:
    """An invoice of ours on the letter: its deal bears the fee, which finance issues."""
    DunningLevel.objects.create(
        legal_entity=books.entity, level=1, days_after_due=7, fee=Decimal(5), interest_percent=0, text_en="Please pay."
    )
    day, at = date(2026, 11, 18), datetime(2026, 11, 18, 9, tzinfo=UTC)
    (letter,) = dunning.dun_customer(books.customers[0].pk, on=day, at=at)
    assert set(letter.items.values_list("invoice__number", flat=True)) == {STRANGE, brought["ours"].number}
    assert letter.fee_invoice is not None
    fee = issuing.issue_invoice(invoicing.lock_draft(letter.fee_invoice), by=books.by, on=day, at=at, send=False)
    mapped(books)
    november: dict[str, Any] = {"first": date(2026, 11, 1), "last": date(2026, 11, 1), "by": books.by, "at": LATER}
    export = exports.make_export(books.entity, kind=ExportKind.DOCUMENTS, **november)
    assert (export.row_count, export.sums["EUR"]["gross"]) == (1, f"{fee.gross_total:.2f}")
