"""What refunds, deposits, applications and write-offs have in common: checks, activities, events."""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from crm.domain.activities import note_move
from crm.domain.texts import printable
from crm.engine.amounts import round_half_up
from crm.enums import ActivityKind
from crm.models import Customer, Invoice
from hashinsight.common.errors import DomainError
from hashinsight.common.money import CURRENCIES, exponent
from hashinsight.events.domain import publish

LARGEST = Decimal(10) ** 14


class MoneyRefused(DomainError):
    """This cannot be done with the customer's money."""

    code = "money_refused"


def check_amount(amount: Decimal, currency: str, *, most: Decimal | None = None) -> None:
    """Whether this can be an amount of money, and not more than ``most``. Raises MoneyRefused."""
    if currency not in CURRENCIES:
        raise MoneyRefused(_("%(currency)s is no currency we know.") % {"currency": currency})
    if not amount.is_finite() or amount <= 0:
        raise MoneyRefused(_("The amount must be greater than zero."))
    if amount >= LARGEST or round_half_up(amount, exponent(currency)) != amount:
        raise MoneyRefused(_("The amount has too many digits for %(currency)s.") % {"currency": currency})
    if most is not None and amount > most:
        raise MoneyRefused(
            _("That is more than the %(most)s %(currency)s there are.")
            % {"most": text_of(max(most, Decimal(0)), currency), "currency": currency}
        )


def check_day(day: date, on: date) -> None:
    """Whether money can have moved on that day, seen from today (``on``). Raises MoneyRefused."""
    if day > on:
        raise MoneyRefused(_("This day lies in the future."))


def check_reason(reason: str) -> str:
    """The reason as it can be kept. Raises MoneyRefused when there is none."""
    if not printable(reason).strip():
        raise MoneyRefused(_("State the reason."))
    return reason.strip()[:300]


def text_of(amount: Decimal, currency: str) -> str:
    """An amount with the digits of its currency."""
    return format(round_half_up(amount, exponent(currency)), "f")


def tell(
    kind: str,
    activity: ActivityKind,
    subject: str,
    row: Any,
    *,
    customer: Customer,
    invoice: Invoice | None,
    by: Any,
    at: datetime,
    client_visible: bool = True,
    more: Mapping[str, Any] | None = None,
) -> None:
    """The activity and the event of something done with a customer's money; ``row`` has amount and currency."""
    note_move(
        activity,
        subject=subject % {"amount": text_of(row.amount, row.currency), "currency": row.currency},
        by=by,
        at=at,
        customer=customer,
        invoice=invoice,
        client_visible=client_visible,
    )
    publish(
        kind,
        aggregate_type="customer",
        aggregate_id=customer.public_id,
        customer_id=customer.pk,
        user_id=getattr(by, "pk", None),
        payload={
            "id": str(row.public_id),
            "invoice_id": str(invoice.public_id) if invoice else None,
            "amount": text_of(row.amount, row.currency),
            "currency": row.currency,
            "kind": None,
            **(more or {}),
        },
    )
