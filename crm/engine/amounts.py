"""Invoice arithmetic of EN 16931: line amounts, tax per group, totals.

Rounding mode: **half up**, away from zero on a tie (``decimal.ROUND_HALF_UP``), because that is what the
European standard asks for; so a credit note is the exact mirror of its invoice. A value is rounded in two
places only: each line's net amount and each tax group's tax. Everything else is a sum of rounded values.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import (
    ROUND_HALF_UP,
    Context,
    Decimal,
    DecimalException,
    Inexact,
    InvalidOperation,
    Overflow,
    Underflow,
)

ZERO = Decimal(0)
MAX_CURRENCY_EXPONENT = 8
# VAT category codes of EN 16931 (UNCL 5305) and whether a rate above zero belongs to them.
TAXED_CATEGORIES = frozenset({"S", "L", "M"})
UNTAXED_CATEGORIES = frozenset({"Z", "E", "AE", "K", "G", "O"})

# Products and sums are exact: whatever does not fit into 100 digits is refused, never rounded in silence.
_EXACT = Context(prec=100, traps=[InvalidOperation, Overflow, Underflow, Inexact])
_ROUND = Context(prec=100, rounding=ROUND_HALF_UP, traps=[InvalidOperation, Overflow])


@dataclass(frozen=True, slots=True)
class LineInput:
    """What one line sells: quantity times unit price before tax; ``tax_rate`` is in percent (19 = 19 %)."""

    quantity: Decimal
    unit_price: Decimal
    tax_category: str
    tax_rate: Decimal
    exemption_reason: str = ""

    def __post_init__(self) -> None:
        _check_number("quantity", self.quantity)
        _check_number("unit_price", self.unit_price)
        check_tax(self.tax_category, self.tax_rate)


@dataclass(frozen=True, slots=True)
class TaxGroup:
    """All lines of one tax category and rate: basis BT-116, tax BT-117."""

    category: str
    rate: Decimal
    basis: Decimal
    tax: Decimal
    exemption_reason: str = ""


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums of an invoice: net BT-109, tax BT-110, gross BT-112, due BT-115."""

    net: Decimal
    tax: Decimal
    gross: Decimal
    due: Decimal
    breakdown: tuple[TaxGroup, ...]


def _check_number(name: str, value: object) -> None:
    """Refuse what has no exact, finite value: floats carry the error we are here to avoid."""
    if not isinstance(value, Decimal):
        raise TypeError(f"{name} must be a Decimal, not {type(value).__name__}")
    if not value.is_finite():
        raise ValueError(f"{name} must be finite, not {value}")


def check_tax(category: str, rate: Decimal) -> None:
    """Refuse an unknown category, a negative rate, or a rate that contradicts its category (BR-S-05, BR-AE-05 …)."""
    _check_number("tax_rate", rate)
    if category not in TAXED_CATEGORIES | UNTAXED_CATEGORIES:
        raise ValueError(f"unknown tax category {category!r}")
    if rate < 0:
        raise ValueError(f"tax_rate must not be negative, not {rate}")
    if category in UNTAXED_CATEGORIES and rate != 0:
        raise ValueError(f"tax category {category} must have rate 0, not {rate}")
    if category == "S" and rate == 0:
        raise ValueError("tax category S needs a rate above 0; use Z for zero rated")


def round_half_up(value: Decimal, currency_exponent: int = 2) -> Decimal:
    """``value`` with as many decimals as the currency has, half up (away from zero on a tie)."""
    _check_number("value", value)
    if isinstance(currency_exponent, bool) or not isinstance(currency_exponent, int):
        raise TypeError("currency_exponent must be an int")
    if not 0 <= currency_exponent <= MAX_CURRENCY_EXPONENT:
        raise ValueError(f"currency_exponent must be 0 to {MAX_CURRENCY_EXPONENT}, not {currency_exponent}")
    try:
        rounded = value.quantize(Decimal(1).scaleb(-currency_exponent), context=_ROUND)
    except DecimalException as error:
        raise ValueError("the amount has too many digits") from error
    return rounded if rounded else rounded.copy_abs()  # no minus zero on paper


def exact_product(left: Decimal, right: Decimal) -> Decimal:
    """The product without any rounding. Raises ValueError when it needs more than 100 digits."""
    try:
        return _EXACT.multiply(left, right)
    except DecimalException as error:
        raise ValueError("the amount has too many digits") from error


def exact_sum(values: Iterable[Decimal]) -> Decimal:
    """The sum without any rounding; the built-in ``sum`` follows the context of the thread."""
    total = ZERO
    try:
        for value in values:
            total = _EXACT.add(total, value)
    except DecimalException as error:
        raise ValueError("the amount has too many digits") from error
    return total


def line_net(quantity: Decimal, unit_price: Decimal, currency_exponent: int = 2) -> Decimal:
    """Net amount of one line (BT-131): quantity times unit price, rounded half up once."""
    _check_number("quantity", quantity)
    _check_number("unit_price", unit_price)
    return round_half_up(exact_product(quantity, unit_price), currency_exponent)


def tax_of(basis: Decimal, rate: Decimal, currency_exponent: int = 2) -> Decimal:
    """Tax of one group (BT-117, BR-CO-17): basis times rate percent, rounded half up once."""
    _check_number("basis", basis)
    _check_number("tax_rate", rate)
    return round_half_up(exact_product(basis, rate.scaleb(-2, _EXACT)), currency_exponent)


def summarise(lines: Iterable[LineInput], prepaid: Decimal = ZERO, currency_exponent: int = 2) -> Totals:
    """Totals of an invoice (BR-CO-10, -13, -14, -15, -16, -17) without document level allowances or charges.

    The breakdown is ordered by category, then by falling rate, so that the same lines give the same paper.
    """
    _check_number("prepaid", prepaid)
    paid = round_half_up(prepaid, currency_exponent)
    if paid != prepaid:
        raise ValueError("prepaid has more decimals than the currency")
    bases: dict[tuple[str, Decimal], Decimal] = {}
    reasons: dict[tuple[str, Decimal], dict[str, None]] = {}
    for line in lines:
        key = (line.tax_category, _plain(line.tax_rate))
        amount = line_net(line.quantity, line.unit_price, currency_exponent)
        bases[key] = exact_sum((bases.get(key, ZERO), amount))
        if line.exemption_reason:
            reasons.setdefault(key, {})[line.exemption_reason] = None
    breakdown = tuple(
        TaxGroup(
            category=category,
            rate=rate,
            basis=bases[category, rate],
            tax=tax_of(bases[category, rate], rate, currency_exponent),
            exemption_reason=" ".join(reasons.get((category, rate), ())),
        )
        for category, rate in sorted(bases, key=lambda key: (key[0], key[1].copy_negate()))
    )
    zero = round_half_up(ZERO, currency_exponent)
    net = exact_sum((zero, *(group.basis for group in breakdown)))
    tax = exact_sum((zero, *(group.tax for group in breakdown)))
    gross = exact_sum((net, tax))
    return Totals(net=net, tax=tax, gross=gross, due=exact_sum((gross, paid.copy_negate())), breakdown=breakdown)


def _plain(rate: Decimal) -> Decimal:
    """The rate without trailing zeros, so that 19 and 19.00 are one group printed one way."""
    digits = rate.normalize(_EXACT)
    return digits.quantize(Decimal(1)) if digits == digits.to_integral_value() else digits
