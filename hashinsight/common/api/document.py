"""The OpenAPI document: made once per process, under a lock, and then only handed out.

The generator is not made for several threads at once (eight first requests in parallel gave seven errors when it
was tried), and it takes a while; so the first caller makes it and the others wait for the result.
"""

import json
import threading
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import override
from drf_spectacular.generators import SchemaGenerator
from rest_framework.request import Request

from hashinsight.common.api import etags
from hashinsight.common.api.schema import complete
from hashinsight.common.api.views import BaseView

_lock = threading.Lock()
_document: bytes | None = None

DESCRIPTION = """\
Everything your company has with us, for your own programs.

**Keys.** Send `Authorization: Bearer hi_…`. A key acts for one person and does no more than its scopes say.
**Pages.** Lists answer `next`, `previous` and `results`; follow `next` until it is null.
**Fields.** `fields=id,number` answers these fields only.
**Money** is text with a `currency` beside it, **times** are RFC 3339 in UTC, **ids** are opaque.
**Errors** are `application/problem+json` with a stable `code`.
**Twice the same call.** Send an `Idempotency-Key` with whatever changes something; a repeat gives the first answer.
**Changes by others.** Send the `ETag` you read as `If-Match`; 412 tells that the object has changed since.
What belongs to another company does not exist for you: the answer is 404 as for an id nobody has.
"""


def build() -> dict[str, Any]:
    """The document, in English, whatever language the caller speaks."""
    with override("en"):
        generator = SchemaGenerator()
        document: dict[str, Any] = generator.get_schema(request=None, public=True)
    document["info"]["description"] = DESCRIPTION
    return complete(document)


def rendered() -> str:
    """The document as it is committed and compared."""
    return json.dumps(build(), indent=2, ensure_ascii=False, sort_keys=False, default=str) + "\n"


def served() -> bytes:
    """The document as it is served; made by the first caller of this process."""
    global _document  # one per process, written once under the lock
    if _document is None:
        with _lock:
            if _document is None:
                _document = rendered().encode()
    return _document


class _OpenView(BaseView):
    """No key needed; limited by address."""

    authentication_classes: Any = ()
    permission_classes: Any = ()
    schema = None


class SchemaView(_OpenView):
    """``/api/v1/schema/``."""

    def get(self, request: Request) -> HttpResponse:
        """The OpenAPI file."""
        content = served()
        response = HttpResponse(content, content_type="application/vnd.oai.openapi+json; charset=utf-8")
        response["ETag"] = etags.tag_of(content, "openapi")
        response["Cache-Control"] = "public, max-age=300"
        return response

    def serve(self, request: Request) -> Any:
        """Public, so read as nobody in particular."""
        if request.method not in ("GET", "HEAD"):
            return super().serve(request)
        return self._conditional(request, self.finish(self.get(request)))


class DocsView(_OpenView):
    """``/api/v1/docs/``: Swagger UI from the package, nothing from elsewhere."""

    def serve(self, request: Request) -> Any:
        """Public, so read as nobody in particular."""
        if request.method not in ("GET", "HEAD"):
            return super().serve(request)
        page = TemplateResponse(request._request, "api/docs.html")
        return self.finish(page.render())

    def get(self, request: HttpRequest) -> HttpResponse:
        """Answered by ``serve``."""
        raise NotImplementedError
