"""Doors: calls opened by something other than a person's key, such as the token of a device or a signature.

Whoever comes through one is no person: it has neither customers nor powers, and does what this one address is for. A
key of a person opens none of them. How they are described follows from what the view says of itself.
"""

from typing import Any, ClassVar

from django.http.response import HttpResponseBase
from rest_framework import exceptions
from rest_framework.request import Request

from hashinsight.common.api.schema import HashInsightSchema, headers
from hashinsight.common.api.views import BaseView
from hashinsight.common.audit import audit_context


class DoorSchema(HashInsightSchema):
    """Says what the view says of itself: ``takes``, ``answers``, ``errors`` and ``parameters``."""

    is_conditional = False

    def get_operation(self, *args: Any, **kwargs: Any) -> Any:
        """A body is needed where one is taken; the way in is said even where there is none."""
        operation = super().get_operation(*args, **kwargs)
        if "requestBody" in operation:
            operation["requestBody"]["required"] = True
        operation.setdefault("security", [])
        return operation

    def get_request_serializer(self) -> Any:
        """What the view takes."""
        view: Any = self.view
        return view.takes

    def get_response_serializers(self) -> Any:
        """What the view answers, by status."""
        view: Any = self.view
        return view.answers

    def get_override_parameters(self) -> Any:
        """Headers of the view."""
        view: Any = self.view
        return view.parameters

    def get_operation_id(self) -> str:
        """``edge_batches``."""
        return "_".join(part for part in self.path.strip("/").split("/")[-2:] if "{" not in part)

    def get_tags(self) -> list[str]:
        """One for all calls of a door."""
        view: Any = self.view
        return [view.door]

    def _header_parameters(self) -> list[dict[str, Any]]:
        return []

    def _success_headers(self, status: str) -> dict[str, Any]:
        return headers()

    def _error_statuses(self) -> list[int]:
        view: Any = self.view
        return sorted(view.errors)


class DoorView(BaseView):
    """Served for whoever came through; nothing is read as a person."""

    schema = DoorSchema()
    door: ClassVar[str] = ""
    takes: Any = None
    answers: ClassVar[dict[int, Any]] = {}
    errors: ClassVar[frozenset[int]] = frozenset({400, 401, 429})
    parameters: ClassVar[list[Any]] = []
    permission_classes: Any = ()
    http_method_names = ["get", "post"]

    def serve(self, request: Request) -> HttpResponseBase:
        """The handler; what it writes names the door as its source."""
        handler: Any = getattr(self, str(request.method).lower()) if self.handler_exists() else None
        if handler is None:
            raise exceptions.MethodNotAllowed(str(request.method))
        with audit_context(source=self.door):
            answer = handler(request, *self.args, **self.kwargs)
        self.afterwards(request)
        response = self.finish(answer)
        response["Cache-Control"] = "no-store"
        return response

    def afterwards(self, request: Request) -> None:
        """What is noted about the caller when the call went well."""
