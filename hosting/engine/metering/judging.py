"""Which figures of a meter are believed: within its bounds, in time, once, and with a register that goes on."""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation

from hosting.engine.ingest.checking import Doubts, Reason
from hosting.engine.metering.values import MOST_KWH, TINY, WATT, Change, Point, Register, Said, hours, parts_between
from hosting.engine.metering.wire import note

QUARTER_H = Decimal("0.25")
COARSE = 10  # steps of a register that may come at once, in whole kWh of the meter


@dataclass(frozen=True, slots=True)
class Bounds:
    """Of one meter: ``ratio``, highest power (kW, multiplied), and the moments that are accepted (inclusive)."""

    ratio: Decimal
    most_kw: Decimal
    oldest: datetime
    newest: datetime
    used_from: datetime
    used_to: datetime | None = None  # exclusive


@dataclass(frozen=True, slots=True)
class Judged:
    """Points to be written anew, points that add to one that is there, and how many were there already."""

    fresh: Sequence[Point]
    filled: Sequence[Point]
    duplicates: int


def judge(
    said: Sequence[Said], bounds: Bounds, known: Mapping[datetime, Point], registers: Sequence[Register],
    changes: Sequence[Change], doubts: Doubts,
) -> Judged:  # fmt: skip
    """``known`` are the readings of the same moments, ``registers`` all figures of the register around them by time.

    Of two readings of one moment the first stays; the same figures again change nothing.
    """
    timeline, found = _Timeline(registers, changes, bounds), dict(known)
    fresh: dict[datetime, Point] = {}
    filled: dict[datetime, Point] = {}
    duplicates = 0
    for one in sorted(said, key=lambda row: (row.at, row.place)):
        if not _in_time(one, bounds, doubts):
            continue
        before = found.get(one.at)
        ratio = bounds.ratio if before is None else before.ratio
        power = _within(one, "power_kw", one.power_kw, ratio, bounds.most_kw, WATT, doubts)
        register = _within(one, "register_kwh", one.register_kwh, ratio, MOST_KWH, TINY, doubts)
        if before is not None and _differs(before, power, register):
            note(doubts, Reason.DIFFERS, one.place, value=_words(power, register))
            continue
        if register is not None and (before is None or before.register_kwh is None):
            reason = timeline.takes(Register(one.at, register))
            if reason is not None:
                note(doubts, reason, one.place, figure="register_kwh", value=one.register_kwh)
                register = None
        if power is None and register is None:
            continue  # whatever was wrong is noted already
        now = _added(before, Point(one.at, power, register, ratio))
        if now == before:
            duplicates += 1
            continue
        found[one.at] = now
        (fresh if one.at not in known else filled)[one.at] = now
    return Judged(list(fresh.values()), list(filled.values()), duplicates)


def _in_time(one: Said, bounds: Bounds, doubts: Doubts) -> bool:
    if one.at < bounds.oldest:
        reason = Reason.TOO_OLD
    elif one.at > bounds.newest:
        reason = Reason.IN_FUTURE
    elif one.at < bounds.used_from or (bounds.used_to is not None and one.at >= bounds.used_to):
        reason = Reason.NOT_IN_USE
    else:
        return True
    note(doubts, reason, one.place, value=one.at.isoformat())
    return False


def _within(
    one: Said, name: str, value: Decimal | None, ratio: Decimal, most: Decimal, step: Decimal, doubts: Doubts
) -> Decimal | None:
    """Multiplied and rounded, once; None for what is beyond its bounds, which is noted."""
    if value is None:
        return None
    try:
        if not value.is_finite():
            reason = Reason.NOT_FINITE
        elif value < 0:
            reason = Reason.NEGATIVE
        elif value * ratio > most or value * ratio >= MOST_KWH:
            reason = Reason.OUT_OF_RANGE
        else:
            return (value * ratio).quantize(step, rounding=ROUND_HALF_EVEN)
    except (InvalidOperation, OverflowError, ArithmeticError):
        reason = Reason.OUT_OF_RANGE
    note(doubts, reason, one.place, figure=name, value=value)
    return None


def _differs(before: Point, power: Decimal | None, register: Decimal | None) -> bool:
    pairs = ((before.power_kw, power), (before.register_kwh, register))
    return any(old is not None and new is not None and old != new for old, new in pairs)


def _added(before: Point | None, now: Point) -> Point:
    """What was known stays; what was not is added."""
    if before is None:
        return now
    return Point(
        now.at,
        now.power_kw if before.power_kw is None else before.power_kw,
        now.register_kwh if before.register_kwh is None else before.register_kwh,
        before.ratio,
    )


def _words(power: Decimal | None, register: Decimal | None) -> str:
    told = ((power, "kW"), (register, "kWh"))
    return ", ".join(f"{value:f} {unit}" for value, unit in told if value is not None)


class _Timeline:
    """The register over time; a figure fits when the energy to its neighbours is neither negative nor impossible."""

    def __init__(self, registers: Sequence[Register], changes: Sequence[Change], bounds: Bounds) -> None:
        self._at = [one.at for one in registers]
        self._kwh = [one.kwh for one in registers]
        self._changes = sorted(changes, key=lambda one: one.at)
        self._changed_at = [one.at for one in self._changes]
        self._slack = max(COARSE * bounds.ratio, bounds.most_kw * QUARTER_H)
        self._most_kw = bounds.most_kw

    def takes(self, one: Register) -> Reason | None:
        """None, and the figure stands in the line from now on; else why it does not fit."""
        place = bisect_left(self._at, one.at)
        before = Register(self._at[place - 1], self._kwh[place - 1]) if place else None
        after = Register(self._at[place], self._kwh[place]) if place < len(self._at) else None
        for first, second in ((before, one), (one, after)):
            reason = self._between(first, second) if first is not None and second is not None else None
            if reason is not None:
                return reason
        self._at.insert(place, one.at)
        self._kwh.insert(place, one.kwh)
        return None

    def _between(self, first: Register, second: Register) -> Reason | None:
        some = self._changes[bisect_right(self._changed_at, first.at) : bisect_right(self._changed_at, second.at)]
        parts = parts_between(first, second, some)
        if min(parts) < 0:
            return Reason.REGISTER_BACK
        span: timedelta = second.at - first.at
        return Reason.REGISTER_JUMP if sum(parts) > self._most_kw * hours(span) + self._slack else None
