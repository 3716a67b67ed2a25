"""Errors of the API: every one is ``application/problem+json`` (RFC 9457) with a stable ``code``.

One exception handler turns whatever a view raises into that form. It never tells more than the caller may know:
a foreign row and a missing one give the same words, and an error of ours gives none at all.
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Any

from django.core.exceptions import NON_FIELD_ERRORS, PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.core.exceptions import ValidationError as DjangoValidationError
from django.db import DataError, IntegrityError, InterfaceError, OperationalError, connection
from django.http import Http404, UnreadablePostError
from django.utils.translation import gettext as _
from rest_framework import exceptions
from rest_framework.response import Response

from hashinsight.common.context import current_request_id
from hashinsight.common.errors import DomainError

logger = logging.getLogger(__name__)
MEDIA_TYPE = "application/problem+json"
RETRY_SECONDS = 5


class Problem(Exception):
    """An error of the API itself. ``afterwards`` runs when the caller's scope has been left."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: Any,
        *,
        errors: Iterable[Mapping[str, str]] = (),
        headers: Mapping[str, str] | None = None,
        afterwards: Callable[[], None] | None = None,
    ) -> None:
        super().__init__(str(detail))
        self.status = status
        self.code = code
        self.detail = detail
        self.errors = list(errors)
        self.headers = dict(headers or {})
        self.afterwards = afterwards


class BadRequest(Problem):
    """The request itself is wrong."""

    def __init__(self, code: str, detail: Any, **more: Any) -> None:
        super().__init__(400, code, detail, **more)


class BadParameter(BadRequest):
    """One query parameter is wrong."""

    def __init__(self, name: str, detail: Any, *, code: str = "invalid_parameter") -> None:
        super().__init__(code, detail, errors=[{"parameter": name, "code": code, "detail": str(detail)}])


def invalid_parameters(errors: Mapping[Any, Iterable[Any]]) -> BadRequest:
    """All parameters a serializer found wrong."""
    found = [
        {"parameter": str(name), "code": "invalid_parameter", "detail": str(text)}
        for name, texts in errors.items()
        for text in texts
    ]
    return BadRequest("invalid_parameter", found[0]["detail"], errors=found)


def body_of(problem: Problem) -> dict[str, Any]:
    """A problem as RFC 9457 writes it."""
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(problem.status).phrase,
        "status": problem.status,
        "detail": str(problem.detail),
        "code": problem.code,
        "request_id": current_request_id(),
    }
    if problem.errors:
        body["errors"] = problem.errors
    return body


def problem_response(problem: Problem) -> Response:
    """The answer for a problem."""
    headers = {"Cache-Control": "no-store", **problem.headers}
    return Response(body_of(problem), status=problem.status, headers=headers, content_type=MEDIA_TYPE)


def exception_handler(exc: Exception, context: Mapping[str, Any]) -> Response:
    """DRF's hook: any exception becomes a problem, and the transaction around it rolls back."""
    if connection.settings_dict["ATOMIC_REQUESTS"] and connection.in_atomic_block:
        connection.set_rollback(True)
    problem = problem_of(exc)
    if problem is None:
        logger.error("unhandled error in the API", exc_info=exc)
        problem = Problem(500, "server_error", _("Something went wrong on our side. The request id helps us find it."))
    if problem.afterwards is not None:
        _run(problem.afterwards)
    return problem_response(problem)


def _run(afterwards: Callable[[], None]) -> None:
    """A courtesy to the caller; when it fails, the answer is still the right one."""
    try:
        afterwards()
    except Exception:
        logger.exception("what should follow a refusal failed")


def problem_of(exc: Exception) -> Problem | None:
    """What a known exception means for the caller; None for one that is a mistake of ours."""
    if isinstance(exc, Problem):
        return exc
    if isinstance(exc, exceptions.APIException):
        return _from_drf(exc)
    if isinstance(exc, DomainError):
        return Problem(409, exc.code, exc.message)
    if isinstance(exc, DjangoValidationError):
        return _invalid(_model_errors(exc))
    if isinstance(exc, Http404):
        return not_found()
    if isinstance(exc, PermissionDenied):
        return Problem(403, "permission_denied", _("You may not do this."))
    return _from_below(exc)


def _from_below(exc: Exception) -> Problem | None:
    """What the web server, the framework or the database refused; nothing of their words is passed on."""
    if isinstance(exc, RequestDataTooBig):
        return BadRequest("body_too_large", _("The body is too large."))
    if isinstance(exc, SuspiciousOperation | UnreadablePostError):
        return BadRequest("bad_request", _("The request could not be read."))
    if isinstance(exc, IntegrityError):
        logger.warning("a write met a constraint", exc_info=exc)
        return Problem(409, "conflict", _("The change conflicts with the current state."))
    if isinstance(exc, DataError):
        logger.warning("the database refused a value", exc_info=exc)
        return BadRequest("invalid_value", _("A value is outside of what can be stored."))
    if isinstance(exc, OperationalError | InterfaceError):
        logger.error("the database did not answer", exc_info=exc)
        return unavailable()
    return None


def unavailable() -> Problem:
    """The database is away, or gave up: trying again is right, and safe with an Idempotency-Key."""
    wait = {"Retry-After": str(RETRY_SECONDS)}
    return Problem(
        503, "unavailable", _("The service cannot be reached at the moment. Please try again."), headers=wait
    )


def not_found() -> Problem:
    """The one answer for what does not exist, is not yours, or has no route."""
    return Problem(404, "not_found", _("Not found."))


def _from_drf(exc: exceptions.APIException) -> Problem:
    headers: dict[str, str] = {}
    if getattr(exc, "auth_header", None):
        headers["WWW-Authenticate"] = exc.auth_header  # type: ignore[attr-defined]
    if isinstance(exc, exceptions.ValidationError):
        return _invalid(list(_body_errors(exc.detail, "#")))
    if isinstance(exc, exceptions.NotFound):
        return not_found()
    code = exc.get_codes()
    if isinstance(exc, exceptions.Throttled):
        wait = max(1, int(getattr(exc, "wait", None) or 1))
        return Problem(
            429, "throttled", _("Too many requests. Please wait a little."), headers={"Retry-After": str(wait)}
        )
    return Problem(exc.status_code, str(code), exc.detail, headers=headers)


def _invalid(errors: list[dict[str, str]]) -> Problem:
    return BadRequest("invalid", _("The input is not valid; see errors."), errors=errors)


def _body_errors(detail: Any, pointer: str) -> Iterable[dict[str, str]]:
    """DRF's nested error detail as a flat list of JSON pointers (RFC 6901, as URI fragments)."""
    if isinstance(detail, Mapping):
        for name, inner in detail.items():
            own = pointer if name == "non_field_errors" else f"{pointer}/{_escape(str(name))}"
            yield from _body_errors(inner, own)
    elif isinstance(detail, list):
        nested = any(isinstance(inner, Mapping) for inner in detail)
        for index, inner in enumerate(detail):
            yield from _body_errors(inner, f"{pointer}/{index}" if nested else pointer)
    else:
        yield {"pointer": pointer, "code": str(getattr(detail, "code", "invalid")), "detail": str(detail)}


def _model_errors(exc: DjangoValidationError) -> list[dict[str, str]]:
    if not hasattr(exc, "error_dict"):
        return [
            {"pointer": "#", "code": error.code or "invalid", "detail": error.messages[0]} for error in exc.error_list
        ]
    return [
        {
            "pointer": "#" if name == NON_FIELD_ERRORS else f"#/{_escape(name)}",
            "code": error.code or "invalid",
            "detail": error.messages[0],
        }
        for name, errors in exc.error_dict.items()
        for error in errors
    ]


def _escape(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
