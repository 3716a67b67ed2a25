"""What the writers are given, and what they hand back."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

from crm.engine.amounts import exact_sum


@dataclass(frozen=True, slots=True)
class NamedFile:
    """A finished file."""

    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Gap:
    """Something the file cannot be written without: where it is missing, and what."""

    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


@dataclass(frozen=True, slots=True)
class Booking:
    """One row of a posting batch: ``amount`` (above zero) on ``side`` (S debit, H credit) of ``account``.

    ``key`` is the target's tax key; with one the amount includes the tax, which the target computes from it.
    ``base_amount`` is the amount in the currency of the books where ``currency`` is another one.
    """

    amount: Decimal
    side: str
    currency: str
    account: str
    contra: str
    day: date
    document: str
    text: str
    key: str = ""
    due_on: date | None = None
    base_amount: Decimal | None = None
    vat_id: str = ""


@dataclass(frozen=True, slots=True)
class Batch:
    """What the header of a posting batch says."""

    consultant: str
    client: str
    account_length: int
    year_start: date
    first: date
    last: date
    currency: str
    name: str
    made_at: datetime
    fixed: bool


@dataclass(frozen=True, slots=True)
class SoldLine:
    """One line of a document: its net amount is quantity times unit price, rounded once."""

    description: str
    quantity: Decimal
    unit_price: Decimal
    net: Decimal


@dataclass(frozen=True, slots=True)
class SoldGroup:
    """The lines of one tax category and rate, with the tax on their sum."""

    rate: Decimal
    net: Decimal
    tax: Decimal
    account: str
    tax_name: str
    lines: Sequence[SoldLine] = field(default_factory=tuple)


@dataclass(frozen=True, slots=True)
class Sale:
    """An invoice; of a credit note all amounts are below zero."""

    number: str
    customer: str
    email: str
    address: Sequence[str]
    city: str
    region: str
    postal_code: str
    country: str
    reference: str
    issued_on: date
    due_on: date
    currency: str
    groups: Sequence[SoldGroup]

    @property
    def gross(self) -> Decimal:
        """What is owed."""
        return exact_sum(part for group in self.groups for part in (group.net, group.tax))

    @property
    def is_credit(self) -> bool:
        """Whether it takes back."""
        return self.gross < 0
