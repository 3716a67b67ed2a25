"""Coincident peaks: which interval of a grid's load may become one of those that are charged, and which became it.

All of a market's rule is data (``PeakTerms``): 4CP is one peak a month from June to September, 12CP one in each month
of the year, 5CP five in a season. Loads are MW. An interval counts in a period when the local clock shows a month, a
day and an hour of the rule at its beginning.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from heapq import nlargest

from curtailment.engine.hours import Hours
from curtailment.engine.strike import Window

HUNDRED = Decimal(100)


@dataclass(frozen=True)
class PeakTerms:
    """A rule: ``count`` peaks in each ``period`` (month, season or year), ``near_percent`` of the lowest of them."""

    months: tuple[int, ...]
    hours: Hours
    interval_minutes: int
    period: str
    count: int
    one_a_day: bool
    near_percent: Decimal
    floor_mw: Decimal
    lead_minutes: int
    lag_minutes: int

    @property
    def step(self) -> timedelta:
        """One interval."""
        return timedelta(minutes=self.interval_minutes)

    def day_of(self, start: datetime) -> date:
        """The local day an interval begins on."""
        return start.astimezone(self.hours.zone).date()

    def period_of(self, start: datetime) -> str:
        """The period an interval counts in, as 2026-07, 2026 or (a season) the year it begins in; empty for none."""
        day = self.day_of(start)
        if day.month not in self.months or self.hours.span_at(start) is None:
            return ""
        if self.period == "month":
            return f"{day:%Y-%m}"
        if self.period == "year":
            return f"{day.year}"
        year, month = day.year, day.month
        for _back in range(11):  # to the first month of those that follow each other
            before = (year - 1, 12) if month == 1 else (year, month - 1)
            if before[1] not in self.months:
                break
            year, month = before
        return f"{year}" if len(self.months) < 12 else f"{day.year}"


@dataclass(frozen=True, slots=True)
class Load:
    """The mean load of one interval in MW, and since when it is known."""

    start: datetime
    end: datetime
    mw: Decimal
    known_at: datetime


def intervals(windows: Iterable[Window], step: timedelta) -> list[Load]:
    """Whole intervals of a length, of the shorter windows in them; one that is not covered is left out."""
    parts: dict[datetime, list[Window]] = {}
    seconds = int(step.total_seconds())
    for one in windows:
        begin = int(one.start.timestamp()) // seconds * seconds
        parts.setdefault(datetime.fromtimestamp(begin, UTC), []).append(one)
    found = []
    for start, some in sorted(parts.items()):
        covered = sum((one.end - one.start for one in some), timedelta(0))
        if covered != step or max(one.end for one in some) != start + step:
            continue
        energy = sum((one.value * int((one.end - one.start).total_seconds()) for one in some), Decimal(0))
        known = max(one.judged_at for one in some)
        found.append(Load(start, start + step, energy / seconds, known))
    return found


@dataclass(frozen=True)
class SoFar:
    """What a period has shown up to now: the highest loads, by day (or by interval where a day may have several)."""

    period: str = ""
    highest: Mapping[str, Decimal] = field(default_factory=dict)
    judged_to: datetime | None = None

    def trigger(self, terms: PeakTerms) -> Decimal:
        """From which load on an interval is near."""
        top = nlargest(terms.count, self.highest.values())
        if len(top) < terms.count:
            return terms.floor_mw
        return max(terms.floor_mw, top[-1] * terms.near_percent / HUNDRED)

    def after(self, load: Load, terms: PeakTerms) -> "SoFar":
        """With one interval more; of another period everything begins anew."""
        period = terms.period_of(load.start)
        if not period:
            return SoFar(self.period, self.highest, load.end)
        kept = dict(self.highest) if period == self.period else {}
        name = f"{terms.day_of(load.start)}" if terms.one_a_day else load.start.isoformat()
        kept[name] = max(kept.get(name, load.mw), load.mw)
        most = nlargest(terms.count + 1, kept, key=lambda one: kept[one])
        return SoFar(period, {one: kept[one] for one in most}, load.end)

    def of(self, period: str) -> "SoFar":
        """The same for a period; nothing yet where it is another one."""
        return self if period == self.period else SoFar(period, {}, self.judged_to)


@dataclass(frozen=True, slots=True)
class Near:
    """An interval that may become a peak, the load from which on it may, and the time to be off for it."""

    load: Load
    trigger: Decimal
    off_from: datetime
    off_until: datetime
    is_forecast: bool


def near_now(load: Load, so_far: SoFar, terms: PeakTerms) -> Near | None:
    """Whether an interval that was measured was near; judged by what had been before it."""
    return _near(load, so_far, terms, off_from=load.known_at, is_forecast=False)


def near_ahead(loads: Iterable[Load], so_far: SoFar, terms: PeakTerms, *, at: datetime) -> list[Near]:
    """Intervals that are forecast to be near, not over, and so soon that machines go off for them."""
    lead, found = timedelta(minutes=terms.lead_minutes), []
    for load in loads:
        if load.known_at <= at < load.end and load.start - lead <= at:
            one = _near(load, so_far, terms, off_from=max(load.known_at, load.start - lead), is_forecast=True)
            found += [] if one is None else [one]
    return found


def _near(load: Load, so_far: SoFar, terms: PeakTerms, *, off_from: datetime, is_forecast: bool) -> Near | None:
    period = terms.period_of(load.start)
    if not period:
        return None
    trigger = so_far.of(period).trigger(terms)
    if load.mw < trigger:
        return None
    return Near(load, trigger, off_from, load.end + timedelta(minutes=terms.lag_minutes), is_forecast)


@dataclass(frozen=True, slots=True)
class Peak:
    """One of the peaks of a period."""

    period: str
    load: Load


def peaks_of(loads: Iterable[Load], terms: PeakTerms) -> list[Peak]:
    """The peaks of each period, the highest first; of equal ones the earlier counts."""
    best: dict[str, dict[str, Load]] = {}
    for load in loads:
        period = terms.period_of(load.start)
        if not period:
            continue
        name = f"{terms.day_of(load.start)}" if terms.one_a_day else load.start.isoformat()
        there = best.setdefault(period, {}).get(name)
        if there is None or load.mw > there.mw:
            best[period][name] = load
    found = []
    for period, by_day in sorted(best.items()):
        ordered = sorted(by_day.values(), key=lambda one: (-one.mw, one.start))
        found += [Peak(period, one) for one in ordered[: terms.count]]
    return found


@dataclass(frozen=True)
class Replay:
    """What a rule would have done: times off, and the peaks with whether machines were off for all of each."""

    off: tuple[tuple[datetime, datetime], ...]
    peaks: tuple[tuple[Peak, bool], ...]

    @property
    def hours_off(self) -> Decimal:
        """In all."""
        return Decimal(int(sum((end - start).total_seconds() for start, end in self.off))) / 3600

    @property
    def hits(self) -> int:
        """Peaks that machines were off for."""
        return sum(hit for _peak, hit in self.peaks)


def replay(loads: Sequence[Load], forecasts: Sequence[Load], terms: PeakTerms, *, longest: timedelta) -> Replay:
    """Interval by interval as it would have been known. ``forecasts``: the newest known when each interval began."""
    so_far, spans = SoFar(), []
    ahead = sorted(forecasts, key=lambda one: one.start)
    place = 0
    lead = timedelta(minutes=terms.lead_minutes)
    for load in sorted(loads, key=lambda one: one.known_at):
        while place < len(ahead) and ahead[place].start - lead < load.known_at:
            near = _near(
                ahead[place], so_far, terms, off_from=max(ahead[place].known_at, ahead[place].start - lead),
                is_forecast=True,
            )  # fmt: skip
            spans += [] if near is None or near.off_from >= near.load.end else [near]
            place += 1
        near = near_now(load, so_far, terms)
        spans += [] if near is None else [near]
        so_far = so_far.after(load, terms)
    off = _merged(((one.off_from, one.off_until) for one in spans), longest)
    peaks = [(one, any(a <= one.load.start and one.load.end <= b for a, b in off)) for one in peaks_of(loads, terms)]
    return Replay(tuple(off), tuple(peaks))


def _merged(spans: Iterable[tuple[datetime, datetime]], longest: timedelta) -> list[tuple[datetime, datetime]]:
    """Spans that touch are one, no longer than a plan may last."""
    found: list[tuple[datetime, datetime]] = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return [(start, min(end, start + longest)) for start, end in found if end > start]
