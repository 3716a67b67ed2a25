"""The documents issued in a month as one ZIP file, made while it is being sent: one document in memory at a time."""

import hashlib
import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.domain.exports.span import Span
from crm.enums import DocumentFormat, InvoiceKind
from crm.models import Invoice, InvoiceDocument
from hashinsight.common.exports import Column, csv_lines
from hashinsight.common.money import exponent

CHUNK = 500
SUMS = ("net", "tax", "gross")
FACTS = (
    "pk", "number", "issued_on", "kind", "buyer", "currency", "net_total", "tax_total", "gross_total",
    "customer__code", "customer__company_name",
    "documents__pk", "documents__format", "documents__sha256", "documents__rendered_at",
)  # fmt: skip
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
    if span.rows is not None:
        rows = rows.filter(pk__in=span.rows)
    return rows.order_by("issued_on", "id")


@dataclass
class Contents:
    """What lies in a ZIP: its list, and which stored document stands under which name."""

    listed: list[Listed] = field(default_factory=list)
    files: list[tuple[str, int]] = field(default_factory=list)

    def facts(self) -> tuple[int, dict[str, dict[str, str]]]:
        """How many documents, and per currency net, tax and total; credit notes count against."""
        sums: dict[str, dict[str, Decimal]] = {}
        for row in self.listed:
            mine = sums.setdefault(row.currency, dict.fromkeys(SUMS, Decimal(0)))
            for name in SUMS:
                mine[name] += getattr(row, name)
        found = {
            currency: {name: f"{round(total, exponent(currency)):f}" for name, total in mine.items()}
            for currency, mine in sorted(sums.items())
        }
        return len(self.listed), found

    def without_pdf(self) -> list[str]:
        """Numbers of documents whose PDF did not exist at the moment."""
        return [row.number for row in self.listed if not row.pdf]

    def frozen(self) -> dict[str, Any]:
        """As it is kept with the export; the list in the language in force."""
        return {"files": self.files, "manifest": "".join(csv_lines(MANIFEST_COLUMNS, self.listed))}


def contents_of(span: Span, *, until: datetime) -> Contents:
    """The documents of the months as they are at this moment, by one statement: nothing comes in between.

    Documents stored after ``until`` stay out.
    """
    contents, last = Contents(), None
    stored: dict[str, tuple[int, str]] = {}
    rows = issued_in(span).values(*FACTS).order_by("issued_on", "id", "documents__format")
    for row in rows.iterator(chunk_size=CHUNK):
        if last is not None and last["pk"] != row["pk"]:
            _list(contents, last, stored)
            stored = {}
        last = row
        if row["documents__pk"] is not None and row["documents__rendered_at"] <= until:
            stored[row["documents__format"]] = (row["documents__pk"], row["documents__sha256"])
    if last is not None:
        _list(contents, last, stored)
    return contents


def _list(contents: Contents, invoice: dict[str, Any], stored: dict[str, tuple[int, str]]) -> None:
    number, issued_on = str(invoice["number"]), invoice["issued_on"]
    stem = f"{issued_on:%Y-%m-%d}_" + "".join(sign if sign in _SAFE else "-" for sign in number)
    names = {form: f"{form}/{stem}.{form}" for form in stored}
    sign = -1 if invoice["kind"] == InvoiceKind.CREDIT_NOTE else 1
    contents.files += [(names[form], document) for form, (document, _digest) in sorted(stored.items())]
    contents.listed.append(
        Listed(
            number=number,
            issued_on=issued_on,
            customer_number=invoice["customer__code"],
            customer=str(invoice["buyer"].get("name") or invoice["customer__company_name"]),
            currency=invoice["currency"],
            net=sign * invoice["net_total"],
            tax=sign * invoice["tax_total"],
            gross=sign * invoice["gross_total"],
            pdf=names.get(DocumentFormat.PDF, ""),
            pdf_sha256=stored.get(DocumentFormat.PDF, (0, ""))[1],
            xml=names.get(DocumentFormat.XML, ""),
            xml_sha256=stored.get(DocumentFormat.XML, (0, ""))[1],
            remark="" if DocumentFormat.PDF in stored else _("the PDF does not exist yet"),
        )
    )


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


def zip_chunks(frozen: dict[str, Any], *, day: date) -> Iterator[bytes]:
    """The ZIP file: each document as it is stored, then ``manifest.csv``; ``day`` is the date of all of them.

    The same contents give the same bytes. Raises DamagedDocument.
    """
    pipe = _Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_STORED) as archive:
        for name, document in frozen["files"]:
            _add(archive, name, _bytes_of(document), day)
            yield pipe.take()
        _add(archive, "manifest.csv", frozen["manifest"].encode(), day)
        yield pipe.take()
    yield pipe.take()


def _add(archive: zipfile.ZipFile, name: str, content: bytes, day: date) -> None:
    archive.writestr(zipfile.ZipInfo(name, date_time=(day.year, day.month, day.day, 0, 0, 0)), content)


def _bytes_of(key: int) -> bytes:
    document = InvoiceDocument.objects.get(pk=key)
    content = bytes(document.content)
    if hashlib.sha256(content).hexdigest() != document.sha256:
        raise DamagedDocument(str(document))
    return content
