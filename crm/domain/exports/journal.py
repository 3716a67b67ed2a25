"""The journal as a table: one row per posting, in the order of booking days."""

import re
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import IO, Any

from django.db.models import Count, QuerySet, Sum
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.domain.exports.span import Span
from crm.enums import EntryKind
from crm.models import LedgerPosting
from hashinsight.common.exports import Column, csv_lines, write_xlsx
from hashinsight.common.money import exponent

CHUNK = 2000
_STAMP = re.compile(rb"(<dcterms:(created|modified)[^>]*>)[^<]*(<)")


def _amount(name: str, currency: str) -> Any:
    def value(posting: Any) -> Decimal | None:
        amount = getattr(posting, name)
        return None if amount is None else round(amount, exponent(getattr(posting.entry, currency)))

    return value


def _own_amount(name: str) -> Any:
    return lambda posting: round(getattr(posting, name), exponent(posting.currency))


JOURNAL_COLUMNS = (
    Column(gettext_lazy("entry"), lambda posting: posting.entry_id, "number"),
    Column(gettext_lazy("posted on"), lambda posting: posting.entry.posted_on, "date"),
    Column(gettext_lazy("kind"), lambda posting: str(EntryKind(posting.entry.kind).label)),
    Column(gettext_lazy("text"), lambda posting: posting.entry.text),
    Column(gettext_lazy("customer number"), lambda posting: posting.entry.customer.code),
    Column(gettext_lazy("customer"), lambda posting: posting.entry.customer.company_name),
    Column(gettext_lazy("invoice"), lambda posting: posting.entry.invoice.number if posting.entry.invoice else ""),
    Column(gettext_lazy("account"), lambda posting: posting.account.code),
    Column(gettext_lazy("number in the accounting program"), lambda posting: posting.account.external_number),
    Column(gettext_lazy("debit"), _own_amount("debit"), "number"),
    Column(gettext_lazy("credit"), _own_amount("credit"), "number"),
    Column(gettext_lazy("currency"), lambda posting: posting.currency),
    Column(gettext_lazy("debit in books"), _amount("base_debit", "base_currency"), "number"),
    Column(gettext_lazy("credit in books"), _amount("base_credit", "base_currency"), "number"),
    Column(gettext_lazy("currency of the books"), lambda posting: posting.entry.base_currency),
    Column(gettext_lazy("rate"), lambda posting: posting.rate, "number"),
    Column(gettext_lazy("booked at"), lambda posting: posting.entry.created_at, "datetime"),
    Column(gettext_lazy("takes back entry"), lambda posting: posting.entry.reverses_id, "number"),
)


def rows_of(span: Span) -> QuerySet[LedgerPosting]:
    """The postings of the months."""
    rows: QuerySet[LedgerPosting] = LedgerPosting.objects.filter(
        entry__legal_entity=span.entity, entry__posted_on__range=(span.first, span.last)
    )
    if span.rows is not None:
        rows = rows.filter(entry__in=span.rows)
    return rows.select_related("entry__customer", "entry__invoice", "account").order_by(
        "entry__posted_on", "entry_id", "id"
    )


def facts_of(span: Span) -> tuple[int, dict[str, dict[str, str]]]:
    """How many rows, and per currency the sums of both sides; both sides are equal."""
    rows = rows_of(span).order_by().values("currency")
    sums: Any = rows.annotate(rows=Count("pk"), debits=Sum("debit"), credits=Sum("credit")).order_by("currency")
    count, found = 0, {}
    for row in sums:
        digits = exponent(row["currency"])
        count += row["rows"]
        found[row["currency"]] = {name: f"{round(row[name + 's'], digits):f}" for name in ("debit", "credit")}
    return count, found


def csv_chunks(span: Span) -> Iterator[bytes]:
    """The CSV file."""
    for line in csv_lines(JOURNAL_COLUMNS, rows_of(span).iterator(chunk_size=CHUNK)):
        yield line.encode()


def xlsx_chunks(span: Span) -> Iterator[bytes]:
    """The XLSX file; the same rows and the same moment give the same bytes."""
    book = write_xlsx(JOURNAL_COLUMNS, rows_of(span).iterator(chunk_size=CHUNK), title=_("Journal"))
    with book, settled(book, span.state_of) as fixed:
        while chunk := fixed.read(1 << 16):
            yield chunk


def settled(book: IO[bytes], moment: datetime) -> IO[bytes]:
    """The workbook without the time it was written at: its parts and its properties bear ``moment`` instead."""
    stamp = rb"\g<1>" + f"{moment:%Y-%m-%dT%H:%M:%SZ}".encode() + rb"\g<3>"
    target = tempfile.TemporaryFile()  # noqa: SIM115  (whoever reads it closes it)
    with zipfile.ZipFile(book) as source, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as copy:
        for name in sorted(source.namelist()):
            part = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            part.compress_type = zipfile.ZIP_DEFLATED
            if name == "docProps/core.xml":
                copy.writestr(part, _STAMP.sub(stamp, source.read(name)))
                continue
            with source.open(name) as reader, copy.open(part, "w") as writer:
                shutil.copyfileobj(reader, writer)
    target.seek(0)
    return target
