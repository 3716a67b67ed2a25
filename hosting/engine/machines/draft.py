"""A reading in the making: each value is checked as it is written down, and what is refused leaves a note."""

import re
from collections.abc import Iterable
from typing import Any

from hosting.engine.machines import bounds
from hosting.engine.machines.bounds import Bound
from hosting.engine.machines.numbers import NotANumber, read_number, terahashes
from hosting.engine.machines.reading import Note, Reading

MOST_NOTES = 50  # the first fifty say what is wrong; a hostile answer must not grow without end
MOST_TEXT = 100
_EXCERPT = 40
_MAC = re.compile(r"[0-9A-F]{12}", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")
_DEGREES = frozenset({"", "c", "°c", "℃"})
_ABSENT_C = 0.0  # no chip of a running machine is at exactly zero; makes write it where no sensor is


def excerpt(value: object) -> str:
    """A few letters of what came, fit for a page."""
    if isinstance(value, str):
        return _CONTROL.sub(" ", value[:_EXCERPT])
    text = ascii(value) if isinstance(value, bool | float) else type(value).__name__
    return text[:_EXCERPT]


def highest(values: Iterable[float | None]) -> float | None:
    """The highest of those that are known."""
    return max((value for value in values if value is not None), default=None)


def lowest(values: Iterable[float | None]) -> float | None:
    """The lowest of those that are known."""
    return min((value for value in values if value is not None), default=None)


def total(values: Iterable[float | None]) -> float | None:
    """The sum, if each part is known and there is one."""
    parts = list(values)
    return sum(part for part in parts if part is not None) if parts and None not in parts else None


class Draft:
    """Collects values and notes."""

    def __init__(self, dialect: str, *, known: bool = True) -> None:
        self.values: dict[str, Any] = {"dialect": dialect, "known": known}
        self.notes: list[Note] = []

    def note(self, field: str, reason: str, value: object = "") -> None:
        """Write down what could not be read."""
        if len(self.notes) < MOST_NOTES:
            self.notes.append(Note(field=field, reason=reason, value=excerpt(value)))

    def number(self, field: str, value: object, bound: Bound) -> float | None:
        """The value in our unit; a unit written behind it is left to those who know it."""
        found = self._raw(field, value)
        return None if found is None else self._within(field, found[0], bound, value)

    def whole(self, field: str, value: object, bound: Bound = bounds.COUNT) -> int | None:
        """A count; a fraction is none."""
        number = self.number(field, value, bound)
        if number is not None and number != int(number):
            self.note(field, "not a whole number", value)
            return None
        return None if number is None else int(number)

    def hashrate(self, field: str, value: object, unit: str) -> float | None:
        """In TH/s; a unit inside the text outranks the one of the field's name."""
        found = self._raw(field, value)
        if found is None:
            return None
        rate = terahashes(found[0], found[1] or unit)
        if rate is None:
            self.note(field, "unknown unit of hashrate", value)
            return None
        return self._within(field, rate, bounds.HASHRATE_THS, value)

    def temperature(self, field: str, value: object) -> float | None:
        """In °C; zero means that there is no sensor."""
        found = self._raw(field, value)
        if found is None or found[0] == _ABSENT_C:
            return None
        if found[1].lower() not in _DEGREES:
            self.note(field, "unknown unit of temperature", value)
            return None
        return self._within(field, found[0], bounds.TEMPERATURE_C, value)

    def text(self, field: str, value: object, *, most: int = MOST_TEXT) -> str | None:
        """One line, cut to a length."""
        if value is None:
            return None
        if isinstance(value, bool | dict | list):
            self.note(field, "not a text", value)
            return None
        text = _CONTROL.sub(" ", str(value)[: most * 2]).strip().strip("'").strip()
        return text[:most] or None

    def mac(self, value: object) -> str | None:
        """Six pairs with colons, or nothing."""
        if not isinstance(value, str) or not value.strip():
            return None
        digits = re.sub(r"[:\-.\s]", "", value[:40]).upper()
        if not _MAC.fullmatch(digits) or digits == "000000000000":
            self.note("mac", "not a hardware address", value)
            return None
        return ":".join(digits[at : at + 2] for at in range(0, 12, 2))

    def done(self) -> Reading:
        """The reading."""
        return Reading(**self.values, notes=tuple(self.notes))

    def _raw(self, field: str, value: object) -> tuple[float, str] | None:
        try:
            number, unit = read_number(value)
        except NotANumber as error:
            self.note(field, str(error), value)
            return None
        return None if number is None else (number, unit)

    def _within(self, field: str, number: float, bound: Bound, value: object) -> float | None:
        if not bound.low <= number <= bound.high:
            self.note(field, f"outside {bound.low:g} to {bound.high:g} {bound.unit}".rstrip(), value)
            return None
        return number
