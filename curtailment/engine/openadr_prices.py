"""Prices in events of OpenADR 3: what a kWh costs in each interval, and what is priced there that is none of ours.

Unit and currency stand in the payload descriptor of the event, else of the program; what they do not say is not
guessed. A price has a beginning and an end.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from math import gcd
from typing import Any

from curtailment.engine.openadr import dice_of, number_of, rows_of, timed
from curtailment.engine.openadr_time import NotUnderstood

PRICE = "PRICE"
MOST_PRICES = 2_500  # eight days of five minutes
PER = {"KWH": Decimal(1), "MWH": Decimal("0.001")}  # what a kWh costs is so much of what is said
OTHERS = {
    "EXPORT_PRICE": "it pays for energy that is fed in, and we feed in none",
    "GHG": "it is no price but emissions",
}  # fmt: skip
SHORTEST = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Priced:
    """So much costs a kWh in an interval."""

    start: datetime
    end: datetime
    per_kwh: Decimal


@dataclass(frozen=True, slots=True)
class Tariff:
    """The prices of one event; ``priority``: the smaller, the more important; None: the least."""

    event_id: str
    currency: str
    rows: tuple[Priced, ...]
    priority: int | None = None
    modified_at: datetime | None = None

    @property
    def rank(self) -> tuple[int, float]:
        """The larger holds: first the priority, then what was said last."""
        priority = -(2**31) if self.priority is None else -self.priority
        return priority, self.modified_at.timestamp() if self.modified_at else 0.0


def ignored_in(said: Mapping[str, Any]) -> list[str]:
    """What an event prices that we do not keep, with the reason."""
    kinds = {str(one.get("type")) for row in rows_of(said.get("intervals"), "intervals") for one in _payloads(row)}
    return [f"{kind} is not kept: {why}" for kind, why in OTHERS.items() if kind in kinds]


def has_prices(said: Mapping[str, Any]) -> bool:
    """Whether any interval of an event has a price for us."""
    return any(_values_of(_payloads(row)) is not None for row in rows_of(said.get("intervals"), "intervals"))


def tariff_of(
    said: Mapping[str, Any], *, program: Mapping[str, Any], at: datetime, whose: str, priority: int | None,
    modified_at: datetime | None,
) -> Tariff:  # fmt: skip
    """The prices of an event. Raises NotUnderstood with the reason where one of them cannot be kept."""
    descriptors = (said.get("payloadDescriptors"), program.get("payloadDescriptors"))
    currency = _described("currency", descriptors)
    if len(currency) != 3 or not currency.isascii() or not currency.isalpha():
        raise NotUnderstood(f"PRICE comes in the currency {currency[:20]!r}: no code of three letters")
    units = _described("units", descriptors)
    if units not in PER:
        raise NotUnderstood(f"PRICE comes per {units[:20] or 'nobody knows what'}, not per kWh or MWh")
    event_id = str(said.get("id"))
    found: list[Priced] = []
    for part, payloads in timed(said, at, dice_of(event_id, whose), False, MOST_PRICES + 1):
        values = _values_of(payloads)
        if values is None:
            continue
        if part.starts_at is None or part.ends_at is None:
            raise NotUnderstood("a price without a beginning or an end cannot be kept")
        found.append(Priced(part.starts_at, part.ends_at, number_of(values[0]) * PER[units]))
    if len(found) > MOST_PRICES:
        raise NotUnderstood(f"more than {MOST_PRICES} prices in one event")
    return Tariff(event_id, currency, tuple(found), priority, modified_at)


def _payloads(row: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return rows_of(row.get("payloads"), "payloads")


def _values_of(payloads: Iterable[Mapping[str, Any]]) -> list[Any] | None:
    """What an interval has as its price; None where it has none."""
    for one in payloads:
        values = one.get("values")
        if one.get("type") == PRICE and isinstance(values, list) and values:
            return values
    return None


def _described(name: str, descriptors: Iterable[Any]) -> str:
    """From the first descriptor of PRICE that says it, in capitals; empty where none does."""
    for value in descriptors:
        for row in rows_of(value, "payloadDescriptors"):
            said = row.get(name)
            if row.get("payloadType") == PRICE and isinstance(said, str) and said:
                return said.upper()
    return ""


# --- one row of intervals from several events ------------------------------------------------------------------------
def step_of(rows: Sequence[Priced]) -> timedelta:
    """The longest part of an hour that all of the intervals are made of. Raises NotUnderstood: below five minutes."""
    seconds = 3600
    for one in rows:
        seconds = gcd(seconds, int((one.end - one.start).total_seconds()), int(one.start.timestamp()))
    if seconds < SHORTEST.total_seconds():
        raise NotUnderstood("its intervals are not made of whole five minutes of the clock")
    return timedelta(seconds=seconds)


def steps_of(tariffs: Iterable[Tariff], step: timedelta) -> dict[datetime, tuple[Priced, Tariff]]:
    """What each step costs and which event says so. Raises NotUnderstood where an interval is not made of steps."""
    found: dict[datetime, tuple[Priced, Tariff]] = {}
    for tariff in sorted(tariffs, key=lambda one: (one.rank, one.event_id)):
        for one in tariff.rows:
            if (one.end - one.start) % step or one.start.timestamp() % step.total_seconds():
                minutes = int(step.total_seconds() // 60)
                raise NotUnderstood(
                    f"event {tariff.event_id}: its intervals do not fit into steps of {minutes} minutes"
                )
            for number in range((one.end - one.start) // step):
                start = one.start + number * step
                found[start] = (Priced(start, start + step, one.per_kwh), tariff)
    return found
