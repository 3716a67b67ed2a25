"""How each kind of document is booked."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db.models import Count, F, Q, Sum

from crm.domain.ledger.accounts import AccountKey
from crm.domain.ledger.posting import Voucher, mirror
from crm.domain.ledger.rates import DIGITS, rate_on
from crm.engine.amounts import TaxGroup, Totals
from crm.engine.bookkeeping import Line, convert, credit, debit, share
from crm.enums import MONEY_ACCOUNTS, AccountKind, CreditKind, EntryKind, PaymentMethod, WriteOffKind
from crm.models import (
    CreditApplication,
    CustomerCredit,
    Invoice,
    JournalEntry,
    LedgerPosting,
    LegalEntity,
    Payment,
    Refund,
    Reversal,
    WriteOff,
)
from hashinsight.common.money import exponent

ZERO = Decimal(0)
RECEIVABLE = AccountKey(AccountKind.RECEIVABLE)
CREDITS = AccountKey(AccountKind.CREDITS)
CONVERSION = AccountKey(AccountKind.CONVERSION)
FX_DIFFERENCE = AccountKey(AccountKind.FX_DIFFERENCE)
Item = Invoice | CustomerCredit


@dataclass(frozen=True, slots=True)
class Value:
    """At what value an open item is cleared in the books; both None where its value is not known."""

    base: Decimal | None
    rate: Decimal | None


def money_account(method: str) -> AccountKey:
    """Where money of a payment method arrives, and leaves from."""
    return AccountKey(MONEY_ACCOUNTS[PaymentMethod(method)])


def credit_account(item: CustomerCredit) -> AccountKey:
    """Deposits and other credits are kept apart."""
    deposits = (CreditKind.DEPOSIT, CreditKind.OPENING_DEPOSIT)
    return AccountKey(AccountKind.DEPOSITS if item.kind in deposits else AccountKind.CREDITS)


def clearing_value(item: Item, amount: Decimal, entity: LegalEntity) -> Value:
    """What ``amount`` of an open item is worth in the books: its share of the value the item was booked at."""
    if item.currency == entity.currency:
        return Value(amount, Decimal(1))
    mine = Q(invoice=item, kind=AccountKind.RECEIVABLE) if isinstance(item, Invoice) else Q(customer_credit=item)
    sums = LedgerPosting.objects.filter(mine).aggregate(
        whole=Sum(F("debit") - F("credit")),
        base=Sum(F("base_debit") - F("base_credit")),
        count=Count("pk"),
        valued=Count("base_debit"),
    )
    if sums["valued"] < sums["count"] or not sums["count"]:
        return Value(None, None)
    whole, base = sums["whole"], sums["base"]
    if isinstance(item, CustomerCredit):
        whole, base = -whole, -base
    if not whole:
        return Value(None, None)
    return Value(share(base, whole, amount, exponent(entity.currency)), (base / whole).quantize(DIGITS))


def of_invoice(invoice: Invoice, totals: Totals, *, by: Any, at: datetime) -> Voucher:
    """An issued invoice: the customer owes the total; revenue and tax per category and rate."""
    lines = [debit(RECEIVABLE, invoice.currency, totals.gross, item=invoice)]
    return _of_document(invoice, [*lines, *_sales(invoice.currency, totals.breakdown, credit)], by=by, at=at)


def of_credit_note(
    note: Invoice, totals: Totals, *, original: Invoice, surplus: CustomerCredit | None, by: Any, at: datetime
) -> Voucher:
    """A credit note: its invoice owes that much less; what it does not owe any more becomes the customer's credit."""
    beyond = surplus.amount if surplus else ZERO
    lines = [
        *_sales(note.currency, totals.breakdown, debit),
        *_cleared(original, totals.gross - beyond, note.legal_entity),
        credit(CREDITS, note.currency, beyond, item=surplus),
    ]
    return _of_document(note, lines, by=by, at=at, original=original)


def _sales(currency: str, groups: Sequence[TaxGroup], side: Any) -> list[Line]:
    lines = []
    for group in groups:
        revenue = AccountKey(AccountKind.REVENUE, group.category, group.rate)
        lines.append(side(revenue, currency, group.basis))
        lines.append(side(AccountKey(AccountKind.OUTPUT_TAX, group.category, group.rate), currency, group.tax))
    return lines


def _of_document(
    invoice: Invoice, lines: list[Line], *, by: Any, at: datetime, original: Invoice | None = None
) -> Voucher:
    return Voucher(
        kind=EntryKind.CREDIT_NOTE if original else EntryKind.INVOICE,
        source_id=invoice.pk,
        legal_entity=invoice.legal_entity,
        customer_id=invoice.customer_id,
        currency=invoice.currency,
        posted_on=_required(invoice.issued_on),
        lines=lines,
        by=by,
        at=at,
        text=invoice.number or "",
        invoice_id=(original or invoice).pk,
        is_sample=invoice.is_sample,
    )


def _cleared(item: Item, amount: Decimal, entity: LegalEntity) -> list[Line]:
    """The line that takes ``amount`` off an invoice that is owed."""
    if not amount:
        return []
    return [_clearing(RECEIVABLE, item, amount, entity, side=-1)]


def _clearing(account: AccountKey, item: Item, amount: Decimal, entity: LegalEntity, *, side: int) -> Line:
    """A line against an open item, at the value the item was booked at; ``side`` is 1 for debit, -1 for credit."""
    value = clearing_value(item, amount, entity)
    base = None if value.base is None else value.base * side
    return Line(account, item.currency, amount * side, base, value.rate, item, valueless=value.base is None)


def of_payment(payment: Payment, *, surplus: CustomerCredit | None, at: datetime) -> Voucher:
    """Money for an invoice: off what is owed; the rest is the customer's credit; a worse rate than agreed our loss."""
    invoice, entity = payment.invoice, payment.invoice.legal_entity
    beyond = surplus.amount if surplus else ZERO
    settled = payment.settles - beyond
    lines = [
        *_received(payment),
        *_cleared(invoice, settled, entity),
        credit(CREDITS, invoice.currency, beyond, item=surplus),
    ]
    return Voucher(
        kind=EntryKind.PAYMENT,
        source_id=payment.pk,
        legal_entity=entity,
        customer_id=payment.customer_id,
        currency=invoice.currency,
        posted_on=payment.booked_on or payment.received_on,
        lines=lines,
        by=payment.created_by,
        at=at,
        text=payment.reference or invoice.number or "",
        invoice_id=invoice.pk,
        is_sample=payment.is_sample,
        rates=_rates_of(payment, entity),
    )


def _received(payment: Payment) -> list[Line]:
    money, wanted = money_account(payment.method), payment.invoice.currency
    if payment.rate is None:
        return [debit(money, payment.currency, payment.amount)]
    worth = convert(payment.amount, payment.rate, exponent(wanted))
    return [
        debit(money, payment.currency, payment.amount),
        credit(CONVERSION, payment.currency, payment.amount),
        debit(CONVERSION, wanted, worth),
        debit(FX_DIFFERENCE, wanted, payment.settles - worth),
    ]


def _rates_of(payment: Payment, entity: LegalEntity) -> dict[str, Decimal | None]:
    """The books' currency for one unit of the invoice's and of the payment's currency, where the payment says so."""
    base, wanted, given = entity.currency, payment.invoice.currency, payment.currency
    if payment.rate is None:
        return {}
    if wanted == base:
        return {given: payment.rate}
    if given == base:
        return {wanted: (1 / payment.rate).quantize(DIGITS)}
    of_day = rate_on(wanted, base, on=payment.received_on)
    return {wanted: of_day, given: None if of_day is None else (payment.rate * of_day).quantize(DIGITS)}


def of_deposit(deposit: CustomerCredit, *, on: date, at: datetime) -> Voucher:
    """Money without an invoice: we owe it to the customer."""
    lines = [
        debit(money_account(deposit.method), deposit.currency, deposit.amount),
        credit(credit_account(deposit), deposit.currency, deposit.amount, item=deposit),
    ]
    return _of_credit(EntryKind.DEPOSIT, deposit.pk, deposit, lines, on, deposit, at=at)


def of_opening_invoice(invoice: Invoice, *, on: date, by: Any, at: datetime) -> Voucher:
    """An invoice brought along: the customer owes what was open; revenue and tax are in the former books."""
    lines = [
        debit(RECEIVABLE, invoice.currency, invoice.gross_total, item=invoice),
        credit(AccountKey(AccountKind.OPENING_BALANCE), invoice.currency, invoice.gross_total),
    ]
    return replace(_of_document(invoice, lines, by=by, at=at), kind=EntryKind.OPENING_INVOICE, posted_on=on)


def of_opening_credit(held: CustomerCredit, *, on: date, at: datetime) -> Voucher:
    """Money of a customer brought along: we owe it."""
    lines = [
        debit(AccountKey(AccountKind.OPENING_BALANCE), held.currency, held.amount),
        credit(credit_account(held), held.currency, held.amount, item=held),
    ]
    return _of_credit(EntryKind.OPENING_CREDIT, held.pk, held, lines, on, held, at=at)


def of_application(application: CreditApplication, *, at: datetime) -> Voucher:
    """A credit settles an invoice: we owe less, and so does the customer."""
    held, invoice = application.credit, application.invoice
    lines = [
        _used(held, application.amount, invoice.legal_entity),
        *_cleared(invoice, application.amount, invoice.legal_entity),
    ]
    return _of_credit(
        EntryKind.APPLICATION, application.pk, held, lines, application.applied_on, application, at=at, invoice=invoice
    )


def _used(held: CustomerCredit, amount: Decimal, entity: LegalEntity) -> Line:
    return _clearing(credit_account(held), held, amount, entity, side=1)


def of_refund(refund: Refund, *, at: datetime) -> Voucher:
    """Money back: out of a credit, or of a payment, whose invoice is owed again."""
    money = credit(money_account(refund.method), refund.currency, refund.amount)
    if refund.credit is not None:
        held = refund.credit
        lines = [_used(held, refund.amount, held.legal_entity), money]
        return _of_credit(EntryKind.REFUND, refund.pk, held, lines, refund.refunded_on, refund, at=at)
    invoice = _required(refund.payment).invoice
    owed = debit(RECEIVABLE, refund.currency, refund.amount, item=invoice)
    return _of_claim(EntryKind.REFUND, refund.pk, invoice, [owed, money], refund.refunded_on, refund, at=at)


def of_write_off(row: WriteOff, *, at: datetime) -> Voucher:
    """A claim given up is our loss."""
    kind = AccountKind.BAD_DEBT if row.kind == WriteOffKind.BAD_DEBT else AccountKind.SMALL_DIFFERENCE
    cleared = _cleared(row.invoice, row.amount, row.invoice.legal_entity)
    base = None if cleared[0].base is None else -cleared[0].base
    lines = [debit(AccountKey(kind), row.currency, row.amount, base=base, rate=cleared[0].rate), *cleared]
    return _of_claim(EntryKind.WRITE_OFF, row.pk, row.invoice, lines, row.written_off_on, row, at=at)


def of_reversal(reversal: Reversal, entry: JournalEntry, *, at: datetime) -> Voucher:
    """The counter-entry: the same on the other side."""
    return Voucher(
        kind=EntryKind.REVERSAL,
        source_id=reversal.pk,
        legal_entity=entry.legal_entity,
        customer_id=entry.customer_id,
        currency=entry.currency,
        posted_on=reversal.reversed_on,
        lines=mirror(entry),
        by=reversal.created_by,
        at=at,
        text=entry.text,
        invoice_id=entry.invoice_id,
        reverses=entry,
        is_sample=entry.is_sample,
    )


def _of_credit(
    kind: EntryKind,
    source_id: int,
    held: CustomerCredit,
    lines: Sequence[Line],
    on: Any,
    row: Any,
    *,
    at: datetime,
    invoice: Invoice | None = None,
) -> Voucher:
    return Voucher(
        kind=kind,
        source_id=source_id,
        legal_entity=held.legal_entity,
        customer_id=held.customer_id,
        currency=held.currency,
        posted_on=on,
        lines=lines,
        by=row.created_by,
        at=at,
        text=getattr(row, "reference", "") or (invoice.number or "" if invoice else ""),
        invoice_id=invoice.pk if invoice else None,
        is_sample=row.is_sample,
    )


def _of_claim(
    kind: EntryKind, source_id: int, invoice: Invoice, lines: Sequence[Line], on: Any, row: Any, *, at: datetime
) -> Voucher:
    return Voucher(
        kind=kind,
        source_id=source_id,
        legal_entity=invoice.legal_entity,
        customer_id=invoice.customer_id,
        currency=invoice.currency,
        posted_on=on,
        lines=lines,
        by=row.created_by,
        at=at,
        text=invoice.number or "",
        invoice_id=invoice.pk,
        is_sample=row.is_sample,
    )


def _required(value: Any) -> Any:
    if value is None:  # pragma: no cover - the database holds it
        raise ValueError("an issued document has it")
    return value
