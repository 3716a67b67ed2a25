"""The documents issued in a month as one ZIP file, made while it is being sent: one document in memory at a time."""

import hashlib
import io
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db.models import Count, Q, QuerySet, Sum
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.domain.exports.span import Span
from crm.enums import DocumentFormat, InvoiceKind
from crm.models import Invoice, InvoiceDocument
from hashinsight.common.exports import Column, csv_lines
from hashinsight.common.money import exponent

CHUNK = 500
_SAFE = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.")


class DamagedDocument(RuntimeError):
    """A stored document is not what its hash says; the file ends there, without its table of contents."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A document of the month, and what of it lies in the ZIP."""

    number: str
    issued_on: date
    customer_number: str
    customer: str
    currency: str
    net: Decimal
    tax: Decimal
    gross: Decimal
    pdf: str
    pdf_sha256: str
    xml: str
    xml_sha256: str
    remark: str


def _digits(name: str) -> Any:
    return lambda row: round(getattr(row, name), exponent(row.currency))


MANIFEST_COLUMNS = (
    Column(gettext_lazy("number"), lambda row: row.number),
    Column(gettext_lazy("issued on"), lambda row: row.issued_on, "date"),
    Column(gettext_lazy("customer number"), lambda row: row.customer_number),
    Column(gettext_lazy("customer"), lambda row: row.customer),
    Column(gettext_lazy("currency"), lambda row: row.currency),
    Column(gettext_lazy("net"), _digits("net"), "number"),
    Column(gettext_lazy("tax"), _digits("tax"), "number"),
    Column(gettext_lazy("total"), _digits("gross"), "number"),
    Column(gettext_lazy("PDF file"), lambda row: row.pdf),
    Column(gettext_lazy("SHA-256 of the PDF"), lambda row: row.pdf_sha256),
    Column(gettext_lazy("XML file"), lambda row: row.xml),
    Column(gettext_lazy("SHA-256 of the XML"), lambda row: row.xml_sha256),
    Column(gettext_lazy("remark"), lambda row: row.remark),
)


def issued_in(span: Span) -> QuerySet[Invoice]:
    """Our invoices and credit notes issued in the months, in the order of their dates."""
    rows: QuerySet[Invoice] = Invoice.objects.filter(
        legal_entity=span.entity, number__isnull=False, issued_on__range=(span.first, span.last)
    ).exclude(kind=InvoiceKind.OPENING)
    return rows.order_by("issued_on", "id")


def facts_of(span: Span) -> tuple[int, dict[str, dict[str, str]]]:
    """How many documents, and per currency net, tax and total; credit notes count against."""
    note = Q(kind=InvoiceKind.CREDIT_NOTE)
    sums: dict[str, Any] = {"rows": Count("pk")}
    for name in ("net", "tax", "gross"):
        sums[f"{name}_billed"] = Sum(f"{name}_total", filter=~note, default=Decimal(0))
        sums[f"{name}_back"] = Sum(f"{name}_total", filter=note, default=Decimal(0))
    count, found = 0, {}
    rows: Any = issued_in(span).order_by().values("currency")
    for row in rows.annotate(**sums).order_by("currency"):
        digits = exponent(row["currency"])
        count += row["rows"]
        found[row["currency"]] = {
            name: f"{round(row[f'{name}_billed'] - row[f'{name}_back'], digits):f}" for name in ("net", "tax", "gross")
        }
    return count, found


def without_pdf(span: Span, *, until: datetime) -> list[str]:
    """Numbers of documents whose PDF did not exist at the moment."""
    stored = InvoiceDocument.objects.filter(
        invoice__in=issued_in(span).order_by(), format=DocumentFormat.PDF, rendered_at__lte=until
    )
    missing = issued_in(span).exclude(pk__in=stored.values("invoice"))
    return [str(number) for number in missing.values_list("number", flat=True)]


class _Pipe(io.RawIOBase):
    """Takes what the ZIP writer writes, until somebody fetches it."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []

    def writable(self) -> bool:
        """Yes."""
        return True

    def write(self, data: Any) -> int:
        """Keep it."""
        self.parts.append(bytes(data))
        return len(data)

    def take(self) -> bytes:
        """What has come since the last time."""
        taken = b"".join(self.parts)
        self.parts.clear()
        return taken


def zip_chunks(span: Span, *, until: datetime) -> Iterator[bytes]:
    """The ZIP file: each document as it is stored, then ``manifest.csv``. Documents stored after ``until`` stay out.

    The same documents give the same bytes. Raises DamagedDocument.
    """
    pipe = _Pipe()
    listed: list[Listed] = []
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_STORED) as archive:
        for invoice in issued_in(span).select_related("customer").iterator(chunk_size=CHUNK):
            row, files = _listed(invoice, until)
            for name, document in files:
                _add(archive, name, _bytes_of(document), span)
                yield pipe.take()
            listed.append(row)
        _add(archive, "manifest.csv", _manifest(listed), span)
        yield pipe.take()
    yield pipe.take()


def _add(archive: zipfile.ZipFile, name: str, content: bytes, span: Span) -> None:
    archive.writestr(
        zipfile.ZipInfo(name, date_time=(span.last.year, span.last.month, span.last.day, 0, 0, 0)), content
    )


def _manifest(listed: Iterable[Listed]) -> bytes:
    return "".join(csv_lines(MANIFEST_COLUMNS, listed)).encode()


def _bytes_of(document: InvoiceDocument) -> bytes:
    content = bytes(InvoiceDocument.objects.values_list("content", flat=True).get(pk=document.pk))
    if hashlib.sha256(content).hexdigest() != document.sha256:
        raise DamagedDocument(str(document))
    return content


def _listed(invoice: Invoice, until: datetime) -> tuple[Listed, list[tuple[str, InvoiceDocument]]]:
    stored = {
        row.format: row for row in invoice.documents.filter(rendered_at__lte=until).defer("content").order_by("format")
    }
    stem = f"{invoice.issued_on:%Y-%m-%d}_" + "".join(sign if sign in _SAFE else "-" for sign in str(invoice.number))
    names = {form: f"{form}/{stem}.{form}" for form in stored}
    pdf, xml = stored.get(DocumentFormat.PDF), stored.get(DocumentFormat.XML)
    sign = -1 if invoice.is_credit_note else 1
    row = Listed(
        number=str(invoice.number),
        issued_on=invoice.issued_on,  # type: ignore[arg-type]  # issued: it has a date
        customer_number=invoice.customer.code,
        customer=str(invoice.buyer.get("name") or invoice.customer.company_name),
        currency=invoice.currency,
        net=sign * invoice.net_total,
        tax=sign * invoice.tax_total,
        gross=sign * invoice.gross_total,
        pdf=names.get(DocumentFormat.PDF, ""),
        pdf_sha256=pdf.sha256 if pdf else "",
        xml=names.get(DocumentFormat.XML, ""),
        xml_sha256=xml.sha256 if xml else "",
        remark="" if pdf else _("the PDF does not exist yet"),
    )
    return row, [(names[form], document) for form, document in sorted(stored.items())]
