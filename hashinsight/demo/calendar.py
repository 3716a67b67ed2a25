"""Whole months."""

import calendar
from dataclasses import dataclass
from datetime import UTC, date, datetime, time


def days_in_month(day: date) -> int:
    """28 to 31."""
    return calendar.monthrange(day.year, day.month)[1]


def add_months(day: date, months: int) -> date:
    """The same day of another month, or that month's last one."""
    index = day.year * 12 + day.month - 1 + months
    first = date(index // 12, index % 12 + 1, 1)
    return first.replace(day=min(day.day, days_in_month(first)))


def midday(day: date) -> datetime:
    """A moment of that day which is the same day in nearly every time zone."""
    return datetime.combine(day, time(11), tzinfo=UTC)


@dataclass(frozen=True)
class Clock:
    """Now, and moments of the past: of today nothing is told that lies ahead."""

    at: datetime

    @property
    def today(self) -> date:
        """The day it is."""
        return self.at.date()

    def moment(self, day: date) -> datetime:
        """Midday of a past day; today, at the latest now."""
        return min(midday(day), self.at)
