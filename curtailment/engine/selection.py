"""Which machines a plan may switch off, and in which order.

Powers are watts, hashrates TH/s. An order is total: equal machines are told apart by their key, so that two reckonings
of the same data agree.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Why(StrEnum):
    """Why a machine is left out."""

    NOT_RUNNING = "not_running"
    STILL = "still"
    PROTECTED = "protected"
    NOTICE = "notice"
    NO_ADDRESS = "no_address"
    EDGE = "edge"
    NO_CONTROL = "no_control"
    NO_LOGIN = "no_login"
    NO_DRAW = "no_draw"
    SAFE_STATE = "safe_state"
    TOO_BIG = "too_big"
    NO_LIMIT = "no_limit"
    EDGE_LIMIT = "edge_limit"
    LOW = "low"


@dataclass(frozen=True, slots=True)
class Candidate:
    """One machine as it is now.

    ``draw_w`` what it draws when it runs; ``hashrate_ths`` as measured, else as printed; ``j_per_th`` of the model.
    ``limit_w``: to which power it is brought down; 0: off.
    """

    key: int
    draw_w: int
    hashrate_ths: float
    j_per_th: float | None
    zone: int | None
    customer: int | None
    model: int | None
    limit_w: int = 0

    @property
    def gain_w(self) -> int:
        """How much less it draws then."""
        return self.draw_w - self.limit_w

    @property
    def lost_ths(self) -> float:
        """How much less it hashes: all of it when off, else in proportion to the power, which is more than it loses."""
        return self.hashrate_ths * self.gain_w / self.draw_w


@dataclass(frozen=True, slots=True)
class Chosen:
    """Machines in the order in which they go off; the first ``needed`` reach the target, the rest is reserve."""

    order: tuple[Candidate, ...]
    needed: int
    off_w: int

    @property
    def first(self) -> tuple[Candidate, ...]:
        """Those that are switched off when all goes well."""
        return self.order[: self.needed]


def by_efficiency(candidates: Iterable[Candidate]) -> list[Candidate]:
    """The thirstiest model first; of unknown models nobody knows, so they go before all."""
    return sorted(candidates, key=lambda one: (-(one.j_per_th or float("inf")), -one.draw_w, one.key))


def by_margin(candidates: Iterable[Candidate], *, usd_per_ths_hour: float, usd_per_kwh: float) -> list[Candidate]:
    """Least marginal profit of a kWh first, by what is measured.

    A machine that hashes nothing earns nothing and goes first. What energy costs is the same for all behind one
    connection, so it moves none of them; it is taken so that the figures are those that people see.
    """

    def margin(one: Candidate) -> float:
        kwh = one.draw_w / 1000
        return (one.hashrate_ths * usd_per_ths_hour - kwh * usd_per_kwh) / kwh

    return sorted(candidates, key=lambda one: (margin(one), -one.draw_w, one.key))


def choose(ordered: Sequence[Candidate], *, target_w: int, reserve: float = 0.3, least_reserve: int = 20) -> Chosen:
    """As many as reach the target, and some more for those that do not obey."""
    off, needed = 0, 0
    for one in ordered:
        if off >= target_w:
            break
        off += one.gain_w
        needed += 1
    more = max(least_reserve, int(needed * reserve))
    return Chosen(tuple(ordered[: needed + more]), needed, off)
