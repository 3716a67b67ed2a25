"""How old what is owed is: amounts by days past their due date."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from crm.engine.amounts import exact_sum

# Days past the due date, first and last of each bucket; the first bucket is what is not due yet.
BUCKETS: tuple[tuple[int | None, int | None], ...] = ((None, 0), (1, 30), (31, 60), (61, 90), (91, None))


def bucket_of(due_on: date, on: date) -> int:
    """In which bucket something due on ``due_on`` is on the day ``on``."""
    late = (on - due_on).days
    return next(index for index, (_first, last) in enumerate(BUCKETS) if last is None or late <= last)


def bucket_words() -> list[tuple[int, int | None] | None]:
    """First and last day late of each bucket; None for what is not due, no last day for the oldest."""
    return [None if first is None else (first, last) for first, last in BUCKETS]


@dataclass(frozen=True, slots=True)
class Aged:
    """Open amounts of one currency by age; ``amounts`` follow BUCKETS."""

    amounts: tuple[Decimal, ...]

    @property
    def total(self) -> Decimal:
        """All of them."""
        return exact_sum(self.amounts)

    @property
    def overdue(self) -> Decimal:
        """What is past its due date."""
        return exact_sum(self.amounts[1:])


def aged(items: Iterable[tuple[date, Decimal]], *, on: date) -> Aged:
    """Sums by age of items given as due date and open amount, on the day ``on``."""
    amounts = [Decimal(0)] * len(BUCKETS)
    for due_on, amount in items:
        index = bucket_of(due_on, on)
        amounts[index] = exact_sum((amounts[index], amount))
    return Aged(tuple(amounts))
