"""Reading bodies: strict JSON, so that whatever reaches a serializer is an honest object of bounded size."""

import json
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import IO, Any

from django.utils.translation import gettext as _
from rest_framework.parsers import BaseParser
from rest_framework.utils.mediatypes import _MediaType

from hashinsight.common.api.problems import BadRequest

LARGEST_BODY = 1_000_000
LARGEST_FILE = 4 * 1024 * 1024  # as in the back office
DEEPEST = 20
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


class StrictJSONParser(BaseParser):
    """A JSON object in UTF-8: no repeated names, no NaN or Infinity, no NUL, not deep, at most 1 MB.

    Numbers with a point become Decimal, so that no amount passes through binary floating point.
    """

    media_type = "application/json"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """The object, or a 400 that says what is wrong with it."""
        charset = str(_MediaType(media_type or "").params.get("charset", "utf-8")).strip('"').lower()
        if charset not in {"utf-8", "utf8"}:
            raise BadRequest("charset_unsupported", _("The body must be UTF-8."))
        return read_object(stream.read(LARGEST_BODY + 1))


class FileParser(BaseParser):
    """A file as it is, of at most 4 MB. One that was cut on its way is refused: half a file looks like a whole one."""

    media_type = "application/octet-stream"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        """The bytes. Raises BadRequest."""
        said = int((parser_context or {})["request"].META.get("CONTENT_LENGTH") or 0)  # the server has looked at it
        raw: bytes = b"" if said > LARGEST_FILE else stream.read(LARGEST_FILE + 1)
        if max(said, len(raw)) > LARGEST_FILE:
            most = LARGEST_FILE // 1024 // 1024
            raise BadRequest("body_too_large", _("The file is larger than %(most)s MB.") % {"most": most})
        if len(raw) < said:
            raise BadRequest("body_incomplete", _("The body ends before the length it was announced with."))
        return raw


def read_object(raw: bytes) -> dict[str, Any]:
    """The JSON object in these bytes. Raises BadRequest with a code of its own for each defect."""
    if len(raw) > LARGEST_BODY:
        raise BadRequest("body_too_large", _("The body is larger than 1 MB."))
    try:
        value = json.loads(
            raw.decode("utf-8"),
            object_pairs_hook=_without_repeats,
            parse_constant=_no_constant,
            parse_float=Decimal,
        )
    except UnicodeDecodeError as error:
        raise BadRequest("charset_unsupported", _("The body is not valid UTF-8.")) from error
    except RecursionError as error:
        raise _too_deep() from error
    except ValueError as error:
        raise BadRequest("malformed_json", _("The body is not valid JSON.")) from error
    if not isinstance(value, dict):
        raise BadRequest("not_an_object", _("The body must be a JSON object."))
    _check(value)
    return value


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise BadRequest("duplicate_name", _("A name stands twice in the same object."))
    return found


def _no_constant(name: str) -> Any:
    raise BadRequest("not_a_number", _("NaN and Infinity are no JSON numbers."))


def _check(value: Any) -> None:
    """Depth, NUL and half surrogates, without recursion of our own."""
    level = [value]
    for _depth in range(DEEPEST):
        below: list[Any] = []
        for item in level:
            if isinstance(item, dict):
                below += [*item.keys(), *item.values()]
            elif isinstance(item, list):
                below += item
            elif isinstance(item, str):
                _check_text(item)
        if not below:
            return
        level = below
    raise _too_deep()


def _check_text(text: str) -> None:
    if "\x00" in text:
        raise BadRequest("nul_character", _("NUL characters are not allowed."))
    if _LONE_SURROGATE.search(text):
        raise BadRequest("invalid_text", _("The body holds half of a character pair."))


def _too_deep() -> BadRequest:
    return BadRequest("too_deep", _("The body is nested too deeply."))
