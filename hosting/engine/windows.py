"""Windows of time as a person writes them: a line each, ``6-9 workdays 14:00-20:00``.

Months (numbers, ``11-2`` is a winter), days and hours may each be left out, in this order: what is missing means all.
"""

import re
from datetime import time

from hosting.engine.tariff import MIDNIGHT, Window

DAYS = ("all", "workdays", "weekdays", "free_days", "saturday", "sunday")
_LINE = re.compile(
    r"^(?:(?P<from>[0-9]{1,2})(?:-(?P<to>[0-9]{1,2}))?(?![0-9:]))?\s*"
    r"(?P<days>[a-z_]+)?\s*"
    r"(?:(?P<begin>[0-9]{1,2}:[0-9]{2})\s*-\s*(?P<end>[0-9]{1,2}:[0-9]{2}))?$"
)
MOST_LINES = 50


class WindowError(ValueError):
    """A line that says no window; ``line`` is its number, ``text`` what it says."""

    def __init__(self, line: int, text: str) -> None:
        super().__init__(f"line {line}: {text}")
        self.line = line
        self.text = text


def parse_windows(text: str) -> tuple[Window, ...]:
    """The windows of a text. Raises WindowError for the first line that says none, and beyond MOST_LINES."""
    lines = [(number, line.strip().lower()) for number, line in enumerate(text.splitlines(), start=1)]
    lines = [(number, line) for number, line in lines if line]
    if len(lines) > MOST_LINES:
        raise WindowError(lines[MOST_LINES][0], lines[MOST_LINES][1][:40])
    return tuple(_window(number, line) for number, line in lines)


def _window(number: int, line: str) -> Window:
    found = _LINE.match(line) if len(line) < 60 else None
    days = (found["days"] or "all") if found else ""
    if found is None or days not in DAYS:
        raise WindowError(number, line[:40])
    first = int(found["from"] or 1)
    last = int(found["to"] or found["from"] or 12)
    if not (1 <= first <= 12 and 1 <= last <= 12):
        raise WindowError(number, line[:40])
    try:
        return Window(first, last, days, _clock(found["begin"]), _clock(found["end"]))
    except ValueError as error:
        raise WindowError(number, line[:40]) from error


def _clock(text: str | None) -> time:
    if text is None or text == "24:00":
        return MIDNIGHT
    hours, minutes = text.split(":")
    return time(int(hours), int(minutes))


def format_windows(windows: tuple[Window, ...]) -> str:
    """The text ``parse_windows`` reads back as the same windows."""
    return "\n".join(_line(window) for window in windows)


def _line(window: Window) -> str:
    months = f"{window.month_from}-{window.month_to}"
    hours = f"{window.time_from:%H:%M}-{window.time_to:%H:%M}"
    return f"{months} {window.days} {hours}"
