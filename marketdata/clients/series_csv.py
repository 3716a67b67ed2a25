"""A CSV file behind an address: the files of ``marketdata.engine.price_files``, asked for again and again."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from marketdata.clients.series_json import BadMapping
from marketdata.engine.figures import BadAnswer
from marketdata.engine.price_files import Interval, Reading, read_price_file
from marketdata.engine.reasons import FileUnusable

KNOWN = frozenset({"value", "divide_by"})


def check_csv_mapping(mapping: Mapping[str, Any]) -> None:
    """Raises BadMapping for unknown names: a column and a divisor are all there is to say, and neither has to be."""
    if unknown := sorted(set(mapping) - KNOWN):
        raise BadMapping(f"unknown names: {', '.join(unknown)}")
    if not isinstance(mapping.get("value", ""), str):
        raise BadMapping("value is the name of a column")
    try:
        if Decimal(str(mapping.get("divide_by", 1))) == 0:
            raise BadMapping("divide_by is 0")
    except ArithmeticError as error:
        raise BadMapping("divide_by is no number") from error


def parse_csv(body: bytes, mapping: Mapping[str, Any], how: Reading) -> list[Interval]:
    """Intervals of an answer, oldest first. Raises BadAnswer; one bad line spoils the answer, so that none is lost."""
    check_csv_mapping(mapping)
    divide_by = Decimal(str(mapping.get("divide_by", 1)))
    try:
        found = read_price_file(body, replace(how, column=mapping.get("value") or None, divide_by=divide_by))
    except FileUnusable as error:
        raise BadAnswer("csv", str(error)) from error
    if found.troubles:
        first = found.troubles[0]
        raise BadAnswer("csv", f"line {first.line}: {first.reason}")
    return found.intervals
