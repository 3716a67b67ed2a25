"""What the control of a site takes and gives: plans, readings, orders, and what it keeps from tick to tick.

All times are seconds of one clock (since 1970), all powers are watts, all arrays have one place per machine.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Mask = NDArray[np.bool_]
NEVER = float("-inf")
ALWAYS = float("inf")


FULL = np.iinfo(np.int64).max  # the level of a machine that nobody wants lower
SAME = 0.99  # a machine that says so much of its earlier limit is back at it: firmwares round


class Action(StrEnum):
    """What a machine is told. LIMIT brings it down to so many watts, LIFT back up to more."""

    PAUSE = "pause"
    RESUME = "resume"
    LIMIT = "limit"
    LIFT = "lift"

    @property
    def lowers(self) -> bool:
        """Whether the machine is to draw less after it."""
        return self in (Action.PAUSE, Action.LIMIT)


@dataclass(frozen=True, slots=True)
class Rules:
    """Settings of a site's control.

    ``step_s`` between two ticks; an order may be sent for ``window_s`` after its tick, which is less than a step.
    A reading older than ``fresh_s`` says nothing (TRUST I8). A machine told to pause has to be seen running for
    ``grace_ticks`` ticks after the order's window before nobody cares for it any more.
    ``down_w``, ``up_w``, ``group_up_w``: what may be switched in one step: off, on, on behind one breaker.
    ``single_w``: what a plan that one person alone has approved may hold off (TRUST I9).
    ``part_of`` names who switches the machines behind a breaker (0: we ourselves), ``part_up_w`` what is theirs of
    ``up_w``; without it there is one part.
    """

    step_s: float = 60.0
    window_s: float = 30.0
    fresh_s: float = 120.0
    grace_ticks: int = 3
    down_w: int = 10**12
    up_w: int = 10**12
    group_up_w: int = 10**12
    single_w: int = 10**12
    min_off_s: float = 0.0
    min_on_s: float = 0.0
    most_tries: int = 3
    retry_s: float = 300.0
    part_of: Mapping[int, int] = field(default_factory=dict)
    part_up_w: Mapping[int, int] = field(default_factory=dict)

    def part(self, group: int) -> tuple[int, int]:
        """Who switches the machines behind a breaker, and how much that one may start in a step."""
        part = self.part_of.get(group, 0)
        return part, self.part_up_w.get(part, self.up_w)


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known of the machines at a tick.

    ``at``: moment of the newest reading by the control's own clock; NEVER without one. ``on``: it mines or is about
    to; ``off``: it answers and is paused; neither: nobody knows. ``locked``: in maintenance, nobody starts or stops
    it. ``hot``: above the limit at which it may be started (TRUST I7). ``draw_w``: what it draws when it runs.
    ``group``: the breaker it stands behind. ``rank``: who comes back first has the highest, the most efficient.
    ``limit_w``: the limit of power it says it keeps to; 0: it says none or takes none, so it is never limited. None: so
    do all.
    """

    at: Floats
    on: Mask
    off: Mask
    locked: Mask
    hot: Mask
    draw_w: Integers
    group: Integers
    rank: Integers
    limit_w: Integers | None = None

    @property
    def limits(self) -> Integers:
        """The limit of each machine, 0 where nobody knows."""
        return np.zeros(len(self.at), np.int64) if self.limit_w is None else self.limit_w


@dataclass(frozen=True, slots=True)
class PlanNow:
    """A plan that was approved and neither ended by hand nor withdrawn.

    ``order``: its machines, in the order in which they are switched off. ``target_w``: how much is to be off.
    ``shared``: a second person, a standing approval or an emergency allows more than ``Rules.single_w``.
    ``urgent``: ramp and least times of running do not hold it up when switching off.
    ``level_w``: what each machine of ``order`` is brought down to, 0: off; None: all off. A machine counts for the
    target with its draw less its level.
    """

    key: int
    starts_at: float
    ends_at: float
    order: Integers
    target_w: int
    shared: bool = False
    urgent: bool = False
    level_w: Integers | None = None

    @property
    def levels(self) -> Integers:
        """For each machine of ``order``."""
        return np.zeros(len(self.order), np.int64) if self.level_w is None else self.level_w


@dataclass(frozen=True, slots=True)
class Spent:
    """What was switched in one tick: its age and watts by breaker group."""

    age_s: float
    up: dict[int, int] = field(default_factory=dict)
    down_w: int = 0


@dataclass(slots=True)
class State:
    """What the control keeps of the machines from tick to tick.

    ``touched``: it ran when we told it to pause or to keep to a limit, and it has not been given back since.
    ``by``: the plan that took it. ``sent_at`` and ``open_until``: window of the newest order; ``resumed``: that order
    gives back what it had (RESUME, LIFT to ``before``); ``limiting``: it was about a limit (LIMIT, LIFT). ``tries``:
    orders of a kind in a row. ``next_at``: none before then. ``paused_at``, ``resumed_at``: when it was last told so
    for the first time; a touched machine with a ``paused_at`` is off by our doing, and NEVER stands there when that is
    over. ``calm``: ticks in a row in which it was seen running, or at its own limit, and nobody wanted it lower.
    ``limit``: the limit it was told last; ``before``: the one it had, to which it is ours to bring it back; 0: it is
    not limited by us.
    """

    touched: Mask
    by: Integers
    sent_at: Floats
    open_until: Floats
    resumed: Mask
    tries: Integers
    next_at: Floats
    paused_at: Floats
    resumed_at: Floats
    calm: Integers
    limiting: Mask
    limit: Integers
    before: Integers
    at: float = NEVER
    spent: tuple[Spent, ...] = ()

    @classmethod
    def new(cls, machines: int) -> "State":
        """Nothing was ever ordered."""
        return cls(
            np.zeros(machines, bool), np.full(machines, -1), np.full(machines, NEVER), np.full(machines, NEVER),
            np.zeros(machines, bool), np.zeros(machines, np.int64), np.full(machines, NEVER),
            np.full(machines, NEVER), np.full(machines, NEVER), np.zeros(machines, np.int64),
            np.zeros(machines, bool), np.zeros(machines, np.int64), np.zeros(machines, np.int64),
        )  # fmt: skip

    @property
    def limited(self) -> Mask:
        """A limit of ours is on it, or may be."""
        return self.touched & (self.before > 0)

    @property
    def paused(self) -> Mask:
        """It is off by our doing, or may be."""
        return self.touched & (self.paused_at > NEVER)

    def copy(self) -> "State":
        """For the tick to write on."""
        return replace(
            self,
            **{name: getattr(self, name).copy() for name in _ARRAYS},
        )


_ARRAYS = ("touched", "by", "sent_at", "open_until", "resumed", "tries", "next_at", "paused_at", "resumed_at", "calm",
           "limiting", "limit", "before")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Order:
    """One command to one machine; not to be sent after ``expires_at`` (TRUST I1, I2).

    ``draw_w``: what it draws when it runs; ``moves_w``: by how much the order changes that; ``limit_w``: of a LIMIT or
    LIFT, else 0.
    """

    machine: int
    action: Action
    plan: int
    not_before: float
    expires_at: float
    draw_w: int
    moves_w: int
    limit_w: int = 0


class End(StrEnum):
    """How a machine was given back."""

    RUNNING = "running"
    LOCKED = "locked"


@dataclass(frozen=True, slots=True)
class Progress:
    """A plan at a tick, in watts and machines. ``off_w`` counts what is seen to be off or lower, nothing else.

    ``off``: machines seen off; ``lowered``: seen to keep to the limit of the plan.
    """

    plan: int
    off_w: int
    off: int
    pending: int
    unknown: int
    refused: int
    wanted_w: int
    lowered: int = 0


@dataclass(frozen=True, slots=True)
class Decision:
    """Of one tick: orders, machines given back, how far the plans are.

    ``held_by_single``: plans that a second person would have to approve for more. ``waiting_hot``: machines that are
    not started yet because they are too hot; ``too_big``: those that no step of the ramp has room for. ``half_back``:
    machines that run again and still keep to a limit of ours.
    """

    orders: tuple[Order, ...]
    given_back: tuple[tuple[int, End], ...]
    progress: tuple[Progress, ...]
    held_by_single: tuple[int, ...]
    waiting_hot: tuple[int, ...]
    too_big: tuple[int, ...]
    state: State
    half_back: tuple[int, ...] = ()
