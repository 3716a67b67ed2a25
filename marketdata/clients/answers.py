"""From bytes to JSON, strictly: what is cut, not JSON, a page for people or a number nobody can write is refused."""

import json
from decimal import Decimal
from typing import Any

from marketdata.engine.figures import BadAnswer

MOST_DIGITS = 60


def json_of(body: bytes) -> Any:
    """The JSON value of a body, numbers as int and Decimal. Raises BadAnswer."""
    start = body.lstrip()[:1]
    if not start:
        raise BadAnswer("empty", "the answer has no body")
    if start == b"<":
        raise BadAnswer("html", "a page for people came instead of data")
    try:
        return json.loads(body.decode("utf-8"), parse_float=_decimal, parse_int=_whole, parse_constant=_constant)
    except UnicodeDecodeError as error:
        raise BadAnswer("not_json", "the answer is no UTF-8 text") from error
    except json.JSONDecodeError as error:
        cut = error.pos >= len(error.doc.rstrip()) - 1
        raise BadAnswer("cut" if cut else "not_json", f"{error.msg} at {error.pos}") from error
    except RecursionError as error:
        raise BadAnswer("not_json", "it is nested too deeply") from error


def object_of(value: Any, name: str = "the answer") -> dict[str, Any]:
    """A JSON object."""
    if not isinstance(value, dict):
        raise BadAnswer("wrong_shape", f"{name} is no object")
    return value


def list_of(value: Any, name: str = "the answer") -> list[Any]:
    """A JSON array."""
    if not isinstance(value, list):
        raise BadAnswer("wrong_shape", f"{name} is no list")
    return value


def _decimal(text: str) -> Decimal:
    if len(text) > MOST_DIGITS:
        raise BadAnswer("not_a_number", f"a number has {len(text)} characters")
    found = Decimal(text)
    if not found.is_finite() or abs(found.adjusted()) > MOST_DIGITS:
        raise BadAnswer("not_a_number", text[:40])
    return found


def _whole(text: str) -> int:
    if len(text) > MOST_DIGITS:
        raise BadAnswer("not_a_number", f"a number has {len(text)} characters")
    return int(text)


def _constant(text: str) -> Any:
    raise BadAnswer("not_a_number", text)
