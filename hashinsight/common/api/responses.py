"""Forms of answers."""

import base64
import re
from typing import Any

from django.http import HttpResponse
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.request import Request

_UNSAFE_NAME = re.compile(r"[^A-Za-z0-9._-]+")


class OneForm(BaseContentNegotiation):
    """Each address answers in its one form; ``Accept`` is not asked (RFC 9110 section 12.5.1 allows that)."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        """The parser for the body's media type, None (then 415) when there is none."""
        sent = (request.content_type or "").partition(";")[0].strip().lower()
        return next((parser for parser in parsers if parser.media_type == sent), None)

    def select_renderer(self, request: Request, renderers: Any, format_suffix: str | None = None) -> Any:
        """The first."""
        return renderers[0], renderers[0].media_type


def file_response(content: bytes, *, media_type: str, name: str, sha256: str) -> HttpResponse:
    """A stored file as it is, with its hash as ETag and as ``Repr-Digest`` (RFC 9530)."""
    response = HttpResponse(content, content_type=media_type)
    response["Content-Disposition"] = f'attachment; filename="{_UNSAFE_NAME.sub("-", name)}"'
    response["ETag"] = f'"{sha256}"'
    response["Repr-Digest"] = f"sha-256=:{base64.b64encode(bytes.fromhex(sha256)).decode()}:"
    response["X-Content-Type-Options"] = "nosniff"
    return response
