"""Writing journal entries: the one place where they come from, one at a time or many in few statements."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from crm.domain.ledger.accounts import AccountKey, accounts_of
from crm.domain.ledger.rates import rate_on
from crm.engine.bookkeeping import Line, check_balanced, valued, without_nothing
from crm.enums import CUSTOMER_ACCOUNTS, AccountKind, EntryKind
from crm.models import CustomerCredit, Invoice, JournalEntry, LedgerAccount, LedgerPosting, LegalEntity
from hashinsight.common.context import current_request_id
from hashinsight.common.money import exponent

BATCH = 1000
ZERO = Decimal(0)
Rates = dict[tuple[str, str, date], Decimal | None]


@dataclass(frozen=True, slots=True)
class Voucher:
    """What is to be booked: one document's lines, before accounts and values are looked up.

    ``source_id`` is the row of the document (which table, the kind says): the same kind and source are never booked
    twice. A line's ``account`` is an AccountKey, its ``item`` the Invoice or CustomerCredit it opens or clears.
    ``rates`` are known beforehand: the currency of the books for one unit, None where there is none.
    """

    kind: EntryKind
    source_id: int
    legal_entity: LegalEntity
    customer_id: int
    currency: str
    posted_on: date
    lines: Sequence[Line]
    by: Any
    at: datetime
    text: str = ""
    invoice_id: int | None = None
    reverses: JournalEntry | None = None
    is_sample: bool = False
    rates: dict[str, Decimal | None] = field(default_factory=dict)


def post(voucher: Voucher) -> JournalEntry | None:
    """Book one document in its own transaction; None when it is over nothing. Raises Unbalanced."""
    entries = post_many([voucher])
    return entries[0] if entries else None


def post_many(vouchers: Sequence[Voucher]) -> list[JournalEntry]:
    """Book documents of one or several legal entities in few statements; those over nothing leave no entry."""
    cache: Rates = {}
    vouchers = [one for one in vouchers if without_nothing(one.lines)]
    if not vouchers:
        return []
    valued_lines = [_value(voucher, cache) for voucher in vouchers]
    for lines in valued_lines:
        check_balanced(lines)
    accounts = accounts_of(
        (voucher.legal_entity.pk, line.account)
        for voucher, lines in zip(vouchers, valued_lines, strict=True)
        for line in lines
    )
    request = current_request_id()[:64]
    entries = JournalEntry.objects.bulk_create([_entry(one, request) for one in vouchers], batch_size=BATCH)
    postings = [
        _posting(entry, line, accounts[voucher.legal_entity.pk, line.account.code])
        for voucher, entry, lines in zip(vouchers, entries, valued_lines, strict=True)
        for line in lines
    ]
    LedgerPosting.objects.bulk_create(postings, batch_size=BATCH)
    return entries


def _value(voucher: Voucher, cache: Rates) -> list[Line]:
    base = voucher.legal_entity.currency
    if voucher.reverses is not None:
        return list(voucher.lines)  # the mirror of what was booked, at the same value
    rates: dict[str, Decimal | None] = {}
    for currency in {line.currency for line in voucher.lines}:
        key = (currency, base, voucher.posted_on)
        if currency in voucher.rates:
            rates[currency] = voucher.rates[currency]
            continue
        if key not in cache:
            cache[key] = rate_on(currency, base, on=voucher.posted_on)
        rates[currency] = cache[key]
    difference = AccountKey(AccountKind.FX_DIFFERENCE)
    lines = without_nothing(voucher.lines)
    return without_nothing(valued(lines, base=base, rates=rates, digits=exponent(base), difference=difference))


def _entry(voucher: Voucher, request: str) -> JournalEntry:
    return JournalEntry(
        legal_entity=voucher.legal_entity,
        customer_id=voucher.customer_id,
        kind=voucher.kind,
        source_id=voucher.source_id,
        invoice_id=voucher.invoice_id,
        reverses=voucher.reverses,
        posted_on=voucher.posted_on,
        currency=voucher.currency,
        base_currency=voucher.reverses.base_currency if voucher.reverses else voucher.legal_entity.currency,
        text=voucher.text[:200],
        request_id=request,
        created_by_id=getattr(voucher.by, "pk", None),
        created_at=voucher.at,
        is_sample=voucher.is_sample,
    )


def _posting(entry: JournalEntry, line: Line, account: LedgerAccount) -> LedgerPosting:
    of_customer = account.kind in CUSTOMER_ACCOUNTS
    return LedgerPosting(
        entry=entry,
        account=account,
        kind=account.kind,
        customer_id=entry.customer_id if of_customer else None,
        invoice=line.item if isinstance(line.item, Invoice) else None,
        customer_credit=line.item if isinstance(line.item, CustomerCredit) else None,
        currency=line.currency,
        debit=max(line.amount, ZERO),
        credit=max(-line.amount, ZERO),
        base_debit=None if line.base is None else max(line.base, ZERO),
        base_credit=None if line.base is None else max(-line.base, ZERO),
        rate=None if line.base is None else line.rate,
    )


def mirror(entry: JournalEntry) -> list[Line]:
    """The lines that take an entry back: the same accounts and amounts on the other side, at the same value."""
    return [
        Line(
            account=_key_of(posting.account),
            currency=posting.currency,
            amount=posting.credit - posting.debit,
            base=None if posting.base_debit is None else posting.base_credit - posting.base_debit,
            rate=posting.rate,
            item=posting.invoice or posting.customer_credit,
        )
        for posting in entry.postings.select_related("account", "invoice", "customer_credit").order_by("id")
    ]


def _key_of(account: LedgerAccount) -> AccountKey:
    return AccountKey(AccountKind(account.kind), account.tax_category, account.tax_rate)
