"""Amounts of credit notes: whatever the parts, together they take back exactly what was billed.

Each part rounded by itself may leave a cent: three thirds of a cent of tax are one cent, and each third alone is none.
So a note takes the difference of two sums: what is taken back with it, less what was taken back before. The sums are
rounded as an invoice is; once everything is taken back they are the invoice's own. A line's net or a group's tax then
differs from its own rounding by one minor unit of the currency at most.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from crm.engine.amounts import (
    ZERO,
    LineInput,
    TaxGroup,
    Totals,
    exact_sum,
    line_net,
    round_half_up,
    summarise,
)


@dataclass(frozen=True, slots=True)
class Taken:
    """A line of the invoice, how much of its quantity went before, and how much goes now."""

    line: LineInput
    before: Decimal
    now: Decimal


def credited(taken: Sequence[Taken], currency_exponent: int = 2) -> tuple[list[Decimal], Totals]:
    """Net of each line taken back now (0 where ``now`` is 0), and the totals of the note."""
    nets = [_net(one, currency_exponent) for one in taken]
    before = _groups([_part(one.line, one.before) for one in taken], currency_exponent)
    after = _groups([_part(one.line, exact_sum((one.before, one.now))) for one in taken], currency_exponent)
    touched = _groups([_part(one.line, one.now) for one in taken if one.now], currency_exponent)
    breakdown = tuple(
        TaxGroup(
            category=group.category,
            rate=group.rate,
            basis=_less(after[key].basis, before[key].basis),
            tax=_less(after[key].tax, before[key].tax),
            exemption_reason=group.exemption_reason,
        )
        for key, group in touched.items()
    )
    zero = round_half_up(ZERO, currency_exponent)
    net = exact_sum((zero, *(group.basis for group in breakdown)))
    tax = exact_sum((zero, *(group.tax for group in breakdown)))
    gross = exact_sum((net, tax))
    return nets, Totals(net=net, tax=tax, gross=gross, due=gross, breakdown=breakdown)


def _net(one: Taken, digits: int) -> Decimal:
    after = line_net(exact_sum((one.before, one.now)), one.line.unit_price, digits)
    return _less(after, line_net(one.before, one.line.unit_price, digits))


def _part(line: LineInput, quantity: Decimal) -> LineInput:
    return LineInput(quantity, line.unit_price, line.tax_category, line.tax_rate, line.exemption_reason)


def _groups(lines: Sequence[LineInput], digits: int) -> dict[tuple[str, Decimal], TaxGroup]:
    breakdown = summarise(lines, currency_exponent=digits).breakdown
    return {(group.category, group.rate): group for group in breakdown}


def _less(total: Decimal, part: Decimal) -> Decimal:
    return exact_sum((total, part.copy_negate()))
