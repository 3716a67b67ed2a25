"""Contracts: clients see what is or was in force; staff write and move them."""

from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework.request import Request

from crm.api.contracts import ContractChange, ContractInput, ContractSerializer, EndInput, NoticeInput
from crm.api.filters import ContractFilter
from crm.api.inputs import ReasonInput
from crm.domain import contracts
from crm.domain.queries import local_date
from crm.models import Contract
from hashinsight.common.api.fields import NoInput
from hashinsight.common.api.problems import BadRequest
from hashinsight.common.api.schema import described
from hashinsight.common.api.scope import is_client
from hashinsight.common.api.views import Effect, ResourceViewSet, verb


class ContractViewSet(ResourceViewSet):
    """Contracts. Clients see their own from the day they are in force; drafts are ours alone."""

    resource = route = "contracts"
    serializer_class = ContractSerializer
    filterset_class = ContractFilter
    client_actions = frozenset({"list", "retrieve"})
    staff_permissions = {
        "list": "crm.view_contract",
        "retrieve": "crm.view_contract",
        "create": "crm.add_contract",
        "partial_update": "crm.change_contract",
        "activate": "crm.activate_contract",
        "notice": "crm.end_contract",
        "end": "crm.end_contract",
        "cancel": "crm.end_contract",
    }
    queryset = Contract.objects.none()

    @classmethod
    def rows_for(cls, user: Any) -> QuerySet[Contract]:
        """Own contracts that are or were in force; for staff all."""
        rows: QuerySet[Contract] = Contract.objects.visible_to(user).select_related("customer")
        return rows if is_client(user) else rows.select_related("deal", "legal_entity", "tax_code")

    @described(request=ContractInput, responses={201: ContractSerializer})
    def create(self, request: Request) -> Effect:
        """Add a draft (staff)."""
        data = self.read_input(ContractInput)
        return Effect(
            call=lambda: contracts.create_contract(by=request.user, at=timezone.now(), **data),
            answer=lambda made: self.shown_again(made, status=201),
        )

    @described(request=ContractChange, responses={200: ContractSerializer})
    def partial_update(self, request: Request, id: Any) -> Effect:
        """Change a contract (staff); customer, number, currency and first day only while it is a draft."""
        contract = self.get_row()
        changes = self.read_input(ContractChange, partial=True)
        return Effect(
            call=lambda: contracts.change_contract(contract, changes=changes, by=request.user),
            answer=self.shown_again,
            target=contract,
        )

    @described(request=NoInput, responses={200: ContractSerializer})
    @verb
    def activate(self, request: Request, id: Any) -> Effect:
        """Put a draft in force (staff)."""
        contract = self.get_row()
        self.read_input(NoInput)
        return Effect(
            call=lambda: contracts.activate_contract(contract, by=request.user, at=timezone.now()),
            answer=self.shown_again,
            target=contract,
        )

    @described(request=NoticeInput, responses={200: ContractSerializer})
    @verb
    def notice(self, request: Request, id: Any) -> Effect:
        """Note that notice was given (staff); the contract goes on until the day named and renews itself no more."""
        contract = self.get_row()
        data = self.read_input(NoticeInput)
        return Effect(
            call=lambda: contracts.give_notice(contract, by=request.user, **data),
            answer=self.shown_again,
            target=contract,
        )

    @described(request=EndInput, responses={200: ContractSerializer})
    @verb
    def end(self, request: Request, id: Any) -> Effect:
        """End a contract on a day that has come (staff), with all that hangs on it. For a later day give notice."""
        contract = self.get_row()
        data = self.read_input(EndInput)
        if data["on"] > local_date(timezone.now(), contract.customer.time_zone):
            raise BadRequest("invalid", _("This day lies in the future."))
        return Effect(
            call=lambda: contracts.end_contract(contract, by=request.user, **data),
            answer=self.shown_again,
            target=contract,
        )

    @described(request=ReasonInput, responses={200: ContractSerializer})
    @verb
    def cancel(self, request: Request, id: Any) -> Effect:
        """Give up a draft (staff)."""
        contract = self.get_row()
        data = self.read_input(ReasonInput)
        return Effect(
            call=lambda: contracts.cancel_contract(contract, by=request.user, **data),
            answer=self.shown_again,
            target=contract,
        )
