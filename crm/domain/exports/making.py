"""Making a file for accounting, keeping it, and handing it out again."""

import hashlib
import io
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import override

from crm.domain.exports import datev, documents, journal, sales
from crm.domain.exports.mapping import Mapping, mapping_of
from crm.domain.exports.span import ExportRefused, Span, span_of
from crm.engine.bookfiles import datev as datev_file
from crm.engine.bookfiles import quickbooks, xero
from crm.engine.bookfiles.values import NamedFile, Sale
from crm.enums import ExportKind
from crm.models import AccountingExport, JournalEntry, LegalEntity
from hashinsight.common.exports import XLSX_MOST_ROWS

JOURNAL = (ExportKind.JOURNAL_CSV, ExportKind.JOURNAL_XLSX)
ENDINGS = {
    ExportKind.DOCUMENTS: "documents-{who}-{months}.zip",
    ExportKind.JOURNAL_CSV: "journal-{who}-{months}.csv",
    ExportKind.JOURNAL_XLSX: "journal-{who}-{months}.xlsx",
    ExportKind.DATEV: "EXTF_Buchungsstapel-{who}-{months}.csv",
    ExportKind.XERO: "xero-{who}-{months}.csv",
    ExportKind.QUICKBOOKS: "quickbooks-{who}-{months}.csv",
}
LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('export:' || %s || ':' || %s, 0))"
MOST_LISTED = 50


@dataclass
class ExportPlan:
    """What a file would hold: rows, sums per currency, what is missing for it, and what one should know."""

    span: Span
    kind: ExportKind
    row_count: int
    sums: dict[str, dict[str, str]]
    gaps: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    contents: documents.Contents | None = None

    @property
    def file_name(self) -> str:
        """As it will be called; a provisional one says so."""
        return ENDINGS[self.kind].format(who=self.span.who, months=self.span.name)


def plan_export(entity: LegalEntity, *, kind: ExportKind, first: date, last: date, at: datetime) -> ExportPlan:
    """Look before making: everything is gone through, nothing is kept. Raises ExportRefused for impossible months."""
    span = _settled(span_of(entity, first=first, last=last, at=at), kind)
    return _plan(span, kind, mapping_of(entity), at=at)


def _settled(span: Span, kind: ExportKind) -> Span:
    """With the rows the file is made of, as they are now: all that follows reads these and what hangs on them.

    Issued documents and entries never change, so figures, notes and bytes agree whatever is booked meanwhile. The
    month of documents has a list of its own (``documents.contents_of``).
    """
    if kind == ExportKind.DOCUMENTS:
        return span
    if kind in (*JOURNAL, ExportKind.DATEV):
        months = (span.first, span.last)
        entries = JournalEntry.objects.filter(legal_entity=span.entity, posted_on__range=months)
        return span.frozen(entries.order_by("id").values_list("pk", flat=True))
    return span.frozen(documents.issued_in(span).values_list("pk", flat=True))


def _plan(span: Span, kind: ExportKind, mapping: Mapping, *, at: datetime) -> ExportPlan:
    contents = None
    if kind in (*JOURNAL, ExportKind.DATEV):
        facts = journal.facts_of(span)
    else:
        contents = documents.contents_of(span, until=at)
        facts = contents.facts()
    plan = ExportPlan(span, kind, *facts, contents=contents)
    if kind == ExportKind.DOCUMENTS and contents is not None:
        if missing := contents.without_pdf():
            plan.notes.append(_("without a PDF yet: %(numbers)s") % {"numbers": _listed(missing)})
    elif kind == ExportKind.JOURNAL_XLSX and plan.row_count > XLSX_MOST_ROWS:
        text = _("An XLSX file holds at most %(most)s rows here; take the CSV file.")
        plan.gaps.append(text % {"most": XLSX_MOST_ROWS})
    elif kind == ExportKind.DATEV:
        datev.batch_of(span, mapping)
        plan.row_count = sum(1 for _booking in datev.bookings_of(span, mapping))
    elif kind in (ExportKind.XERO, ExportKind.QUICKBOOKS):
        _check_sales(plan, mapping)
    plan.gaps += mapping.in_words()
    return plan


def _check_sales(plan: ExportPlan, mapping: Mapping) -> None:
    left_out = []
    for sale in sales.sales_of(plan.span, mapping, plan.kind):
        if plan.kind == ExportKind.QUICKBOOKS and sale.is_credit:
            left_out.append(sale.number)
            continue
        target = xero if plan.kind == ExportKind.XERO else quickbooks
        for gap in target.gaps(sale):
            mapping.missing(gap.where, gap.what)
    if left_out:
        text = _("QuickBooks imports no credit notes; enter by hand: %(numbers)s")
        plan.notes.append(text % {"numbers": _listed(left_out)})


def _listed(names: list[str]) -> str:
    more = _(" and %(count)s more") % {"count": len(names) - MOST_LISTED} if len(names) > MOST_LISTED else ""
    return ", ".join(names[:MOST_LISTED]) + more


@transaction.atomic
def make_export(
    entity: LegalEntity, *, kind: ExportKind, first: date, last: date, by: Any, at: datetime
) -> AccountingExport:
    """Make the file and keep it with its hash. Of closed months mapped as before it is the one that was made first.

    Raises ExportRefused with everything that is missing; then nothing is made at all.
    """
    with connection.cursor() as cursor:
        cursor.execute(LOCK, [str(entity.pk), str(kind)])
    with override(entity.language):
        span = _settled(span_of(entity, first=first, last=last, at=at), kind)
        mapping = mapping_of(entity)
        known = _known(span, kind, mapping)
        if known is not None:
            return known
        plan = _plan(span, kind, mapping, at=at)
        if plan.gaps:
            listed = "\n".join(plan.gaps[:MOST_LISTED])
            count = len(plan.gaps)
            raise ExportRefused(
                _("Nothing was made; missing (%(count)s):\n%(gaps)s") % {"count": count, "gaps": listed}
            )
        return _kept(plan, mapping, by=by, at=at)


def _known(span: Span, kind: ExportKind, mapping: Mapping) -> AccountingExport | None:
    if not span.is_closed:
        return None
    found: AccountingExport | None = _final(span, kind).filter(mapping=mapping.fingerprint()).first()
    if found is None or kind != ExportKind.DOCUMENTS:
        return found
    if documents.contents_of(span, until=found.made_at).without_pdf():
        return None  # they may be there by now
    return found


def _final(span: Span, kind: ExportKind) -> QuerySet[AccountingExport]:
    """Files made of these months since they were closed the last time, the newest first."""
    rows = AccountingExport.objects.filter(
        legal_entity=span.entity, kind=kind, first_month=span.first, last_month=span.last, is_provisional=False,
        state_of=span.state_of,
    )  # fmt: skip
    return rows.defer("content", "frozen").order_by("-id")


def _kept(plan: ExportPlan, mapping: Mapping, *, by: Any, at: datetime) -> AccountingExport:
    span, digest, size, parts = plan.span, hashlib.sha256(), 0, io.BytesIO()
    large = plan.kind == ExportKind.DOCUMENTS
    name = plan.file_name
    frozen = plan.contents.frozen() if large and plan.contents else None
    chunks = documents.zip_chunks(frozen, day=span.last) if frozen else _chunks(plan, mapping)
    for chunk in chunks:
        digest.update(chunk)
        size += len(chunk)
        if not large:
            parts.write(chunk)
    # Mapped otherwise, but nothing of these months: another customer's number, an account that came later.
    same = _final(span, plan.kind).filter(sha256=digest.hexdigest()).first() if span.is_closed else None
    if same is not None:
        return same
    content = None if large else parts.getvalue()
    if content is not None and content[:2] == b"PK" and not name.endswith(".xlsx"):
        name = name.rsplit(".", 1)[0] + ".zip"
    return AccountingExport.objects.create(
        legal_entity=span.entity, kind=plan.kind, first_month=span.first, last_month=span.last,
        is_provisional=not span.is_closed, file_name=name, sha256=digest.hexdigest(), size=size,
        row_count=plan.row_count, sums=plan.sums, notes=plan.notes, mapping=mapping.fingerprint(),
        state_of=span.state_of, content=content, frozen=frozen, made_by=by, made_at=at, created_at=at,
    )  # fmt: skip


def _chunks(plan: ExportPlan, mapping: Mapping) -> Iterator[bytes]:
    span, kind = plan.span, plan.kind
    if kind == ExportKind.JOURNAL_CSV:
        return journal.csv_chunks(span)
    if kind == ExportKind.JOURNAL_XLSX:
        return journal.xlsx_chunks(span)
    if kind == ExportKind.DATEV:
        return datev_file.lines(datev.batch_of(span, mapping), datev.bookings_of(span, mapping))
    found: Iterable[Sale] = sales.sales_of(span, mapping, kind)
    stem, dates = plan.file_name.removesuffix(".csv"), mapping.settings.date_order
    if kind == ExportKind.XERO:
        return iter([_one_or_zip(xero.files(found, stem=stem, dates=dates), span)])
    found = (sale for sale in found if not sale.is_credit)
    return iter([_one_or_zip(quickbooks.files(found, stem=stem, dates=dates), span)])


def _one_or_zip(files: list[NamedFile], span: Span) -> bytes:
    """The file; several of them in a ZIP, for programs that take only so many documents in one."""
    if len(files) == 1:
        return files[0].content
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for one in files:
            day = (span.last.year, span.last.month, span.last.day, 0, 0, 0)
            archive.writestr(zipfile.ZipInfo(one.name, date_time=day), one.content)
    return target.getvalue()


def chunks_of(export: AccountingExport) -> Iterator[bytes]:
    """The bytes of a file that was made; a month of documents is put together again from its list."""
    if export.content is not None:
        return iter([bytes(export.content)])
    frozen = export.frozen
    if frozen is None:  # made before lists were kept
        span = span_of(export.legal_entity, first=export.first_month, last=export.last_month, at=export.state_of)
        with override(export.legal_entity.language):
            frozen = documents.contents_of(span, until=export.made_at).frozen()
    return documents.zip_chunks(frozen, day=export.last_month)
