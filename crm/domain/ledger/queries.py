"""What the books say, as sums of postings."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django.db.models import DecimalField, F, Max, QuerySet, Sum
from django.db.models.functions import Coalesce

from crm.enums import CUSTOMER_ACCOUNTS
from crm.models import Customer, LedgerPosting

ZERO = Decimal(0)
BALANCE = Sum(F("debit") - F("credit"), output_field=DecimalField(max_digits=30, decimal_places=8))


def of_customer(customer: Customer, currency: str | None = None) -> QuerySet[LedgerPosting]:
    """Postings on a customer's account: what it owes (debit) and what we hold of it (credit)."""
    rows: QuerySet[LedgerPosting] = LedgerPosting.objects.filter(customer=customer, kind__in=CUSTOMER_ACCOUNTS)
    return rows if currency is None else rows.filter(currency=currency)


@dataclass(frozen=True, slots=True)
class Account:
    """A customer's account with one of our companies in one currency, and what it owes there after all."""

    legal_entity_id: int
    currency: str
    balance: Decimal


def accounts_of(customer: Customer) -> list[Account]:
    """Accounts on which something was ever booked for a customer, the last booked first."""
    rows = of_customer(customer).order_by().values_list("entry__legal_entity_id", "currency")
    found = rows.annotate(_b=BALANCE, _last=Max("entry_id")).order_by("-_last", "currency")
    return [Account(entity, currency, balance) for entity, currency, balance, _last in found]


def balance_of(customer: Customer, currency: str, *, on: date | None = None) -> Decimal:
    """What the customer owes after all, in one currency, at the end of the day ``on`` (None: now).

    Below zero when we hold more of its money than it owes.
    """
    rows = of_customer(customer, currency)
    if on is not None:
        rows = rows.filter(entry__posted_on__lte=on)
    total: Decimal = rows.aggregate(total=Coalesce(BALANCE, ZERO))["total"]
    return total


def currencies_of(customer: Customer) -> list[str]:
    """Currencies in which something was ever booked for a customer."""
    return list(of_customer(customer).order_by("currency").values_list("currency", flat=True).distinct())


def trial_balance(*, on: date | None = None) -> list[dict[str, Any]]:
    """Debit and credit of each account per currency; all debits equal all credits per currency."""
    rows = LedgerPosting.objects.all()
    if on is not None:
        rows = rows.filter(entry__posted_on__lte=on)
    sums = rows.values("account__legal_entity", "account__legal_entity__name", "account__code", "kind", "currency")
    return list(
        sums.annotate(
            debit_total=Sum("debit"), credit_total=Sum("credit"), base_debit_total=Sum("base_debit"),
            base_credit_total=Sum("base_credit"),
        ).order_by("account__legal_entity__name", "account__code", "currency")
    )  # fmt: skip
