"""What customers owed at the end of any day, by age; from the ledger alone."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django.db.models import QuerySet

from crm.domain.ledger.queries import BALANCE
from crm.engine.ageing import Aged, aged
from crm.engine.amounts import exact_sum
from crm.enums import AccountKind
from crm.models import Customer, LedgerPosting, LegalEntity

HELD = (AccountKind.DEPOSITS, AccountKind.CREDITS)


@dataclass(frozen=True, slots=True)
class OpenItem:
    """An invoice that waits for money on the day."""

    invoice_id: int
    number: str
    issued_on: date
    due_on: date
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Receivable:
    """What one customer owes in one currency, by age, and what we hold of its money (``held``)."""

    customer: Customer
    currency: str
    ageing: Aged
    held: Decimal

    @property
    def net(self) -> Decimal:
        """Owed less held."""
        return exact_sum((self.ageing.total, -self.held))


def _postings(on: date, legal_entity: LegalEntity | None) -> QuerySet[LedgerPosting]:
    rows: QuerySet[LedgerPosting] = LedgerPosting.objects.filter(customer__isnull=False, entry__posted_on__lte=on)
    return rows if legal_entity is None else rows.filter(entry__legal_entity=legal_entity)


def receivables(
    *, on: date, legal_entity: LegalEntity | None = None, customers: Sequence[int] | None = None
) -> list[Receivable]:
    """Per customer and currency, by name; who owes nothing and has nothing with us is left out."""
    rows: Any = _postings(on, legal_entity)
    if customers is not None:
        rows = rows.filter(customer_id__in=customers)
    owed: dict[tuple[int, str], list[tuple[date, Decimal]]] = defaultdict(list)
    held: dict[tuple[int, str], Decimal] = defaultdict(Decimal)
    open_rows = rows.filter(kind=AccountKind.RECEIVABLE, invoice__isnull=False)
    named = open_rows.values_list("customer_id", "currency", "invoice__due_on", "invoice_id")
    for customer, currency, due_on, _invoice, amount in named.annotate(_b=BALANCE).exclude(_b=0):
        owed[customer, currency].append((due_on, amount))
    held_rows = rows.filter(kind__in=HELD).values_list("customer_id", "currency").annotate(_b=BALANCE).exclude(_b=0)
    for customer, currency, amount in held_rows:
        held[customer, currency] = -amount
    known = Customer.objects.in_bulk({customer for customer, _currency in (*owed, *held)})
    found = [
        Receivable(known[key[0]], key[1], aged(owed.get(key, ()), on=on), held.get(key, Decimal(0)))
        for key in {*owed, *held}
    ]
    return sorted(found, key=lambda row: (row.customer.company_name.lower(), row.customer.pk, row.currency))


def totals(rows: Sequence[Receivable]) -> list[tuple[str, Aged, Decimal]]:
    """Per currency: the sums by age, and what we hold."""
    found: dict[str, list[Receivable]] = defaultdict(list)
    for row in rows:
        found[row.currency].append(row)
    return [
        (
            currency,
            Aged(tuple(exact_sum(amounts) for amounts in zip(*(row.ageing.amounts for row in mine), strict=True))),
            exact_sum(row.held for row in mine),
        )
        for currency, mine in sorted(found.items())
    ]


def open_items(
    customer: Customer, currency: str, *, on: date, legal_entity: LegalEntity | None = None
) -> list[OpenItem]:
    """The invoices a customer had not settled at the end of the day, oldest due first."""
    rows: Any = _postings(on, legal_entity).filter(
        customer=customer, currency=currency, kind=AccountKind.RECEIVABLE, invoice__isnull=False
    )
    named = rows.values_list("invoice_id", "invoice__number", "invoice__issued_on", "invoice__due_on")
    found = named.annotate(_b=BALANCE).exclude(_b=0).order_by("invoice__due_on", "invoice_id")
    return [OpenItem(*row) for row in found]


def held_of(customer: Customer, currency: str, *, on: date, legal_entity: LegalEntity | None = None) -> Decimal:
    """What we held of a customer's money at the end of the day."""
    rows: Any = _postings(on, legal_entity).filter(customer=customer, currency=currency, kind__in=HELD)
    total: Decimal | None = rows.aggregate(total=BALANCE)["total"]
    return -(total or Decimal(0))
