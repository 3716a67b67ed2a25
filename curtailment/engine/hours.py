"""Hours of a local clock in which a rule may act: days of the week, from a time to a time."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

MOST_DAYS = 8  # a span that goes on for longer has no end


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
