"""Customers: clients see their own and change how to reach them; staff create and edit."""

from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework.request import Request

from crm.api.filters import CustomerFilter
from crm.api.inputs import ContactChange, CustomerChange, CustomerInput
from crm.api.serializers import CustomerSerializer
from crm.api.views.statements import STATEMENT_ACTIONS, StatementActions
from crm.domain import customers, edits
from crm.domain.queries import may_administer
from crm.models import Customer
from hashinsight.common.api.problems import Problem
from hashinsight.common.api.schema import described
from hashinsight.common.api.scope import is_client
from hashinsight.common.api.views import Effect, ResourceViewSet


class CustomerViewSet(StatementActions, ResourceViewSet):
    """Customers. A client sees the companies it belongs to, and nobody else."""

    resource = route = "customers"
    serializer_class = CustomerSerializer
    filterset_class = CustomerFilter
    ordering_fields = ("created_at", "company_name")
    client_actions = frozenset({"list", "retrieve", "partial_update", *STATEMENT_ACTIONS})
    staff_permissions = {
        "list": "crm.view_customer",
        "retrieve": "crm.view_customer",
        "create": "crm.add_customer",
        "partial_update": "crm.change_customer",
        **dict.fromkeys(STATEMENT_ACTIONS, "crm.view_journalentry"),
    }
    queryset = Customer.objects.none()

    @classmethod
    def rows_for(cls, user: Any) -> QuerySet[Customer]:
        """Own customers; for staff all of them."""
        rows: QuerySet[Customer] = Customer.objects.visible_to(user)
        return rows if is_client(user) else rows.select_related("legal_entity", "tax_code", "parent")

    @described(request=CustomerInput, responses={201: CustomerSerializer})
    def create(self, request: Request) -> Effect:
        """Add a customer (staff)."""
        data = self.read_input(CustomerInput)
        return Effect(
            call=lambda: customers.create_customer(by=request.user, at=timezone.now(), **data),
            answer=lambda made: self.shown_again(made, status=201),
        )

    @described(request=CustomerChange, responses={200: CustomerSerializer})
    def partial_update(self, request: Request, id: Any) -> Effect:
        """Change a customer. A client's admin changes the contact data only, a viewer nothing."""
        customer = self.get_row()
        user = request.user
        if not is_client(user):
            changes = self.read_input(CustomerChange, partial=True)
            return Effect(
                call=lambda: edits.change_customer(customer, changes=changes, by=user),
                answer=self.shown_again,
                target=customer,
            )
        if not may_administer(user, customer):
            raise Problem(403, "permission_denied", _("Only an admin of the customer may change its data."))
        contact = self.read_input(ContactChange, partial=True)
        return Effect(
            call=lambda: customers.change_contact(customer, changes=contact, by=user),
            answer=self.shown_again,
            target=customer,
        )
