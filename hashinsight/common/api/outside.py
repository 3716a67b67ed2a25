"""Errors outside of the API's views: a crash in middleware, a path no route knows, a form without its token.

Django asks these handlers when nothing else has answered. Programs, which call an address under ``/api/`` or say
that they would rather read JSON, get the API's answer; people get a page.
"""

import json
import sys
from typing import Any

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.template.loader import render_to_string
from django.utils.translation import gettext as _
from django.views import csrf, defaults

from hashinsight.common.api.problems import MEDIA_TYPE, RETRY_SECONDS, Problem, body_of, not_found, unavailable

PREFIX = "/api/"
JSON_TYPES = (MEDIA_TYPE, "application/json")


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """400: what Django itself refused (a wrong host, too many fields)."""
    if not _is_program(request):
        return defaults.bad_request(request, exception)
    return _answer(Problem(400, "bad_request", _("The request could not be read.")))


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """403: refused before any view was asked."""
    if not _is_program(request):
        return defaults.permission_denied(request, exception)
    return _answer(Problem(403, "permission_denied", _("You may not do this.")))


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """404: there is no such address."""
    if not _is_program(request):
        return defaults.page_not_found(request, exception)
    return _answer(not_found())


def server_error(request: HttpRequest) -> HttpResponseBase:
    """500: a mistake of ours; it is logged by Django, and the request id leads to it. 503: the database is away."""
    if isinstance(sys.exc_info()[1], OperationalError | InterfaceError):
        return _answer(unavailable()) if _is_program(request) else _away(request)
    if not _is_program(request):
        return defaults.server_error(request)
    return _answer(
        Problem(500, "server_error", _("Something went wrong on our side. The request id helps us find it."))
    )


def _away(request: HttpRequest) -> HttpResponse:
    """A page that needs neither session nor person: both live in the database."""
    return HttpResponse(
        render_to_string("503.html"),
        status=503,
        headers={"Retry-After": str(RETRY_SECONDS), "Cache-Control": "no-store"},
    )


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponseBase:
    """403: a form that came without the token of its page, or from another one."""
    if not _is_program(request):
        return csrf.csrf_failure(request, reason)
    return _answer(Problem(403, "csrf_failed", _("The token that protects forms is missing or wrong.")))


def _is_program(request: HttpRequest) -> bool:
    if request.path_info.startswith(PREFIX) or request.path_info == PREFIX.rstrip("/"):
        return True
    return request.get_preferred_type(["text/html", *JSON_TYPES]) in JSON_TYPES


def _answer(problem: Problem) -> HttpResponse:
    body: dict[str, Any] = body_of(problem)
    response = HttpResponse(json.dumps(body).encode(), status=problem.status, content_type=MEDIA_TYPE)
    response["Cache-Control"] = "no-store"
    response["Vary"] = "Accept"
    for name, value in problem.headers.items():
        response[name] = value
    return response
