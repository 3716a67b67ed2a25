"""Invoices and credit notes as other programs want them: by tax group, with accounts and tax names."""

from collections.abc import Iterable, Iterator
from decimal import Decimal

from django.utils.translation import gettext as _

from crm.domain.exports.documents import CHUNK, issued_in
from crm.domain.exports.mapping import Mapping
from crm.domain.exports.span import Span
from crm.domain.invoicing import document_totals
from crm.domain.ledger.accounts import AccountKey
from crm.engine.amounts import TaxGroup, round_half_up
from crm.engine.bookfiles.values import Sale, SoldGroup, SoldLine
from crm.enums import AccountKind, EntryKind, ExportKind
from crm.models import Invoice, InvoiceLine, LedgerPosting
from hashinsight.common.money import exponent


def sales_of(span: Span, mapping: Mapping, kind: ExportKind) -> Iterator[Sale]:
    """The documents of the months, credit notes below zero; what has no name there is noted in the mapping."""
    rows = issued_in(span).select_related("customer", "corrects").prefetch_related("lines")
    for chunk in batched(rows.iterator(chunk_size=CHUNK)):
        booked = _booked([invoice.pk for invoice in chunk])
        for invoice in chunk:
            lines = list(invoice.lines.all())
            sign = Decimal(-1 if invoice.is_credit_note else 1)
            groups = booked.get(invoice.pk) or document_totals(invoice, lines).breakdown
            yield _sale(invoice, [_group(group, lines, sign, mapping, kind) for group in groups])


def batched(rows: Iterable[Invoice]) -> Iterator[list[Invoice]]:
    """As many at a time as are fetched at once."""
    chunk: list[Invoice] = []
    for row in rows:
        chunk.append(row)
        if len(chunk) == CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _booked(keys: list[int]) -> dict[int, list[TaxGroup]]:
    """The tax groups of documents as they are in the ledger; a document over nothing is not in it."""
    rows = LedgerPosting.objects.filter(
        entry__kind__in=(EntryKind.INVOICE, EntryKind.CREDIT_NOTE), entry__source_id__in=keys,
        kind__in=(AccountKind.REVENUE, AccountKind.OUTPUT_TAX),
    )  # fmt: skip
    names = ("entry__source_id", "entry__kind", "kind", "account__tax_category", "account__tax_rate", "debit", "credit",
             "currency")  # fmt: skip
    sums: dict[tuple[int, str, Decimal], list[Decimal]] = {}
    digits: dict[int, int] = {}
    for source, entry_kind, kind, category, rate, debit, credit, currency in rows.values_list(*names):
        sign = 1 if entry_kind == EntryKind.INVOICE else -1
        digits[source] = exponent(currency)
        both = sums.setdefault((source, category, rate.normalize()), [Decimal(0), Decimal(0)])
        both[kind == AccountKind.OUTPUT_TAX] += sign * (credit - debit)
    found: dict[int, list[TaxGroup]] = {}
    for (source, category, rate), (basis, tax) in sorted(sums.items(), key=lambda one: (*one[0][:2], -one[0][2])):
        net, part = (round_half_up(amount, digits[source]) for amount in (basis, tax))
        found.setdefault(source, []).append(TaxGroup(category, rate, net, part))
    return found


def _group(group: TaxGroup, lines: list[InvoiceLine], sign: Decimal, mapping: Mapping, kind: ExportKind) -> SoldGroup:
    key = mapping.key(group.category, group.rate)
    name = ""
    if key is not None:
        name = key.xero_tax_type if kind == ExportKind.XERO else key.quickbooks_tax_code
        if not name:
            mapping.missing(key, _("has no tax name in %(program)s") % {"program": kind.label})
    account = mapping.account_by_code(AccountKey(AccountKind.REVENUE, group.category, group.rate).code)
    mine = [line for line in lines if line.tax_category == group.category and line.tax_rate == group.rate]
    sold = [SoldLine(line.description, line.quantity * sign, line.unit_price, line.net_amount * sign) for line in mine]
    return SoldGroup(group.rate, group.basis * sign, group.tax * sign, account, name, tuple(sold))


def _sale(invoice: Invoice, groups: list[SoldGroup]) -> Sale:
    buyer = invoice.buyer
    if invoice.issued_on is None or invoice.due_on is None:  # pragma: no cover - the database holds it
        raise ValueError("an issued document has its dates")
    return Sale(
        number=str(invoice.number),
        customer=str(buyer.get("name") or invoice.customer.company_name),
        email=str(buyer.get("email") or ""),
        address=[str(buyer.get("street") or "")],
        city=str(buyer.get("city") or ""),
        region=str(buyer.get("region") or ""),
        postal_code=str(buyer.get("postal_code") or ""),
        country=str(buyer.get("country") or ""),
        reference=invoice.buyer_reference,
        issued_on=invoice.issued_on,
        due_on=invoice.due_on,
        currency=invoice.currency,
        groups=groups,
    )
