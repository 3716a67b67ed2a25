"""Numbers as machines write them: figures, texts with units, nonsense."""

import math
import re

UNREADABLE = "not a number"
NOT_FINITE = "not finite"

_MOST_CHARACTERS = 64  # a number with unit is short; a page of digits is an attack or a fault
_NUMBER = re.compile(r"([+-]?(?:\d+(?:,\d{3})*(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,4})?)\s*([^\d\s][^\d]*)?", re.ASCII)
_SPELLINGS_OF_UNKNOWN = frozenset({"", "-", "--", "n/a", "na", "none", "null", "unknown"})
_NOT_FINITE = frozenset({"nan", "inf", "infinity"})
# Divisors where the unit is smaller: 48,100,000 / 1e6 is 48.1, times 1e-6 it is 48.099999999999994.
_PARTS_OF_TERAHASH = {"": 1e12, "k": 1e9, "m": 1e6, "g": 1e3, "t": 1.0}
_TERAHASHES = {"p": 1e3, "e": 1e6}
_HASH_UNIT = re.compile(r"([kmgtpe]?)(?:h|hash|hs|h/s|hash/s|hashes/s)", re.IGNORECASE)


class NotANumber(ValueError):
    """Carries the reason."""


def read_number(value: object) -> tuple[float | None, str]:
    """The number and the unit written behind it; ``None`` where a value says that there is none."""
    if value is None:
        return None, ""
    if isinstance(value, bool):
        raise NotANumber(UNREADABLE)
    if isinstance(value, int | float):
        return _finite(value), ""
    if not isinstance(value, str):
        raise NotANumber(UNREADABLE)
    return _of_text(value)


def _of_text(value: str) -> tuple[float | None, str]:
    if len(value) > _MOST_CHARACTERS:
        raise NotANumber("too long for a number")
    text = value.strip().strip("'\"").strip()
    if text.lower() in _SPELLINGS_OF_UNKNOWN:
        return None, ""
    if text.lstrip("+-").lower() in _NOT_FINITE:
        raise NotANumber(NOT_FINITE)
    found = _NUMBER.fullmatch(text)
    if not found:
        raise NotANumber(UNREADABLE)
    return _finite(float(found.group(1).replace(",", ""))), (found.group(2) or "").strip()


def _finite(value: int | float) -> float:
    try:
        number = float(value)
    except OverflowError:
        raise NotANumber(NOT_FINITE) from None
    if not math.isfinite(number):
        raise NotANumber(NOT_FINITE)
    return number


def terahashes(number: float, unit: str) -> float | None:
    """So many of a unit in TH/s; ``None`` for a unit nobody knows."""
    found = _HASH_UNIT.fullmatch(unit.strip())
    if not found:
        return None
    prefix = found.group(1).lower()
    return number * _TERAHASHES[prefix] if prefix in _TERAHASHES else number / _PARTS_OF_TERAHASH[prefix]
