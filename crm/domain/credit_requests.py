"""Credit notes that may need a second person: done at once, or asked for and done when somebody else approves."""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from crm.domain import second_person
from crm.domain.issuing import credit_invoice
from crm.domain.queries import local_date
from crm.enums import LimitedAct
from crm.models import Invoice
from hashinsight.approvals.domain.requests import request_approval
from hashinsight.approvals.models import ApprovalRequest


def credit_or_ask(
    invoice: Invoice,
    *,
    by: Any,
    on: date,
    at: datetime,
    reason: str,
    quantities: Mapping[int, Decimal] | None = None,
    send: bool = True,
) -> Invoice | ApprovalRequest:
    """The credit note; or the request for it, where it is above the limit of our legal entity.

    Raises what ``credit_invoice`` raises, and AlreadyWaiting.
    """
    wish = {
        "reason": reason,
        "quantities": None if quantities is None else {str(key): format(q, "f") for key, q in quantities.items()},
        "send": send,
    }

    def ask(amount: Decimal, currency: str) -> ApprovalRequest:
        return request_approval(
            invoice, kind=second_person.KINDS[LimitedAct.CREDIT_NOTE], payload=wish, reason=reason, by=by, at=at,
            amount=amount, currency=currency, customer_id=invoice.customer_id,
        )  # fmt: skip

    return second_person.act_or_ask(
        lambda: credit_invoice(invoice, by=by, on=on, at=at, reason=reason, quantities=quantities, send=send), ask
    )


def carry_out(obj: Invoice, *, approval: ApprovalRequest, by: Any, at: datetime) -> Invoice:
    """The credit note somebody asked for and ``by`` has approved; dated by the day of the decision."""
    return credit_invoice(
        obj,
        by=by,
        on=local_date(at, obj.legal_entity.time_zone),
        at=at,
        reason=approval.payload["reason"],
        quantities=quantities_of(approval),
        send=approval.payload["send"],
        approval=approval,
    )


def quantities_of(approval: ApprovalRequest) -> dict[int, Decimal] | None:
    """The quantities asked for, None for all that is left."""
    wanted = approval.payload["quantities"]
    return None if wanted is None else {int(key): Decimal(value) for key, value in wanted.items()}


def money_state(invoice: Invoice) -> str:
    """What of an invoice must not change between wish and approval: its money, not whether it is overdue."""
    balance: Any = Invoice.objects.with_balance().get(pk=invoice.pk)
    settled = "cancelled" if balance.status == "cancelled" else "live"
    return f"{settled} {balance.paid_total.normalize():f} {balance.credited_total.normalize():f}"
