"""The OpenAPI 3.1 description: what every operation has in common is written once, here.

Errors, headers and security follow from how the base view works, so that no view has to repeat them and none can
forget them.
"""

import re
from typing import Any, NamedTuple

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import extend_schema

from hashinsight.common.api import sparse
from hashinsight.common.api.fields import describing
from hashinsight.common.api.parsers import FileParser
from hashinsight.common.api.problems import MEDIA_TYPE

# Handlers of unsafe calls return an Effect, which the decorator's own types do not know.
described: Any = extend_schema
_REPEATS = re.compile(r"(\* `([^`]*)` - \2(\n|$))+")
UNSAFE = frozenset({"POST", "PATCH", "PUT", "DELETE"})
_PROBLEM_SCHEMA: dict[str, Any] = {
    "type": "object",
    "description": "RFC 9457. `code` is stable and meant for programs, `detail` for people.",
    "required": ["type", "title", "status", "detail", "code", "request_id"],
    "additionalProperties": False,
    "properties": {
        "type": {"type": "string", "const": "about:blank"},
        "title": {"type": "string"},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {"type": "string"},
        "code": {"type": "string"},
        "request_id": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["code", "detail"],
                "additionalProperties": False,
                "properties": {
                    "pointer": {"type": "string", "description": "JSON pointer into the body, as a fragment."},
                    "parameter": {"type": "string", "description": "Name of the query parameter."},
                    "code": {"type": "string"},
                    "detail": {"type": "string"},
                },
            },
        },
    },
}


class ErrorForm(NamedTuple):
    """An error as documented: its title, the code and detail of the example, and what it means."""

    title: str
    code: str
    detail: str
    meaning: str


ERRORS = {
    400: ErrorForm(
        "Bad Request",
        "invalid",
        "The input is not valid; see errors.",
        "The request is wrong; `errors` says where.",
    ),
    401: ErrorForm(
        "Unauthorized",
        "not_authenticated",
        "Authentication credentials were not provided.",
        "No key, or one that opens nothing.",
    ),
    403: ErrorForm(
        "Forbidden",
        "scope_missing",
        "This key lacks the scope invoices:read.",
        "The key lacks the scope, or its user the power.",
    ),
    404: ErrorForm(
        "Not Found",
        "not_found",
        "Not found.",
        "There is nothing here for you; what is not yours does not exist.",
    ),
    409: ErrorForm(
        "Conflict",
        "move_refused",
        "INV-K7XW2M-2026-0001 is sent and cannot become sent.",
        "Refused in the current state; or a call with this Idempotency-Key still runs (`idempotency_in_progress`).",
    ),
    412: ErrorForm(
        "Precondition Failed",
        "stale",
        "It has changed since you read it. Read it again, then decide.",
        "If-Match names another state.",
    ),
    413: ErrorForm(
        "Request Entity Too Large",
        "body_too_large",
        "A batch has at most 10000000 bytes, inflated as well.",
        "The body is larger than is taken here.",
    ),
    415: ErrorForm(
        "Unsupported Media Type",
        "unsupported_media_type",
        'Unsupported media type "text/plain" in request.',
        "The body is not application/json, nor a file where one is taken.",
    ),
    422: ErrorForm(
        "Unprocessable Entity",
        "idempotency_mismatch",
        "This Idempotency-Key was used for another call. Use a new key for a new call.",
        "The Idempotency-Key was used for another call.",
    ),
    429: ErrorForm(
        "Too Many Requests",
        "throttled",
        "Too many requests. Please wait a little.",
        "Too many calls; wait as long as Retry-After says.",
    ),
}
_TEXT = {"type": "string"}
_NUMBER = {"type": "integer"}
HEADERS: dict[str, dict[str, Any]] = {
    "RateLimit-Limit": {"description": "Calls in a window.", "schema": _NUMBER},
    "RateLimit-Remaining": {"description": "Calls left in this window.", "schema": _NUMBER},
    "RateLimit-Reset": {"description": "Seconds until the window begins anew.", "schema": _NUMBER},
    "X-Request-ID": {"description": "Name it when you ask us about this call.", "schema": _TEXT},
    "Retry-After": {"description": "Seconds to wait.", "schema": _NUMBER},
    "Idempotency-Replayed": {"description": "`true` when this is the answer to the first call.", "schema": _TEXT},
    "ETag": {"description": "For If-None-Match and If-Match.", "schema": _TEXT},
    "Location": {"description": "Where the new object is.", "schema": _TEXT},
    "WWW-Authenticate": {"description": "How to send a key.", "schema": _TEXT},
    "Repr-Digest": {"description": "SHA-256 of the file (RFC 9530).", "schema": _TEXT},
    "Content-Disposition": {"description": "Name of the file.", "schema": _TEXT},
}
_ALWAYS = ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset", "X-Request-ID")


def headers(*names: str) -> dict[str, Any]:
    """References to the headers of an answer."""
    return {name: {"$ref": f"#/components/headers/{name}"} for name in (*_ALWAYS, *names)}


def header_parameter(name: str, description: str, **schema: Any) -> dict[str, Any]:
    """A request header."""
    return {"name": name, "in": "header", "description": description, "schema": {"type": "string", **schema}}


IDEMPOTENCY_KEY = header_parameter(
    "Idempotency-Key",
    "A text of your own for this call. A repeat of the same call gets the first answer; nothing is done twice.",
    minLength=1,
    maxLength=255,
    pattern="^[!-~]+$",
)
IF_MATCH = header_parameter("If-Match", "An ETag: do it only when nobody has changed the object since (else 412).")
IF_NONE_MATCH = header_parameter("If-None-Match", "An ETag: answer 304 without a body when nothing has changed.")


class HashInsightSchema(AutoSchema):
    """drf-spectacular's inspection plus what the base view does for every operation."""

    is_conditional = True  # whether what is read can be asked for with If-None-Match

    def get_operation(self, *args: Any, **kwargs: Any) -> Any:
        """The operation with its errors and headers."""
        token = describing.set(True)
        try:
            operation = super().get_operation(*args, **kwargs)
        finally:
            describing.reset(token)
        if operation is None:
            return None
        operation["parameters"] = [
            *operation.get("parameters", []),
            *self._sparse_parameters(),
            *self._header_parameters(),
        ]
        if FileParser.media_type in operation.get("requestBody", {}).get("content", ()):
            operation["requestBody"]["required"] = True
        for status, response in operation["responses"].items():
            response["headers"] = self._success_headers(status)
            response["description"] = response["description"] or "Done."
        if self.method == "GET" and self.is_conditional:
            operation["responses"]["304"] = {"$ref": "#/components/responses/NotModified"}
        for status in self._error_statuses():
            operation["responses"][str(status)] = {"$ref": f"#/components/responses/Problem{status}"}
        operation["responses"] = dict(sorted(operation["responses"].items()))
        return operation

    def get_operation_id(self) -> str:
        """Resource and verb: ``invoices_issue``, ``customers_list``."""
        action = getattr(self.view, "action", None)
        if action is None:
            return super().get_operation_id()
        return f"{_resource(self.view)}_{action}".replace("-", "_")

    def get_summary(self) -> str | None:
        """First sentence of the description."""
        description = self.get_description()
        return description.split(". ")[0].split("\n")[0].rstrip(".") if description else None

    def get_description(self) -> str:  # type: ignore[override]
        """The docstring of the action, then the scope a key needs."""
        view: Any = self.view
        method = getattr(view, getattr(view, "action", None) or self.method.lower(), None)
        text = " ".join((getattr(method, "__doc__", None) or "").split())
        about = " ".join((type(view).__doc__ or "").split())
        if getattr(view, "action", None) == "list":
            text = f"List {view.resource}. {about}"
        elif getattr(view, "action", None) == "retrieve":
            text = f"Read one of the {view.resource} in full. {about}"
        if view.resource is not None:
            text += f" Scope: `{view.resource}:{'write' if self.method in UNSAFE else 'read'}`."
        return text

    def get_tags(self) -> list[str]:
        """One per resource."""
        return [_resource(self.view) or "me"]

    def _map_basic_serializer(self, serializer: Any, direction: Any) -> Any:
        """Fields for staff only may be missing, and say so; nothing undocumented is answered or taken."""
        schema = super()._map_basic_serializer(serializer, direction)
        staff_fields = getattr(getattr(serializer, "Meta", None), "staff_fields", ())
        if staff_fields:
            schema["required"] = [name for name in schema.get("required", []) if name not in staff_fields]
        for name in staff_fields:
            schema["properties"][name] = _for_staff(schema["properties"][name])
        schema["additionalProperties"] = False
        return schema

    def _sparse_parameters(self) -> list[dict[str, Any]]:
        """The choice of fields, with the names there are."""
        view: Any = self.view
        if getattr(view, "action", None) not in ("list", "retrieve"):
            return []
        token = describing.set(True)
        try:
            return [sparse.parameter(list(view.get_serializer_class()().fields))]
        finally:
            describing.reset(token)

    def _header_parameters(self) -> list[dict[str, Any]]:
        names = ["If-None-Match"]
        if self.method in UNSAFE:
            names = ["Idempotency-Key", "If-Match"] if "{" in self.path else ["Idempotency-Key"]
        return [{"$ref": f"#/components/parameters/{name}"} for name in names]

    def _success_headers(self, status: str) -> dict[str, Any]:
        names = ["ETag"]
        if self.method in UNSAFE:
            names.append("Idempotency-Replayed")
        if status == "201":
            names.append("Location")
        if _is_file(self.view):
            names += ["Repr-Digest", "Content-Disposition"]
        return headers(*names)

    def _error_statuses(self) -> list[int]:
        detail = "{" in self.path
        statuses = {400, 401, 403, 429}
        if detail or getattr(self.view, "staff_only", False):
            statuses.add(404)
        if self.method in UNSAFE:
            statuses |= {409, 415, 422}
            if detail:
                statuses.add(412)
        if _is_file(self.view) or getattr(self.view, "action", None) == "statement":
            statuses.add(409)
        return sorted(statuses)


def _is_file(view: Any) -> bool:
    """Whether a file is answered instead of JSON."""
    return (getattr(view, "action", None) or "").endswith(("pdf", "xml", "csv"))


def _resource(view: Any) -> str | None:
    name: str | None = view.resource
    return name


def _for_staff(schema: dict[str, Any]) -> dict[str, Any]:
    note = "For staff keys only."
    if "$ref" in schema:
        return {"allOf": [schema], "readOnly": True, "description": note}
    return {**schema, "description": note}


def _problem(status: int) -> dict[str, Any]:
    form = ERRORS[status]
    example = {
        "type": "about:blank",
        "title": form.title,
        "status": status,
        "detail": form.detail,
        "code": form.code,
        "request_id": "0199f3b0-2c65-7e8f-8a9b-1c2d3e4f5abb",
    }
    more = {401: ["WWW-Authenticate"], 409: ["Retry-After"], 429: ["Retry-After"]}.get(status, [])
    return {
        "description": form.meaning,
        "headers": headers(*more),
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}, "example": example}},
    }


def complete(document: dict[str, Any]) -> dict[str, Any]:
    """Put what the operations point at into the finished document."""
    components = document["components"]
    components["schemas"]["Problem"] = _PROBLEM_SCHEMA
    components["headers"] = HEADERS
    components["parameters"] = {one["name"]: one for one in (IDEMPOTENCY_KEY, IF_MATCH, IF_NONE_MATCH)}
    components["responses"] = {f"Problem{status}": _problem(status) for status in ERRORS}
    document["tags"] = [{"name": name} for name in sorted(_tags(document))]
    components["responses"]["NotModified"] = {
        "description": "Not changed since the ETag you have.",
        "headers": headers("ETag"),
    }
    cleaned: dict[str, Any] = _without_marks(document)
    return cleaned


def _tags(document: dict[str, Any]) -> set[str]:
    return {tag for methods in document["paths"].values() for one in methods.values() for tag in one.get("tags", ())}


def _without_marks(value: Any) -> Any:
    """The document without the generator's own marks, and without descriptions that repeat a word (`USD` - USD)."""
    if isinstance(value, dict):
        kept = {name: inner for name, inner in value.items() if name != "x-spec-enum-id"}
        if _REPEATS.fullmatch(str(kept.get("description", ""))):
            del kept["description"]
        return {name: _without_marks(inner) for name, inner in kept.items()}
    if isinstance(value, list):
        return [_without_marks(inner) for inner in value]
    return value
