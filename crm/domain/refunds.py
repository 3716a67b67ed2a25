"""Money paid back: out of a credit we hold, or of a payment. Above a limit a second person has to approve."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import Sum
from django.utils.translation import gettext as _

from crm.domain import periods, second_person, settlement
from crm.domain.customer_credits import balance_of
from crm.domain.ledger import books
from crm.domain.money_rules import check_amount, check_day, check_reason, tell
from crm.domain.queries import local_date
from crm.enums import ActivityKind, LimitedAct, PaymentMethod
from crm.models import CustomerCredit, LegalEntity, Payment, Refund
from hashinsight.approvals.domain.requests import request_approval
from hashinsight.approvals.models import ApprovalRequest
from hashinsight.common.transitions import lock_row

KIND_OF_CREDIT = second_person.KINDS[LimitedAct.REFUND]
KIND_OF_PAYMENT = "crm.refund_payment"


@transaction.atomic
def refund_credit(
    credit: CustomerCredit,
    *,
    amount: Decimal,
    reason: str,
    by: Any,
    on: date,
    at: datetime,
    method: str = PaymentMethod.BANK_TRANSFER,
    reference: str = "",
    approval: ApprovalRequest | None = None,
) -> Refund:
    """Pay back what is left of a deposit, an overpayment or another credit, or a part of it.

    ``on`` is the day of the payment on our calendar. Raises MoneyRefused, SecondPersonNeeded or PeriodClosed.
    """
    held = lock_row(credit)
    check_amount(amount, held.currency, most=balance_of(held))
    second_person.check(
        LimitedAct.REFUND, held, legal_entity=held.legal_entity, amount=amount, before=refunded_of(held),
        currency=held.currency, approval=approval, kind=KIND_OF_CREDIT,
    )  # fmt: skip
    refund = _new(held.legal_entity, amount, held.currency, reason, on, method, reference, by=by, at=at)
    refund.customer, refund.credit, refund.is_sample = held.customer, held, held.is_sample
    return _book(refund, by=by, at=at)


@transaction.atomic
def refund_payment(
    payment: Payment,
    *,
    amount: Decimal,
    reason: str,
    by: Any,
    on: date,
    at: datetime,
    method: str = PaymentMethod.BANK_TRANSFER,
    reference: str = "",
    approval: ApprovalRequest | None = None,
) -> Refund:
    """Pay back money that came for an invoice, which is owed again then; in the invoice's currency.

    What the payment brought beyond its invoice is a credit of its own. Raises MoneyRefused, SecondPersonNeeded or
    PeriodClosed.
    """
    invoice = lock_row(payment.invoice)
    paid = lock_row(payment)
    check_amount(amount, invoice.currency, most=refundable_of(paid))
    second_person.check(
        LimitedAct.REFUND, paid, legal_entity=invoice.legal_entity, amount=amount, before=refunded_of(paid),
        currency=invoice.currency, approval=approval, kind=KIND_OF_PAYMENT,
    )  # fmt: skip
    refund = _new(invoice.legal_entity, amount, invoice.currency, reason, on, method, reference, by=by, at=at)
    refund.customer, refund.payment, refund.is_sample = invoice.customer, paid, invoice.is_sample
    _book(refund, by=by, at=at)
    settlement.settle(invoice, by=by, on=on, at=at)
    return refund


def refunded_of(row: CustomerCredit | Payment) -> Decimal:
    """What was paid back of it so far."""
    total: Decimal | None = row.refunds.filter(reversal=None).aggregate(total=Sum("amount"))["total"]
    return total or Decimal(0)


def refundable_of(payment: Payment) -> Decimal:
    """What of a payment still counts for its invoice; 0 once it was reversed."""
    if not Payment.objects.standing().filter(pk=payment.pk).exists():
        return Decimal(0)
    surplus = CustomerCredit.objects.filter(payment=payment).aggregate(total=Sum("amount"))["total"] or Decimal(0)
    return payment.settles - surplus - refunded_of(payment)


def _new(
    entity: LegalEntity, amount: Decimal, currency: str, reason: str, on: date, method: str, reference: str, *,
    by: Any, at: datetime,
) -> Refund:  # fmt: skip
    check_day(on, local_date(at, entity.time_zone))
    periods.check_open(entity, on)
    return Refund(
        amount=amount, currency=currency, refunded_on=on, method=method, reference=reference,
        reason=check_reason(reason), created_by=by if getattr(by, "pk", None) else None, created_at=at,
    )  # fmt: skip


def _book(refund: Refund, *, by: Any, at: datetime) -> Refund:
    refund.full_clean()
    refund.save()
    books.book_refund(refund, at=at)
    tell(
        "refund.recorded", ActivityKind.REFUND_RECORDED, _("Refund of %(amount)s %(currency)s"), refund,
        customer=refund.customer, invoice=refund.payment.invoice if refund.payment else None, by=by, at=at,
    )  # fmt: skip
    return refund


def refund_or_ask(
    row: CustomerCredit | Payment,
    *,
    amount: Decimal,
    reason: str,
    by: Any,
    on: date,
    at: datetime,
    method: str = PaymentMethod.BANK_TRANSFER,
    reference: str = "",
) -> Refund | ApprovalRequest:
    """The refund; or the request for it where it is above the limit. Raises what refunds raise, and AlreadyWaiting."""
    refund: Any = refund_payment if isinstance(row, Payment) else refund_credit
    wish = {"amount": format(amount, "f"), "reason": reason, "method": str(method), "reference": reference}

    def ask(needed: Decimal, currency: str) -> ApprovalRequest:
        return request_approval(
            row, kind=KIND_OF_PAYMENT if isinstance(row, Payment) else KIND_OF_CREDIT, payload=wish, reason=reason,
            by=by, at=at, amount=needed, currency=currency, customer_id=row.customer_id,
        )  # fmt: skip

    return second_person.act_or_ask(
        lambda: refund(row, amount=amount, reason=reason, by=by, on=on, at=at, method=method, reference=reference), ask
    )


def carry_out(obj: CustomerCredit | Payment, *, approval: ApprovalRequest, by: Any, at: datetime) -> Refund:
    """The refund somebody asked for and ``by`` has approved; dated by the day of the decision."""
    refund: Any = refund_payment if isinstance(obj, Payment) else refund_credit
    entity = obj.invoice.legal_entity if isinstance(obj, Payment) else obj.legal_entity
    wish = approval.payload
    made: Refund = refund(
        obj, amount=Decimal(wish["amount"]), reason=wish["reason"], by=by, on=local_date(at, entity.time_zone), at=at,
        method=wish["method"], reference=wish["reference"], approval=approval,
    )  # fmt: skip
    return made


def money_state(obj: CustomerCredit | Payment) -> str:
    """What must not change between wish and approval: what is left to be paid back."""
    left = refundable_of(obj) if isinstance(obj, Payment) else balance_of(obj)
    return f"{left.normalize():f}"
