"""The books of some months as a DATEV posting batch.

Documents are booked gross with a tax key, one row per tax group; where the tax that DATEV computes from it would not
be ours to the cent (a part taken back, another currency), net and tax are booked in rows of their own. Everything
else is booked account against account, in the currency of the books. Openings stay out: the books of the former
system have them.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from crm.domain.exports.mapping import Mapping, check_datev
from crm.domain.exports.span import Span
from crm.domain.ledger.rates import rate_on
from crm.engine.amounts import exact_sum, round_half_up
from crm.engine.bookfiles import datev
from crm.engine.bookfiles.values import Batch, Booking
from crm.engine.bookkeeping import convert
from crm.enums import AccountKind, EntryKind, TaxCategory
from crm.models import Invoice, JournalEntry, LedgerAccount, LedgerPosting, TaxKey
from hashinsight.common.money import exponent

CHUNK = 500
DOCUMENTS = (EntryKind.INVOICE, EntryKind.CREDIT_NOTE)
OPENINGS = (EntryKind.OPENING_INVOICE, EntryKind.OPENING_CREDIT)
ON_DEBTOR = (AccountKind.RECEIVABLE, AccountKind.CREDITS)
TO_EU = (TaxCategory.INTRA_COMMUNITY, TaxCategory.REVERSE_CHARGE)


@dataclass
class _Side:
    """Revenue or tax of a group: what was booked, above zero on the credit side."""

    account: LedgerAccount | None = None
    amount: Decimal = Decimal(0)
    base: Decimal | None = Decimal(0)

    def add(self, posting: LedgerPosting) -> None:
        self.account = posting.account
        self.amount += posting.credit - posting.debit
        if posting.base_debit is None or posting.base_credit is None or self.base is None:
            self.base = None
        else:
            self.base += posting.base_credit - posting.base_debit


def entries_of(span: Span) -> QuerySet[JournalEntry]:
    """The entries of the months that belong into the batch."""
    rows: QuerySet[JournalEntry] = JournalEntry.objects.filter(
        legal_entity=span.entity, posted_on__range=(span.first, span.last)
    ).exclude(kind__in=OPENINGS)
    if span.rows is not None:
        rows = rows.filter(pk__in=span.rows)
    return rows.select_related("customer").prefetch_related("postings__account").order_by("posted_on", "id")


def batch_of(span: Span, mapping: Mapping) -> Batch:
    """The header. What it lacks is noted in the mapping."""
    check_datev(mapping, first=span.first, last=span.last)
    if exponent(span.entity.currency) != 2:
        mapping.missing(span.entity, _("DATEV writes two decimals; the books are kept in another way"))
    one = mapping.settings
    return Batch(
        consultant=one.consultant_number,
        client=one.client_number,
        account_length=one.account_length,
        year_start=datev.year_start(span.first, one.year_start_month),
        first=span.first,
        last=span.last,
        currency=span.entity.currency,
        name=f"HashInsight {span.name}",
        made_at=span.state_of,
        fixed=span.is_closed,
    )


def bookings_of(span: Span, mapping: Mapping) -> Iterator[Booking]:
    """The rows, entry by entry; what has no number there is noted in the mapping."""
    chunk: list[JournalEntry] = []
    for entry in entries_of(span).iterator(chunk_size=CHUNK):
        chunk.append(entry)
        if len(chunk) == CHUNK:
            yield from _bookings(chunk, mapping)
            chunk = []
    yield from _bookings(chunk, mapping)


def _bookings(entries: list[JournalEntry], mapping: Mapping) -> Iterator[Booking]:
    documents = Invoice.objects.in_bulk([entry.source_id for entry in entries if entry.kind in DOCUMENTS])
    for entry in entries:
        if entry.kind in DOCUMENTS:
            yield from _document(entry, documents[entry.source_id], mapping)
        else:
            yield from _movement(entry, mapping)


def _text(entry: JournalEntry) -> str:
    return f"{entry.customer.company_name} {EntryKind(entry.kind).label}"


def _document(entry: JournalEntry, invoice: Invoice, mapping: Mapping) -> Iterator[Booking]:
    if not datev.fits_document_field(str(invoice.number)):
        mapping.missing(invoice, _("DATEV does not take this number"))
    if exponent(entry.currency) != 2:
        mapping.missing(invoice, _("DATEV writes two decimals; %(currency)s has others") % {"currency": entry.currency})
    groups: dict[tuple[str, Decimal], dict[str, _Side]] = defaultdict(lambda: defaultdict(_Side))
    for posting in entry.postings.all():
        if posting.kind in (AccountKind.REVENUE, AccountKind.OUTPUT_TAX):
            account = posting.account
            groups[account.tax_category, account.tax_rate.normalize()][posting.kind].add(posting)
    plain = Booking(
        amount=Decimal(0), side="", currency=entry.currency, account=mapping.debtor(entry.customer), contra="",
        day=entry.posted_on, document=str(invoice.number), text=_text(entry),
        due_on=invoice.due_on if entry.kind == EntryKind.INVOICE else None,
    )  # fmt: skip
    for (category, rate), sides in sorted(groups.items()):
        key = mapping.key(category, rate)
        vat_id = str(invoice.buyer.get("vat_id") or "") if category in TO_EU else ""
        yield from _group(replace(plain, vat_id=vat_id), sides, rate, key, mapping)


def _group(
    plain: Booking, sides: dict[str, _Side], rate: Decimal, key: TaxKey | None, mapping: Mapping
) -> Iterator[Booking]:
    revenue, tax = sides.get(AccountKind.REVENUE, _Side()), sides.get(AccountKind.OUTPUT_TAX, _Side())
    whole = _Side(revenue.account, revenue.amount + tax.amount, _plus(revenue.base, tax.base))
    foreign = plain.currency != mapping.entity.currency
    if foreign and whole.base is None:
        rate_of_day = rate_on(plain.currency, mapping.entity.currency, on=plain.day)
        if rate_of_day is None:
            mapping.missing(plain.document, _no_rate(plain.currency, mapping.entity.currency))
            return
        whole.base = convert(whole.amount, rate_of_day, 2)
        tax.base = tax_out_of(whole.base, rate)
        revenue.base = whole.base - tax.base
    same = tax_out_of(whole.amount, rate) == tax.amount
    if foreign and whole.base is not None:
        same = same and tax_out_of(whole.base, rate) == tax.base
    if same and revenue.account is not None:
        yield from _row(plain, whole, mapping, key.datev_key if key else "")
        return
    suspended = "" if key is not None and key.datev_key else mapping.settings.datev_no_tax_key
    for side in (revenue, tax):
        if side.account is not None:
            yield from _row(plain, side, mapping, suspended if side is revenue and rate else "")


def _row(plain: Booking, side: _Side, mapping: Mapping, key: str) -> Iterator[Booking]:
    if side.amount and side.account is not None:
        yield replace(
            plain,
            amount=abs(side.amount),
            side="S" if side.amount > 0 else "H",
            contra=mapping.account(side.account),
            key=key,
            base_amount=None if side.base is None else abs(side.base),
        )


def tax_out_of(gross: Decimal, rate: Decimal) -> Decimal:
    """The tax in a gross amount, rounded half up to the cent: what DATEV computes."""
    return round_half_up(gross * rate / (100 + rate))


def _plus(left: Decimal | None, right: Decimal | None) -> Decimal | None:
    return None if left is None or right is None else left + right


def _movement(entry: JournalEntry, mapping: Mapping) -> Iterator[Booking]:
    """Debits against credits in the currency of the books, as many rows as it takes; both sides come out in full."""
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for posting in entry.postings.all():
        base = _base_of(entry, posting)
        if base is None:
            text = _no_rate(posting.currency, entry.base_currency)
            mapping.missing(_("entry %(id)s") % {"id": entry.pk}, text)
            return
        sums[_number(entry, posting, mapping)] += base
    left = exact_sum(sums.values())
    if left:  # of rounding, where the day's rate had to be asked now
        sums[max(sums, key=lambda number: abs(sums[number]))] -= left
    debits = [[number, amount] for number, amount in sorted(sums.items()) if amount > 0]
    credits = [[number, -amount] for number, amount in sorted(sums.items()) if amount < 0]
    yield from _paired(entry, debits, credits)


def _base_of(entry: JournalEntry, posting: LedgerPosting) -> Decimal | None:
    """As booked; where no rate was known then, at the rate of the day that is known by now."""
    if posting.base_debit is not None and posting.base_credit is not None:
        return posting.base_debit - posting.base_credit
    rate = rate_on(posting.currency, entry.base_currency, on=entry.posted_on)
    return None if rate is None else convert(posting.debit - posting.credit, rate, exponent(entry.base_currency))


def _no_rate(currency: str, base: str) -> str:
    return _("no rate from %(currency)s into %(base)s is known on the day") % {"currency": currency, "base": base}


def _paired(entry: JournalEntry, debits: list[Any], credits: list[Any]) -> Iterator[Booking]:
    while debits and credits:
        (account, left), (contra, right) = debits[0], credits[0]
        amount = min(left, right)
        yield Booking(
            amount=amount, side="S", currency=entry.base_currency, account=account, contra=contra, day=entry.posted_on,
            document=entry.text or f"{entry.kind}-{entry.pk}", text=_text(entry),
        )  # fmt: skip
        debits[0][1], credits[0][1] = left - amount, right - amount
        debits, credits = [one for one in debits if one[1]], [one for one in credits if one[1]]


def _number(entry: JournalEntry, posting: LedgerPosting, mapping: Mapping) -> str:
    if posting.kind in ON_DEBTOR:
        return mapping.debtor(entry.customer)
    return mapping.account(posting.account)
