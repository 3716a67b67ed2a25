"""A time of day in a place, as instants of UTC: once for each day there, also when the clocks change.

Clocks that go forward leave out a stretch: what was due inside of it happens at the first instant after it. Clocks that
go back show a stretch twice: what is due inside of it happens the first time. A date that a place left out altogether
(it crossed the date line) has no instant.
"""

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

DAY = timedelta(days=1)


def latest_before(at: datetime, *, wall: time, zone: str) -> datetime:
    """The last instant not after ``at`` (aware) at which the clocks of ``zone`` came to ``wall``; in UTC."""
    today = at.astimezone(ZoneInfo(zone)).date()
    for days in range(-1, 5):
        instant = instant_of(today - days * DAY, wall, zone)
        if instant is not None and instant <= at:
            return instant
    raise ValueError(f"{zone} has no {wall} in the days before {at}")


def next_after(at: datetime, *, wall: time, zone: str) -> datetime:
    """The first such instant after ``at``; in UTC."""
    today = at.astimezone(ZoneInfo(zone)).date()
    for days in range(-1, 5):
        instant = instant_of(today + days * DAY, wall, zone)
        if instant is not None and instant > at:
            return instant
    raise ValueError(f"{zone} has no {wall} in the days after {at}")


@lru_cache(maxsize=1024)
def instant_of(day: date, wall: time, zone: str) -> datetime | None:
    """When the clocks of ``zone`` come to ``wall`` on ``day``, in UTC; None when the place has no such day."""
    place = ZoneInfo(zone)
    midnight = _first_instant(datetime.combine(day, time(0)), place)
    if midnight.astimezone(place).date() != day:
        return None
    return _first_instant(datetime.combine(day, wall), place)


def _first_instant(shown: datetime, place: ZoneInfo) -> datetime:
    """The first instant at which the clocks show ``shown`` (naive) or, where they skip it, something later."""
    instant = shown.replace(tzinfo=place, fold=0).astimezone(UTC)
    if instant.astimezone(place).replace(tzinfo=None) == shown:
        return instant
    early = shown.replace(tzinfo=place, fold=1).astimezone(UTC)  # read with the offset after the change: too early
    while instant - early > timedelta(seconds=1):
        middle = early + (instant - early) // 2
        if middle.astimezone(place).replace(tzinfo=None) < shown:
            early = middle
        else:
            instant = middle
    return instant.replace(microsecond=0)
