"""Mean power of quarter-hours from what a meter said: nothing is guessed over a gap.

Powers come first: the mean of the samples by the time each held, where they cover the quarter-hour. Else the register:
the energy between its edges, with the figures at the edges reckoned between the readings beside them. Powers first,
because the register of a large connection is coarse: one step of a meter of 1 kWh behind a ratio of 400 is 400 kWh.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from hosting.engine.grid import QUARTER, quarters
from hosting.engine.metering.values import WATT, Change, Point, Register, hours, parts_between

HOLDS = 2.5  # intervals for which a sample stands, as with machines
COVERED = Decimal("0.9")
FINE = timedelta(minutes=5)  # a meter that is read less often states no mean of a quarter-hour by its samples
NEAR = timedelta(minutes=20)  # between readings so far apart an edge is reckoned


def means(
    points: Sequence[Point], changes: Sequence[Change], start: datetime, end: datetime, *, interval: timedelta
) -> dict[datetime, Decimal]:
    """kW by the beginning of the quarter-hour, from ``start`` to ``end``; what is not known is not there.

    ``points`` by time, with some before and after, so that the first and last edge have readings beside them.
    """
    samples = [(one.at, one.power_kw) for one in points if one.power_kw is not None]
    registers = [Register(one.at, one.register_kwh) for one in points if one.register_kwh is not None]
    sampled = _Samples([at for at, _kw in samples], [kw for _at, kw in samples], interval)
    metered = _Registers(registers, changes, max(NEAR, 2 * interval))
    found = {}
    for moment in quarters(start, end):
        kw = sampled.mean(moment) if interval <= FINE else None
        if kw is None:
            kw = metered.mean(moment)
        if kw is not None:
            found[moment] = kw.quantize(WATT)
    return found


class _Samples:
    """Each power stands until the next one, and no longer than some intervals."""

    def __init__(self, at: Sequence[datetime], kw: Sequence[Decimal], interval: timedelta) -> None:
        self._at, self._kw, self._holds = at, kw, interval * HOLDS

    def mean(self, start: datetime) -> Decimal | None:
        end = start + QUARTER
        first = max(0, bisect_right(self._at, start) - 1)
        covered, energy = Decimal(0), Decimal(0)
        for place in range(first, bisect_left(self._at, end)):
            at = self._at[place]
            until = self._at[place + 1] if place + 1 < len(self._at) else end
            begin, past = max(at, start), min(until, at + self._holds, end)
            if past > begin:
                span = hours(past - begin)
                covered, energy = covered + span, energy + span * self._kw[place]
        return energy / covered if covered >= COVERED * hours(QUARTER) else None


class _Registers:
    """The register as a line between its figures, which jumps at a change."""

    def __init__(self, registers: Sequence[Register], changes: Sequence[Change], near: timedelta) -> None:
        self._registers, self._at = registers, [one.at for one in registers]
        self._changes, self._near = sorted(changes, key=lambda one: one.at), near

    def mean(self, start: datetime) -> Decimal | None:
        ends = [self._edge(start), self._edge(start + QUARTER)]
        if ends[0] is None or ends[1] is None:
            return None
        energy = sum(parts_between(ends[0], ends[1], self._changes), Decimal(0))
        return energy / hours(QUARTER) if energy >= 0 else None

    def _edge(self, moment: datetime) -> Register | None:
        place = bisect_left(self._at, moment)
        if place < len(self._at) and self._at[place] == moment:
            return self._registers[place]
        if place == 0 or place == len(self._at):
            return None
        first, second = self._registers[place - 1], self._registers[place]
        if second.at - first.at > self._near:
            return None
        done = hours(moment - first.at) / hours(second.at - first.at)
        inside = [one for one in self._changes if first.at < one.at <= second.at]
        if not inside:
            return Register(moment, first.kwh + (second.kwh - first.kwh) * done)
        if len(inside) > 1:
            return None
        return self._over(moment, first, second, inside[0], done)

    def _over(self, moment: datetime, first: Register, second: Register, change: Change, done: Decimal) -> Register:
        """The energy so far is the same share of the whole, told in the register that counts at that moment."""
        so_far = sum(parts_between(first, second, [change]), Decimal(0)) * done
        if moment < change.at:
            return Register(moment, min(first.kwh + so_far, change.before_kwh))
        return Register(moment, max(change.after_kwh, change.after_kwh + so_far - (change.before_kwh - first.kwh)))
