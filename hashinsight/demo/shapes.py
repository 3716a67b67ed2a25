"""What the demo company's year looked like, as plain values; nothing here touches the database."""

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from crm.engine.amounts import line_net
from hashinsight.demo.world import Country


@dataclass(frozen=True)
class Size:
    """How large the company is; the tests build a small one."""

    customers: int = 300
    hosted: int = 52
    orders: int = 150
    open_deals: int = 190
    lost_deals: int = 90
    leads: int = 420
    conversions: int = 30
    months: int = 8


@dataclass(frozen=True)
class PlannedCustomer:
    """A customer on paper."""

    code: str
    company: str
    contact: str
    email: str
    phone: str
    country: Country
    time_zone: str
    street: str
    postal_code: str
    city: str
    region: str
    vat_id: str
    kind: str
    power_kw: int
    since: date
    terms_days: int | None
    active: bool = True
    parent: int | None = None


@dataclass(frozen=True)
class PlannedLine:
    """An offer sold: its code, how many, at which price in the deal's currency."""

    offer: str
    quantity: Decimal
    price: Decimal


@dataclass(frozen=True)
class PlannedPayment:
    """Money: which share of the total in percent, how many days after the issue."""

    percent: int
    after_days: int


@dataclass(frozen=True)
class PlannedDeal:
    """A deal and what becomes of it."""

    customer: int
    title: str
    currency: str
    lines: tuple[PlannedLine, ...]
    created_on: date
    stage: str
    status: str
    closed_on: date | None = None
    reason: str = ""
    expected_on: date | None = None
    service: tuple[date, date] | None = None
    issue_after: int | None = None  # days after the completion; None: the draft waits
    payments: tuple[PlannedPayment, ...] = ()
    credit: str = ""  # "full", "part" or nothing
    completed_on: date | None = None

    def value(self) -> Decimal:
        """Sum of the lines, each rounded as an invoice rounds it."""
        return sum((line_net(line.quantity, line.price) for line in self.lines), Decimal(0))


@dataclass(frozen=True)
class PlannedLead:
    """Somebody who asked."""

    title: str
    name: str
    company: str
    email: str
    phone: str
    status: str
    source: str
    score: int | None
    value: Decimal
    currency: str
    time_zone: str
    created_on: date
    customer: int | None = None
    lost_reason: str = ""
    converts: bool = False


@dataclass(frozen=True)
class Plan:
    """The whole company."""

    customers: list[PlannedCustomer] = field(default_factory=list)
    deals: list[PlannedDeal] = field(default_factory=list)
    leads: list[PlannedLead] = field(default_factory=list)
