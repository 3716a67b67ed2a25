"""Taking over open items of a former system: all or nothing, once, and to the cent of what the source states."""

import io
import os
import signal
import subprocess
import sys
import time
import zipfile
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from accounts.models import User
from crm.domain import deliveries, invoicing, issuing, overdue, payments
from crm.domain.ledger import ageing, check, statement
from crm.domain.opening_import import OpeningRefused, import_opening
from crm.enums import InvoiceStatus
from crm.models import Customer, CustomerCredit, Invoice, JournalEntry, LedgerPosting, LegalEntity, NumberSeries
from tests import factories
from tests.crm.opening_files import OpeningFiles
from tests.crm.test_import_killed import ALIVE, database_url, wait_for
from tests.support import children
from tests.support.standing import standing

NOW, TODAY = factories.NOW, factories.TODAY
CUT = date(2026, 10, 31)
WITHIN = 60.0


def prepare() -> LegalEntity:
    """The entity and its two customers."""
    entity = factories.LegalEntityFactory(name="Nordlicht", currency="EUR")
    for code in ("AAAA", "BBBB"):
        factories.CustomerFactory(code=code, company_name=f"Customer {code}", legal_entity=entity)
    return entity


@pytest.fixture
@standing
def entity(db: None) -> LegalEntity:
    """For tests inside of one transaction."""
    return prepare()


@pytest.fixture
def files() -> OpeningFiles:
    """To be broken."""
    return OpeningFiles()


def counts() -> list[int]:
    """Rows of every table it writes."""
    models = (Invoice, CustomerCredit, NumberSeries, JournalEntry, LedgerPosting)
    return [model.objects.count() for model in models]


def load(files: OpeningFiles, entity: LegalEntity, folder: Path, **options: Any) -> Any:
    """One run."""
    return import_opening(files.read(folder), legal_entity=entity, on=CUT, by=None, at=NOW, **options)


# --- what comes of it -------------------------------------------------------------------------------------------
def test_everything_is_made_once(entity: LegalEntity, files: OpeningFiles, tmp_path: Path) -> None:
    report = load(files, entity, tmp_path)
    assert {what: len(rows) for what, rows in report.made.items()} == {
        "open invoices": 3, "credits": 2, "number series": 3,
    }  # fmt: skip
    assert report.totals == {"EUR": Decimal("1010.50"), "USD": Decimal("90.00")}
    invoice = Invoice.objects.get(number="R-2026-03")
    assert (invoice.former_total, invoice.gross_total, invoice.status) == (500, Decimal("120.50"), InvoiceStatus.SENT)
    assert counts() == [3, 2, 3, 5, 10]
    assert check.discrepancies() == []
    again = load(files, entity, tmp_path)
    assert not any(again.made.values())
    assert dict(again.unchanged) == {"open invoices": 3, "credits": 2, "number series": 3}
    assert counts() == [3, 2, 3, 5, 10]


def test_a_dry_run_says_it_all_and_keeps_nothing(entity: LegalEntity, files: OpeningFiles, tmp_path: Path) -> None:
    report = load(files, entity, tmp_path, dry_run=True)
    assert len(report.made["open invoices"]) == 3
    assert report.totals["EUR"] == Decimal("1010.50")
    assert counts() == [0, 0, 0, 0, 0]


def test_it_is_an_invoice_like_others(entity: LegalEntity, files: OpeningFiles, tmp_path: Path, root: User) -> None:
    load(files, entity, tmp_path)
    customer = Customer.objects.get(code="AAAA")
    found = ageing.receivables(on=TODAY, legal_entity_id=entity.pk)
    assert [(row.customer.code, row.ageing.total, row.held) for row in found] == [
        ("AAAA", Decimal("1310.50"), 300), ("BBBB", Decimal("99.99"), Decimal("9.99")),
    ]  # fmt: skip
    shown = statement.statement_of(customer, currency="EUR", first=date(2026, 10, 1), last=TODAY)
    assert shown.closing == Decimal("1010.50")
    invoice = Invoice.objects.get(number="R-2026-03")
    overdue.mark_customer(customer.pk, on=TODAY, at=NOW)
    invoice.refresh_from_db()
    assert invoice.status == InvoiceStatus.OVERDUE
    payments.record_payment(
        invoice, amount=Decimal("120.50"), currency="EUR", received_on=TODAY, by=root, on=TODAY, at=NOW
    )
    assert invoice.reload().status == InvoiceStatus.PAID
    assert check.discrepancies() == []
    load(files, entity, tmp_path)  # still the same files
    assert check.discrepancies() == []


def test_numbers_go_on_after_the_last_one(entity: LegalEntity, files: OpeningFiles, tmp_path: Path, root: User) -> None:
    load(files, entity, tmp_path)
    invoice = factories.issued_invoice(by=root, customer=Customer.objects.get(code="AAAA"))
    assert invoice.number == "INV-AAAA-2026-0042"


def test_there_is_no_paper_of_ours(entity: LegalEntity, files: OpeningFiles, tmp_path: Path, root: User) -> None:
    load(files, entity, tmp_path)
    invoice = Invoice.objects.get(number="R-2026-03")
    with pytest.raises(deliveries.DeliveryRefused, match="another system"):
        deliveries.queue_delivery(invoice, recipient="a@x.example", at=NOW)
    with pytest.raises(invoicing.InvoiceRefused, match="another system"):
        issuing.credit_invoice(invoice, by=root, on=TODAY, at=NOW, reason="x")


def test_a_number_of_ours_within_what_was_given(entity: LegalEntity, files: OpeningFiles, tmp_path: Path) -> None:
    files.rows["open_invoices"][0] = "INV-AAAA-2026-0041,AAAA,2026-03-01,2026-11-15,EUR,1190.00,1190.00"
    load(files, entity, tmp_path)
    assert Invoice.objects.filter(number="INV-AAAA-2026-0041", kind="opening").exists()


# --- refused ----------------------------------------------------------------------------------------------------
BROKEN = [
    ("open_invoices", 0, "R-1,AAAA,2025-11-01,2025-11-15,EUR,1190.00", "open_invoices.csv, line 2", "values"),
    ("open_invoices", 0, "R-1,AAAA,2025-13-01,2025-11-15,EUR,1190.00,1190.00", "column issued_on", "must be a day"),
    ("open_invoices", 0, "R-1,AAAA,2025-11-16,2025-11-15,EUR,1190.00,1190.00", "column due_on", "before the day"),
    ("number_series", 1, "credit_note,2026,ZZZZ,3", "number_series.csv, line 3, column customer", "no customer"),
    ("open_invoices", 0, "R-2026-03,AAAA,2025-11-01,2025-11-15,EUR,1.00,1.00", "line 3, column number", "stands"),
    ("open_invoices", 0, "R-1,AAAA,2025-11-01,2025-11-15,EUR,1190.00,1190.01", "column outstanding", "more is open"),
    ("open_invoices", 0, "R-1,AAAA,2025-11-01,2025-11-15,EUR,-5,-5", "column gross", "negative"),
    ("open_invoices", 0, "R-1,AAAA,2025-11-01,2025-11-15,EUR,1190.001,1190.00", "column gross", "digits"),
    ("open_invoices", 0, "R-1,AAAA,2025-11-01,2025-11-15,XYZ,1190.00,1190.00", "column currency", "no currency"),
    ("open_invoices", 0, "R-1,AAAA,2025-11-01,2025-11-15,EUR,1190.00,0", "column outstanding", "more than 0"),
    ("open_invoices", 0, ",AAAA,2025-11-01,2025-11-15,EUR,1190.00,1190.00", "column number", "is empty"),
    ("open_invoices", 0, "R-1,AAAA,,2025-11-15,EUR,1190.00,1190.00", "column issued_on", "is empty"),
    ("open_invoices", 0, "R-1,AAAA,2026-11-01,2026-11-15,EUR,1190.00,1190.00", "column issued_on", "after the day"),
    ("open_invoices", 0, "INV-AAAA-2026-0042,AAAA,2026-01-01,2026-01-15,EUR,1190.00,1190.00", "number", "a series"),
    ("open_invoices", 0, "R-1,AAAA,2025-11-01,2025-11-15,EUR,1189.00,1189.00", "column balance", "come to 1009.50"),
    ("credits", 0, "DEP-1,AAAA,gift,2025-01-02,EUR,300.00", "column kind", "deposit or credit"),
    ("credits", 0, "DEP-1,AAAA,deposit,2025-01-02,EUR,299.00", "column balance", "come to 1011.50"),
    ("number_series", 0, "invoice,20,AAAA,41", "column year", "must be a year"),
    ("number_series", 0, "invoice,2026,,41", "number_series.csv, line 2, column customer", "name the customer"),
    ("number_series", 0, "invoice,2026,AAAA,0", "column last_number", "above 0"),
    ("balances", 0, "AAAA,EUR,1010.51", "balances.csv, line 2, column balance", "come to 1010.50"),
    ("totals", 0, "EUR,1010.49", "totals.csv, line 2, column total", "come to 1010.50"),
    ("totals", 0, "CHF,0", "totals.csv, line 1, column currency", "no line states the total in EUR"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "row", "text", "place", "message"), BROKEN)
def test_a_broken_line_is_named_and_nothing_is_taken(
    entity: LegalEntity, files: OpeningFiles, tmp_path: Path, name: str, row: int, text: str, place: str, message: str
) -> None:
    files.rows[name][row] = text
    with pytest.raises(OpeningRefused) as refusal:
        load(files, entity, tmp_path)
    assert place in str(refusal.value)
    assert message in str(refusal.value)
    assert counts() == [0, 0, 0, 0, 0]


def test_every_broken_line_is_named(entity: LegalEntity, files: OpeningFiles, tmp_path: Path) -> None:
    files.rows["open_invoices"] = ["R-1,ZZZZ,x,y,EUR,1,1", "R-2,AAAA,2025-11-01,2025-11-15,EUR,a,1"]
    with pytest.raises(OpeningRefused) as refusal:
        load(files, entity, tmp_path)
    places = [(one.line, one.column) for one in refusal.value.report.errors]
    assert places == [(2, "issued_on"), (2, "due_on"), (3, "gross")]


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda data: data.replace(b"number,customer", b"customer,number"), "the header says"),
        (lambda data: data[:-30], "values"),
        (lambda data: data.replace(b"R-2025", b"R\xff2025"), "not UTF-8"),
        (lambda _data: b"", "the file is empty"),
        (lambda data: data.replace(b"R-2025", b"R\x002025"), "NUL"),
    ],
)
def test_a_broken_file_is_refused(
    entity: LegalEntity, files: OpeningFiles, tmp_path: Path, spoil: Any, message: str
) -> None:
    path = files.write(tmp_path) / "open_invoices.csv"
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(CommandError, match=message):
        call_command("import_opening", str(tmp_path), "--legal-entity", entity.name, "--on", "2026-10-31")
    assert counts() == [0, 0, 0, 0, 0]


def test_a_huge_file_is_refused(
    entity: LegalEntity, files: OpeningFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crm.engine.csv_source.MAX_BYTES", 100)
    with pytest.raises(OpeningRefused, match="is larger than"):
        load(files, entity, tmp_path)


def test_other_figures_for_what_is_here_are_refused(entity: LegalEntity, files: OpeningFiles, tmp_path: Path) -> None:
    load(files, entity, tmp_path)
    before = counts()
    files.rows["open_invoices"][1] = "R-2026-03,AAAA,2026-08-01,2026-08-15,EUR,501.00,120.50"
    files.rows["number_series"][0] = "invoice,2026,AAAA,99"
    with pytest.raises(OpeningRefused) as refusal:
        load(files, entity, tmp_path)
    assert "with other figures" in str(refusal.value)
    assert "begins after 41" in str(refusal.value)
    assert counts() == before


def test_the_ledger_is_asked_at_the_end(
    entity: LegalEntity, files: OpeningFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Were an entry booked wrongly, all of it would be taken back."""
    from crm.domain import opening_import

    right = opening_import.vouchers.of_opening_credit
    monkeypatch.setattr(
        opening_import.vouchers, "of_opening_credit", lambda held, **more: _doubled(right(held, **more))
    )
    with pytest.raises(OpeningRefused, match="the ledger comes to"):
        load(files, entity, tmp_path)
    assert counts() == [0, 0, 0, 0, 0]


def _doubled(voucher: Any) -> Any:
    from dataclasses import replace

    return replace(voucher, lines=[replace(line, amount=line.amount * 2) for line in voucher.lines])


# --- the command ------------------------------------------------------------------------------------------------
def test_a_zip_file_serves_as_well(entity: LegalEntity, files: OpeningFiles, tmp_path: Path, capsys: Any) -> None:
    packed = tmp_path / "opening.zip"
    (tmp_path / "in").mkdir()
    files.write(tmp_path / "in")
    with zipfile.ZipFile(packed, "w") as archive:
        for path in sorted((tmp_path / "in").iterdir()):
            archive.write(path, f"takeover/{path.name}")
    wish = ["import_opening", str(packed), "--legal-entity", "Nordlicht", "--on", "2026-10-31"]
    call_command(*wish, "--dry-run", "--report", str(tmp_path / "r.json"))
    out = capsys.readouterr().out
    assert "R-2026-03 AAAA 120.50 of 500.00 EUR, due 2026-08-15" in out
    assert "Dry run: nothing was kept." in out
    assert counts() == [0, 0, 0, 0, 0]
    call_command(*wish)
    assert counts() == [3, 2, 3, 5, 10]
    packed.write_bytes(packed.read_bytes()[:200])
    with pytest.raises(CommandError, match="no ZIP file"):
        call_command(*wish)
    with pytest.raises(CommandError, match="no day"):
        call_command(*wish[:-1], "31.10.2026")


def test_a_closed_month_takes_no_opening(entity: LegalEntity, files: OpeningFiles, tmp_path: Path, root: User) -> None:
    from crm.domain import periods

    periods.close_period(entity, month=date(2026, 10, 1), by=root, at=NOW)
    with pytest.raises(periods.PeriodClosed):
        load(files, entity, tmp_path)
    assert counts() == [0, 0, 0, 0, 0]


def test_many_lines_in_time(entity: LegalEntity, files: OpeningFiles, tmp_path: Path) -> None:
    """Ten thousand within a minute; a tenth of both where nobody asks for the long run."""
    count, limit = (10_000, 60) if os.environ.get("HASHINSIGHT_NIGHTLY") else (1_000, 6)
    files.rows = {
        "open_invoices": [f"R-{n},AAAA,2026-01-02,2026-02-01,EUR,{n}.50,{n}.25" for n in range(1, count + 1)],
        "totals": [f"EUR,{count * (count + 1) // 2 + count // 4}.00"],
    }
    began = time.monotonic()
    load(files, entity, tmp_path)
    took = time.monotonic() - began
    assert Invoice.objects.filter(kind="opening").count() == count
    assert took < limit, f"{took:.1f} s"


# --- killed -----------------------------------------------------------------------------------------------------
WAITING = "SELECT pid FROM pg_locks WHERE NOT granted AND relation = 'crm_customercredit'::regclass"


@pytest.mark.django_db(transaction=True)
def test_killed_in_the_middle_it_leaves_nothing(tmp_path: Path) -> None:
    prepare()
    folder = OpeningFiles().write(tmp_path)
    argv = [sys.executable, str(Path(settings.BASE_DIR) / "manage.py"), "import_opening", str(folder), "--skip-checks"]
    env = {**os.environ, "DATABASE_URL": database_url()}
    env["DJANGO_SETTINGS_MODULE"] = os.environ.get("DJANGO_SETTINGS_MODULE", "hashinsight.settings.test")
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("LOCK TABLE crm_customercredit IN SHARE ROW EXCLUSIVE MODE")  # credits come last
        child = children.start(
            [*argv, "--legal-entity", "Nordlicht", "--on", "2026-10-31"], env=env, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )  # fmt: skip
        try:
            (server,) = wait_for(WAITING)
        finally:
            child.send_signal(signal.SIGKILL)
            output, _nothing = child.communicate(timeout=WITHIN)
        assert child.returncode == -signal.SIGKILL, output
    wait_for(ALIVE, server, nobody=True)
    assert counts() == [0, 0, 0, 0, 0]
    out = io.StringIO()
    call_command("import_opening", str(folder), "--legal-entity", "Nordlicht", "--on", "2026-10-31", stdout=out)
    assert "open invoices: 3 new" in out.getvalue()
    assert counts() == [3, 2, 3, 5, 10]
