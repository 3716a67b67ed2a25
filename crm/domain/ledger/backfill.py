"""Books for documents written before there were books, or by a release that kept none; safe to run again."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from crm.domain import periods, surpluses
from crm.domain.invoicing import document_totals
from crm.domain.ledger import vouchers
from crm.domain.ledger.posting import Voucher, post
from crm.enums import EntryKind, InvoiceKind
from crm.models import CustomerCredit, Invoice, JournalEntry, LegalEntity, Payment

BATCH = 500


def backfill(*, on: date, at: datetime) -> int:
    """Book what is not booked yet, invoice by invoice in batches; how many entries that made.

    ``on`` is today: what is dated in a closed month is booked today. What was paid or credited beyond its invoice
    becomes the customer's credit, as it would have then.
    """
    made = 0
    last = 0
    while True:
        with transaction.atomic():
            keys = list(_unbooked().filter(pk__gt=last).values_list("pk", flat=True)[:BATCH])
            if not keys:
                return made
            rows = Invoice.objects.select_for_update(of=("self",)).select_related("legal_entity", "customer")
            for invoice in rows.filter(pk__in=keys).order_by("pk"):
                made += _book(invoice, on=on, at=at)
            last = keys[-1]


def _missing(kind: EntryKind) -> Any:
    return ~Exists(JournalEntry.objects.filter(kind=kind, source_id=OuterRef("pk")))


def _unbooked() -> QuerySet[Invoice]:
    """Issued invoices that are not booked, or have a payment or a credit note that is not."""
    payments = Payment.objects.filter(_missing(EntryKind.PAYMENT), invoice=OuterRef("pk"))
    notes = Invoice.objects.filter(_missing(EntryKind.CREDIT_NOTE), corrects=OuterRef("pk"), number__isnull=False)
    worth = ~Q(gross_total=0) | Exists(Payment.objects.filter(invoice=OuterRef("pk")))
    rows: QuerySet[Invoice] = Invoice.objects.filter(worth, number__isnull=False).exclude(
        kind__in=(InvoiceKind.CREDIT_NOTE, InvoiceKind.OPENING)  # what is brought along is booked with it
    )
    return rows.filter(_missing(EntryKind.INVOICE) | Exists(payments) | Exists(notes)).order_by("pk")


def _book(invoice: Invoice, *, on: date, at: datetime) -> int:
    made = 0
    if not JournalEntry.objects.filter(kind=EntryKind.INVOICE, source_id=invoice.pk).exists():
        totals = document_totals(invoice, list(invoice.lines.all()))
        made += _post(vouchers.of_invoice(invoice, totals, by=None, at=at), invoice.legal_entity, on)
    events = sorted(_events(invoice), key=lambda event: (event[0], event[1].created_at, event[1].pk))
    balance: Any = Invoice.objects.with_balance().get(pk=invoice.pk)
    outstanding = balance.outstanding + sum((amount for _day, _row, amount in events), Decimal(0))
    for _day, row, amount in events:
        beyond = surpluses.beyond(amount, outstanding)
        outstanding -= amount - beyond
        made += _post(_voucher(row, invoice, beyond, at=at), invoice.legal_entity, on)
    return made


def _events(invoice: Invoice) -> Iterator[tuple[date, Any, Decimal]]:
    """Payments and credit notes that are not booked: day, row, amount."""
    for payment in invoice.payments.filter(_missing(EntryKind.PAYMENT)):
        payment.invoice = invoice
        yield payment.received_on, payment, payment.settles
    notes = invoice.credit_notes.filter(_missing(EntryKind.CREDIT_NOTE), number__isnull=False)
    for note in notes.select_related("corrects", "legal_entity"):
        yield note.issued_on, note, note.gross_total


def _voucher(row: Any, invoice: Invoice, beyond: Decimal, *, at: datetime) -> Voucher:
    surplus: CustomerCredit | None = None
    if isinstance(row, Payment):
        if beyond:
            surplus = surpluses.of_payment(row, beyond, at=row.created_at)
            surplus.save()
        return vouchers.of_payment(row, surplus=surplus, at=at)
    if beyond:
        surplus = surpluses.of_credit_note(row, invoice, beyond, by=None, at=row.created_at)
        surplus.save()
    totals = document_totals(row, list(row.lines.all()))
    return vouchers.of_credit_note(row, totals, original=invoice, surplus=surplus, by=None, at=at)


def _post(voucher: Voucher, entity: LegalEntity, on: date) -> int:
    day = periods.booking_day(entity, received_on=voucher.posted_on, on=on)
    return 1 if post(replace(voucher, posted_on=day)) else 0


def count_missing() -> int:
    """How many invoices still wait for their books."""
    return _unbooked().count()
