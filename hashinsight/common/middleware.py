"""Request id and audit context for each web request."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from hashinsight.common.audit import audit_context
from hashinsight.common.context import clean_request_id, request_id_scope

type_get_response = Callable[[HttpRequest], HttpResponse]
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})


class RequestIdMiddleware:
    """Give each request an id (the caller's if it is harmless) and return it as ``X-Request-ID``."""

    def __init__(self, get_response: type_get_response) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Serve the request inside the scope of its id."""
        with request_id_scope(clean_request_id(request.headers.get("X-Request-ID"))) as request_id:
            response = self.get_response(request)
            response["X-Request-ID"] = request_id
            return response


class AuditContextMiddleware:
    """Name the signed-in person in the audit rows that an unsafe request leaves."""

    def __init__(self, get_response: type_get_response) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Safe methods write no business rows and need no context."""
        if request.method in SAFE_METHODS:
            return self.get_response(request)
        actor = request.user if request.user.is_authenticated else None
        with audit_context(actor=actor, source="web"):
            return self.get_response(request)
