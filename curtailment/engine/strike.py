"""When energy is too dear to mine: hysteresis over the windows of a price series, as they became known.

A window is judged once: when it has begun and its first value is known. Its value is the newest that was known then;
what is restated afterwards changes nothing that was decided, and a window that becomes known after a later one is left
out. So the state is a function of the stored points alone: whoever asks in one go or minute by minute, before or after
a restart, gets the same answer.

Prices are per kWh in one currency. A gap, or a window nobody can trust, breaks every row of consecutive windows.
"""

from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

HUNDRED = Decimal(100)


@dataclass(frozen=True, slots=True)
class Point:
    """One version of the value of an interval: the price of a kWh, and since when somebody here can know it."""

    start: datetime
    end: datetime
    value: Decimal
    known_at: datetime


@dataclass(frozen=True, slots=True)
class Window:
    """An interval as it is judged: its price, and when that was."""

    start: datetime
    end: datetime
    value: Decimal
    judged_at: datetime


@dataclass(frozen=True, slots=True)
class Adders:
    """What a kWh costs beside the market, as far as it is saved when the kWh is not used. ``losses`` in percent."""

    network: Decimal = Decimal(0)
    ancillary: Decimal = Decimal(0)
    losses: Decimal = Decimal(0)

    def cost(self, price: Decimal) -> Decimal:
        """Of a kWh at the machines."""
        return price * (1 + self.losses / HUNDRED) + self.network + self.ancillary


@dataclass(frozen=True, slots=True)
class Levels:
    """Above ``strike`` for some windows: off; above ``high``: off at once; below ``resume`` for some windows: on."""

    strike: Decimal
    resume: Decimal
    high: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Patience:
    """How many consecutive windows it takes to switch off, and on again."""

    off: int = 1
    on: int = 1


@dataclass(frozen=True, slots=True)
class State:
    """Whether machines are to be off, since when, how many windows in a row speak for a change, how far it is judged.

    ``cost`` is that of the newest window that was trusted.
    """

    off: bool = False
    since: datetime | None = None
    above: int = 0
    below: int = 0
    judged_to: datetime | None = None
    cost: Decimal | None = None


def judged(points: Iterable[Point], *, at: datetime) -> list[Window]:
    """Windows that have begun and are known by ``at``, in the order in which they were judged."""
    versions: dict[datetime, list[Point]] = {}
    for one in points:
        if one.known_at <= at and one.start <= at:
            versions.setdefault(one.start, []).append(one)
    found = []
    for start, some in versions.items():
        moment = max(start, min(one.known_at for one in some))
        newest = max((one for one in some if one.known_at <= moment), key=lambda one: one.known_at)
        found.append(Window(start, newest.end, newest.value, moment))
    return sorted(found, key=lambda one: (one.judged_at, one.start))


def doubtful(windows: Sequence[Window], *, span: timedelta, times: Decimal, least: int) -> list[bool]:
    """For each window, in the order of judgement: whether its price is more than so many times the recent median.

    The median is that of the sizes of prices that were judged before and began within ``span`` before the window;
    of fewer than ``least`` nobody can tell, so the window is doubtful as well. What is cheap is never doubtful.
    """
    recent: list[tuple[datetime, Decimal]] = []
    sizes: list[Decimal] = []
    found = []
    for one in windows:
        while recent and recent[0][0] < one.start - span:
            del sizes[bisect_left(sizes, recent.pop(0)[1])]
        known = len(sizes) >= max(1, least)
        found.append(one.value > 0 and (not known or one.value > times * _median(sizes)))
        insort(recent, (one.start, abs(one.value)))
        insort(sizes, abs(one.value))
    return found


def _median(ordered: Sequence[Decimal]) -> Decimal:
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def step(
    state: State, window: Window, *, cost: Decimal, levels: Levels | None, patience: Patience, trusted: bool = True
) -> State:
    """The state after one more window. ``levels`` None: nobody knows them, so the window says nothing.

    A price below zero never speaks for switching off, whatever comes on top of it.
    """
    if state.judged_to is not None and window.start < state.judged_to:
        return state  # it came too late
    follows = state.judged_to is None or window.start == state.judged_to
    after = replace(
        state, judged_to=window.end, above=state.above if follows else 0, below=state.below if follows else 0
    )
    if not trusted or levels is None:
        return replace(after, above=0, below=0)
    above = cost > levels.strike and window.value >= 0
    after = replace(
        after, cost=cost, above=after.above + 1 if above else 0, below=after.below + 1 if cost < levels.resume else 0
    )
    if not state.off:
        at_once = above and levels.high is not None and cost > levels.high
        return replace(after, off=True, since=window.judged_at) if at_once or after.above >= patience.off else after
    return replace(after, off=False, since=window.judged_at) if after.below >= patience.on else after


LevelsOf = Callable[[Window], Levels | None]


def run(
    state: State, windows: Iterable[tuple[Window, bool]], *, adders: Adders, levels: LevelsOf, patience: Patience
) -> Iterator[State]:
    """The state after each window; with each window goes whether it is doubtful."""
    for window, is_doubtful in windows:
        state = step(
            state, window, cost=adders.cost(window.value), levels=levels(window), patience=patience,
            trusted=not is_doubtful,
        )  # fmt: skip
        yield state


@dataclass(frozen=True, slots=True)
class Off:
    """A time in which machines would have been off; ``end`` None: it is not over."""

    start: datetime
    end: datetime | None


def times_off(states: Iterable[State]) -> list[Off]:
    """From the states after each window."""
    found: list[Off] = []
    before = State()
    for state in states:
        if state.off and not before.off and state.since is not None:
            found.append(Off(state.since, None))
        elif before.off and not state.off and found:
            found[-1] = Off(found[-1].start, state.since)
        before = state
    return found
