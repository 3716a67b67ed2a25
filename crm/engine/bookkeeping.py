"""Arithmetic of double entry: sides, balance per currency, value in the currency of the books.

Amounts are exact Decimals in the minor unit of their currency. What is converted is rounded half up once; what
rounding leaves over goes to the largest line of the side that lacks it, or is booked as an exchange difference.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Context, Decimal
from typing import Any

from crm.engine.amounts import ZERO, exact_product, exact_sum, round_half_up

# Wide enough that the division of a share errs far behind the last digit of any currency.
_WIDE = Context(prec=100)


class Unbalanced(ValueError):
    """The lines of an entry do not balance: a mistake in the code that made them."""


@dataclass(frozen=True, slots=True)
class Line:
    """An amount on one side of an account: above zero is debit, below zero credit.

    ``account`` is whatever the caller knows accounts by. ``base`` is the amount in the currency of the books, where
    it is known beforehand (what is cleared keeps the value it was booked at); None asks for a conversion.
    """

    account: Any
    currency: str
    amount: Decimal
    base: Decimal | None = None
    rate: Decimal | None = None
    item: Any = None
    valueless: bool = False


def debit(account: Any, currency: str, amount: Decimal, **more: Any) -> Line:
    """``amount`` (not below zero) on the debit side."""
    return Line(account, currency, amount, **more)


def credit(account: Any, currency: str, amount: Decimal, **more: Any) -> Line:
    """``amount`` (not below zero) on the credit side."""
    return Line(account, currency, amount.copy_negate() if amount else amount, **more)


def check_balanced(lines: Sequence[Line]) -> None:
    """Raises Unbalanced unless each currency, and the value in the books where there is one, comes to zero."""
    sums: dict[str, list[Decimal]] = defaultdict(list)
    for line in lines:
        sums[line.currency].append(line.amount)
    wrong = {currency: total for currency, amounts in sums.items() if (total := exact_sum(amounts))}
    if wrong or len(lines) < 2:
        raise Unbalanced(f"an entry does not balance: {wrong or lines}")
    known = [line.base for line in lines if line.base is not None]
    if known and (len(known) < len(lines) or exact_sum(known)):
        raise Unbalanced("the value of an entry in the books does not balance")


def convert(amount: Decimal, rate: Decimal, digits: int) -> Decimal:
    """``amount`` at ``rate`` in a currency with ``digits`` decimals, rounded half up once."""
    return round_half_up(exact_product(amount, rate), digits)


def share(total: Decimal, whole: Decimal, part: Decimal, digits: int) -> Decimal:
    """The share of ``total`` that ``part`` has in ``whole``; the last part gets all that is left, to the cent."""
    if part == whole:
        return total
    if not whole:
        return round_half_up(ZERO, digits)
    return round_half_up(_WIDE.divide(exact_product(total, part), whole), digits)


def valued(
    lines: Sequence[Line], *, base: str, rates: Mapping[str, Decimal | None], digits: int, difference: Any
) -> list[Line]:
    """The lines with their value in the books (``base``); without any where a rate is missing.

    ``rates`` gives the books' currency for one unit; where none is known, the rate of what is cleared serves. Lines
    that bring a value keep it; what then is missing is booked on ``difference``: a gain or a loss by exchange. Where
    all lines are converted at rates of the day, the leftover of rounding goes to the largest line instead.
    """
    every: dict[str, Decimal | None] = {line.currency: line.rate for line in lines if line.base is not None}
    every |= {currency: rate for currency, rate in rates.items() if rate is not None} | {base: Decimal(1)}
    missing = any(line.base is None and every.get(line.currency) is None for line in lines)
    if missing or any(line.valueless for line in lines):
        return [replace(line, base=None, rate=None) for line in lines]
    done = [_valued(line, every.get(line.currency), digits) for line in lines]
    left = exact_sum(line.base for line in done if line.base is not None)
    if not left:
        return done
    if all(line.base is None for line in lines):
        largest = max(range(len(done)), key=lambda index: abs(done[index].base or ZERO))
        done[largest] = replace(done[largest], base=exact_sum((done[largest].base or ZERO, left.copy_negate())))
        return done
    return [*done, Line(difference, base, ZERO, base=left.copy_negate(), rate=Decimal(1))]


def _valued(line: Line, rate: Decimal | None, digits: int) -> Line:
    if line.base is not None:
        return replace(line, rate=line.rate or rate)
    if rate is None:  # pragma: no cover - asked before
        raise Unbalanced(f"no rate for {line.currency}")
    value = line.amount if rate == 1 else convert(line.amount, rate, digits)
    return replace(line, base=value, rate=rate)


def without_nothing(lines: Sequence[Line]) -> list[Line]:
    """The lines that book something."""
    return [line for line in lines if line.amount or line.base]
