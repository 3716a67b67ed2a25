"""Payments: money received for an invoice; written once."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from crm.domain import periods, settlement, surpluses
from crm.domain.activities import note_move
from crm.domain.ledger import books
from crm.engine.amounts import round_half_up
from crm.engine.bookkeeping import convert
from crm.enums import ActivityKind, InvoiceStatus, PaymentMethod
from crm.models import Invoice, Payment
from hashinsight.common.errors import DomainError
from hashinsight.common.money import CURRENCIES, exponent
from hashinsight.common.transitions import lock_row
from hashinsight.events.domain import publish

LARGEST_PAYMENT = Decimal(10) ** 14
# What was agreed may differ from the day's worth by this part; beyond it somebody mistyped amount or rate.
FURTHEST_FROM_RATE = Decimal("0.25")


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
    rate: Decimal | None = None,
    settles: Decimal | None = None,
) -> Payment:
    """Book money on an issued invoice: a part, all, or more than it; early or late.

    The invoice becomes paid when nothing is outstanding; what was paid beyond it becomes the customer's credit.
    Money in another currency brings its ``rate`` (units of the invoice's currency for one of its own); ``settles``
    is what was agreed to be settled by it (without it: its worth at the rate), the difference is ours.
    ``on`` is today where we are: money cannot have arrived later. Raises PaymentRefused or DuplicatePayment.
    """
    locked = lock_row(invoice)
    settled = check_payment(locked, amount, currency, received_on, on, rate=rate, settles=settles)
    payment = Payment(
        customer=locked.customer,
        invoice=locked,
        amount=amount,
        currency=currency,
        rate=rate,
        settled_amount=settled,
        received_on=received_on,
        booked_on=periods.booking_day(locked.legal_entity, received_on=received_on, on=on),
        method=method,
        reference=reference,
        note=note,
        created_by=by,
        created_at=at,
        is_sample=is_sample,
    )
    payment.full_clean()
    _check_new(payment)
    _store(payment, at=at)
    _tell(payment, by=by, at=at)
    settlement.settle(locked, by=by, on=received_on, at=at)
    return payment


def _store(payment: Payment, *, at: datetime) -> None:
    """The payment, what of it is the customer's credit, and both in the books."""
    balance: Any = Invoice.objects.with_balance().get(pk=payment.invoice_id)
    beyond = surpluses.beyond(payment.settles, balance.outstanding)
    check_surplus(balance, beyond)
    payment.save()
    surplus = None
    if beyond:
        surplus = surpluses.of_payment(payment, beyond, at=at)
        surplus.save()
    books.book_payment(payment, surplus=surplus, at=at)


def _check_new(payment: Payment) -> None:
    same = {"reference": payment.reference, "amount": payment.amount, "received_on": payment.received_on}
    if payment.reference and payment.invoice.payments.standing().filter(**same).exists():
        raise DuplicatePayment(
            _("A payment of %(amount)s with the reference %(reference)s was recorded for that day already.")
            % {"amount": format(payment.amount, "f"), "reference": payment.reference}
        )


def _tell(payment: Payment, *, by: Any, at: datetime) -> None:
    """The activity and the event of a payment."""
    invoice = payment.invoice
    note_move(
        ActivityKind.PAYMENT_RECORDED,
        subject=subject_of(payment),
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
        payload=told_of(payment),
    )


def subject_of(payment: Payment) -> str:
    """The subject of its activity."""
    return _("Payment of %(amount)s %(currency)s for %(number)s") % {
        "amount": format(round_half_up(payment.amount, exponent(payment.currency)), "f"),
        "currency": payment.currency,
        "number": payment.invoice.number,
    }


def told_of(payment: Payment) -> dict[str, Any]:
    """What an event says of a payment."""
    return {
        "payment_id": str(payment.public_id),
        "invoice_id": str(payment.invoice.public_id),
        "amount": format(payment.amount, "f"),
        "currency": payment.currency,
    }


def check_surplus(balance: Any, beyond: Decimal) -> None:
    """Whether more than is outstanding can be booked on an invoice read with its balance. Raises PaymentRefused."""
    if beyond and balance.written_off_total:
        raise PaymentRefused(
            _("%(invoice)s was written off in part; take the write-off back first.") % {"invoice": balance}
        )


def check_payment(
    invoice: Invoice,
    amount: Decimal,
    currency: str,
    received_on: date,
    on: date,
    *,
    rate: Decimal | None = None,
    settles: Decimal | None = None,
) -> Decimal | None:
    """Whether this money can be booked on this invoice. Raises PaymentRefused.

    Answers what it settles where it came in another currency, otherwise None.
    """
    if not invoice.is_issued or invoice.is_credit_note:
        raise PaymentRefused(_("Payments belong to issued invoices; %(invoice)s is none.") % {"invoice": invoice})
    if invoice.status == InvoiceStatus.CANCELLED:
        raise PaymentRefused(_("%(invoice)s is cancelled; nothing is owed on it.") % {"invoice": invoice})
    if currency not in CURRENCIES or (currency != invoice.currency and rate is None):
        raise PaymentRefused(
            _("%(invoice)s is in %(wanted)s, the payment in %(given)s: state the rate.")
            % {"invoice": invoice, "wanted": invoice.currency, "given": currency}
        )
    check_amount(amount, currency)
    if received_on > on:
        raise PaymentRefused(_("A payment cannot have been received in the future."))
    if currency != invoice.currency and rate is not None:
        return settled_by(invoice, amount, rate, settles)
    if rate is not None or settles is not None:
        raise PaymentRefused(_("A rate belongs to money in another currency than the invoice."))
    return None


def check_amount(amount: Decimal, currency: str) -> None:
    """Whether this can be an amount of money. Raises PaymentRefused."""
    if not amount.is_finite() or amount <= 0:
        raise PaymentRefused(_("The amount must be greater than zero."))
    if amount >= LARGEST_PAYMENT or round_half_up(amount, exponent(currency)) != amount:
        raise PaymentRefused(_("The amount has too many digits for %(currency)s.") % {"currency": currency})


def settled_by(invoice: Invoice, amount: Decimal, rate: Decimal, settles: Decimal | None) -> Decimal:
    """What money of another currency settles, in the invoice's. Raises PaymentRefused for a rate without sense."""
    if not rate.is_finite() or rate <= 0 or rate >= Decimal(10) ** 12 or round_half_up(rate, 8) != rate:
        raise PaymentRefused(_("The rate must be greater than zero and have at most eight decimals."))
    worth = convert(amount, rate, exponent(invoice.currency))
    settled = worth if settles is None else settles
    check_amount(settled, invoice.currency)
    if abs(settled - worth) > worth * FURTHEST_FROM_RATE:
        raise PaymentRefused(
            _("At that rate the money is worth %(worth)s %(currency)s; that is too far from %(settled)s.")
            % {"worth": format(worth, "f"), "settled": format(settled, "f"), "currency": invoice.currency}
        )
    return settled
