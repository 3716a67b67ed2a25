"""The statement of account of a customer: what it owed before, what happened, what it owes now."""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import DecimalField, F, Sum
from django.utils.translation import gettext as _

from crm.domain.ledger.ageing import OpenItem, held_of, open_items
from crm.domain.ledger.queries import BALANCE, of_customer
from crm.engine.ageing import Aged, aged
from crm.engine.amounts import exact_sum
from crm.enums import EntryKind
from crm.models import Customer, JournalEntry
from hashinsight.common.errors import DomainError

MOST_LINES = 5000
ZERO = Decimal(0)
_MONEY = DecimalField(max_digits=30, decimal_places=8)


class StatementRefused(DomainError):
    """There is no statement of such a period."""

    code = "statement_refused"


@dataclass(frozen=True, slots=True)
class StatementLine:
    """One movement. ``moved`` is what was only moved between a credit and an invoice; it changes no balance."""

    posted_on: date
    kind: str
    text: str
    invoice: str
    debit: Decimal
    credit: Decimal
    moved: Decimal
    balance: Decimal
    reverses: str

    @property
    def label(self) -> str:
        """What it is, in the language in force."""
        if self.reverses:
            return _("Reversal: %(what)s") % {"what": EntryKind(self.reverses).label}
        return str(EntryKind(self.kind).label)


@dataclass(frozen=True, slots=True)
class Statement:
    """A customer's account in one currency from ``first`` to ``last`` (both included).

    ``opening`` and ``closing`` are what the customer owes, below zero what we hold beyond that. The ageing is that
    of the last day; ``closing`` equals its total less ``held``.
    """

    customer: Customer
    legal_entity_id: int | None
    currency: str
    first: date
    last: date
    opening: Decimal
    lines: tuple[StatementLine, ...]
    closing: Decimal
    ageing: Aged
    items: tuple[OpenItem, ...]
    held: Decimal

    @property
    def debits(self) -> Decimal:
        """What was charged in the period."""
        return exact_sum(line.debit for line in self.lines)

    @property
    def credits(self) -> Decimal:
        """What was paid, credited or written off in the period."""
        return exact_sum(line.credit for line in self.lines)


def statement_of(
    customer: Customer, *, currency: str, first: date, last: date, legal_entity_id: int | None = None
) -> Statement:
    """The statement, from the ledger. Raises StatementRefused for a period that ends before it begins or is too full.

    ``legal_entity_id`` limits it to the account with that one of our companies, whose row a client cannot read.
    """
    if last < first - timedelta(days=1):
        raise StatementRefused(_("The period ends before it begins."))
    rows: Any = of_customer(customer, currency)
    if legal_entity_id is not None:
        rows = rows.filter(entry__legal_entity=legal_entity_id)
    opening = rows.filter(entry__posted_on__lt=first).aggregate(total=BALANCE)["total"] or ZERO
    inside = rows.filter(entry__posted_on__range=(first, last)).order_by()
    sums = inside.values("entry_id").annotate(
        debits=Sum("debit", output_field=_MONEY), credits=Sum("credit", output_field=_MONEY)
    )
    moves = {row["entry_id"]: (row["debits"], row["credits"]) for row in sums[: MOST_LINES + 1]}
    if len(moves) > MOST_LINES:
        raise StatementRefused(_("There are too many movements; choose a shorter period."))
    entries = JournalEntry.objects.filter(pk__in=moves).select_related("invoice").annotate(
        reversed_kind=F("reverses__kind")
    )  # fmt: skip
    lines, balance = [], opening
    for entry in entries.order_by("posted_on", "id"):
        line = _line(entry, *moves[entry.pk], balance)
        balance = line.balance
        lines.append(line)
    items = open_items(customer, currency, on=last, legal_entity_id=legal_entity_id)
    return Statement(
        customer=customer, legal_entity_id=legal_entity_id, currency=currency, first=first, last=last, opening=opening,
        lines=tuple(lines), closing=balance, items=tuple(items),
        ageing=aged(((item.due_on, item.amount) for item in items), on=last),
        held=held_of(customer, currency, on=last, legal_entity_id=legal_entity_id),
    )  # fmt: skip


def usual_period(on: date) -> tuple[date, date]:
    """From the first of the month two months ago until ``on``: what a statement covers where nothing else is said."""
    month = (on.replace(day=1) - timedelta(days=1)).replace(day=1)
    return (month - timedelta(days=1)).replace(day=1), on


def _line(entry: Any, debits: Decimal, credits: Decimal, balance: Decimal) -> StatementLine:
    change = debits - credits
    return StatementLine(
        posted_on=entry.posted_on,
        kind=entry.kind,
        text=entry.text,
        invoice=entry.invoice.number if entry.invoice else "",
        debit=max(change, ZERO),
        credit=max(-change, ZERO),
        moved=min(debits, credits),
        balance=exact_sum((balance, change)),
        reverses=entry.reversed_kind or "",
    )
