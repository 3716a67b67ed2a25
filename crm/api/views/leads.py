"""Leads: for staff only. To a client this collection does not exist."""

from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from rest_framework.request import Request

from crm.api.filters import LeadFilter
from crm.api.inputs import LeadChange, LeadInput, LeadMove
from crm.api.serializers import DealSerializer, LeadSerializer
from crm.api.views.deals import DealViewSet
from crm.domain import edits, leads
from crm.models import Lead
from hashinsight.common.api.fields import NoInput
from hashinsight.common.api.schema import described
from hashinsight.common.api.views import Effect, ResourceViewSet, verb


class LeadViewSet(ResourceViewSet):
    """Leads: people who may become customers. For staff only; a client gets 404."""

    resource = route = "leads"
    staff_only = True
    serializer_class = LeadSerializer
    filterset_class = LeadFilter
    staff_permissions = {
        "list": "crm.view_lead",
        "retrieve": "crm.view_lead",
        "create": "crm.add_lead",
        "partial_update": "crm.change_lead",
        "move": "crm.move_lead",
        "convert": "crm.convert_lead",
    }
    queryset = Lead.objects.none()

    @classmethod
    def rows_for(cls, user: Any) -> QuerySet[Lead]:
        """All, for staff."""
        rows: QuerySet[Lead] = Lead.objects.visible_to(user).select_related("customer")
        return rows

    @described(request=LeadInput, responses={201: LeadSerializer})
    def create(self, request: Request) -> Effect:
        """Add a lead."""
        data = self.read_input(LeadInput)
        return Effect(
            call=lambda: leads.create_lead(by=request.user, at=timezone.now(), **data),
            answer=lambda made: self.shown_again(made, status=201),
        )

    @described(request=LeadChange, responses={200: LeadSerializer})
    def partial_update(self, request: Request, id: Any) -> Effect:
        """Change a lead's data; its status moves by `move` and `convert`."""
        lead = self.get_row()
        changes = self.read_input(LeadChange, partial=True)
        return Effect(
            call=lambda: edits.change_lead(lead, changes=changes, by=request.user), answer=self.shown_again, target=lead
        )

    @described(request=LeadMove, responses={200: LeadSerializer})
    @verb
    def move(self, request: Request, id: Any) -> Effect:
        """Move a lead to contacted, qualified, negotiation or lost (with a reason)."""
        lead = self.get_row()
        data = self.read_input(LeadMove)
        return Effect(
            call=lambda: leads.move_lead(lead, by=request.user, at=timezone.now(), **data),
            answer=self.shown_again,
            target=lead,
        )

    @described(request=NoInput, responses={200: DealSerializer})
    @verb
    def convert(self, request: Request, id: Any) -> Effect:
        """Win a lead: finds or makes the customer and makes one draft deal, which is answered. Safe to repeat.

        Of a lead that is won it is the same deal; where that was deleted as a draft, a new one for the same customer.
        """
        lead = self.get_row()
        self.read_input(NoInput)
        return Effect(
            call=lambda: leads.convert_lead(lead, by=request.user, at=timezone.now()),
            answer=lambda deal: self.shown_by(DealViewSet, deal),
            target=lead,
        )
