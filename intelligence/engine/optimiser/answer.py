"""What comes out: counts by class, mode and step, the money, the proof and the reasons. Plain data."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

# By class, mode (off first) and step: how many machines.
Counts = tuple[tuple[tuple[int, ...], ...], ...]


class Status(StrEnum):
    """How good the plan is, and how that is known."""

    OPTIMAL = "optimal"
    WITHIN_GAP = "within gap"
    ABOVE_GAP = "above gap"  # feasible and better than the fallback, but the time was over before the gap was reached
    FALLBACK = "fallback"  # the best strike price, made feasible: the solver gave nothing that can be used
    SAFE_STATE = "safe state"  # a price is missing: what the contract says for that


@dataclass(frozen=True, slots=True)
class Money:
    """Profit is revenue less the rest. The demand charge is what the peak adds to the one that is sunk."""

    profit: float
    revenue: float
    energy: float
    demand: float
    switching: float


@dataclass(frozen=True, slots=True)
class Reason:
    """Why some machines of a class are not at full power from ``since`` to ``until``, or are although they lose money.

    ``price`` and ``break_even`` are means over the time, per kWh; ``kind`` names what decided: ``energy`` (the price
    is above the break-even), ``profit`` (a mode earns more), or what stands in ``with``: ``limit``, ``commitment``,
    ``zone``, ``ramp``, ``peak``, ``minimum time``, ``switching``, ``protected``,
    ``held``.
    """

    class_name: str
    mode: str
    machines: int
    since: datetime
    until: datetime
    price: float
    break_even: float
    kind: str
    shadow_price: float = 0.0


@dataclass(frozen=True, slots=True)
class ShadowPrices:
    """What one more kW would be worth, by step: of the site's limit, commitments, zones and ramps; and of the peak.

    They are the multipliers of the bound, so the bound recomputes from them.
    """

    limit: tuple[float, ...]
    commitments: tuple[tuple[str, tuple[float, ...]], ...]
    zones: tuple[tuple[str, tuple[float, ...]], ...]
    ramp_up: tuple[float, ...]
    ramp_down: tuple[float, ...]
    peak: float
    load: tuple[float, ...]  # what a kW drawn in a step costs beside its energy: all of them together


@dataclass(frozen=True, slots=True)
class Rival:
    """Another way to run the day. ``problems`` says what it would break; its money is then for comparison only."""

    name: str
    money: Money
    problems: tuple[str, ...] = ()
    strike: float | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """A plan that was checked. ``bound`` is a profit no plan can exceed; ``gap`` is what is left to it, as a share.

    ``relaxation`` is the bound of the linear relaxation, proven by our own arithmetic from the shadow prices. ``bound``
    is lower where a branch and bound was finished. Money, bound and gap are None where a price is missing.
    """

    status: Status
    counts: Counts
    load_kw: tuple[float, ...]
    money: Money | None
    bound: float | None
    relaxation: float | None
    gap: float | None
    shadow: ShadowPrices | None
    reasons: tuple[Reason, ...]
    always_on: Rival | None
    strike: Rival | None
    note: str = ""
    seconds: float = 0.0
