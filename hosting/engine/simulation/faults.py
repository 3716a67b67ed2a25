"""What goes wrong: which machines are always bad, and how often the others have an incident.

``hang=2%`` picks two machines of a hundred for good; ``reboot=0.5/day`` gives every machine an incident now and then.
Both follow from the seed alone.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from random import Random

from hosting.engine.simulation import noise

DAY_S = 86400.0
NEVER = math.inf
_GAP, _PICK, _LENGTH = 901, 902, 903


class Fault(IntEnum):
    """One way of failing."""

    NONE = 0
    DROP = 1  # takes the connection and closes it
    HANG = 2  # takes the connection and says nothing
    GARBAGE = 3  # answers what no parser knows
    REBOOT = 4
    BOARD = 5  # one hash board is gone
    OVERHEAT = 6  # hot air: the firmware switches off
    FAN = 7  # one fan stands still


NETWORK_FAULTS = frozenset({Fault.DROP, Fault.HANG, Fault.GARBAGE})
# Shortest and longest incident, in seconds.
LENGTHS: Mapping[Fault, tuple[float, float]] = {
    Fault.DROP: (120, 900),
    Fault.HANG: (120, 900),
    Fault.GARBAGE: (60, 600),
    Fault.REBOOT: (0, 0),
    Fault.BOARD: (1800, 21600),
    Fault.OVERHEAT: (1200, 3600),
    Fault.FAN: (1800, 10800),
}


class FaultsUnreadable(ValueError):
    """A list of faults that says nothing sensible."""


@dataclass(frozen=True, slots=True)
class FaultPlan:
    """Shares of machines that are always bad, and incidents per machine and day."""

    shares: Mapping[Fault, float] = field(default_factory=dict)
    per_day: Mapping[Fault, float] = field(default_factory=dict)

    def rate(self) -> float:
        """Incidents of all kinds per machine and day."""
        return sum(self.per_day.values())


@dataclass(frozen=True, slots=True)
class Incident:
    """One fault with its beginning and its end."""

    fault: Fault
    begins: float
    ends: float


def read_plan(text: str) -> FaultPlan:
    """``hang=2%,reboot=0.5/day`` as a plan."""
    shares: dict[Fault, float] = {}
    per_day: dict[Fault, float] = {}
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        name, _, amount = part.partition("=")
        fault = _named(name.strip())
        if amount.endswith("%"):
            shares[fault] = _number(part, amount[:-1], 100.0) / 100.0
        elif amount.endswith("/day"):
            per_day[fault] = _number(part, amount[:-4], 1000.0)
        else:
            raise FaultsUnreadable(f"{part}: say how many machines (hang=2%) or how often (hang=0.5/day)")
    if Fault.REBOOT in shares:
        raise FaultsUnreadable("reboot=…%: a machine cannot always reboot; say how often (reboot=2/day)")
    if sum(shares.values()) > 1.0:
        raise FaultsUnreadable("the shares add up to more than all machines")
    return FaultPlan(shares, per_day)


def _named(name: str) -> Fault:
    try:
        fault = Fault[name.upper()]
    except KeyError:
        fault = Fault.NONE
    if fault is Fault.NONE:
        known = ", ".join(one.name.lower() for one in Fault if one)
        raise FaultsUnreadable(f"{name}: not a fault; there are {known}")
    return fault


def _number(part: str, text: str, most: float) -> float:
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0.0 <= number <= most:
        raise FaultsUnreadable(f"{part}: not a number from 0 to {most:g}")
    return number


def always_bad(plan: FaultPlan, *, miners: int, seed: int) -> dict[int, Fault]:
    """Index of each machine that is bad for good, with its fault."""
    order = list(range(miners))
    Random(f"faults {seed}").shuffle(order)  # noqa: S311 - repeatable on purpose
    bad: dict[int, Fault] = {}
    for fault in sorted(plan.shares):
        for _ in range(round(plan.shares[fault] * miners)):
            if order:
                bad[order.pop()] = fault
    return bad


def next_incident(plan: FaultPlan, *, seed: int, number: int, after: float) -> Incident | None:
    """The incident that follows a moment; ``number`` counts those before it."""
    rate = plan.rate()
    if rate <= 0.0:
        return None
    begins = after - math.log(1.0 - noise.unit(seed, _GAP, number)) / rate * DAY_S
    pick = noise.unit(seed, _PICK, number) * rate
    fault = Fault.NONE
    for fault in sorted(plan.per_day):
        pick -= plan.per_day[fault]
        if pick < 0.0:
            break
    shortest, longest = LENGTHS[fault]
    return Incident(fault, begins, begins + noise.between(shortest, longest, seed, _LENGTH, number))
