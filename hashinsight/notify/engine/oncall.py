"""Who is on call at a moment: weekly rows by the clock of a place, and dated shifts that take their place."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

DAY, SECOND = timedelta(days=1), timedelta(seconds=1)


@dataclass(frozen=True)
class Weekly:
    """Every week; ``weekday`` counts from Monday (0). An end not later than the beginning is of the next day."""

    person: int
    weekday: int
    begins: time
    ends: time

    def covers(self, local: datetime) -> bool:
        """Whether the clock shows a moment of it; in the hour that comes twice in autumn, both times."""
        now, today = local.time(), local.weekday()
        if self.begins < self.ends:
            return today == self.weekday and self.begins <= now < self.ends
        if today == self.weekday and now >= self.begins:
            return True
        return today == (self.weekday + 1) % 7 and now < self.ends


@dataclass(frozen=True)
class Dated:
    """From one moment to another (exclusive); meanwhile the weekly rows do not count."""

    person: int
    begins: datetime
    ends: datetime

    def covers(self, at: datetime) -> bool:
        """Whether the moment lies in it."""
        return self.begins <= at < self.ends


@dataclass(frozen=True)
class Span:
    """From one moment to another these are on call; nobody, where it is empty."""

    begins: datetime
    ends: datetime
    people: tuple[int, ...]


def on_call(at: datetime, zone: ZoneInfo, weekly: Sequence[Weekly], dated: Sequence[Dated]) -> tuple[int, ...]:
    """The people on call at a moment, each once, by key."""
    instead = {shift.person for shift in dated if shift.covers(at)}
    local = at.astimezone(zone)
    return tuple(sorted(instead or {row.person for row in weekly if row.covers(local)}))


def spans(
    first: datetime, past: datetime, zone: ZoneInfo, weekly: Sequence[Weekly], dated: Sequence[Dated]
) -> Iterator[Span]:
    """Who is on call from one moment to another, in turn and without a gap."""
    begins, people = first, on_call(first, zone, weekly, dated)
    for at in _changes(first, past, zone, weekly, dated):
        following = on_call(at, zone, weekly, dated)
        if following != people:
            yield Span(begins, at, people)
            begins, people = at, following
    yield Span(begins, past, people)


def _changes(
    first: datetime, past: datetime, zone: ZoneInfo, weekly: Sequence[Weekly], dated: Sequence[Dated]
) -> list[datetime]:
    """Moments at which somebody may come or go."""
    found = {moment for shift in dated for moment in (shift.begins, shift.ends)}
    clocks = {moment for row in weekly for moment in (row.begins, row.ends)} | {time(0)}
    day, last = (first.astimezone(zone) - DAY).date(), (past.astimezone(zone) + DAY).date()
    while day <= last:
        for clock in clocks:
            # Where the clock shows it twice, both times (in UTC at once: in one zone the two are equal).
            found |= {datetime.combine(day, clock, tzinfo=zone).replace(fold=fold).astimezone(UTC) for fold in (0, 1)}
        found.update(_jump(day, zone))
        day += DAY
    return sorted(moment for moment in found if first < moment < past)


def _jump(day: date, zone: ZoneInfo) -> list[datetime]:
    """The moment of a day at which its clock is set forward or back; rows may begin or end in what it leaves out."""
    first, past = (datetime.combine(one, time(0), tzinfo=zone).astimezone(UTC) for one in (day, day + DAY))
    before, after = (moment.astimezone(zone).utcoffset() for moment in (first, past))
    if before == after:
        return []
    while past - first > SECOND:
        middle = first + (past - first) // 2
        if middle.astimezone(zone).utcoffset() == before:
            first = middle
        else:
            past = middle
    return [past.replace(microsecond=0)]
