"""What a check of an e-invoice finds."""

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Broken:
    """A rule that is broken, and the id of the line where it is (empty: the document as a whole)."""

    rule: str
    line: str = ""


def cents(value: Decimal) -> Decimal:
    """Two decimals, ties towards plus infinity: XPath's ``round``, in which the official rules are written."""
    return ((value * 100 + Decimal("0.5")).to_integral_value("ROUND_FLOOR")) / 100


def whole(value: Decimal) -> Decimal:
    """No decimals, ties towards plus infinity."""
    return (value + Decimal("0.5")).to_integral_value("ROUND_FLOOR")


def too_fine(value: Decimal | None) -> bool:
    """Whether an amount is written with more than two digits after the point."""
    if value is None:
        return False
    digits = value.as_tuple().exponent
    return isinstance(digits, int) and digits < -2
