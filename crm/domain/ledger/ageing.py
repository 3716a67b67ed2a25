"""What customers owed at the end of any day, by age; from the ledger alone."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Q, QuerySet, Sum

from crm.domain.ledger.queries import BALANCE
from crm.engine.ageing import Aged, aged
from crm.engine.amounts import exact_sum
from crm.enums import AccountKind
from crm.models import Customer, Dispute, LedgerPosting, LegalEntity

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
    """What one customer owes in one currency, by age, and what we hold of its money (``held``).

    ``disputed`` is what of it the customer denies owing; None where nobody looked.
    """

    customer: Customer
    currency: str
    ageing: Aged
    held: Decimal
    disputed: Decimal | None = None

    @property
    def net(self) -> Decimal:
        """Owed less held."""
        return exact_sum((self.ageing.total, -self.held))


def _postings(on: date, legal_entity_id: int | None) -> QuerySet[LedgerPosting]:
    rows: QuerySet[LedgerPosting] = LedgerPosting.objects.filter(customer__isnull=False, entry__posted_on__lte=on)
    return rows if legal_entity_id is None else rows.filter(entry__legal_entity=legal_entity_id)


def receivables(
    *, on: date, legal_entity_id: int | None = None, customers: Sequence[int] | None = None
) -> list[Receivable]:
    """Per customer and currency, by name; who owes nothing and has nothing with us is left out."""
    rows: Any = _postings(on, legal_entity_id)
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


def companies_of(customers: Sequence[int], *, on: date) -> list[LegalEntity]:
    """Those of our companies with which these customers had something open at the end of the day, oldest first."""
    rows: Any = _postings(on, None).filter(customer_id__in=customers)
    owed = rows.filter(kind=AccountKind.RECEIVABLE, invoice__isnull=False)
    keys: set[int] = set()
    for found in (owed.values_list("entry__legal_entity", "invoice"), rows.filter(kind__in=HELD).values_list(
        "entry__legal_entity", "customer", "currency"
    )):  # fmt: skip
        keys |= {row[0] for row in found.annotate(_b=BALANCE).exclude(_b=0)}
    return list(LegalEntity.objects.filter(pk__in=keys).order_by("pk"))


def letterhead_of(customers: Sequence[int], companies: Sequence[LegalEntity]) -> LegalEntity | None:
    """Under whose name these customers are told what they owe: the company they owe it to.

    Of several it is the one that bills the customer, else the one that did so last. Nothing open: likewise.
    """
    if len(companies) == 1:
        return companies[0]
    billing = Customer.objects.filter(pk__in=customers, legal_entity__isnull=False).order_by("pk")
    last = LedgerPosting.objects.filter(customer_id__in=customers).order_by("-entry_id")
    keys = [
        *billing.values_list("legal_entity_id", flat=True), *last.values_list("entry__legal_entity_id", flat=True)[:1]
    ]  # fmt: skip
    among = {one.pk for one in companies}
    fitting = [key for key in keys if key in among or not among]
    return LegalEntity.objects.get(pk=fitting[0]) if fitting else next(iter(companies), None)


@dataclass(frozen=True, slots=True)
class CurrencyTotal:
    """The sums of one currency over several customers."""

    currency: str
    ageing: Aged
    held: Decimal
    disputed: Decimal

    @property
    def net(self) -> Decimal:
        """Owed less held."""
        return exact_sum((self.ageing.total, -self.held))


def with_disputes(rows: Sequence[Receivable], *, on: date, legal_entity_id: int | None = None) -> list[Receivable]:
    """The same with what was disputed at the end of the day (UTC); disputes are the house's own notes."""
    end = datetime.combine(on + timedelta(days=1), time.min, UTC)
    open_then = Dispute.objects.filter(Q(closed_at=None) | Q(closed_at__gte=end), opened_at__lt=end)
    if legal_entity_id is not None:
        open_then = open_then.filter(invoice__legal_entity=legal_entity_id)
    sums = open_then.order_by().values_list("invoice__customer_id", "invoice__currency").annotate(Sum("amount"))
    found = {(customer, currency): amount for customer, currency, amount in sums}
    return [replace(row, disputed=found.get((row.customer.pk, row.currency), Decimal(0))) for row in rows]


def totals(rows: Sequence[Receivable]) -> list[CurrencyTotal]:
    """The sums of each currency."""
    found: dict[str, list[Receivable]] = defaultdict(list)
    for row in rows:
        found[row.currency].append(row)
    return [
        CurrencyTotal(
            currency,
            Aged(tuple(exact_sum(amounts) for amounts in zip(*(row.ageing.amounts for row in mine), strict=True))),
            exact_sum(row.held for row in mine),
            exact_sum(row.disputed or Decimal(0) for row in mine),
        )
        for currency, mine in sorted(found.items())
    ]


def open_items(customer: Customer, currency: str, *, on: date, legal_entity_id: int | None = None) -> list[OpenItem]:
    """The invoices a customer had not settled at the end of the day, oldest due first."""
    rows: Any = _postings(on, legal_entity_id).filter(
        customer=customer, currency=currency, kind=AccountKind.RECEIVABLE, invoice__isnull=False
    )
    named = rows.values_list("invoice_id", "invoice__number", "invoice__issued_on", "invoice__due_on")
    found = named.annotate(_b=BALANCE).exclude(_b=0).order_by("invoice__due_on", "invoice_id")
    return [OpenItem(*row) for row in found]


def held_of(customer: Customer, currency: str, *, on: date, legal_entity_id: int | None = None) -> Decimal:
    """What we held of a customer's money at the end of the day."""
    rows: Any = _postings(on, legal_entity_id).filter(customer=customer, currency=currency, kind__in=HELD)
    total: Decimal | None = rows.aggregate(total=BALANCE)["total"]
    return -(total or Decimal(0))
