"""The base of every view: who calls, what they may see, and how a change is made.

Reading happens as the caller (``scope.reading_as``), and the answer is rendered inside that scope. An unsafe call has
two halves: the handler loads, authorises and validates as the caller and returns an ``Effect``; the effect (one domain
call) then runs as the application in one transaction with its audit context, its check of ``If-Match`` under the row
lock, the answer and the stored copy for ``Idempotency-Key``.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from django.db import transaction
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from rest_framework import exceptions
from rest_framework.decorators import action
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet

from hashinsight.common.api import etags, idempotency, sparse
from hashinsight.common.api.fields import InputSerializer
from hashinsight.common.api.filters import ApiFilterSet, StrictFilterBackend, check_parameters
from hashinsight.common.api.pagination import KeysetPagination
from hashinsight.common.api.parsers import FileParser, StrictJSONParser
from hashinsight.common.api.permissions import MayCall
from hashinsight.common.api.responses import OneForm
from hashinsight.common.api.scope import answering_as, reading_as
from hashinsight.common.api.throttling import KeyThrottle
from hashinsight.common.audit import audit_context
from hashinsight.common.transitions import lock_row


def confirm_access(request: Request) -> None:
    """Ask once more, inside the transaction of the effect, whether the caller may still come in.

    Reading the body and checking it take time, as long as a slow caller likes. Raises AuthenticationFailed.
    """
    still_open = getattr(request.successful_authenticator, "still_open", None)
    if still_open is not None:
        still_open(request)


_METHODS = ["get", "head", "post", "patch", "put", "delete"]


def verb(method: Any) -> Any:
    """Makes a method the unsafe call ``POST <collection>/<id>/<name>/``."""
    return action(detail=True, methods=["post"])(method)


def verb_at(path: str) -> Any:
    """The same where the address is no name of a method: ``write-off``."""
    return action(detail=True, methods=["post"], url_path=path)


def verb_with_file(method: Any) -> Any:
    """As ``verb``; the body may be a file as it is instead of JSON, and is bytes then."""
    return action(detail=True, methods=["post"], parser_classes=[StrictJSONParser, FileParser])(method)


def verb_for_many(path: str) -> Any:
    """Makes a method the unsafe call ``POST <collection>/<path>/``, about the rows named in its body."""
    return action(detail=False, methods=["post"], url_path=path)


def part(path: str) -> Any:
    """Makes a method the reading call ``GET <collection>/<id>/<path>/``."""
    return action(detail=True, methods=["get"], url_path=path)


@dataclass(frozen=True)
class Effect:
    """What an unsafe call will do, now that it is known to be allowed.

    ``call`` is the one domain call; ``answer`` turns its result into the body; ``target`` is the row that
    ``If-Match`` speaks of. ``remember`` makes the copy kept for a replay, for answers that may be told once only.
    """

    call: Callable[[], Any]
    answer: "Callable[[Any], Answer]"
    target: Model | None = None
    remember: Callable[[Any], Any] = field(default=lambda body: body)


@dataclass(frozen=True)
class Outside:
    """An answer finished after the caller's scope has been left, from what was read inside of it.

    For papers: drawing takes long, and the letterhead is the house's own, out of a client's reach.
    """

    finish: Callable[[], HttpResponseBase]


@dataclass(frozen=True)
class Answer:
    """Body of an answer, with the address and state of what it shows; None and 204 for what is gone."""

    body: Any
    status: int = 200
    location: str = ""
    state: str = ""


class BaseView(APIView):
    """Serves one request as the module's docstring says."""

    http_method_names = _METHODS
    content_negotiation_class = OneForm
    permission_classes = [MayCall]
    throttle_classes = [KeyThrottle]
    metadata_class = None
    resource: ClassVar[str | None] = None
    staff_only: ClassVar[bool] = False
    staff_permissions: ClassVar[Mapping[str, str | None]] = {}
    client_actions: ClassVar[frozenset[str]] = frozenset()

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """As DRF, with the handler run inside the caller's scope."""
        self.args, self.kwargs = args, kwargs
        self.request = self.initialize_request(request, *args, **kwargs)
        self.headers = self.default_response_headers
        try:
            self.initial(self.request, *args, **kwargs)
            response = self.serve(self.request)
        except Exception as exc:  # noqa: BLE001  (every error becomes a problem)
            response = self.finish(self.handle_exception(exc))
        return response

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Who calls, how often, and whether they may; calls with a wrong key count for their address."""
        self.format_kwarg = None
        request.accepted_renderer, request.accepted_media_type = self.perform_content_negotiation(request)
        try:
            self.perform_authentication(request)
        except exceptions.AuthenticationFailed:
            self._count_stranger(request)
            raise
        self.check_throttles(request)
        self.check_permissions(request)
        check_parameters(request, self.known_parameters())

    def serve(self, request: Request) -> HttpResponseBase:
        """Read, or change."""
        handler: Any = getattr(self, str(request.method).lower()) if self.handler_exists() else None
        if handler is None:
            raise exceptions.MethodNotAllowed(str(request.method))
        if request.method not in SAFE_METHODS:
            return self._change(request, handler)
        with reading_as(request.user):
            answer = handler(request, *self.args, **self.kwargs)
            if not isinstance(answer, Outside):
                return self._conditional(request, self.finish(answer))
        return self._conditional(request, self.finish(answer.finish()))

    def finish(self, response: Any) -> HttpResponseBase:
        """Headers every answer has, and the body rendered now (that is, inside the scope if there is one)."""
        response = self.finalize_response(self.request, response, *self.args, **self.kwargs)
        for throttle in getattr(self, "_throttles", ()):
            if throttle.standing is not None:
                for name, value in throttle.standing.headers().items():
                    response[name] = value
        response.setdefault("Cache-Control", "private, no-cache")
        response.setdefault("Vary", "Authorization")
        if isinstance(response, Response):
            response.render()
        return response

    def get_throttles(self) -> list[Any]:
        """Kept, because the answer's headers tell where the caller stands."""
        self._throttles = [throttle() for throttle in self.throttle_classes]
        return self._throttles

    def handler_exists(self) -> bool:
        """Whether this address knows the method."""
        method = str(self.request.method).lower()
        return method in self.http_method_names and hasattr(self, method)

    def action_name(self) -> str:
        """The viewset's action, or the method of a plain view."""
        return getattr(self, "action", None) or str(self.request.method).lower().replace("head", "get")

    def known_parameters(self) -> frozenset[str]:
        """Query parameters this call takes."""
        return frozenset()

    def read_input(self, serializer_class: type[InputSerializer], *, partial: bool = False) -> dict[str, Any]:
        """The checked body."""
        serializer = serializer_class(data=self.request.data, partial=partial, context={"request": self.request})
        serializer.is_valid(raise_exception=True)
        data: dict[str, Any] = serializer.validated_data
        return data

    def _count_stranger(self, request: Request) -> None:
        """Somebody with a wrong key is counted by address; raises 429 instead of the 401 when that is too often."""
        self.check_throttles(request)

    def _conditional(self, request: Request, response: HttpResponseBase) -> HttpResponseBase:
        if response.status_code != 200 or not isinstance(response, HttpResponse):
            return response
        if "ETag" not in response:
            response["ETag"] = etags.tag_of(response.content, getattr(response, "row_state", "list"))
        if not etags.not_modified(request, response["ETag"]):
            return response
        unchanged = HttpResponse(status=304)
        for name in ("ETag", "Cache-Control", "Vary", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"):
            if name in response:
                unchanged[name] = response[name]
        return unchanged

    def _change(self, request: Request, handler: Callable[..., Effect]) -> HttpResponseBase:
        claim = idempotency.begin(request)
        if isinstance(claim, idempotency.Replay):
            return self.finish(claim.response())
        try:
            with reading_as(request.user):
                effect = handler(request, *self.args, **self.kwargs)
            return self._carry_out(request, effect, claim)
        except Exception:
            if claim is not None:
                claim.release()
            raise

    def _carry_out(self, request: Request, effect: Effect, claim: idempotency.Claim | None) -> HttpResponseBase:
        with audit_context(actor=request.user, source="api"), transaction.atomic():
            if claim is not None:
                claim.lock()
            if effect.target is not None and "If-Match" in request.headers:
                etags.check_match(request, self.state_of(lock_row(effect.target)))
            confirm_access(request)
            result = effect.call()
            with answering_as(request.user):
                answer = effect.answer(result)
                response = self._answered(answer)
            if claim is not None:
                claim.store(response, self._as_remembered(answer, effect, response))
        return response

    def _answered(self, answer: Answer) -> HttpResponse:
        response: Any = self.finish(Response(answer.body, status=answer.status))
        if answer.location:
            response["Content-Location"] = answer.location
            if answer.status in (201, 202):
                response["Location"] = answer.location
        if answer.state:
            response["ETag"] = etags.tag_of(response.content, answer.state)
        response["Cache-Control"] = "no-store"
        return response

    def _as_remembered(self, answer: Answer, effect: Effect, response: HttpResponse) -> str:
        kept = effect.remember(answer.body)
        if kept is answer.body:
            return response.content.decode()
        rendered: Any = self.request.accepted_renderer.render(kept)
        return bytes(rendered).decode()

    def state_of(self, instance: Any) -> str:
        """What ``If-Match`` compares."""
        return etags.state_of(instance)


class ResourceViewSet(BaseView, GenericViewSet[Any]):
    """A collection. Read-only unless a subclass decides otherwise, and only what ``rows_for`` gives is there."""

    lookup_field = "public_id"
    lookup_url_kwarg = "id"
    lookup_value_converter = "uuid"
    filter_backends = [StrictFilterBackend]
    pagination_class = KeysetPagination
    ordering_fields: ClassVar[tuple[str, ...]] = ("created_at",)
    default_ordering: ClassVar[str] = "-created_at"
    list_serializer_class: ClassVar[type[BaseSerializer[Any]] | None] = None
    filterset_class: ClassVar[type[ApiFilterSet]] = ApiFilterSet
    route: ClassVar[str] = ""

    @classmethod
    def rows_for(cls, user: Any) -> QuerySet[Any]:
        """Rows this user may see, ready to be shown."""
        raise NotImplementedError

    @classmethod
    def detail_rows_for(cls, user: Any) -> QuerySet[Any]:
        """The same with what only the full form shows."""
        return cls.rows_for(user)

    def list(self, request: Request) -> Response:
        """A page of the rows the caller may see."""
        rows = self.filter_queryset(self.rows_for(request.user))
        page = self.paginate_queryset(rows)
        serializer = sparse.choose(self.get_serializer_class()(page, many=True, context={"request": request}), request)
        return self.get_paginated_response(serializer.data)

    def retrieve(self, request: Request, id: Any) -> Response:
        """One row in full."""
        answer = self.shown(self.get_row())
        response = Response(answer.body)
        response.row_state = answer.state  # type: ignore[attr-defined]
        return response

    def get_serializer_class(self) -> Any:
        """The short form on the list where there is one."""
        if self.action == "list" and self.list_serializer_class is not None:
            return self.list_serializer_class
        return self.serializer_class

    def get_row(self) -> Any:
        """The row of the address. Raises 404 alike for one that is missing and one that is not the caller's."""
        row = self.detail_rows_for(self.request.user).filter(public_id=self.kwargs["id"]).first()
        if row is None:
            raise Http404
        return row

    def shown(self, row: Any, *, status: int = 200) -> Answer:
        """The full form of a row read by ``detail_rows_for``."""
        serializer = self.serializer_class(row, context={"request": self.request})  # type: ignore[misc]
        body = dict(sparse.choose(serializer, self.request).data)
        location = f"/api/v1/{self.route}/{row.public_id}/"
        return Answer(body, status=status, location=location, state=self.state_of(row))

    def shown_again(self, row: Any, *, status: int = 200) -> Answer:
        """The full form of a row that was just written, read anew as the caller sees it."""
        return self.shown(self.detail_rows_for(self.request.user).get(pk=row.pk), status=status)

    def shown_by(self, view_class: "type[ResourceViewSet]", row: Any, *, status: int = 200) -> Answer:
        """The full form of a row of another collection."""
        view = view_class(request=self.request, format_kwarg=None)
        return view.shown_again(row, status=status)

    def known_parameters(self) -> frozenset[str]:
        """Filters and paging on the list, the choice of fields there and on one row; nothing elsewhere."""
        action = getattr(self, "action", None)
        if action == "retrieve":
            return frozenset({sparse.PARAMETER})
        if action != "list":
            return frozenset()
        own = frozenset({sparse.PARAMETER})
        return own | self.filterset_class.names_for(self.request.user) | frozenset(KeysetPagination.parameters)


class NoSuchRoute(BaseView):
    """Whatever else is asked under the API: a problem in the API's form, whoever asks."""

    authentication_classes: Any = ()
    permission_classes: Any = ()
    schema = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """404, counted by address like every other call."""
        self.format_kwarg = None
        request.accepted_renderer, request.accepted_media_type = self.perform_content_negotiation(request)
        self.check_throttles(request)
        raise Http404
