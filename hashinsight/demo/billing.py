"""Won deals become invoices, and invoices money: through the real domain functions, day after day."""

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from functools import partial
from itertools import count

from crm.domain import deals, issuing, overdue, payments, settlement
from crm.enums import InvoiceStatus
from crm.models import Deal, Invoice
from hashinsight.common.money import round_money
from hashinsight.demo.calendar import Clock
from hashinsight.demo.people import Staff

Say = Callable[[str], None]
CREDIT_AFTER = 5  # days
METHODS = ("bank_transfer", "bank_transfer", "bank_transfer", "bank_transfer", "card", "bitcoin")


@dataclass(frozen=True)
class Sale:
    """A signed deal and what becomes of it; days count from the completion, then from the issue."""

    deal: Deal
    completed_on: date
    service: tuple[date, date] | None = None
    issue_after: int | None = 0
    payments: tuple[tuple[int, int], ...] = ()  # percent of the total, days after the issue
    credit: str = ""


@dataclass(order=True)
class _Step:
    day: date
    rank: int
    act: Callable[[], object] = field(compare=False)


class Ledger:
    """Plays all sales in the order of their days, so that numbers and rows come in the order of time."""

    def __init__(self, staff: Staff, clock: Clock, say: Say) -> None:
        self.staff, self.clock, self.say = staff, clock, say
        self.steps: list[_Step] = []
        self.rank = count()
        self.issued = 0

    def play(self, sales: list[Sale]) -> None:
        """Everything that has happened by today; what is late by then becomes overdue."""
        for sale in sales:
            self._on(sale.completed_on, partial(self._complete, sale))
        while self.steps:
            heapq.heappop(self.steps).act()
        mark_overdue(self.clock)

    def _on(self, day: date, act: Callable[[], object]) -> None:
        if day <= self.clock.today:
            heapq.heappush(self.steps, _Step(day, next(self.rank), act))

    def _complete(self, sale: Sale) -> None:
        day = sale.completed_on
        invoice = deals.complete_deal(sale.deal, by=self.staff.operations, at=self.clock.moment(day))
        if sale.service:
            invoice.service_from, invoice.service_to = sale.service
            invoice.save(update_fields=["service_from", "service_to"])
        if sale.issue_after is not None:
            issue_on = day + timedelta(days=sale.issue_after)
            self._on(issue_on, partial(self._issue, sale, invoice, issue_on))

    def _issue(self, sale: Sale, invoice: Invoice, day: date) -> None:
        issued = issuing.issue_invoice(invoice, by=self.staff.finance, on=day, at=self.clock.moment(day), send=False)
        self.issued += 1
        if self.issued % 100 == 0:
            self.say(f"{self.issued} invoices issued, up to {day:%B %Y}")
        if sale.credit:
            on = day + timedelta(days=CREDIT_AFTER)
            self._on(on, partial(credit, sale.credit, issued, staff=self.staff, on=on, clock=self.clock))
        self._plan_payments(sale, issued)

    def _plan_payments(self, sale: Sale, invoice: Invoice) -> None:
        due_on = invoice.due_on
        assert invoice.issued_on is not None
        assert due_on is not None
        rest = invoice.gross_total
        complete = sum(percent for percent, _days in sale.payments) >= 100
        for number, (percent, days) in enumerate(sale.payments):
            last = complete and number == len(sale.payments) - 1 and percent <= 100
            amount = rest if last else round_money(invoice.gross_total * percent / 100, invoice.currency)
            rest -= amount
            day = invoice.issued_on + timedelta(days=days)
            if day > due_on:
                self._on(due_on + timedelta(days=1), partial(self._remind, invoice, due_on + timedelta(days=1)))
            self._on(day, partial(self._pay, invoice, amount, day))

    def _remind(self, invoice: Invoice, day: date) -> None:
        settlement.mark_overdue(invoice, on=day, at=self.clock.moment(day))

    def _pay(self, invoice: Invoice, amount: Decimal, day: date) -> None:
        if amount <= 0:
            return
        status = Invoice.objects.values_list("status", flat=True).get(pk=invoice.pk)
        if status not in (InvoiceStatus.SENT, InvoiceStatus.OVERDUE):
            return
        payments.record_payment(
            invoice,
            amount=amount,
            currency=invoice.currency,
            received_on=day,
            by=self.staff.finance,
            on=day,
            at=self.clock.moment(day),
            method=METHODS[invoice.pk % len(METHODS)],
            reference=f"{invoice.number} {day:%d%m}",
            is_sample=True,
        )


def credit(how: str, invoice: Invoice, *, staff: Staff, on: date, clock: Clock) -> Invoice:
    """Take back all of an invoice (``full``) or a tenth of its last line."""
    german = invoice.language == "de"
    if how == "full":
        reason, quantities = ("Doppelt berechnet" if german else "Billed twice"), None
    else:
        reason = "Minderleistung bei der Energie" if german else "Shortfall in the service"
        line = invoice.lines.order_by("-position").first()
        assert line is not None
        quantities = {line.position: max(line.quantity / 10, Decimal("0.001")).quantize(Decimal("0.001"))}
    at = clock.moment(on)
    return issuing.credit_invoice(
        invoice, by=staff.finance, on=on, at=at, reason=reason, quantities=quantities, send=False
    )


def mark_overdue(clock: Clock) -> None:
    """What is late by now."""
    for customer_id, day in overdue.customers_due(clock.at):
        overdue.mark_customer(customer_id, on=day, at=clock.at)
