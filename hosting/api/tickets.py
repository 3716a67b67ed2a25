"""Tickets as the API takes and shows them."""

import base64
import binascii
from typing import Any

from django import forms
from django.contrib.auth import get_user_model
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_field, extend_schema_serializer
from rest_framework import serializers

from crm.models import Customer
from crm.models.fields import validate_printable
from hashinsight.common.api.fields import (
    InputSerializer,
    OutputSerializer,
    UtcDateTimeField,
    VisibleIdField,
    link,
    words,
)
from hashinsight.common.api.fields import public_id as own_id
from hashinsight.common.uploads import UploadField
from hashinsight.journal.domain import NewFile, timeline_of
from hashinsight.journal.models import Attachment
from hashinsight.journal.models.entry import LONGEST_NOTE
from hosting.api import examples
from hosting.api.inputs import MinersField, line
from hosting.enums import TicketKind, TicketPriority
from hosting.forms.tickets import FILE_KINDS, MOST_FILE_BYTES
from hosting.models import Miner, Site, Ticket

MOST_JSON_FILE_BYTES = 700_000  # what fits, in base64, into a body of 1 MB
MOST_SHOWN = 500

EXAMPLE: dict[str, Any] = {
    "id": "0199f3c0-b4b0-77ca-a5da-e0516273841b",
    "reference": "T-0007",
    "customer": examples.CUSTOMER_ID,
    "site": examples.SITE_ID,
    "kind": "hardware",
    "priority": "high",
    "status": "in_progress",
    "subject": "Hash board missing",
    "description": "Shows two boards since this morning.",
    "resolution": "",
    "waiting_since": None,
    "respond_due_at": "2026-11-02T10:15:00.000000Z",
    "responded_at": "2026-11-02T09:40:00.000000Z",
    "resolve_due_at": "2026-11-02T21:15:00.000000Z",
    "resolved_at": None,
    "closed_at": None,
    "reopened": 0,
    **examples.STAMPS,
}
CONVERSATION = [
    {
        "id": "0199f3c0-c5c0-78db-b6eb-f16273849520", "at": "2026-11-02T09:40:00.000000Z", "from_client": False,
        "kind": "note", "body": "We swap it today.", "name": None, "media_type": None, "size": None, "sha256": None,
    }
]  # fmt: skip


class ConversationEntrySerializer(serializers.Serializer[Any]):
    """A note, or a file, whose bytes are at `/attachments/{id}/file/`."""

    id = serializers.UUIDField(source="public_id", read_only=True)
    at = UtcDateTimeField(source="created_at", read_only=True)
    from_client = serializers.BooleanField(read_only=True)
    kind: Any = serializers.SerializerMethodField()
    body: Any = serializers.CharField(read_only=True, default=None, allow_null=True)
    name: Any = serializers.CharField(read_only=True, default=None, allow_null=True)
    media_type: Any = serializers.CharField(read_only=True, default=None, allow_null=True)
    size: Any = serializers.IntegerField(read_only=True, default=None, allow_null=True)
    sha256: Any = serializers.CharField(read_only=True, default=None, allow_null=True)

    @extend_schema_field(serializers.ChoiceField(choices=[("note", "note"), ("file", "file")]))
    def get_kind(self, entry: Any) -> str:
        """What it is."""
        return "file" if isinstance(entry, Attachment) else "note"


@extend_schema_serializer(
    examples=[
        examples.shown(
            id=CONVERSATION[0]["id"], name="log.txt", media_type="text/plain", size=9, sha256="9f86d081" * 8,
            from_client=True, created_at=examples.CREATED, client_visible=True,
        )
    ]
)  # fmt: skip
class AttachmentSerializer(OutputSerializer):
    """A file somebody added to a ticket."""

    id = own_id()

    class Meta:
        model = Attachment
        fields = ("id", "name", "media_type", "size", "sha256", "from_client", "created_at", "client_visible")
        read_only_fields = fields
        staff_fields = ("client_visible",)


@extend_schema_serializer(
    examples=[examples.shown(**{**EXAMPLE, "assigned_to": None, "client_visible": True, "opened_by": None})]
)
class TicketSerializer(OutputSerializer):
    """What somebody needs, and how far it is. The clock stands while `waiting_since` is set."""

    id = own_id()
    reference = serializers.CharField(read_only=True)
    customer = link("customer")
    site = link("site")
    assigned_to = serializers.UUIDField(source="assigned_to_id", read_only=True, allow_null=True)
    opened_by = serializers.UUIDField(source="opened_by_id", read_only=True, allow_null=True)

    class Meta:
        model = Ticket
        fields = (*EXAMPLE, "assigned_to", "client_visible", "opened_by")
        read_only_fields = fields
        staff_fields = ("assigned_to", "client_visible", "opened_by")


FULL_EXAMPLE = examples.shown(
    **EXAMPLE, assigned_to=None, client_visible=True, opened_by=None, miners=[examples.MINER_ID],
    conversation=CONVERSATION,
)  # fmt: skip


@extend_schema_serializer(examples=[FULL_EXAMPLE])
class FullTicketSerializer(TicketSerializer):
    """With its machines and what was written and sent, oldest first (the newest 500)."""

    miners: Any = serializers.SerializerMethodField()
    conversation: Any = serializers.SerializerMethodField()

    class Meta(TicketSerializer.Meta):
        fields = (*TicketSerializer.Meta.fields, "miners", "conversation")
        read_only_fields = fields

    @extend_schema_field(serializers.ListField(child=serializers.UUIDField()))
    def get_miners(self, ticket: Ticket) -> list[str]:
        """Those the caller can see."""
        rows = Miner.objects.visible_to(self.context["request"].user).filter(ticket_links__ticket=ticket)
        return [str(one) for one in rows.order_by("pk").values_list("public_id", flat=True)]

    @extend_schema_field(ConversationEntrySerializer(many=True))
    def get_conversation(self, ticket: Ticket) -> Any:
        """Those the caller can see."""
        entries = timeline_of(ticket, visible_to=self.context["request"].user)[-MOST_SHOWN:]
        return ConversationEntrySerializer(entries, many=True).data


class _TicketFields(InputSerializer):
    kind = serializers.ChoiceField(choices=TicketKind.choices, required=False)
    priority = serializers.ChoiceField(choices=TicketPriority.choices, required=False)
    description = words(10_000, validate_printable)
    site = VisibleIdField(Site, required=False, allow_null=True)


@extend_schema_serializer(
    examples=[examples.sent(subject="Hash board missing", kind="hardware", miners=[examples.MINER_ID])]
)
class ClientTicketInput(_TicketFields):
    """What a client opens. ``customer`` is needed by members of several customers only."""

    subject = line(needed=True)
    customer = VisibleIdField(Customer, required=False)
    miners = MinersField(required=False)


@extend_schema_serializer(examples=[examples.sent(subject="Check the breaker", customer=examples.CUSTOMER_ID)])
class TicketInput(ClientTicketInput):
    """What staff open. Without a customer, or not visible to the client, it stays among us."""

    client_visible = serializers.BooleanField(required=False)


@extend_schema_serializer(examples=[examples.sent(priority="urgent")])
class TicketChange(_TicketFields):
    """Columns of a ticket."""

    subject = line(needed=True)


@extend_schema_serializer(examples=[examples.sent(body="The left fan.")])
class ClientNoteInput(InputSerializer):
    """What a client writes."""

    body = words(LONGEST_NOTE, validate_printable, needed=True)


@extend_schema_serializer(examples=[examples.sent(body="We swap it today.", client_visible=True)])
class NoteInput(ClientNoteInput):
    """What staff write; among us unless it says otherwise."""

    client_visible = serializers.BooleanField(required=False)


@extend_schema_serializer(examples=[examples.sent(to="0199f390-4411-7d2f-9b07-5a1c3e8d7f22")])
class AssignInput(InputSerializer):
    """To whom (a person of the house)."""

    to = serializers.PrimaryKeyRelatedField(
        queryset=get_user_model().objects.filter(is_active=True, is_staff=True), pk_field=serializers.UUIDField()
    )


def checked_file(name: str, raw: bytes, *, most_bytes: int = MOST_FILE_BYTES) -> NewFile:
    """Checked by the same field as what comes in through a form. Raises the ValidationError of forms."""
    upload = UploadField(kinds=FILE_KINDS, most_bytes=most_bytes).clean(SimpleUploadedFile(name, raw))
    return NewFile(upload.name, upload.content_type, raw)


@extend_schema_serializer(examples=[examples.sent(name="log.txt", content=base64.b64encode(b"boards: 2").decode())])
class ClientFileInput(InputSerializer):
    """A picture, PDF, CSV or text of at most 700 kB; `content` is base64. Larger ones are sent as they are."""

    name = line(150, needed=True)
    content = serializers.CharField(max_length=1_000_000)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Checked by the same field as what comes in through a form."""
        try:
            raw = base64.b64decode(attrs.pop("content"), validate=True)
        except (binascii.Error, ValueError) as error:
            raise serializers.ValidationError({"content": _("This is not base64.")}) from error
        try:
            file = checked_file(attrs.pop("name"), raw, most_bytes=MOST_JSON_FILE_BYTES)
        except forms.ValidationError as error:
            raise serializers.ValidationError({"content": error.messages}) from error
        return {**attrs, "file": file}


FILE_EXAMPLE = examples.sent(name="log.txt", content=base64.b64encode(b"boards: 2").decode(), client_visible=True)


@extend_schema_serializer(examples=[FILE_EXAMPLE])
class FileInput(ClientFileInput):
    """The same from staff; among us unless it says otherwise."""

    client_visible = serializers.BooleanField(required=False)


class ClientFileParameters(InputSerializer):
    """What is said in the address about a file that is the body."""

    name = line(150, needed=True)


class FileParameters(ClientFileParameters):
    """The same from staff."""

    client_visible = serializers.ChoiceField(choices=["true", "false"], required=False)
