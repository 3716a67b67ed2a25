"""What became of the won deals of the sample files: nearly all are billed, most of them paid."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from crm.domain.bulk_billing import Completion, Issue, Receipt, complete_deals, issue_invoices, record_payments
from crm.enums import DealStatus
from crm.models import Customer, Deal, Invoice
from hashinsight.common.money import round_money
from hashinsight.demo.billing import CREDIT_AFTER, METHODS, Say, credit, mark_overdue
from hashinsight.demo.calendar import Clock
from hashinsight.demo.people import Staff

# How customers pay: (percent of what is owed, days after the issue) and how many of a thousand do so.
HABITS = (
    (((100, 8),), 540),
    (((100, 13),), 225),
    (((100, 24),), 100),
    (((100, 47),), 55),
    (((60, 12), (40, 45)), 25),
    (((50, 16), (50, 80)), 10),
    (((100, 75),), 12),
    (((100, 110),), 10),
    (((50, 16),), 4),
    (((101, 10),), 10),
    ((), 9),
)
SPREAD = 9  # days
LONGEST_COMPLETION = 6  # days after the signing
# A draft may wait for its issue so long.
WAITING = timedelta(days=12)


@dataclass(frozen=True)
class Story:
    """A signed deal and what becomes of it; a day that lies ahead has not come."""

    deal: Deal
    completed_on: date
    issued_on: date | None
    payments: tuple[tuple[int, int], ...] = ()  # percent of what is owed, days after the issue
    method: str = METHODS[0]
    credit: str = ""


def bill(staff: Staff, *, clock: Clock, say: Say) -> list[Customer]:
    """Complete, issue, credit and settle by today; returns the customer of each invoice."""
    signed = Deal.objects.filter(status=DealStatus.SIGNED).select_related("customer").order_by("actual_close_on", "id")
    told = sorted((_tell(deal, clock.today) for deal in signed), key=lambda story: story.completed_on)
    stories = [story for story in told if story.completed_on <= clock.today]
    completions = [Completion(story.deal, clock.moment(story.completed_on)) for story in stories]
    drafts = complete_deals(completions, by=staff.operations)
    say(f"{len(drafts)} deals completed, {len(told) - len(stories)} signed of late")
    waiting = {draft.deal_id: draft for draft in drafts}
    due = [story for story in stories if story.issued_on is not None and story.issued_on <= clock.today]
    issued = issue_invoices([_issue(story, waiting[story.deal.pk], clock) for story in due], by=staff.finance)
    say(f"{len(issued)} invoices issued")
    invoices = {invoice.deal_id: invoice for invoice in issued}
    owed = _credit(due, invoices, staff, clock)
    receipts = [one for story in due for one in _receipts(story, invoices[story.deal.pk], owed, clock)]
    record_payments(receipts, on=clock.today, by=staff.finance)
    mark_overdue(clock)
    say(f"{len(receipts)} payments recorded")
    return [story.deal.customer for story in due]


def _tell(deal: Deal, today: date) -> Story:
    """The same at every build."""
    chance = random.Random(deal.source_ref)  # noqa: S311  (a story, no secret)
    signed_on = deal.actual_close_on
    assert signed_on is not None
    completed_on = signed_on + timedelta(days=chance.randrange(1, LONGEST_COMPLETION + 1))
    issued_on = completed_on + timedelta(days=chance.randrange(0, 3))
    waits = chance.random() < 0.2 and completed_on > today - WAITING
    credited = chance.choices(("", "full", "part"), (98, 1, 1))[0]
    habit = chance.choices([days for days, _weight in HABITS], [weight for _days, weight in HABITS])[0]
    spread = tuple((percent, days + chance.randrange(0, SPREAD)) for percent, days in habit)
    return Story(
        deal=deal,
        completed_on=completed_on,
        issued_on=None if waits else issued_on,
        payments=() if credited == "full" else spread,
        method=chance.choice(METHODS),
        credit=credited,
    )


def _issue(story: Story, draft: Invoice, clock: Clock) -> Issue:
    assert story.issued_on is not None
    return Issue(draft, story.issued_on, clock.moment(story.issued_on))


def _credit(
    stories: Sequence[Story], invoices: dict[int | None, Invoice], staff: Staff, clock: Clock
) -> dict[int, Decimal]:
    """What is still owed after the credit notes, by invoice."""
    owed = {invoice.pk: invoice.gross_total for invoice in invoices.values()}
    for story in sorted(stories, key=lambda one: one.issued_on or one.completed_on):
        invoice = invoices[story.deal.pk]
        assert invoice.issued_on is not None
        on = invoice.issued_on + timedelta(days=CREDIT_AFTER)
        if story.credit and on <= clock.today:
            owed[invoice.pk] -= credit(story.credit, invoice, staff=staff, on=on, clock=clock).gross_total
    return owed


def _receipts(story: Story, invoice: Invoice, owed: dict[int, Decimal], clock: Clock) -> list[Receipt]:
    assert invoice.issued_on is not None
    total = rest = owed[invoice.pk]
    found = []
    for number, (percent, days) in enumerate(story.payments, start=1):
        closing = number == len(story.payments) and sum(part for part, _days in story.payments) == 100
        amount = rest if closing else round_money(total * percent / 100, invoice.currency)
        rest -= amount
        day = invoice.issued_on + timedelta(days=days)
        if day <= clock.today and amount > 0:
            reference = f"{invoice.number} {day:%d%m}"
            found.append(Receipt(invoice, amount, day, clock.moment(day), story.method, reference))
    return found
