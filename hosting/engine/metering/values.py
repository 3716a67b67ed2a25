"""What is known of a meter, as plain values: kW and kWh in decimals, moments aware and in UTC."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

WATT, TINY = Decimal("0.001"), Decimal("0.000001")  # to what powers (kW) and registers (kWh) are kept
MOST_KWH = Decimal(10) ** 12
HOUR_S = Decimal(3600)


@dataclass(frozen=True, slots=True)
class Said:
    """One reading as it came, before the ratio: ``place`` in what was sent, figures None where nobody said them."""

    place: int
    at: datetime
    power_kw: Decimal | None = None
    register_kwh: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Point:
    """One reading as it is known: multiplied by the ratio of its time."""

    at: datetime
    power_kw: Decimal | None = None
    register_kwh: Decimal | None = None
    ratio: Decimal = Decimal(1)


@dataclass(frozen=True, slots=True)
class Change:
    """From ``at`` on the register goes on from ``after_kwh``; it ended at ``before_kwh``. Both are multiplied."""

    at: datetime
    before_kwh: Decimal
    after_kwh: Decimal


@dataclass(frozen=True, slots=True)
class Register:
    """The register of energy at a moment, in kWh."""

    at: datetime
    kwh: Decimal


def parts_between(first: Register, second: Register, changes: Sequence[Change]) -> list[Decimal]:
    """The energy (kWh) from one figure to the next, cut at each change in between; negative where it ran backwards."""
    parts, kwh = [], first.kwh
    for change in changes:
        if first.at < change.at <= second.at:
            parts.append(change.before_kwh - kwh)
            kwh = change.after_kwh
    return [*parts, second.kwh - kwh]


def hours(span: timedelta) -> Decimal:
    """Exact, as far as a clock is."""
    return Decimal(span // timedelta(microseconds=1)) / (HOUR_S * 1_000_000)
