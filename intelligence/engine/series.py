"""What every forecast has in common: its points, the hash of what it was made from, and when it is refused."""

import hashlib
import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

HORIZONS = 7  # days
COVERAGE = 0.95  # of the intervals
LEAST_DAYS = 60


class ForecastRefused(ValueError):
    """There is too little to forecast from, or it makes no sense; the text says which."""


@dataclass(frozen=True, slots=True)
class Point:
    """The value forecast for a moment, its bounds, and the naive forecast, which is no change. ``horizon`` in days."""

    horizon: int
    at: datetime
    value: float
    lower: float
    upper: float
    naive: float


def data_hash(rows: Iterable[tuple[object, ...]]) -> str:
    """SHA-256 of the rows a forecast was made from: one line each, floats by their shortest exact text."""
    digest = hashlib.sha256()
    for row in rows:
        digest.update((",".join(_text(value) for value in row) + "\n").encode())
    return digest.hexdigest()


def positive(name: str, value: object) -> float:
    """``value`` as a float above zero. Raises ForecastRefused, which calls it by ``name``."""
    try:
        found = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError) as error:
        raise ForecastRefused(f"{name} is no number: {value!r}") from error
    if not math.isfinite(found) or found <= 0:
        raise ForecastRefused(f"{name} must be above zero, not {value}")
    return found


def _text(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else repr(value)
