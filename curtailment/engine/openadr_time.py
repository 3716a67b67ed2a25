"""Times and spans as OpenADR 3 writes them: RFC 3339, ISO 8601, and two words of its own (*now* and *for ever*)."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

INFINITE_YEARS = 1000
EARLIEST, LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
_DURATION = re.compile(
    r"(?P<sign>-?)P(?=\d|T\d)(?:(?P<years>\d{1,4})Y)?(?:(?P<months>\d{1,5})M)?(?:(?P<number>\d{1,6})(?P<unit>[DW]))?"
    r"(?:T(?:(?P<hours>\d{1,6})H)?(?:(?P<minutes>\d{1,8})M)?(?:(?P<seconds>\d{1,9}(?:\.\d{1,9})?)S)?)?",
    re.ASCII,
)


class NotUnderstood(ValueError):
    """The event is not of the form the standard has; the message says where."""


@dataclass(frozen=True, slots=True)
class Duration:
    """A span; ``forever`` is the standard's P9999Y."""

    months: int = 0
    rest: timedelta = timedelta(0)
    forever: bool = False

    @property
    def is_negative(self) -> bool:
        """Backwards; only a shift may be."""
        return self.months < 0 or self.rest < timedelta(0)

    @property
    def is_nothing(self) -> bool:
        """PT0S."""
        return not (self.months or self.rest or self.forever)

    def after(self, moment: datetime) -> datetime | None:
        """The end of a span that begins then; None for one without an end."""
        if self.forever:
            return None
        year, month = divmod(moment.year * 12 + moment.month - 1 + self.months, 12)
        try:
            return _on(moment, year, month + 1) + self.rest
        except (OverflowError, ValueError):
            return None


def _on(moment: datetime, year: int, month: int) -> datetime:
    """The same day of another month, or its last."""
    for day in range(moment.day, 27, -1):
        try:
            return moment.replace(year=year, month=month, day=day)
        except ValueError:
            continue
    return moment.replace(year=year, month=month, day=min(moment.day, 28))


def duration_of(text: Any) -> Duration:
    """An ISO 8601 duration. Raises NotUnderstood."""
    found = _DURATION.fullmatch(text) if isinstance(text, str) and len(text) <= 60 else None
    if found is None:
        raise NotUnderstood(f"{str(text)[:40]!r} is no duration")
    part = {name: found[name] or "0" for name in ("years", "months", "number", "hours", "minutes", "seconds")}
    if int(part["years"]) >= INFINITE_YEARS:
        return Duration(forever=True)
    days = int(part["number"]) * (7 if found["unit"] == "W" else 1)
    try:
        rest = timedelta(
            days=days, hours=int(part["hours"]), minutes=int(part["minutes"]), seconds=float(part["seconds"])
        )
    except OverflowError as error:
        raise NotUnderstood(f"{text} is too long") from error
    months = int(part["years"]) * 12 + int(part["months"])
    return Duration(-months, -rest) if found["sign"] else Duration(months, rest)


def moment_of(text: Any) -> datetime | None:
    """A time of RFC 3339, in UTC; None for the beginning of time, which means *now*. Raises NotUnderstood."""
    if not isinstance(text, str) or len(text) > 40:
        raise NotUnderstood(f"{str(text)[:40]!r} is no time")
    if text.startswith(("0001-01-01", "0000-00-00", "0000-01-01")):
        return None
    try:
        moment = datetime.fromisoformat(text)
        moment = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise NotUnderstood(f"{text!r} is no time") from error
    if not EARLIEST <= moment <= LATEST:
        raise NotUnderstood(f"{text!r} is too far from now")
    return moment
