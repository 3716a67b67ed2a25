"""What customers owe: open amounts by age, always summed from invoices, payments and credit notes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Case, Count, DecimalField, F, IntegerField, Q, QuerySet, Sum, Value, When
from django.db.models.functions import Coalesce

from crm.models import Customer, CustomerCredit, Invoice

# Days past the due date: lower bound (exclusive of the bucket before it). 0 is "not due yet".
AGE_BUCKETS: Sequence[tuple[int, int | None]] = ((0, 0), (1, 30), (31, 60), (61, 90), (91, None))
_ZERO = Value(Decimal(0), output_field=DecimalField(max_digits=24, decimal_places=8))


@dataclass(frozen=True)
class OpenAmount:
    """Open invoices of one currency."""

    currency: str
    outstanding: Decimal
    count: int
    late: Decimal
    late_count: int


@dataclass(frozen=True)
class AgedAmount:
    """Open invoices of one currency by age; ``buckets`` follow AGE_BUCKETS."""

    currency: str
    buckets: tuple[Decimal, ...]
    counts: tuple[int, ...]

    @property
    def total(self) -> Decimal:
        """All of them."""
        return sum(self.buckets, Decimal(0))


def _open() -> QuerySet[Invoice]:
    rows: QuerySet[Invoice] = Invoice.objects.open().with_balance().order_by()
    return rows


def of_customer(customer: Customer, *, on: date) -> list[OpenAmount]:
    """Per currency; ``on`` decides what is late."""
    late = Q(due_on__lt=on)
    rows = (
        _open()
        .filter(customer=customer)
        .values("currency")
        .annotate(
            total=Coalesce(Sum("outstanding"), _ZERO),
            count=Count("pk"),
            late=Coalesce(Sum("outstanding", filter=late), _ZERO),
            late_count=Count("pk", filter=late),
        )
        .order_by("currency")
    )
    return [OpenAmount(r["currency"], r["total"], r["count"], r["late"], r["late_count"]) for r in rows]


def by_age(*, on: date) -> list[AgedAmount]:
    """All open invoices, per currency and age on the day."""
    conditions = [When(due_on__gte=on, then=Value(0))]
    for index, (_low, high) in enumerate(AGE_BUCKETS[1:-1], start=1):
        conditions.append(When(due_on__gte=on - timedelta(days=high or 0), then=Value(index)))
    rows = (
        _open()
        .annotate(bucket=Case(*conditions, default=Value(len(AGE_BUCKETS) - 1), output_field=IntegerField()))
        .values("currency", "bucket")
        .annotate(total=Coalesce(Sum("outstanding"), _ZERO), count=Count("pk"))
        .order_by("currency", "bucket")
    )
    sums: dict[str, tuple[list[Decimal], list[int]]] = {}
    for row in rows:
        amounts, counts = sums.setdefault(row["currency"], ([Decimal(0)] * len(AGE_BUCKETS), [0] * len(AGE_BUCKETS)))
        amounts[row["bucket"]], counts[row["bucket"]] = row["total"], row["count"]
    return [AgedAmount(currency, tuple(amounts), tuple(counts)) for currency, (amounts, counts) in sums.items()]


def longest_overdue(*, on: date, limit: int) -> list[Invoice]:
    """The invoices that wait longest for their money."""
    late: Any = _open().filter(due_on__lt=on).select_related("customer")
    late = late.filter(outstanding__gt=0)
    return list(late.order_by(F("due_on").asc(), "pk")[:limit])


def settleable(credit: CustomerCredit) -> QuerySet[Invoice]:
    """Invoices a credit can settle: open ones of its customer, legal entity and currency, oldest due first."""
    mine: Any = _open().filter(
        customer=credit.customer_id, legal_entity=credit.legal_entity_id, currency=credit.currency
    )
    rows: QuerySet[Invoice] = mine.filter(outstanding__gt=0).order_by("due_on", "id")
    return rows


def usable_credits(invoice: Invoice) -> QuerySet[CustomerCredit]:
    """Credits that can settle an invoice: what is left of those of its customer, legal entity and currency."""
    mine: Any = CustomerCredit.objects.filter(
        customer=invoice.customer_id, legal_entity=invoice.legal_entity_id, currency=invoice.currency
    )
    rows: QuerySet[CustomerCredit] = mine.with_balance().filter(balance__gt=0).order_by("received_on", "id")
    return rows
