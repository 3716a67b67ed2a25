"""What a quarter-hour says: how good it is, and what stands in where too little was read. Plain arithmetic.

Energy in kWh (Decimal, six places), coverage from 0 to 1 (four places). The rules:

*Measured.* The sum of what the machines drew: each by the mean of its known five minutes, for as long as it stood
there. Known are five minutes in which a power was stated, and those in which it was off by intent and silent (zero).
Nothing is scaled up: what was not read is not in the sum, and ``coverage`` says how much that is.

*Below the threshold* there is no measured figure. The rule of the price plan decides: missing, the last one measured
within a day before, or the straight line between the ones measured within a day before and after.

*Share of a zone.* Of each zone: its energy, times own over all measured at the machines; none where nothing was drawn.

*In repair.* A machine whose repair pauses billing is left out of what is charged: its energy, its nameplate, its share
of a zone (nobody else is charged for it), its nameplate of the contracted power. Demand stays what the zone drew.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

ZERO = Decimal(0)
QUARTERS_PER_HOUR = 4
REACH = timedelta(days=1)  # how far a figure may stand in for another


@dataclass(frozen=True)
class Measured:
    """What was read of the machines of one customer in one zone; ``zone`` and ``customer`` are keys or None."""

    zone: int | None
    customer: int | None
    machines: int
    slots: int  # machines times five minutes
    covered: Decimal  # of the slots
    kwh: Decimal
    samples: int
    machines_off: int
    firmware: bool
    nameplate_kwh: Decimal
    paused: bool = False  # in repair, and not billed meanwhile


@dataclass(frozen=True)
class InRepair:
    """Machines of one customer in one zone that are in repair and not billed: how many, and their nameplate."""

    zone: int | None
    customer: int | None
    machines: int
    nameplate_kw: Decimal


@dataclass(frozen=True)
class Figure:
    """A quarter-hour as its row says it; ``kwh`` is None where nobody can say."""

    kwh: Decimal | None
    source: str
    quality: str
    coverage: Decimal
    samples: int = 0
    machines: int = 0
    machines_off: int = 0
    machines_paused: int = 0


@dataclass(frozen=True)
class Neighbour:
    """A measured quarter-hour nearby."""

    start: datetime
    kwh: Decimal


def energy(kwh: Decimal) -> Decimal:
    """Six places, half up."""
    return kwh.quantize(Decimal("0.000001"), ROUND_HALF_UP)


def power_kw(kwh: Decimal | None) -> Decimal | None:
    """The average power of a quarter-hour (kW, three places)."""
    return None if kwh is None else (kwh * QUARTERS_PER_HOUR).quantize(Decimal("0.001"), ROUND_HALF_UP)


def from_power(kw: Decimal) -> Decimal:
    """The energy of a quarter-hour at that power."""
    return energy(kw / QUARTERS_PER_HOUR)


def contracted(kw: Decimal, paused: Iterable[InRepair]) -> Decimal:
    """The energy of a quarter-hour at the contracted power, less the nameplate of what is in repair; never below 0."""
    return from_power(max(ZERO, kw - sum((row.nameplate_kw for row in paused), ZERO)))


def coverage_of(rows: Iterable[Measured]) -> Decimal:
    """Share of the machines' time that is known; all of it where no machine stood."""
    slots, covered = 0, ZERO
    for row in rows:
        slots += row.slots
        covered += row.covered
    share = covered / slots if slots else Decimal(1)
    return min(Decimal(1), share).quantize(Decimal("0.0001"), ROUND_HALF_UP)


def measured(rows: list[Measured], threshold: Decimal) -> Figure:
    """The sum of machines; missing below the threshold."""
    coverage = coverage_of(rows)
    known = coverage >= threshold
    return Figure(
        kwh=energy(sum((row.kwh for row in rows), ZERO)) if known else None,
        source="firmware" if any(row.firmware for row in rows) else "machines",
        quality="measured" if known else "missing",
        coverage=coverage,
        samples=sum(row.samples for row in rows),
        machines=sum(row.machines for row in rows),
        machines_off=sum(row.machines_off for row in rows),
    )


def zone_share(own: list[Measured], everybody: list[Measured], zones: dict[int, Figure], threshold: Decimal) -> Figure:
    """The shares of ``own`` machines in the energy of their zones (by key); outside of zones what they drew."""
    base = measured(own, threshold)
    total = ZERO
    coverage = base.coverage
    for row in own:
        if row.zone is None:
            total += row.kwh
            continue
        zone = zones[row.zone]
        all_of_zone = sum((other.kwh for other in everybody if other.zone == row.zone), ZERO)
        coverage = min(coverage, zone.coverage)
        if zone.kwh is None or base.kwh is None:
            return Figure(None, "zone_share", "missing", coverage, base.samples, base.machines, base.machines_off)
        total += zone.kwh * row.kwh / all_of_zone if all_of_zone else ZERO
    if base.kwh is None:
        return Figure(None, "zone_share", "missing", coverage, base.samples, base.machines, base.machines_off)
    return Figure(energy(total), "zone_share", "measured", coverage, base.samples, base.machines, base.machines_off)


def stand_in(figure: Figure, rule: str, start: datetime, before: Neighbour | None, after: Neighbour | None) -> Figure:
    """What a missing figure becomes by the rule of the plan; neighbours out of reach are none."""
    if figure.quality != "missing":
        return figure
    if before is not None and start - before.start > REACH:
        before = None
    if after is not None and after.start - start > REACH:
        after = None
    kwh: Decimal | None = None
    if rule == "carry_forward" and before is not None:
        kwh = before.kwh
    elif rule == "interpolate" and before is not None and after is not None:
        part = Decimal((start - before.start).total_seconds()) / Decimal((after.start - before.start).total_seconds())
        kwh = energy(before.kwh + (after.kwh - before.kwh) * part)
    if kwh is None:
        return figure
    return replace(figure, kwh=kwh, quality="estimated")
