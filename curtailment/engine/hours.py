"""Hours of a local clock in which a rule may act: days of the week, from a time to a time."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

MOST_DAYS = 8  # a span that goes on for longer has no end
HOUR, SECOND = timedelta(hours=1), timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Span:
    """From a moment to another; None: without a limit."""

    start: datetime | None
    end: datetime | None


@dataclass(frozen=True, slots=True)
class Hours:
    """Days (0 is Monday) and times; from later to earlier goes over midnight, the same twice is the whole day."""

    days: Collection[int]
    time_from: time
    time_to: time
    zone: ZoneInfo

    def span_at(self, at: datetime) -> Span | None:
        """The span a moment lies in, joined with those that follow each other without a gap; None outside of all."""
        today = at.astimezone(self.zone).date()
        for day in (today - timedelta(days=1), today):
            found = self._of_day(day)
            if found is not None and found[0] <= at < found[1]:
                return self._joined(day, found)
        return None

    def _of_day(self, day: date) -> tuple[datetime, datetime] | None:
        if day.weekday() not in self.days:
            return None
        over = timedelta(days=1 if self.time_to <= self.time_from else 0)
        start = datetime.combine(day, self.time_from, tzinfo=self.zone).astimezone(UTC)
        end = datetime.combine(day + over, self.time_to, tzinfo=self.zone).astimezone(UTC)
        return start, end

    def _joined(self, day: date, found: tuple[datetime, datetime]) -> Span:
        start, end = found
        for back in range(1, MOST_DAYS + 1):
            before = self._of_day(day - timedelta(days=back))
            if before is None or before[1] < start:
                break
            start = before[0]
        else:
            return Span(None, None)
        for ahead in range(1, MOST_DAYS + 1):
            after = self._of_day(day + timedelta(days=ahead))
            if after is None or after[0] > end:
                break
            end = after[1]
        return Span(start, end)


def within(start: datetime, end: datetime, *, time_from: time, time_to: time, zone: ZoneInfo) -> bool:
    """Whether a clock of the zone shows a time of these hours at each moment from ``start`` to ``end`` (exclusive).

    From later to earlier goes over midnight, the same twice is the whole day. An hour that the clock shows twice in
    autumn counts both times; one that it leaves out in spring does not count.
    """
    if time_from == time_to:
        return True
    return all(_shown(one, two, time_from, time_to) for one, two in _clock(start, end, zone))


def _shown(one: datetime, two: datetime, time_from: time, time_to: time) -> bool:
    """Of a stretch in which the clock goes evenly (less than a day, without a zone)."""
    over = timedelta(days=1 if time_to < time_from else 0)
    for back in (0, 1):
        day = one.date() - timedelta(days=back)
        if datetime.combine(day, time_from) <= one and two <= datetime.combine(day, time_to) + over:
            return True
    return False


def _clock(start: datetime, end: datetime, zone: ZoneInfo) -> Iterator[tuple[datetime, datetime]]:
    """What the clock shows from a moment to another, in stretches in which it goes evenly; an hour each at most."""
    moment, end = start.astimezone(UTC), end.astimezone(UTC)
    while moment < end:
        until = min(moment + HOUR, end)
        offset = _offset(moment, zone)
        if _offset(until, zone) != offset and (turn := _turn(moment, until, zone)) > moment:
            until = min(turn, until)
        yield moment.replace(tzinfo=None) + offset, until.replace(tzinfo=None) + offset
        moment = until


def _offset(moment: datetime, zone: ZoneInfo) -> timedelta:
    return moment.astimezone(zone).utcoffset() or timedelta(0)


def _turn(one: datetime, two: datetime, zone: ZoneInfo) -> datetime:
    """The second at which the clock is set, between two moments before and after it."""
    offset = _offset(one, zone)
    low, high = one.replace(microsecond=0), two.replace(microsecond=0)
    if _offset(high, zone) == offset:
        return two
    while high - low > SECOND:
        middle = low + timedelta(seconds=(high - low) // SECOND // 2)
        low, high = (middle, high) if _offset(middle, zone) == offset else (low, middle)
    return high
