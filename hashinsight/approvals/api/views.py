"""Requests for approval: staff read, decide and take back. To a client this collection does not exist."""

from collections.abc import Callable
from typing import Any

import django_filters
from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers
from rest_framework.request import Request

from hashinsight.approvals.domain import requests
from hashinsight.approvals.enums import ApprovalState
from hashinsight.approvals.models import ApprovalRequest
from hashinsight.common.api.fields import InputSerializer, MoneyField, NoInput, OutputSerializer
from hashinsight.common.api.filters import ApiFilterSet
from hashinsight.common.api.problems import Problem
from hashinsight.common.api.schema import described
from hashinsight.common.api.views import Effect, ResourceViewSet, verb
from hashinsight.common.errors import DomainError

_EXAMPLE = {
    "id": "0199f3b0-2a11-7d3e-9c55-7e1f2a3b4c5d",
    "action": "crm.credit_note",
    "object_type": "crm.invoice",
    "object": "INV-K7XW2M-2026-0001",
    "amount": "12000.00",
    "currency": "EUR",
    "reason": "Machines were down for two weeks",
    "state": "pending",
    "requested_by": "0199f390-4411-7d2f-9b07-5a1c3e8d7f22",
    "requested_at": "2026-11-02T09:15:00.000000Z",
    "expires_at": "2026-11-16T09:15:00.000000Z",
    "decided_by": None,
    "decided_at": None,
    "decision_note": "",
    "last_refusal": "",
    "executed_at": None,
    "result": "",
    "payload": {"reason": "Machines were down for two weeks", "quantities": None, "send": True},
    "created_at": "2026-11-02T09:15:00.000000Z",
    "updated_at": "2026-11-02T09:15:00.000000Z",
}


_ANSWER = OpenApiExample("answer", value=_EXAMPLE, response_only=True, status_codes=["200", "201", "202"])


@extend_schema_serializer(examples=[_ANSWER])
class ApprovalSerializer(OutputSerializer):
    """An act that one person asked for and another one decides."""

    id = serializers.UUIDField(source="public_id", read_only=True)
    action = serializers.CharField(source="kind", read_only=True)
    object = serializers.CharField(source="object_label", read_only=True)
    amount = MoneyField(allow_null=True)
    requested_by = serializers.UUIDField(source="requested_by_id", read_only=True, allow_null=True)
    decided_by = serializers.UUIDField(source="decided_by_id", read_only=True, allow_null=True)

    class Meta:
        model = ApprovalRequest
        fields = tuple(_EXAMPLE)


@extend_schema_serializer(examples=[OpenApiExample("request", value={"note": "Agreed"}, request_only=True)])
class DecisionInput(InputSerializer):
    """A word on the decision."""

    note = serializers.CharField(max_length=300, required=False, allow_blank=True)


@extend_schema_serializer(examples=[OpenApiExample("request", value={"note": "Too much"}, request_only=True)])
class RejectInput(InputSerializer):
    """Why not."""

    note = serializers.CharField(max_length=300)


class ApprovalFilter(ApiFilterSet):
    """By state and kind of act."""

    state = django_filters.ChoiceFilter(choices=ApprovalState.choices)
    action = django_filters.CharFilter(field_name="kind")

    class Meta:
        model = ApprovalRequest
        fields: tuple[str, ...] = ()


class ApprovalViewSet(ResourceViewSet):
    """Acts that wait for a second person. For staff only; a client gets 404."""

    resource = route = "approvals"
    staff_only = True
    serializer_class = ApprovalSerializer
    filterset_class = ApprovalFilter
    staff_permissions = {
        "list": "approvals.view_approvalrequest",
        "retrieve": "approvals.view_approvalrequest",
        "approve": "approvals.decide_approvalrequest",
        "reject": "approvals.decide_approvalrequest",
        "withdraw": "approvals.withdraw_approvalrequest",
    }
    queryset = ApprovalRequest.objects.none()

    @classmethod
    def rows_for(cls, user: Any) -> QuerySet[ApprovalRequest]:
        """All, for staff."""
        rows: QuerySet[ApprovalRequest] = ApprovalRequest.objects.visible_to(user)
        return rows

    @described(request=DecisionInput, responses={200: ApprovalSerializer})
    @verb
    def approve(self, request: Request, id: Any) -> Effect:
        """Decide for it (staff, never whoever asked); the act is done in the same moment, or nothing is."""
        row = self.get_row()
        note = self.read_input(DecisionInput).get("note", "")
        call = lambda: requests.approve(row, by=request.user, at=timezone.now(), note=note)  # noqa: E731
        return Effect(call=_remembering(row, call), answer=self.shown_again, target=row)

    @described(request=RejectInput, responses={200: ApprovalSerializer})
    @verb
    def reject(self, request: Request, id: Any) -> Effect:
        """Decide against it (staff, never whoever asked)."""
        row = self.get_row()
        note = self.read_input(RejectInput)["note"]
        return Effect(
            call=lambda: requests.reject(row, by=request.user, at=timezone.now(), note=note),
            answer=self.shown_again,
            target=row,
        )

    @described(request=NoInput, responses={200: ApprovalSerializer})
    @verb
    def withdraw(self, request: Request, id: Any) -> Effect:
        """Take one's own request back (staff)."""
        row = self.get_row()
        self.read_input(NoInput)
        return Effect(
            call=lambda: requests.withdraw(row, by=request.user, at=timezone.now()),
            answer=self.shown_again,
            target=row,
        )


def _remembering(row: ApprovalRequest, call: Callable[[], Any]) -> Callable[[], Any]:
    """A refusal is kept with the request, which waits on, after the transaction was taken back."""

    def carried_out() -> Any:
        try:
            return call()
        except DomainError as refusal:
            text = str(refusal)
            raise Problem(
                409, refusal.code, refusal.message, afterwards=lambda: requests.note_refusal(row, message=text)
            ) from refusal

    return carried_out
