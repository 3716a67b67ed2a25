"""Tickets: clients open theirs, write, send files, close and reopen; staff work on them."""

from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse
from rest_framework import serializers
from rest_framework.request import Request

from crm.models import Customer
from hashinsight.common.api.fields import NoInput
from hashinsight.common.api.parsers import FileParser, StrictJSONParser
from hashinsight.common.api.problems import BadRequest, invalid_parameters
from hashinsight.common.api.responses import file_response
from hashinsight.common.api.schema import described
from hashinsight.common.api.scope import is_client
from hashinsight.common.api.views import Effect, ResourceViewSet, part, verb, verb_with_file
from hashinsight.journal.models import Attachment
from hosting.api.filters import TicketFilter
from hosting.api.tickets import (
    FILE_EXAMPLE,
    FULL_EXAMPLE,
    AssignInput,
    AttachmentSerializer,
    ClientFileInput,
    ClientFileParameters,
    ClientNoteInput,
    ClientTicketInput,
    FileInput,
    FileParameters,
    FullTicketSerializer,
    NoteInput,
    TicketChange,
    TicketInput,
    TicketSerializer,
    checked_file,
)
from hosting.domain import tickets
from hosting.models import Ticket

FILE_PARAMETERS = [
    OpenApiParameter("name", {"type": "string", "maxLength": 150}, description="Of a file that is the body: its name."),
    OpenApiParameter(
        "client_visible", {"type": "string", "enum": ["true", "false"]},
        description="Of a file that is the body: whether the client sees it (staff).",
    ),
]  # fmt: skip
SENT_FILE = OpenApiExample(
    "file", summary="log.txt", value="boards: 2", media_type=FileParser.media_type, request_only=True
)


class TicketViewSet(ResourceViewSet):
    """Tickets. Clients see their own, and of the conversation what is meant for them."""

    resource = route = "tickets"
    serializer_class = FullTicketSerializer
    list_serializer_class = TicketSerializer
    filterset_class = TicketFilter
    client_actions = frozenset({"list", "retrieve", "create", "note", "attach", "close", "reopen"})
    staff_permissions = {
        "list": "hosting.view_ticket",
        "retrieve": "hosting.view_ticket",
        "create": "hosting.add_ticket",
        "partial_update": "hosting.change_ticket",
        "note": "hosting.work_ticket",
        "attach": "hosting.work_ticket",
        "assign": "hosting.work_ticket",
        "begin": "hosting.work_ticket",
        "ask": "hosting.work_ticket",
        "resolve": "hosting.work_ticket",
        "close": "hosting.work_ticket",
        "reopen": "hosting.work_ticket",
    }
    queryset = Ticket.objects.none()

    @classmethod
    def rows_for(cls, user: Any) -> QuerySet[Ticket]:
        """Own and visible ones; for staff all."""
        rows: QuerySet[Ticket] = Ticket.objects.visible_to(user).select_related("customer", "site")
        return rows

    @described(request=TicketInput, responses={201: FullTicketSerializer})
    def create(self, request: Request) -> Effect:
        """Open a ticket; the clock of the promise begins. A client's belongs to its customer."""
        if is_client(request.user):
            data = self.read_input(ClientTicketInput)
            data["customer"] = data.get("customer") or self._only_customer()
        else:
            data = self.read_input(TicketInput)
        return Effect(
            call=lambda: tickets.open_ticket(by=request.user, at=timezone.now(), **data),
            answer=lambda made: self.shown_again(made, status=201),
        )

    @described(request=TicketChange, responses={200: FullTicketSerializer})
    def partial_update(self, request: Request, id: Any) -> Effect:
        """Change a ticket (staff). Another priority is another promise."""
        ticket = self.get_row()
        changes = self.read_input(TicketChange, partial=True)
        return Effect(
            call=lambda: tickets.change_ticket(ticket, changes=changes, by=request.user),
            answer=self.shown_again,
            target=ticket,
        )

    @described(request=NoteInput, responses={200: FullTicketSerializer})
    @verb
    def note(self, request: Request, id: Any) -> Effect:
        """Write something. A client's note goes on with a ticket that waits for it, and reopens a resolved one."""
        ticket = self.get_row()
        data = self.read_input(ClientNoteInput if is_client(request.user) else NoteInput)
        return Effect(
            call=lambda: tickets.write_note(ticket, by=request.user, at=timezone.now(), **data),
            answer=lambda _note: self.shown_again(ticket),
            target=ticket,
        )

    @described(
        request={"application/json": FileInput, FileParser.media_type: OpenApiTypes.BINARY},
        parameters=FILE_PARAMETERS, examples=[FILE_EXAMPLE, SENT_FILE, FULL_EXAMPLE],
        responses={200: FullTicketSerializer},
    )  # fmt: skip
    @verb_with_file
    def attach(self, request: Request, id: Any) -> Effect:
        """Add a file; the same content twice is one file.

        It is sent as it is (`application/octet-stream`, at most 4 MB), the name in the address: `curl --data-binary
        @log.txt -H "Content-Type: application/octet-stream" …/attach/?name=log.txt`; or in JSON (at most 700 kB).
        PNG, JPEG, PDF, CSV and text are taken; what it is, name and content say together.
        """
        ticket = self.get_row()
        if self._media_type() == FileParser.media_type:
            data = self._file_sent()
        else:
            data = self.read_input(ClientFileInput if is_client(request.user) else FileInput)
        return Effect(
            call=lambda: tickets.add_file(ticket, by=request.user, at=timezone.now(), **data),
            answer=lambda _file: self.shown_again(ticket),
            target=ticket,
        )

    @described(request=AssignInput, responses={200: FullTicketSerializer})
    @verb
    def assign(self, request: Request, id: Any) -> Effect:
        """Give it to somebody of the house (staff)."""
        ticket = self.get_row()
        data = self.read_input(AssignInput)
        return Effect(
            call=lambda: tickets.assign_ticket(ticket, by=request.user, **data),
            answer=self.shown_again,
            target=ticket,
        )

    @described(request=NoInput, responses={200: FullTicketSerializer})
    @verb
    def begin(self, request: Request, id: Any) -> Effect:
        """Begin work on it (staff); that counts as an answer."""
        ticket = self.get_row()
        self.read_input(NoInput)
        return Effect(
            call=lambda: tickets.begin_work(ticket, by=request.user, at=timezone.now()),
            answer=self.shown_again,
            target=ticket,
        )

    @described(request=ClientNoteInput, responses={200: FullTicketSerializer})
    @verb
    def ask(self, request: Request, id: Any) -> Effect:
        """Ask the client (staff); the clock stands until the answer."""
        ticket = self.get_row()
        question = self.read_input(ClientNoteInput)["body"]
        return Effect(
            call=lambda: tickets.wait_for_client(ticket, question=question, by=request.user, at=timezone.now()),
            answer=self.shown_again,
            target=ticket,
        )

    @described(request=ClientNoteInput, responses={200: FullTicketSerializer})
    @verb
    def resolve(self, request: Request, id: Any) -> Effect:
        """It is done (staff); `body` says what was done."""
        ticket = self.get_row()
        done = self.read_input(ClientNoteInput)["body"]
        return Effect(
            call=lambda: tickets.resolve_ticket(ticket, resolution=done, by=request.user, at=timezone.now()),
            answer=self.shown_again,
            target=ticket,
        )

    @described(request=NoInput, responses={200: FullTicketSerializer})
    @verb
    def close(self, request: Request, id: Any) -> Effect:
        """It is over; one that was not resolved is withdrawn by that."""
        ticket = self.get_row()
        self.read_input(NoInput)
        return Effect(
            call=lambda: tickets.close_ticket(ticket, by=request.user, at=timezone.now()),
            answer=self.shown_again,
            target=ticket,
        )

    @described(request=ClientNoteInput, responses={200: FullTicketSerializer})
    @verb
    def reopen(self, request: Request, id: Any) -> Effect:
        """It was not done after all; `body` says why, and the clock of the resolution begins anew."""
        ticket = self.get_row()
        why = self.read_input(ClientNoteInput)["body"]
        return Effect(
            call=lambda: tickets.reopen_ticket(ticket, reason=why, by=request.user, at=timezone.now()),
            answer=self.shown_again,
            target=ticket,
        )

    def known_parameters(self) -> frozenset[str]:
        """Of a file that is the body: its name, and from staff for whom it is."""
        if getattr(self, "action", None) == "attach" and self._media_type() != StrictJSONParser.media_type:
            return frozenset(self._file_form()().fields)
        return super().known_parameters()

    def _media_type(self) -> str:
        return (self.request.content_type or "").partition(";")[0].strip().lower()

    def _file_form(self) -> type[ClientFileParameters]:
        return ClientFileParameters if is_client(self.request.user) else FileParameters

    def _file_sent(self) -> dict[str, Any]:
        said = self._file_form()(data=self.request.query_params.dict())
        if not said.is_valid():
            raise invalid_parameters(said.errors)
        raw: Any = self.request.data or b""  # an empty body is no bytes for DRF
        try:
            file = checked_file(said.validated_data["name"], raw)
        except ValidationError as error:
            raise BadRequest("invalid_file", error.messages[0]) from error
        return {"file": file, "client_visible": said.validated_data.get("client_visible") == "true"}

    def _only_customer(self) -> Customer:
        """Of a client that belongs to one customer; raises 400 when it must be named."""
        mine = list(Customer.objects.visible_to(self.request.user)[:2])
        if len(mine) != 1:
            raise serializers.ValidationError({"customer": [_("Name the customer.")]})
        return mine[0]


class AttachmentViewSet(ResourceViewSet):
    """Files of tickets. Clients see those that are meant for them."""

    resource = route = "attachments"
    serializer_class = AttachmentSerializer
    client_actions = frozenset({"list", "retrieve", "file"})
    staff_permissions = {
        "list": "hosting.view_ticket", "retrieve": "hosting.view_ticket", "file": "hosting.view_ticket",
    }  # fmt: skip
    queryset = Attachment.objects.none()

    @classmethod
    def rows_for(cls, user: Any) -> QuerySet[Attachment]:
        """Own and visible ones; for staff all."""
        rows: QuerySet[Attachment] = Attachment.objects.visible_to(user)
        return rows

    @described(
        responses={(200, "application/octet-stream"): OpenApiResponse(bytes, description="The file as it was sent.")}
    )
    @part("file")
    def file(self, request: Request, id: Any) -> HttpResponse:
        """The bytes of a file, to be saved."""
        row = self.get_row()
        return file_response(
            bytes(row.content.data), media_type="application/octet-stream", name=row.name, sha256=row.sha256
        )
