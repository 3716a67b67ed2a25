"""Booking documents in the transaction that makes them."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from crm.domain.invoicing import document_totals
from crm.domain.ledger import vouchers
from crm.domain.ledger.posting import post
from crm.enums import EntryKind
from crm.models import (
    CreditApplication,
    CustomerCredit,
    Invoice,
    InvoiceLine,
    JournalEntry,
    Payment,
    Refund,
    Reversal,
    WriteOff,
)

Reversible = Payment | CustomerCredit | CreditApplication | Refund | WriteOff
KIND_OF: dict[type[Any], EntryKind] = {
    Payment: EntryKind.PAYMENT,
    CustomerCredit: EntryKind.DEPOSIT,
    CreditApplication: EntryKind.APPLICATION,
    Refund: EntryKind.REFUND,
    WriteOff: EntryKind.WRITE_OFF,
}


def book_invoice(invoice: Invoice, lines: Sequence[InvoiceLine], *, by: Any, at: datetime) -> JournalEntry | None:
    """Book an issued invoice; ``lines`` are all of its lines."""
    totals = document_totals(invoice, lines)
    return post(vouchers.of_invoice(invoice, totals, by=by, at=at))


def book_credit_note(
    note: Invoice, *, original: Invoice, surplus: CustomerCredit | None, by: Any, at: datetime
) -> JournalEntry | None:
    """Book an issued credit note; ``surplus`` is the part its invoice did not owe any more."""
    totals = document_totals(note, list(note.lines.all()))
    return post(vouchers.of_credit_note(note, totals, original=original, surplus=surplus, by=by, at=at))


def book_payment(payment: Payment, *, surplus: CustomerCredit | None, at: datetime) -> JournalEntry | None:
    """Book money received for an invoice; ``surplus`` is the part beyond what was outstanding."""
    return post(vouchers.of_payment(payment, surplus=surplus, at=at))


def book_deposit(deposit: CustomerCredit, *, on: date, at: datetime) -> JournalEntry | None:
    """Book money received without an invoice, on the day ``on``: when it came, or later where that month is closed."""
    return post(vouchers.of_deposit(deposit, on=on, at=at))


def book_application(application: CreditApplication, *, at: datetime) -> JournalEntry | None:
    """Book a credit used to settle an invoice."""
    return post(vouchers.of_application(application, at=at))


def book_refund(refund: Refund, *, at: datetime) -> JournalEntry | None:
    """Book money paid back."""
    return post(vouchers.of_refund(refund, at=at))


def book_write_off(row: WriteOff, *, at: datetime) -> JournalEntry | None:
    """Book a claim given up."""
    return post(vouchers.of_write_off(row, at=at))


def book_reversal(reversal: Reversal, row: Reversible, *, at: datetime) -> JournalEntry | None:
    """Book the mirror of what ``row`` was booked as."""
    entry = JournalEntry.objects.select_related("legal_entity").get(kind=KIND_OF[type(row)], source_id=row.pk)
    return post(vouchers.of_reversal(reversal, entry, at=at))
