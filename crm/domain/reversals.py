"""Mistakes taken back: the row stays, a counter-entry takes it out of the books, the invoice follows."""

from datetime import date, datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from crm.domain import periods, settlement
from crm.domain.ledger import books
from crm.domain.money_rules import MoneyRefused, check_day, check_reason, tell
from crm.domain.queries import local_date
from crm.enums import ActivityKind, CreditKind
from crm.models import CreditApplication, CustomerCredit, Invoice, LegalEntity, Payment, Refund, Reversal, WriteOff
from hashinsight.common.audit import audit_context
from hashinsight.common.transitions import lock_row

Reversible = Payment | CustomerCredit | CreditApplication | Refund | WriteOff
COLUMN: dict[type[Any], str] = {
    Payment: "payment",
    CustomerCredit: "credit",
    CreditApplication: "application",
    Refund: "refund",
    WriteOff: "write_off",
}


@transaction.atomic
def reverse(row: Reversible, *, reason: str, by: Any, on: date, at: datetime) -> Reversal:
    """Take back a payment, deposit, application, refund or write-off that should not have been recorded.

    ``on`` is the day of the counter-entry on our calendar. The invoice is open again where that makes it so. Raises
    MoneyRefused for what was reversed before or has been used since (that is taken back first), or PeriodClosed.
    """
    kept = check_reason(reason)
    invoice = invoice_of(row)
    owed = lock_row(invoice) if invoice else None
    held = _used_by(row)
    if held is not None:
        lock_row(held)
    locked: Any = lock_row(row)
    _check(locked, owed)
    entity = entity_of(locked)
    check_day(on, local_date(at, entity.time_zone))
    periods.check_open(entity, on)
    reversal = Reversal(
        customer=locked.customer, reversed_on=on, reason=kept, created_by=by if getattr(by, "pk", None) else None,
        created_at=at, **{COLUMN[type(locked)]: locked},
    )  # fmt: skip
    reversal.full_clean()
    with audit_context(reason=kept):
        reversal.save()
    books.book_reversal(reversal, locked, at=at)
    is_payment = isinstance(locked, Payment)
    tell(
        "payment.reversed" if is_payment else "money.reversed",
        ActivityKind.PAYMENT_REVERSED if is_payment else ActivityKind.TAKEN_BACK,
        _subject(locked), locked, customer=locked.customer, invoice=owed, by=by, at=at,
        client_visible=not isinstance(locked, WriteOff), more={"kind": COLUMN[type(locked)]},
    )  # fmt: skip
    if owed is not None:
        settlement.settle(owed, by=by, on=on, at=at)
    return reversal


def _check(row: Any, owed: Invoice | None) -> None:
    """Whether it can be taken back. Raises MoneyRefused."""
    if Reversal.objects.filter(**{COLUMN[type(row)]: row}).exists():
        raise MoneyRefused(_("%(row)s was taken back already.") % {"row": row})
    if isinstance(row, CustomerCredit) and row.kind != CreditKind.DEPOSIT:
        raise MoneyRefused(_("Only a deposit is taken back by itself; other credits follow what they come from."))
    if isinstance(row, Payment) and row.refunds.filter(reversal=None).exists():
        raise MoneyRefused(_("Money of this payment was refunded; take the refund back first."))
    held = row if isinstance(row, CustomerCredit) else getattr(row, "surplus", None)
    if held is not None and CustomerCredit.objects.with_balance().get(pk=held.pk).balance != held.amount:
        raise MoneyRefused(_("Some of this money was applied or refunded; take that back first."))
    if isinstance(row, Refund) and row.payment is not None and owed is not None:
        balance: Any = Invoice.objects.with_balance().get(pk=owed.pk)
        if balance.outstanding < row.amount:
            raise MoneyRefused(_("%(invoice)s was settled otherwise since.") % {"invoice": owed})


def _subject(row: Any) -> str:
    if isinstance(row, Payment):
        return _("Payment of %(amount)s %(currency)s reversed")
    if isinstance(row, CustomerCredit):
        return _("Deposit of %(amount)s %(currency)s reversed")
    if isinstance(row, CreditApplication):
        return _("Credit of %(amount)s %(currency)s no longer applied")
    if isinstance(row, Refund):
        return _("Refund of %(amount)s %(currency)s reversed")
    return _("Write-off of %(amount)s %(currency)s taken back")


def invoice_of(row: Reversible) -> Invoice | None:
    """The invoice whose balance a reversal changes."""
    if isinstance(row, Refund):
        return row.payment.invoice if row.payment else None
    return None if isinstance(row, CustomerCredit) else row.invoice


def credit_of(row: Reversible) -> CustomerCredit | None:
    """The credit whose balance a reversal changes."""
    return row if isinstance(row, CustomerCredit) else _used_by(row)


def _used_by(row: Any) -> CustomerCredit | None:
    held: CustomerCredit | None = getattr(row, "credit", None) if not isinstance(row, CustomerCredit) else None
    return held or (CustomerCredit.objects.filter(payment=row).first() if isinstance(row, Payment) else None)


def entity_of(row: Reversible) -> LegalEntity:
    """The one of our companies in whose books it stands."""
    owed, held = invoice_of(row), credit_of(row)
    holder: Any = owed or held
    entity: LegalEntity = holder.legal_entity
    return entity
