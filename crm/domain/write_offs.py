"""Claims given up: bad debt and small differences. Above a limit a second person has to approve."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from crm.domain import periods, second_person, settlement
from crm.domain.ledger import books
from crm.domain.money_rules import MoneyRefused, check_amount, check_day, check_reason, tell
from crm.domain.queries import local_date
from crm.enums import ActivityKind, LimitedAct, WriteOffKind
from crm.models import Invoice, WriteOff
from hashinsight.approvals.domain.requests import request_approval
from hashinsight.approvals.models import ApprovalRequest
from hashinsight.common.transitions import lock_row


@transaction.atomic
def write_off(
    invoice: Invoice,
    *,
    amount: Decimal,
    reason: str,
    by: Any,
    on: date,
    at: datetime,
    kind: str = WriteOffKind.BAD_DEBT,
    approval: ApprovalRequest | None = None,
) -> WriteOff:
    """Give up a claim, or a part of it. A small difference settles the invoice, a bad debt leaves it unpaid.

    Raises MoneyRefused, SecondPersonNeeded or PeriodClosed.
    """
    owed = lock_row(invoice)
    if not owed.is_issued or owed.is_credit_note:
        raise MoneyRefused(_("Only what is owed on an issued invoice is written off; %(invoice)s is none.") % {
            "invoice": owed
        })  # fmt: skip
    if kind not in WriteOffKind.values:
        raise MoneyRefused(_("Say whether it is a bad debt or a small difference."))
    balance: Any = Invoice.objects.with_balance().get(pk=owed.pk)
    check_amount(amount, owed.currency, most=balance.outstanding)
    kept = check_reason(reason)
    check_day(on, local_date(at, owed.legal_entity.time_zone))
    periods.check_open(owed.legal_entity, on)
    second_person.check(
        LimitedAct.WRITE_OFF, owed, legal_entity=owed.legal_entity, amount=amount, before=balance.written_off_total,
        currency=owed.currency, approval=approval,
    )  # fmt: skip
    row = WriteOff(
        customer=owed.customer, invoice=owed, kind=kind, amount=amount, currency=owed.currency, written_off_on=on,
        reason=kept, created_by=by if getattr(by, "pk", None) else None, created_at=at, is_sample=owed.is_sample,
    )  # fmt: skip
    row.full_clean()
    row.save()
    books.book_write_off(row, at=at)
    tell(
        "invoice.written_off", ActivityKind.WRITTEN_OFF, _("%(amount)s %(currency)s written off"), row,
        customer=owed.customer, invoice=owed, by=by, at=at, client_visible=False, more={"kind": str(kind)},
    )  # fmt: skip
    settlement.settle(owed, by=by, on=on, at=at)
    return row


def write_off_or_ask(
    invoice: Invoice, *, amount: Decimal, reason: str, by: Any, on: date, at: datetime, kind: str
) -> WriteOff | ApprovalRequest:
    """The write-off; or the request for it where it is above the limit. Raises what ``write_off`` raises."""
    wish = {"amount": format(amount, "f"), "reason": reason, "kind": str(kind)}

    def ask(needed: Decimal, currency: str) -> ApprovalRequest:
        return request_approval(
            invoice, kind=second_person.KINDS[LimitedAct.WRITE_OFF], payload=wish, reason=reason, by=by, at=at,
            amount=needed, currency=currency, customer_id=invoice.customer_id,
        )  # fmt: skip

    return second_person.act_or_ask(
        lambda: write_off(invoice, amount=amount, reason=reason, by=by, on=on, at=at, kind=kind), ask
    )


def carry_out(obj: Invoice, *, approval: ApprovalRequest, by: Any, at: datetime) -> WriteOff:
    """The write-off somebody asked for and ``by`` has approved; dated by the day of the decision."""
    wish = approval.payload
    return write_off(
        obj, amount=Decimal(wish["amount"]), reason=wish["reason"], by=by, at=at, kind=wish["kind"],
        on=local_date(at, obj.legal_entity.time_zone), approval=approval,
    )  # fmt: skip


def money_state(invoice: Invoice) -> str:
    """What must not change between wish and approval: what is outstanding."""
    balance: Any = Invoice.objects.with_balance().get(pk=invoice.pk)
    return f"{balance.outstanding.normalize():f}"
