"""Payments: money received for an invoice; written once."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from crm.domain import settlement
from crm.domain.activities import note_move
from crm.engine.amounts import round_half_up
from crm.enums import ActivityKind, InvoiceStatus, PaymentMethod
from crm.models import Invoice, Payment
from hashinsight.common.errors import DomainError
from hashinsight.common.money import exponent
from hashinsight.common.transitions import lock_row
from hashinsight.events.domain import publish


class PaymentRefused(DomainError):
    """The payment does not fit the invoice."""

    code = "payment_refused"


class DuplicatePayment(PaymentRefused):
    """The same reference, amount and day were recorded for this invoice already."""

    code = "duplicate_payment"


@transaction.atomic
def record_payment(
    invoice: Invoice,
    *,
    amount: Decimal,
    currency: str,
    received_on: date,
    by: Any,
    on: date,
    at: datetime,
    method: str = PaymentMethod.BANK_TRANSFER,
    reference: str = "",
    note: str = "",
    is_sample: bool = False,
) -> Payment:
    """Book money on an issued invoice: a part, all, or more than it; early or late.

    The invoice becomes paid when nothing is outstanding; what was paid too much shows as a negative balance.
    ``on`` is today where we are: money cannot have arrived later. Raises PaymentRefused or DuplicatePayment.
    """
    locked = lock_row(invoice)
    _check(locked, amount, currency, received_on, on)
    payment = Payment(
        customer=locked.customer,
        invoice=locked,
        amount=amount,
        currency=currency,
        received_on=received_on,
        method=method,
        reference=reference,
        note=note,
        created_by=by,
        created_at=at,
        is_sample=is_sample,
    )
    payment.full_clean()
    _check_new(payment)
    payment.save()
    _tell(payment, by=by, at=at)
    settlement.settle(locked, by=by, on=received_on, at=at)
    return payment


def _check_new(payment: Payment) -> None:
    same = {"reference": payment.reference, "amount": payment.amount, "received_on": payment.received_on}
    if payment.reference and payment.invoice.payments.filter(**same).exists():
        raise DuplicatePayment(
            _("A payment of %(amount)s with the reference %(reference)s was recorded for that day already.")
            % {"amount": format(payment.amount, "f"), "reference": payment.reference}
        )


def _tell(payment: Payment, *, by: Any, at: datetime) -> None:
    """The activity and the event of a payment."""
    invoice = payment.invoice
    note_move(
        ActivityKind.PAYMENT_RECORDED,
        subject=_("Payment of %(amount)s %(currency)s for %(number)s")
        % {
            "amount": format(round_half_up(payment.amount, exponent(payment.currency)), "f"),
            "currency": payment.currency,
            "number": invoice.number,
        },
        by=by,
        at=at,
        customer=payment.customer,
        deal=invoice.deal,
        invoice=invoice,
        client_visible=True,
    )
    publish(
        "payment.recorded",
        aggregate_type="invoice",
        aggregate_id=invoice.public_id,
        customer_id=payment.customer_id,
        user_id=getattr(by, "pk", None),
        payload={
            "payment_id": str(payment.public_id),
            "invoice_id": str(invoice.public_id),
            "amount": format(payment.amount, "f"),
            "currency": payment.currency,
        },
    )


def _check(invoice: Invoice, amount: Decimal, currency: str, received_on: date, on: date) -> None:
    if not invoice.is_issued or invoice.is_credit_note:
        raise PaymentRefused(_("Payments belong to issued invoices; %(invoice)s is none.") % {"invoice": invoice})
    if invoice.status == InvoiceStatus.CANCELLED:
        raise PaymentRefused(_("%(invoice)s is cancelled; nothing is owed on it.") % {"invoice": invoice})
    if currency != invoice.currency:
        raise PaymentRefused(
            _("%(invoice)s is in %(wanted)s, the payment in %(given)s.")
            % {"invoice": invoice, "wanted": invoice.currency, "given": currency}
        )
    if not amount.is_finite() or amount <= 0:
        raise PaymentRefused(_("The amount must be greater than zero."))
    if amount >= Decimal(10) ** 14 or round_half_up(amount, exponent(currency)) != amount:
        raise PaymentRefused(_("The amount has too many digits for %(currency)s.") % {"currency": currency})
    if received_on > on:
        raise PaymentRefused(_("A payment cannot have been received in the future."))
