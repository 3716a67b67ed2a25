"""Whether two words about the same reduction agree: that of the machines, and that of the meter of the site."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

LEAST_STEPS = 3
STEADY = Decimal("0.05")  # of what is off: while more changes, meter and machines are read at different moments
APART = Decimal("0.10")  # of the larger reduction
NOISE = Decimal("0.02")  # of the load before: fans, cooling and machines of nobody's plan come and go


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the control: what is seen off, and what the meters said, in kW."""

    off_kw: Decimal
    metered_kw: Decimal


def settled(steps: Sequence[Step]) -> bool:
    """Long enough, and as much is off in the end as in the beginning; nothing off is nothing to compare."""
    off = [one.off_kw for one in steps]
    return len(off) >= LEAST_STEPS and max(off) > 0 and max(off) - min(off) <= STEADY * max(off)


def agrees(machines_kw: Decimal, meter_kw: Decimal, before_kw: Decimal) -> bool:
    """Within a tenth of the larger one, or within the noise of the site."""
    return abs(machines_kw - meter_kw) <= max(APART * max(machines_kw, meter_kw), NOISE * before_kw)
