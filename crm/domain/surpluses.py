"""What is more than an invoice owes: it becomes the customer's credit."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from crm.enums import CreditKind
from crm.models import CustomerCredit, Invoice, Payment


def beyond(amount: Decimal, outstanding: Decimal) -> Decimal:
    """The part of ``amount`` that an invoice with ``outstanding`` does not owe."""
    return max(amount - max(outstanding, Decimal(0)), Decimal(0))


def of_payment(payment: Payment, amount: Decimal, *, at: datetime) -> CustomerCredit:
    """The surplus of a payment, not stored yet."""
    return _surplus(
        payment.invoice, CreditKind.OVERPAYMENT, amount, on=payment.received_on, by=payment.created_by, at=at,
        payment=payment, reference=payment.reference,
    )  # fmt: skip


def of_credit_note(note: Invoice, original: Invoice, amount: Decimal, *, by: Any, at: datetime) -> CustomerCredit:
    """The part of a credit note that was paid before, not stored yet."""
    on: Any = note.issued_on
    return _surplus(original, CreditKind.CREDIT_NOTE, amount, on=on, by=by, at=at, credit_note=note)


def _surplus(
    invoice: Invoice, kind: CreditKind, amount: Decimal, *, on: date, by: Any, at: datetime, **origin: Any
) -> CustomerCredit:
    return CustomerCredit(
        customer=invoice.customer,
        legal_entity=invoice.legal_entity,
        kind=kind,
        invoice=invoice,
        amount=amount,
        currency=invoice.currency,
        received_on=on,
        created_by=by if getattr(by, "pk", None) else None,
        created_at=at,
        is_sample=invoice.is_sample,
        **origin,
    )
