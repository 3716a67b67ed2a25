"""From when to when machines were off, whoever wanted it: spans of several plans become one, owners split them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

FIVE = timedelta(minutes=5)
QUARTER = timedelta(minutes=15)


@dataclass(frozen=True)
class Span:
    """One machine: told to pause, seen off, told to run again or seen running; load and hashrate it had by the plan.

    ``limit_w``: it was not off but kept to so many watts at least, and what it drew only its readings say.
    """

    miner: int
    told: datetime
    off: datetime
    back: datetime
    draw_w: int = 0
    ths: float = 0.0
    owner: int | None = None
    limit_w: int | None = None


@dataclass(frozen=True)
class Owning:
    """Whose a machine was from one quarter-hour to another (exclusive); without an end: still."""

    miner: int
    owner: int
    start: datetime
    end: datetime | None

    def holds(self, moment: datetime) -> bool:
        """Whether it was so at a moment."""
        return self.start <= moment and (self.end is None or self.end > moment)


def five(moment: datetime) -> datetime:
    """The five minutes a moment lies in."""
    whole = moment.astimezone(UTC).replace(second=0, microsecond=0)
    return whole - timedelta(minutes=whole.minute % 5)


def quarter(moment: datetime) -> datetime:
    """The quarter-hour a moment lies in."""
    return five(moment) - timedelta(minutes=five(moment).minute % 15)


def joined(spans: Iterable[Span]) -> list[Span]:
    """One after the other for each machine; those that touch the same five minutes are one."""
    found: list[Span] = []
    for one in sorted(spans, key=lambda span: (span.miner, span.told, span.back)):
        last = found[-1] if found else None
        if last is not None and last.miner == one.miner and five(one.told) <= last.back:
            found[-1] = replace(
                last, off=min(last.off, one.off), back=max(last.back, one.back), draw_w=max(last.draw_w, one.draw_w),
                ths=max(last.ths, one.ths),
                limit_w=min((w for w in (last.limit_w, one.limit_w) if w is not None), default=None),
            )  # fmt: skip
        else:
            found.append(one)
    return found


def apart(off: Sequence[Span], limited: Sequence[Span]) -> list[Span]:
    """Times off, and what is left of times at a limit: five minutes in which a machine was also off belong to those."""
    found = list(off)
    by_miner: dict[int, list[Span]] = {}
    for one in sorted(off, key=lambda span: span.told):
        by_miner.setdefault(one.miner, []).append(one)
    for one in limited:
        start = one.told
        for taken in by_miner.get(one.miner, ()):
            begin, end = five(taken.told), five(taken.back - timedelta(microseconds=1)) + FIVE
            if end <= start or begin >= one.back:
                continue
            if begin > start:
                found.append(replace(one, told=start, off=min(max(one.off, start), begin), back=begin))
            start = max(start, end)
        if start < one.back:
            found.append(replace(one, told=start, off=min(max(one.off, start), one.back)))
    return sorted(found, key=lambda span: (span.miner, span.told))


@dataclass(frozen=True)
class Sent:
    """An order that may have reached its machine, and when it was answered."""

    miner: int
    pauses: bool
    at: datetime
    answered: datetime
    draw_w: int


def earlier(orders: Iterable[Sent]) -> list[Span]:
    """Times before the last in which machines were off: told to pause, to run again, and to pause once more.

    Off and back are the moments of the answers.
    """
    found: list[Span] = []
    begun: dict[int, Sent] = {}
    ended: dict[int, Sent] = {}
    for one in sorted(orders, key=lambda order: (order.miner, order.at)):
        first = begun.setdefault(one.miner, one)
        if not one.pauses:
            ended[one.miner] = one
        elif one.miner in ended:
            back = ended.pop(one.miner)
            found.append(Span(one.miner, first.at, first.answered, max(first.answered, back.answered), first.draw_w))
            begun[one.miner] = one
    return found


def split(spans: Iterable[Span], ownings: Sequence[Owning]) -> list[Span]:
    """Each span as often as it had owners; without one it was our own."""
    by_miner: dict[int, list[Owning]] = {}
    for one in ownings:
        by_miner.setdefault(one.miner, []).append(one)
    found = []
    for span in spans:
        edges = {span.told, span.back}
        for one in by_miner.get(span.miner, ()):
            edges |= {edge for edge in (one.start, one.end) if edge is not None and span.told < edge < span.back}
        ordered = sorted(edges)
        for start, end in pairwise(ordered):
            owner = next((one.owner for one in by_miner.get(span.miner, ()) if one.holds(start)), None)
            found.append(replace(span, told=start, off=min(max(span.off, start), end), back=end, owner=owner))
    return found
