"""Money of customers without an invoice: received as a deposit, used for invoices."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from crm.domain import periods, settlement
from crm.domain.ledger import books
from crm.domain.money_rules import MoneyRefused, check_amount, check_day, tell
from crm.domain.queries import default_legal_entity
from crm.enums import ActivityKind, CreditKind, PaymentMethod
from crm.models import CreditApplication, Customer, CustomerCredit, Invoice, LegalEntity
from hashinsight.common.transitions import lock_row


class DuplicateDeposit(MoneyRefused):
    """The same reference, amount and day were recorded for this customer already."""

    code = "duplicate_deposit"


@transaction.atomic
def record_deposit(
    customer: Customer,
    *,
    amount: Decimal,
    currency: str,
    received_on: date,
    by: Any,
    on: date,
    at: datetime,
    legal_entity: LegalEntity | None = None,
    method: str = PaymentMethod.BANK_TRANSFER,
    reference: str = "",
    note: str = "",
) -> CustomerCredit:
    """Book money that came without an invoice; it waits to be applied to invoices or refunded.

    ``on`` is today where we are. Raises MoneyRefused, DuplicateDeposit or PeriodClosed.
    """
    check_amount(amount, currency)
    check_day(received_on, on)
    entity = legal_entity or customer.legal_entity or default_legal_entity()
    if entity is None:
        raise MoneyRefused(_("Set up a legal entity first: somebody has to hold the money."))
    locked = lock_row(customer)
    same = {"reference": reference, "amount": amount, "currency": currency, "received_on": received_on}
    if reference and locked.credits.standing().filter(kind=CreditKind.DEPOSIT, **same).exists():
        raise DuplicateDeposit(_("A deposit with this reference, amount and day was recorded already."))
    deposit = CustomerCredit(
        customer=locked, legal_entity=entity, kind=CreditKind.DEPOSIT, method=method, note=note,
        created_by=by if getattr(by, "pk", None) else None, created_at=at, is_sample=locked.is_sample, **same,
    )  # fmt: skip
    deposit.full_clean()
    deposit.save()
    booked_on = periods.booking_day(entity, received_on=received_on, on=on)
    books.book_deposit(deposit, on=booked_on, at=at)
    tell(
        "deposit.recorded", ActivityKind.DEPOSIT_RECORDED, _("Deposit of %(amount)s %(currency)s"), deposit,
        customer=locked, invoice=None, by=by, at=at,
    )  # fmt: skip
    return deposit


@transaction.atomic
def apply_credit(
    credit: CustomerCredit, *, invoice: Invoice, amount: Decimal, by: Any, on: date, at: datetime
) -> CreditApplication:
    """Settle an invoice, in part or in full, with money of the customer that we hold.

    Both must be of the same customer, legal entity and currency; never more than is left of the credit, nor than is
    outstanding. Raises MoneyRefused or PeriodClosed.
    """
    owed = lock_row(invoice)
    held = lock_row(credit)
    if not owed.is_issued or owed.is_credit_note:
        raise MoneyRefused(_("Credits settle issued invoices; %(invoice)s is none.") % {"invoice": owed})
    if (held.customer_id, held.legal_entity_id) != (owed.customer_id, owed.legal_entity_id):
        raise MoneyRefused(_("A credit settles invoices of its own customer and legal entity only."))
    if held.currency != owed.currency:
        raise MoneyRefused(
            _("%(invoice)s is in %(wanted)s, the credit in %(given)s.")
            % {"invoice": owed, "wanted": owed.currency, "given": held.currency}
        )
    check_amount(amount, owed.currency, most=min(balance_of(held), _outstanding(owed)))
    periods.check_open(owed.legal_entity, on)
    application = CreditApplication.objects.create(
        customer=owed.customer, credit=held, invoice=owed, amount=amount, currency=owed.currency, applied_on=on,
        created_by=by if getattr(by, "pk", None) else None, created_at=at, is_sample=owed.is_sample,
    )  # fmt: skip
    books.book_application(application, at=at)
    tell(
        "credit.applied", ActivityKind.CREDIT_APPLIED, _("Credit of %(amount)s %(currency)s applied"), application,
        customer=owed.customer, invoice=owed, by=by, at=at,
    )  # fmt: skip
    settlement.settle(owed, by=by, on=on, at=at)
    return application


def balance_of(credit: CustomerCredit) -> Decimal:
    """What is left of a credit."""
    left: Decimal = CustomerCredit.objects.with_balance().get(pk=credit.pk).balance
    return left


def _outstanding(invoice: Invoice) -> Decimal:
    left: Decimal = Invoice.objects.with_balance().get(pk=invoice.pk).outstanding
    return left
