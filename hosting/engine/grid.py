"""The grids time is reckoned on: five minutes, quarter-hours, and the days and months of a site's calendar."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

FIVE_MINUTES = timedelta(minutes=5)
QUARTER = timedelta(minutes=15)
DAY = timedelta(days=1)


def floor(moment: datetime, step: timedelta) -> datetime:
    """The beginning of the step a moment lies in, counted from 1970 in UTC."""
    seconds, length = int(moment.timestamp()), int(step.total_seconds())
    return datetime.fromtimestamp(seconds - seconds % length, tz=UTC)


def day_start(day: date, zone: ZoneInfo) -> datetime:
    """The moment (UTC) at which a day of a calendar begins."""
    return datetime.combine(day, time(0), tzinfo=zone).astimezone(UTC)


def day_of(moment: datetime, zone: ZoneInfo) -> date:
    """The day of a calendar a moment lies in."""
    return moment.astimezone(zone).date()


def quarters(first: datetime, past: datetime) -> Iterator[datetime]:
    """Quarter-hours from one moment (floored) to another (exclusive)."""
    at = floor(first, QUARTER)
    while at < past:
        yield at
        at += QUARTER


def month_span(month: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """First moment of a calendar month and of the next one, in UTC; ``month`` is any day of it."""
    first = month.replace(day=1)
    return day_start(first, zone), day_start((first + timedelta(days=32)).replace(day=1), zone)


def quarters_of_day(day: date, zone: ZoneInfo) -> int:
    """92, 96 or 100 (or what a calendar makes of it)."""
    return (day_start(day + DAY, zone) - day_start(day, zone)) // QUARTER


def quarters_of_month(month: date, zone: ZoneInfo) -> int:
    """How many quarter-hours a calendar month has; 2,880 in thirty days, four more or less as clocks change."""
    first, past = month_span(month, zone)
    return (past - first) // QUARTER
