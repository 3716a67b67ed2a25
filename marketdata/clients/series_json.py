"""Any JSON list of prices, by a mapping a person typed: where the rows are, which names hold start, end and value."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from marketdata.clients.answers import json_of, list_of, object_of
from marketdata.engine.figures import BadAnswer, moment, number
from marketdata.engine.price_files import Interval

KNOWN = frozenset({"rows", "start", "end", "value", "divide_by", "currency"})
MOST_ROWS = 100_000


class BadMapping(ValueError):
    """The mapping itself cannot be used."""


def check_mapping(mapping: Mapping[str, Any]) -> None:
    """Raises BadMapping for unknown or missing names."""
    if unknown := sorted(set(mapping) - KNOWN):
        raise BadMapping(f"unknown names: {', '.join(unknown)}")
    for name in ("start", "value"):
        if not isinstance(mapping.get(name), str | int) or mapping[name] == "":
            raise BadMapping(f"{name} is missing")
    try:
        if Decimal(str(mapping.get("divide_by", 1))) == 0:
            raise BadMapping("divide_by is 0")
    except ArithmeticError as error:
        raise BadMapping("divide_by is no number") from error


def parse_series(
    body: bytes, mapping: Mapping[str, Any], *, step: timedelta, lowest: Decimal, highest: Decimal, currency: str = ""
) -> list[Interval]:
    """Intervals of an answer, oldest first. Raises BadAnswer; one bad row spoils the answer, so that none is lost.

    Rows without a value (null) are gaps. Two lists beside each other are rows as well: ``rows`` names an object and
    ``start`` and ``value`` two of its lists. Where the mapping says at which place the answer names its currency, that
    has to be ``currency``.
    """
    check_mapping(mapping)
    answer = json_of(body)
    if "currency" in mapping and str(_at(answer, str(mapping["currency"]))).upper() != currency:
        raise BadAnswer("currency", f"{_at(answer, str(mapping['currency']))!r:.40} instead of {currency}")
    divide_by = Decimal(str(mapping.get("divide_by", 1)))
    found: dict[datetime, Interval] = {}
    for start_of, end_of, value_of in _rows(_at(answer, str(mapping.get("rows", ""))), mapping):
        if value_of is None:
            continue
        start = _moment(start_of, "start")
        end = start + step if end_of is None else _moment(end_of, "end")
        value = number(value_of, "value", text=True) / divide_by
        if not lowest <= value <= highest:
            raise BadAnswer("implausible", f"{value} is outside of {lowest} to {highest}")
        if end - start != step:
            raise BadAnswer("unit", f"an interval of {end - start} instead of {step}")
        if start in found and found[start].value != value:
            raise BadAnswer("contradicts", f"two values for {start.isoformat()}")
        found[start] = Interval(start, end, value)
    if not found:
        raise BadAnswer("empty", "no values")
    return [found[start] for start in sorted(found)]


def _at(value: Any, path: str) -> Any:
    for name in filter(None, path.split(".")):
        value = object_of(value, "the answer").get(name)
        if value is None:
            raise BadAnswer("missing", path)
    return value


def _rows(value: Any, mapping: Mapping[str, Any]) -> Any:
    names = [mapping["start"], mapping.get("end"), mapping["value"]]
    if isinstance(value, dict):
        starts, ends, values = (None if name is None else list_of(value.get(str(name)), str(name)) for name in names)
        if starts is None or values is None or len(starts) != len(values) or (ends and len(ends) != len(starts)):
            raise BadAnswer("wrong_shape", "the lists are not of one length")
        _check_count(len(starts))
        return zip(starts, ends or [None] * len(starts), values, strict=True)
    rows = list_of(value)
    _check_count(len(rows))
    return [[None if name is None else _part(row, name) for name in names] for row in rows]


def _check_count(count: int) -> None:
    if count > MOST_ROWS:
        raise BadAnswer("too_large", f"{count} rows")


def _part(row: Any, name: str | int) -> Any:
    if isinstance(row, list):
        place = int(name) if str(name).isdecimal() else -1
        if not 0 <= place < len(row):
            raise BadAnswer("missing", f"place {name} of a row")
        return row[place]
    value = object_of(row, "a row")
    if str(name) not in value:
        raise BadAnswer("missing", str(name))
    return value[str(name)]


def _moment(value: Any, name: str) -> datetime:
    if not isinstance(value, str):
        return moment(value, name)
    try:
        found = datetime.fromisoformat(value)
    except ValueError as error:
        raise BadAnswer("not_a_moment", f"{name} is {value[:40]!r}") from error
    if found.tzinfo is None:
        raise BadAnswer("not_a_moment", f"{name} does not say in which time zone")
    return found.astimezone(UTC)
