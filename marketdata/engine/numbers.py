"""Numbers that may be reckoned with, and the few functions that round what comes out.

Inside, every product and quotient has 40 digits (``exactly``); outside, an amount is rounded once, half up, by the
function that names its unit. A float is refused: nobody can say which decimal number was meant by it.
"""

from contextlib import AbstractContextManager
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Context, Decimal, DivisionByZero, InvalidOperation, Overflow
from decimal import localcontext as _localcontext

Number = int | Decimal
DIGITS = 40
ZERO = Decimal(0)
ONE = Decimal(1)
HUNDRED = Decimal(100)
SATS_PER_BTC = 100_000_000
# Nothing the product counts is larger, nothing it divides by is smaller.
HUGE, TINY = Decimal("1E+120"), Decimal("1E-120")

_EXACT = Context(prec=DIGITS, rounding=ROUND_HALF_EVEN, traps=[InvalidOperation, DivisionByZero, Overflow])
# Rounding needs as many digits as stand before the point, so it has a context of its own.
_ROUND = Context(prec=200, rounding=ROUND_HALF_UP, traps=[InvalidOperation, Overflow])


class NumberRefused(ValueError):
    """A number is missing, no number at all or out of its bounds; the text names it."""


def exactly() -> AbstractContextManager[Context]:
    """A context of 40 digits in which a meaningless operation raises."""
    return _localcontext(_EXACT)


def number(
    name: str, value: object, *, least: Number | None = 0, most: Number | None = None, above: Number | None = None
) -> Decimal:
    """``value`` as a finite Decimal within its bounds. Raises NumberRefused, which calls it by ``name``.

    ``least`` and ``most`` are allowed themselves, ``above`` is not.
    """
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise NumberRefused(f"{name} must be a whole number or a Decimal, not {type(value).__name__}")
    found = Decimal(value)
    if not found.is_finite():
        raise NumberRefused(f"{name} must be finite, not {found}")
    if abs(found) > HUGE:
        raise NumberRefused(f"{name} must be at most {HUGE}, not {found:.3E}")
    if above is not None and found <= above:
        raise NumberRefused(f"{name} must be above {above}, not {found}")
    if above == 0 and found < TINY:
        raise NumberRefused(f"{name} must be at least {TINY}, not {found:.3E}")
    if above is None and least is not None and found < least:
        raise NumberRefused(f"{name} must be at least {least}, not {found}")
    if most is not None and found > most:
        raise NumberRefused(f"{name} must be at most {most}, not {found}")
    return found


def whole(name: str, value: object, *, least: int = 0, most: int | None = None) -> int:
    """``value`` as an int within its bounds. Raises NumberRefused, which calls it by ``name``."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise NumberRefused(f"{name} must be a whole number, not {type(value).__name__}")
    if value < least:
        raise NumberRefused(f"{name} must be at least {least}, not {value}")
    if most is not None and value > most:
        raise NumberRefused(f"{name} must be at most {most}, not {value}")
    return value


def round_usd(amount: Decimal) -> Decimal:
    """Whole cents, half up."""
    return amount.quantize(Decimal("0.01"), context=_ROUND)


def round_btc(amount: Decimal) -> Decimal:
    """Whole satoshis, half up; the result is in BTC."""
    return amount.quantize(Decimal("0.00000001"), context=_ROUND)


def round_rate(value: Decimal) -> Decimal:
    """Six places, half up: for ratios and prices per kWh."""
    return value.quantize(Decimal("0.000001"), context=_ROUND)
