"""DATEV, Xero and QuickBooks come to our cents when they compute again; golden files byte by byte."""

import os
import zipfile
from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from crm.domain import customer_credits, exports, issuing
from crm.domain.exports import ExportRefused
from crm.engine.bookfiles import datev as datev_file
from crm.engine.bookfiles import xero
from crm.enums import ExportKind
from crm.models import AccountingExport, AccountingSettings, ExchangeRate, Invoice, LedgerPosting, TaxKey
from tests.crm.exports import targets
from tests.crm.exports.conftest import KEYS, LATER, MONTH, NAMES, Books

pytestmark = pytest.mark.django_db
COUNT = 5000 if os.environ.get("HASHINSIGHT_NIGHTLY") else 500
GOLDEN = Path(__file__).parent / "golden"


def made(books: Books, kind: str) -> AccountingExport:
    """The file of the month."""
    found = exports.make_export(books.entity, kind=ExportKind(kind), first=MONTH, last=MONTH, by=books.by, at=LATER)
    return AccountingExport.objects.get(pk=found.pk)


def files_of(export: AccountingExport) -> list[bytes]:
    """The file, or those in the ZIP."""
    content = b"".join(exports.chunks_of(export))
    if not export.file_name.endswith(".zip"):
        return [content]
    with zipfile.ZipFile(BytesIO(content)) as archive:
        return [archive.read(name) for name in archive.namelist()]


def ours(*, credit_notes: bool = True) -> dict[str, tuple[Fraction, ...]]:
    """Net and tax of each document, as its row says."""
    rows = Invoice.objects.filter(number__isnull=False)
    rows = rows if credit_notes else rows.exclude(kind="credit_note")
    sign = {True: -1, False: 1}
    return {
        str(row.number): tuple(Fraction(part) * sign[row.is_credit_note] for part in (row.net_total, row.tax_total))
        for row in rows
    }


def ledger() -> dict[str, Fraction]:
    """Sums per kind of account and rate, in the currency of the books."""
    found: dict[str, Fraction] = defaultdict(Fraction)
    for row in LedgerPosting.objects.select_related("account"):
        found[row.account.code] += Fraction(row.base_debit) - Fraction(row.base_credit)
    return found


def test_thousands_of_documents_come_out_at_our_cents(books: Books) -> None:
    issued = books.issue_many(COUNT, seed=26)
    for invoice in issued[:: COUNT // 5]:
        for _part in range(3):  # a tenth each time: parts whose taxes add up, but are a cent off the rate
            quantity = round(invoice.lines.get(position=1).quantity / 10, 3) or Decimal("0.001")
            issuing.credit_invoice(
                invoice, by=books.by, on=date(2026, 10, 28), at=LATER, reason="x", send=False, quantities={1: quantity}
            )
    books.map()
    books.close()
    batch = targets.read_datev(*files_of(made(books, "datev")), rates=KEYS)
    booked = ledger()
    assert batch.debtors == booked["receivable"] + booked["credits"]
    assert batch.accounts["8400"] == booked["revenue.S.19"]
    assert batch.accounts["8300"] == booked["revenue.S.7"]
    for key, code, account in (("3", "output_tax.S.19", "1776"), ("2", "output_tax.S.7", "1771")):
        assert batch.taxes[key] + batch.accounts.get(account, Fraction(0)) == booked[code]
    xero_files = files_of(made(books, "xero"))
    assert len(xero_files) == -(-len(ours()) // 500)
    assert targets.xero_totals(xero_files, rates=NAMES) == ours()
    export = made(books, "quickbooks")
    assert targets.quickbooks_totals(files_of(export), rates=NAMES) == ours(credit_notes=False)
    assert "enter by hand" in export.notes[0]


def test_a_writer_that_copies_lines_would_be_off(books: Books) -> None:
    """The control: Xero on our own lines as they are comes to other cents; so the check can fail."""
    books.issue_many(60, seed=26)
    books.map()
    books.close()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(xero, "lines_of", lambda group: group.lines)
        patch.setattr(xero, "gaps", lambda _sale: [])
        patch.setattr(xero, "_price", lambda price: f"{price:.4f}")
        found = targets.xero_totals(files_of(made(books, "xero")), rates=NAMES)
    assert found != ours()


def _golden_month(books: Books) -> None:
    first, second = books.customers
    one = books.issue(first, [("2", "100.00", books.taxes[0]), ("3.5", "0.33335", books.taxes[1])], day=3)
    books.issue(second, [("1", "50", books.taxes[2])], day=9)
    books.settle(one, "100.00")
    issuing.credit_invoice(
        one, by=books.by, on=date(2026, 10, 21), at=LATER, reason="x", quantities={1: Decimal(1)}, send=False
    )
    deposit = customer_credits.record_deposit(
        first, legal_entity=books.entity, amount=Decimal("75.50"), currency="EUR", received_on=date(2026, 10, 22),
        by=books.by, on=date(2026, 10, 22), at=LATER, reference="ZV-4711",
    )  # fmt: skip
    customer_credits.apply_credit(
        deposit, invoice=one, amount=Decimal("10.25"), by=books.by, on=date(2026, 10, 23), at=LATER
    )
    books.map()
    books.close()


@pytest.mark.parametrize("kind", ["datev", "xero", "quickbooks"])
def test_golden_files_byte_by_byte(books: Books, kind: str) -> None:
    _golden_month(books)
    export = made(books, kind)
    content = b"".join(exports.chunks_of(export))
    target = GOLDEN / f"{kind}.csv"
    if os.environ.get("HASHINSIGHT_WRITE_GOLDEN"):
        target.write_bytes(content)
    assert content == target.read_bytes()


def test_a_batch_balances_and_says_what_it_is(books: Books) -> None:
    _golden_month(books)
    export = made(books, "datev")
    batch = targets.read_datev(*files_of(export), rates=KEYS)
    booked = ledger()
    assert batch.accounts["1200"] == booked["bank"] == Fraction("175.50")
    assert batch.accounts["1710"] == booked["deposits"] == Fraction("-65.25")
    assert batch.debtors == booked["receivable"] + booked["credits"]
    assert batch.header[20][1] == "1"  # the month is closed, the batch is fixed
    assert export.file_name.startswith("EXTF_")
    assert export.row_count == len(batch.rows)


def test_documents_in_another_currency_carry_both_amounts(books: Books) -> None:
    ExchangeRate.objects.create(currency="USD", in_currency="EUR", valid_on=date(2026, 10, 15), rate=Decimal("0.9137"))
    for place in range(30):
        books.issue(books.customers[0], [("1", f"{place * 37 + 1}.{place:02d}", books.taxes[0])], currency="USD")
    books.map()
    books.close()
    content = files_of(made(books, "datev"))[0]
    booked, base = ledger(), defaultdict(Fraction)
    rows = targets.read_datev(content, rates=KEYS).rows
    for row in rows:
        assert row["WKZ Umsatz"] == "USD"
        amount = Fraction(row["Basis-Umsatz"].replace(",", "."))
        tax = targets.cents(amount * 19 / 119) if row["BU-Schlüssel"] == "3" else 0
        base[row["Gegenkonto (ohne BU-Schlüssel)"]] -= amount - tax
        base["tax"] -= tax
    assert base["8400"] == booked["revenue.S.19"]
    assert base["tax"] + base["1776"] == booked["output_tax.S.19"]


# --- refused ---------------------------------------------------------------------------------------------------
def test_what_is_missing_is_listed_and_nothing_is_made(books: Books) -> None:
    books.issue(books.customers[0], [("1", "10", books.taxes[0])])
    AccountingSettings.objects.update(consultant_number="")
    TaxKey.objects.filter(tax_rate=19).delete()
    with pytest.raises(ExportRefused) as refusal:
        made(books, "datev")
    text = str(refusal.value)
    for part in ("consultant number", "has no debtor number: Aurora Mining AG", "revenue.S.19", "tax S 19 %"):
        assert part in text
    with pytest.raises(ExportRefused, match="no tax key"):
        made(books, "xero")
    assert AccountingExport.objects.count() == 0


def test_a_batch_stays_inside_of_its_fiscal_year(books: Books) -> None:
    AccountingSettings.objects.update(year_start_month=10)
    wish: dict[str, Any] = {"kind": ExportKind.DATEV, "by": books.by, "at": LATER}
    with pytest.raises(ExportRefused, match="two fiscal years"):
        exports.make_export(books.entity, first=date(2026, 9, 1), last=MONTH, **wish)
    with pytest.raises(ExportRefused, match="before the first"):
        exports.make_export(books.entity, first=MONTH, last=date(2026, 9, 1), **wish)
    with pytest.raises(ExportRefused, match="12 months"):
        exports.make_export(books.entity, first=MONTH - timedelta(days=800), last=MONTH, **wish)


@pytest.mark.parametrize("currency", ["JPY", "BTC", "KWD"])
def test_currencies_that_the_target_cannot_round_are_refused(books: Books, currency: str) -> None:
    books.issue(books.customers[0], [("1", "1191", books.taxes[0])], currency=currency)
    books.map()
    with pytest.raises(ExportRefused, match=r"two decimals|no rate"):
        made(books, "datev")


def test_a_debtor_number_has_one_digit_more_than_an_account(books: Books) -> None:
    books.issue(books.customers[0], [("1", "10", books.taxes[0])])
    books.map()
    AccountingSettings.objects.update(account_length=5)
    with pytest.raises(ExportRefused, match="needs 6 digits"):
        made(books, "datev")


# --- the writers ------------------------------------------------------------------------------------------------
def test_ten_thousand_names_fit_into_windows_1252() -> None:
    signs = "aÄß€Łłđ中文⛏😀\u202e\x00\n\r\t;\"'=+-@é\u0301Ǆ\ufb01İ"
    for number in range(10_000):
        name = "".join(signs[(number * 7 + place * (number % 13 + 1)) % len(signs)] for place in range(12))
        text = datev_file.printable(name)
        assert text.encode("cp1252").decode("cp1252") == text
        assert not any(ord(sign) < 32 for sign in text)
    assert datev_file.printable("Łódź ⛏\nCompute 中") == "Lódz ? Compute ?"


def test_a_rate_typed_in_later_serves_what_was_booked_without(books: Books) -> None:
    invoice = books.issue(books.customers[0], [("1", "333.33", books.taxes[0])], currency="USD")
    books.settle(invoice, "100.01")
    books.map()
    with pytest.raises(ExportRefused, match="no rate from USD into EUR"):
        made(books, "datev")
    for day in (15, 20):
        ExchangeRate.objects.create(
            currency="USD", in_currency="EUR", valid_on=date(2026, 10, day), rate=Decimal("0.9137")
        )
    batch = targets.read_datev(*files_of(made(books, "datev")), rates=KEYS)
    assert [row["Basis-Umsatz"] for row in batch.rows] == ["362,43", ""]
    assert batch.accounts["1200"] == Fraction("91.38")
