"""What a device remembers of its leases, also through kills and power cuts.

Moments are seconds of the device's boot clock, which no setting of the time moves; with each goes the name of the boot
it belongs to. What is read under another boot is moved: the lease is over then, and what was waited counts on.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from hosting.engine.leasing.document import Lease, Sealed

NEVER = float("-inf")
OPEN, UNKNOWN, REFUSED, LAPSED = "open", "unknown", "refused", "lapsed"


@dataclass(slots=True)
class Own:
    """A machine that ran when we told it to pause, and that we have not given back.

    ``told_at``: last command; ``resumed``: it was to run again; ``tries``: commands of that kind in a row; ``next_at``:
    none before; ``calm``: readings in a row in which it runs although it was told to pause.
    """

    paused_at: float = NEVER
    told_at: float = NEVER
    resumed: bool = False
    tries: int = 0
    next_at: float = NEVER
    calm: int = 0
    seen_at: float = NEVER


@dataclass(slots=True)
class Low:
    """A machine that we told to keep to a limit, and that does not have its own back.

    ``before_w``: the limit it had, read from it before it was told anything; it is never told more. ``limit_w``: the
    one it was told last. ``told_at``: last command; ``lifted``: it was to go back to what it had; ``tries``: commands
    of that kind in a row; ``next_at``: none before; ``calm``: readings in a row in which it keeps to what it had.
    """

    before_w: int
    limit_w: int
    told_at: float = NEVER
    lifted: bool = False
    tries: int = 0
    next_at: float = NEVER
    calm: int = 0
    seen_at: float = NEVER


@dataclass(slots=True)
class Result:
    """What came of an order, until the server has heard it. ``sent_at``: of the boot clock; None: it was not sent.

    ``open``: it is just being sent; found in the file after a kill, nobody knows what came of it.
    """

    order: int
    machine: str
    outcome: str
    sent_at: float | None = None
    before_w: int | None = None
    after_w: int | None = None
    detail: str = ""


@dataclass(slots=True)
class Spent:
    """What was switched on (or off) at a moment, behind which breaker."""

    at: float
    watts: int
    group: int
    up: bool


@dataclass(slots=True)
class Memory:
    """All of it. ``counter``: the highest ever seen; ``offset_ms``: the server's clock less the boot clock.

    ``ours``: machines that are off for us; ``low``: machines at a limit of ours. A machine may be both: it is off, and
    will keep to our limit when it runs. ``ends_at``: when the lease is over. ``handled``: orders that were dealt with,
    and until when that matters. ``thawed``: counter of a lease whose kill switch somebody at the site has lifted.
    """

    counter: int = 0
    thawed: int = 0
    sealed: Sealed | None = None
    ends_at: float = NEVER
    offset_ms: float = 0.0
    ours: dict[str, Own] = field(default_factory=dict)
    handled: dict[int, float] = field(default_factory=dict)
    results: dict[int, Result] = field(default_factory=dict)
    spent: list[Spent] = field(default_factory=list)
    low: dict[str, Low] = field(default_factory=dict)
    lease: Lease | None = None  # what ``sealed`` says; not kept

    @property
    def frozen(self) -> bool:
        """Under the kill switch, until a newer lease says otherwise."""
        return self.lease is not None and self.lease.frozen and self.lease.counter != self.thawed

    @property
    def in_hand(self) -> set[str]:
        """Machines that are not as they were before us."""
        return self.ours.keys() | self.low.keys()

    def holds(self, now: float) -> bool:
        """Whether the lease is in force."""
        return self.lease is not None and now < self.ends_at

    def copy(self) -> "Memory":
        """Nothing of it shared but what never changes."""
        return replace(
            self, ours={name: replace(one) for name, one in self.ours.items()}, handled=dict(self.handled),
            results={key: replace(one) for key, one in self.results.items()}, spent=list(self.spent),
            low={name: replace(one) for name, one in self.low.items()},
        )  # fmt: skip


def to_json(memory: Memory, *, boot: str, now: float, wall: float) -> dict[str, Any]:
    """What is kept; ``wall`` is the device's clock, a hint and no more."""
    return {
        "counter": memory.counter, "thawed": memory.thawed,
        "sealed": None if memory.sealed is None else _parts(memory.sealed), "ends_at": memory.ends_at,
        "offset_ms": memory.offset_ms, "ours": {name: _parts(one) for name, one in memory.ours.items()},
        "handled": memory.handled, "results": {order: _parts(one) for order, one in memory.results.items()},
        "spent": [_parts(one) for one in memory.spent], "boot": boot, "now": now, "wall": wall,
        "low": {name: _parts(one) for name, one in memory.low.items()},  # a part by itself: older collectors skip it
    }  # fmt: skip


def _parts(one: Own | Low | Result | Spent | Sealed) -> dict[str, Any]:
    """By name, as they are: ``asdict`` would copy each of thousands deeply."""
    return {name: getattr(one, name) for name in one.__slots__}


def from_json(said: Mapping[str, Any], *, boot: str, now: float, wall: float) -> Memory:
    """The way back. Raises KeyError, TypeError, ValueError for what is none."""
    rest = dict(said)
    then, wall_then, same = float(rest.pop("now")), float(rest.pop("wall")), rest.pop("boot") == boot
    sealed = rest["sealed"]
    memory = _from({**rest, "sealed": None if sealed is None else Sealed(**sealed), "lease": None})
    for result in memory.results.values():
        if result.outcome == OPEN:
            result.outcome, result.detail = UNKNOWN, "the collector ended before it knew what came of it"
    if not same:
        _move(memory, then, now, max(0.0, wall - wall_then))
    return memory


def _move(memory: Memory, then: float, now: float, gap: float) -> None:
    """Another boot: the lease is over at once, and has been for as long as it was, and as the clock says."""
    left, waited = max(0.0, memory.ends_at - then), max(0.0, then - memory.ends_at)
    if memory.ends_at > NEVER:
        memory.ends_at = now - waited - max(0.0, gap - left)
    for one in memory.ours.values():
        for name in ("paused_at", "told_at", "next_at"):
            setattr(one, name, min(now, getattr(one, name) - then + now))
        one.seen_at = NEVER
    for low in memory.low.values():
        low.told_at, low.next_at = (min(now, moment - then + now) for moment in (low.told_at, low.next_at))
        low.seen_at = NEVER
    memory.spent = [Spent(now, one.watts, one.group, one.up) for one in memory.spent]
    memory.handled = dict.fromkeys(memory.handled, now + 3600)
    for result in memory.results.values():
        result.sent_at = None if result.sent_at is None else min(now, result.sent_at - then + now)


def _from(said: Mapping[str, Any]) -> Memory:
    return Memory(
        counter=int(said["counter"]), thawed=int(said["thawed"]), sealed=said["sealed"], ends_at=float(said["ends_at"]),
        offset_ms=float(said["offset_ms"]), ours={name: Own(**one) for name, one in said["ours"].items()},
        handled={int(key): float(until) for key, until in said["handled"].items()},
        results={int(key): Result(**one) for key, one in said["results"].items()},
        spent=[Spent(**one) for one in said["spent"]], lease=said["lease"],
        low={name: Low(**one) for name, one in said.get("low", {}).items()},
    )  # fmt: skip
