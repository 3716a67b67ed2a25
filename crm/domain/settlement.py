"""Settling: whether an issued invoice is paid, cancelled by credit, or overdue."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import Max, Sum
from django.utils.translation import gettext as _

from crm.domain.activities import note_move
from crm.domain.invoicing import publish_invoice
from crm.enums import INVOICE_MOVES, OPEN_STATUSES, ActivityKind, InvoiceStatus, WriteOffKind
from crm.models import Invoice, WriteOff
from hashinsight.common.transitions import lock_for_move


def settle(invoice: Invoice, *, by: Any, on: date, at: datetime, reason: str = "") -> Invoice:
    """Move an invoice to what money and credit make of it; otherwise only count its version up.

    Called with the invoice's row locked, after something was booked on it. Credited in full without any payment is
    cancelled; settled by money, credits or a small difference is paid: on the day of the last money, whichever was
    typed in last. A claim given up as bad debt stays unpaid. Paid becomes sent again when money was taken back.
    """
    balance: Any = Invoice.objects.with_balance().get(pk=invoice.pk)
    owed = balance.outstanding + bad_debt_of(invoice)
    if balance.status == InvoiceStatus.PAID and owed > 0:
        return _reopen(balance, by=by, at=at)
    if balance.status not in OPEN_STATUSES or owed > 0:
        Invoice.objects.filter(pk=invoice.pk).update(updated_at=at)
        reloaded: Invoice = balance.reload()
        return reloaded
    fully_credited = balance.credited_total == balance.gross_total and balance.gross_total > 0
    if fully_credited and balance.paid_total == balance.applied_total == balance.surplus_total == 0:
        return _cancel(balance, by=by, at=at, reason=reason)
    last_money: date | None = balance.payments.standing().aggregate(day=Max("received_on"))["day"]
    return _pay(balance, by=by, on=max(on, last_money or on), at=at)


def bad_debt_of(invoice: Invoice) -> Decimal:
    """What was given up of the claim because nobody believes in it any more."""
    rows = WriteOff.objects.filter(invoice=invoice, kind=WriteOffKind.BAD_DEBT, reversal=None)
    total: Decimal = rows.aggregate(total=Sum("amount"))["total"] or Decimal(0)
    return total


def _reopen(invoice: Invoice, *, by: Any, at: datetime) -> Invoice:
    locked = lock_for_move(invoice, field="status", to=InvoiceStatus.SENT, moves=INVOICE_MOVES)
    locked.status, locked.paid_on = InvoiceStatus.SENT, None
    locked.save(update_fields=["status", "paid_on"])
    note_move(
        ActivityKind.INVOICE_REOPENED, subject=_("Invoice open again: %(number)s") % {"number": locked.number}, by=by,
        at=at, customer=locked.customer, deal=locked.deal, invoice=locked, client_visible=True,
    )  # fmt: skip
    publish_invoice(locked, "invoice.reopened", by)
    return locked.reload()


def _pay(invoice: Invoice, *, by: Any, on: date, at: datetime) -> Invoice:
    locked = lock_for_move(invoice, field="status", to=InvoiceStatus.PAID, moves=INVOICE_MOVES)
    locked.status, locked.paid_on = InvoiceStatus.PAID, on
    locked.save(update_fields=["status", "paid_on"])
    note_move(
        ActivityKind.INVOICE_PAID, subject=_("Invoice paid: %(number)s") % {"number": locked.number}, by=by, at=at,
        customer=locked.customer, deal=locked.deal, invoice=locked, client_visible=True,
    )  # fmt: skip
    publish_invoice(locked, "invoice.paid", by)
    return locked.reload()


def _cancel(invoice: Invoice, *, by: Any, at: datetime, reason: str) -> Invoice:
    locked = lock_for_move(invoice, field="status", to=InvoiceStatus.CANCELLED, moves=INVOICE_MOVES)
    locked.status, locked.cancel_reason = InvoiceStatus.CANCELLED, reason[:300]
    locked.save(update_fields=["status", "cancel_reason"])
    note_move(
        ActivityKind.INVOICE_CANCELLED, subject=_("Invoice cancelled: %(number)s") % {"number": locked.number}, by=by,
        at=at, customer=locked.customer, deal=locked.deal, invoice=locked, client_visible=True,
    )  # fmt: skip
    publish_invoice(locked, "invoice.cancelled", by)
    return locked.reload()


@transaction.atomic
def mark_overdue(invoice: Invoice, *, on: date, at: datetime) -> bool:
    """Move a sent invoice to overdue when its due date lies before ``on`` (the customer's day); False if not so."""
    locked = Invoice.objects.select_for_update(of=("self",)).filter(pk=invoice.pk, status=InvoiceStatus.SENT).first()
    if locked is None or locked.is_credit_note or locked.due_on >= on:
        return False
    locked.status = InvoiceStatus.OVERDUE
    locked.save(update_fields=["status"])
    note_move(
        ActivityKind.INVOICE_OVERDUE, subject=_("Invoice overdue: %(number)s") % {"number": locked.number}, by=None,
        at=at, customer=locked.customer, deal=locked.deal, invoice=locked, client_visible=True,
    )  # fmt: skip
    publish_invoice(locked, "invoice.overdue", None)
    return True
