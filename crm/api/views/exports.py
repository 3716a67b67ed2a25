"""Files for accounting: staff make them and fetch them again. To a client this collection does not exist."""

from datetime import date
from typing import Any

from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema_serializer
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request

from crm.domain import exports
from crm.enums import ExportKind
from crm.models import AccountingExport, LegalEntity
from hashinsight.common.api.fields import InputSerializer, OutputSerializer, VisibleIdField, public_id
from hashinsight.common.api.schema import described
from hashinsight.common.api.views import Effect, ResourceViewSet

_ENTITY = "0199f380-0a11-7c3e-8c55-1e1f2a3b4c5d"
_EXAMPLE = {
    "id": "0199f3c0-2a11-7d3e-9c55-7e1f2a3b4c5d",
    "legal_entity": _ENTITY,
    "kind": "journal_csv",
    "first_month": "2026-10-01",
    "last_month": "2026-10-31",
    "is_provisional": False,
    "file_name": "journal-nordlicht-hosting-2026-10.csv",
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "size": 48211,
    "row_count": 412,
    "sums": {"EUR": {"debit": "148211.07", "credit": "148211.07"}},
    "notes": [],
    "state_of": "2026-11-05T08:00:00.000000Z",
    "made_by": "0199f390-4411-7d2f-9b07-5a1c3e8d7f22",
    "made_at": "2026-11-06T09:15:00.000000Z",
    "created_at": "2026-11-06T09:15:00.000000Z",
    "updated_at": "2026-11-06T09:15:00.000000Z",
}
_WISH = {"legal_entity": _ENTITY, "kind": "journal_csv", "first": "2026-10", "last": "2026-10"}
MONTH = r"^\d{4}-(0[1-9]|1[0-2])$"


@extend_schema_serializer(examples=[OpenApiExample("answer", value=_EXAMPLE, response_only=True)])
class AccountingExportSerializer(OutputSerializer):
    """A file that was made from the books, with its hash."""

    id = public_id()
    legal_entity = public_id("legal_entity.public_id")
    made_by = serializers.UUIDField(source="made_by_id", read_only=True, allow_null=True)

    class Meta:
        model = AccountingExport
        fields = tuple(_EXAMPLE)
        read_only_fields = fields


@extend_schema_serializer(examples=[OpenApiExample("request", value=_WISH, request_only=True)])
class AccountingExportInput(InputSerializer):
    """Which months of whom, as what."""

    legal_entity = VisibleIdField(LegalEntity)
    kind = serializers.ChoiceField(choices=ExportKind.choices)
    first = serializers.RegexField(MONTH)
    last = serializers.RegexField(MONTH)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Months as days, in order."""
        for name in ("first", "last"):
            attrs[name] = date.fromisoformat(f"{attrs[name]}-01")
        if attrs["last"] < attrs["first"]:
            raise serializers.ValidationError({"last": _("The last month lies before the first.")})
        attrs["entity"] = attrs.pop("legal_entity")
        attrs["kind"] = ExportKind(attrs["kind"])
        return attrs


class AccountingExportViewSet(ResourceViewSet):
    """Files for accounting; written once. Of closed months the same file comes out again."""

    resource = route = "accounting-exports"
    serializer_class = AccountingExportSerializer
    staff_only = True
    staff_permissions = {
        "list": "crm.view_accountingexport",
        "retrieve": "crm.view_accountingexport",
        "create": "crm.make_accountingexport",
        "file": "crm.make_accountingexport",
    }
    queryset = AccountingExport.objects.none()

    @classmethod
    def rows_for(cls, user: Any) -> QuerySet[AccountingExport]:
        """All of them, without their bytes."""
        rows: QuerySet[AccountingExport] = AccountingExport.objects.visible_to(user)
        return rows.select_related("legal_entity").defer("content", "frozen")

    @described(request=AccountingExportInput, responses={201: AccountingExportSerializer})
    def create(self, request: Request) -> Effect:
        """Make a file of whole months (staff). 409 `export_refused` names everything that is missing for it.

        Of closed months that were exported before it is the same file again. `file` gives the bytes.
        """
        data = self.read_input(AccountingExportInput)
        return Effect(
            call=lambda: exports.make_export(**data, by=request.user, at=timezone.now()),
            answer=lambda made: self.shown_again(made, status=201),
        )

    @described(
        responses={
            (200, "application/octet-stream"): OpenApiResponse(bytes, description="The file, always the same bytes.")
        }
    )
    @action(detail=True, methods=["get"])
    def file(self, request: Request, id: Any) -> StreamingHttpResponse:
        """The bytes of the file (staff), sent piece by piece."""
        export: AccountingExport = self.get_row()
        response = StreamingHttpResponse(exports.chunks_of(export), content_type="application/octet-stream")
        response["Content-Disposition"] = f'attachment; filename="{export.file_name}"'
        response["Content-Length"] = str(export.size)
        response["ETag"] = f'"{export.sha256}"'
        response["X-Content-Type-Options"] = "nosniff"
        return response
