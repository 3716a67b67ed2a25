"""The month's documents in one ZIP: all of them or named, the same bytes again, little memory."""

import csv
import hashlib
import io
import tracemalloc
import zipfile
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from crm.domain import exports
from crm.domain.exports import documents
from crm.domain.exports.span import span_of
from crm.enums import DocumentFormat, ExportKind
from crm.models import AccountingExport, Invoice, InvoiceDocument
from tests.crm.exports.conftest import LATER, MONTH, Books
from tests.support.standing import standing

pytestmark = pytest.mark.django_db


def store(invoice: Invoice, content: bytes) -> None:
    """As the PDF task does."""
    InvoiceDocument.objects.create(
        invoice=invoice, format=DocumentFormat.PDF, content=content, sha256=hashlib.sha256(content).hexdigest(),
        size=len(content), template_version="x", rendered_at=LATER,
    )  # fmt: skip


def made(books: Books, at: Any = LATER) -> AccountingExport:
    """The ZIP of the month."""
    return exports.make_export(books.entity, kind=ExportKind.DOCUMENTS, first=MONTH, last=MONTH, by=books.by, at=at)


def content(export: AccountingExport) -> bytes:
    """As it is fetched."""
    return b"".join(exports.chunks_of(AccountingExport.objects.get(pk=export.pk)))


def opened(export: AccountingExport) -> tuple[zipfile.ZipFile, list[dict[str, str]]]:
    """The ZIP and its manifest."""
    archive = zipfile.ZipFile(io.BytesIO(content(export)))
    assert archive.testzip() is None
    text = archive.read("manifest.csv").decode("utf-8-sig")
    return archive, list(csv.DictReader(io.StringIO(text, newline="")))


def frozen(books: Books) -> dict[str, Any]:
    """The list of the month, as an export keeps it."""
    span = span_of(books.entity, first=MONTH, last=MONTH, at=LATER)
    return documents.contents_of(span, until=LATER).frozen()


@pytest.fixture
@standing
def issued(books: Books) -> list[Invoice]:
    """Three of the month, one of another."""
    found = [
        books.issue(books.customers[place % 2], [("1", f"{place + 1}.50", books.taxes[0])], day=place + 1)
        for place in range(3)
    ]
    for invoice in found[:2]:
        store(invoice, b"%PDF " + str(invoice.number).encode())
    return found


def test_all_documents_or_their_names(books: Books, issued: list[Invoice]) -> None:
    archive, rows = opened(made(books))
    assert [row["number"] for row in rows] == [invoice.number for invoice in issued]
    assert [row["remark"] for row in rows] == ["", "", "the PDF does not exist yet"]
    for row, invoice in zip(rows, issued, strict=True):
        assert (Decimal(row["net"]), Decimal(row["tax"]), Decimal(row["total"])) == (
            invoice.net_total, invoice.tax_total, invoice.gross_total,
        )  # fmt: skip
        for kind in ("PDF", "XML"):
            if row[f"{kind} file"]:
                stored = archive.read(row[f"{kind} file"])
                assert hashlib.sha256(stored).hexdigest() == row[f"SHA-256 of the {kind}"]
    listed = {row[name] for row in rows for name in ("PDF file", "XML file")} - {""}
    assert set(archive.namelist()) == {*listed, "manifest.csv"}
    stored = set(InvoiceDocument.objects.values_list("sha256", flat=True))
    assert {row[f"SHA-256 of the {kind}"] for row in rows for kind in ("PDF", "XML")} - {""} == stored


def test_the_plan_names_what_has_no_pdf_and_sums_equal_the_documents(books: Books, issued: list[Invoice]) -> None:
    plan = exports.plan_export(books.entity, kind=ExportKind.DOCUMENTS, first=MONTH, last=MONTH, at=LATER)
    assert str(issued[2].number) in plan.notes[0]
    assert plan.row_count == 3
    assert Decimal(plan.sums["EUR"]["gross"]) == sum(invoice.gross_total for invoice in issued)


def test_the_same_bytes_until_a_missing_pdf_is_there(books: Books, issued: list[Invoice]) -> None:
    books.close()
    first = made(books)
    old = content(first)
    assert hashlib.sha256(old).hexdigest() == first.sha256
    assert len(old) == first.size
    InvoiceDocument.objects.create(
        invoice=issued[2], format=DocumentFormat.PDF, content=b"late", sha256=hashlib.sha256(b"late").hexdigest(),
        size=4, template_version="x", rendered_at=LATER + timedelta(hours=1),
    )  # fmt: skip
    assert content(first) == old
    second = made(books, at=LATER + timedelta(hours=2))
    assert second.pk != first.pk
    assert opened(second)[1][2]["remark"] == ""
    assert made(books, at=LATER + timedelta(days=300)).pk == second.pk


def test_a_damaged_document_ends_the_file(books: Books, issued: list[Invoice], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents.hashlib, "sha256", lambda _content=b"": hashlib.md5(b"x", usedforsecurity=False))
    with pytest.raises(documents.DamagedDocument):
        list(documents.zip_chunks(frozen(books), day=MONTH))


def test_memory_does_not_grow_with_the_month(books: Books) -> None:
    size = 2_000_000
    for place in range(12):
        invoice = books.issue(books.customers[0], [("1", "5", books.taxes[0])])
        store(invoice, bytes([place]) * size)
    tracemalloc.start()
    total = sum(len(chunk) for chunk in documents.zip_chunks(frozen(books), day=MONTH))
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert total > 12 * size
    assert peak < 8 * size, f"{peak / size:.1f} documents at once"


def test_the_command_writes_the_file_or_nothing(
    books: Books, issued: list[Invoice], tmp_path: Path, capsys: Any
) -> None:
    wish = ["export_books", "documents", "--legal-entity", books.entity.name, "--output", str(tmp_path)]
    call_command(*wish, "--month", "2026-10", "--dry-run")
    assert "without a PDF yet" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []
    call_command(*wish, "--month", "2026-10")
    (file,) = tmp_path.iterdir()
    assert hashlib.sha256(file.read_bytes()).hexdigest() == AccountingExport.objects.get().sha256
    with pytest.raises(CommandError, match="no month"):
        call_command(*wish, "--month", "October")
    with pytest.raises(CommandError, match="missing"):
        call_command(wish[0], "datev", *wish[2:], "--month", "2026-10")
    with pytest.raises(CommandError, match="no such folder"):
        call_command(*wish[:5], str(tmp_path / "no"), "--month", "2026-10")
    assert len(list(tmp_path.iterdir())) == 1
