"""Deals: clients see what is more than a draft; staff write and move them."""

from typing import Any

from django.db.models import Prefetch, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework.request import Request

from crm.api.filters import DealFilter
from crm.api.inputs import DealChange, DealInput, DealLinesInput, DealMove, ReasonInput, SignInput
from crm.api.serializers import DealSerializer, DealSummarySerializer, InvoiceSerializer
from crm.api.views.invoices import InvoiceViewSet
from crm.domain import deals, edits
from crm.enums import DealStage
from crm.models import Deal, DealLine
from hashinsight.common.api.fields import NoInput
from hashinsight.common.api.problems import Problem
from hashinsight.common.api.schema import described
from hashinsight.common.api.scope import is_client
from hashinsight.common.api.views import Effect, ResourceViewSet, verb


class DealViewSet(ResourceViewSet):
    """Deals. Clients see their own from the moment they are submitted, without what is our own judgement."""

    resource = route = "deals"
    serializer_class = DealSerializer
    list_serializer_class = DealSummarySerializer
    filterset_class = DealFilter
    client_actions = frozenset({"list", "retrieve"})
    staff_permissions = {
        "list": "crm.view_deal",
        "retrieve": "crm.view_deal",
        "create": "crm.add_deal",
        "partial_update": "crm.change_deal",
        "lines": "crm.change_deal",
        "move": "crm.move_deal",
        "submit": "crm.move_deal",
        "approve": "crm.approve_deal",
        "sign": "crm.sign_deal",
        "complete": "crm.complete_deal",
        "cancel": "crm.cancel_deal",
    }
    queryset = Deal.objects.none()

    @classmethod
    def rows_for(cls, user: Any) -> QuerySet[Deal]:
        """Own deals that are no drafts; for staff all."""
        rows: QuerySet[Deal] = Deal.objects.visible_to(user).select_related("customer")
        return rows if is_client(user) else rows.select_related("lead")

    @classmethod
    def detail_rows_for(cls, user: Any) -> QuerySet[Deal]:
        """With their lines."""
        lines = DealLine.objects.visible_to(user)
        if not is_client(user):
            lines = lines.select_related("product")
        return cls.rows_for(user).prefetch_related(Prefetch("lines", lines))

    @described(request=DealInput, responses={201: DealSerializer})
    def create(self, request: Request) -> Effect:
        """Add a draft deal (staff)."""
        data = self.read_input(DealInput)
        return Effect(
            call=lambda: deals.create_deal(by=request.user, at=timezone.now(), **data),
            answer=lambda made: self.shown_again(made, status=201),
        )

    @described(request=DealChange, responses={200: DealSerializer})
    def partial_update(self, request: Request, id: Any) -> Effect:
        """Change a deal's data (staff); stage and status move by calls of their own."""
        deal = self.get_row()
        changes = self.read_input(DealChange, partial=True)
        return Effect(
            call=lambda: edits.change_deal(deal, changes=changes, by=request.user), answer=self.shown_again, target=deal
        )

    @described(request=DealLinesInput, responses={200: DealSerializer})
    @verb
    def lines(self, request: Request, id: Any) -> Effect:
        """Replace the lines of a deal that is not approved yet (staff); its value becomes their sum."""
        deal = self.get_row()
        rows = [DealLine(**row) for row in self.read_input(DealLinesInput)["lines"]]
        return Effect(
            call=lambda: deals.set_lines(deal, lines=rows, by=request.user), answer=self.shown_again, target=deal
        )

    @described(request=DealMove, responses={200: DealSerializer})
    @verb
    def move(self, request: Request, id: Any) -> Effect:
        """Move the sales stage (staff). Losing a deal cancels it, and needs that power and a reason as well."""
        deal = self.get_row()
        data = self.read_input(DealMove)
        if data["to"] == DealStage.CLOSED_LOST and not request.user.has_perm("crm.cancel_deal"):
            raise Problem(403, "permission_denied", _("Losing a deal needs the power to cancel deals."))
        return self._move(request, deal, deals.move_stage, **data)

    @described(request=NoInput, responses={200: DealSerializer})
    @verb
    def submit(self, request: Request, id: Any) -> Effect:
        """Submit a draft for approval (staff)."""
        deal = self.get_row()
        self.read_input(NoInput)
        return self._move(request, deal, deals.submit_deal)

    @described(request=NoInput, responses={200: DealSerializer})
    @verb
    def approve(self, request: Request, id: Any) -> Effect:
        """Approve a submitted deal (staff)."""
        deal = self.get_row()
        self.read_input(NoInput)
        return self._move(request, deal, deals.approve_deal)

    @described(request=SignInput, responses={200: DealSerializer})
    @verb
    def sign(self, request: Request, id: Any) -> Effect:
        """Note that both have signed an approved deal (staff); it is then won."""
        deal = self.get_row()
        data = self.read_input(SignInput)
        return self._move(request, deal, deals.sign_deal, **data)

    @described(request=ReasonInput, responses={200: DealSerializer})
    @verb
    def cancel(self, request: Request, id: Any) -> Effect:
        """Cancel a deal that is not completed (staff)."""
        deal = self.get_row()
        data = self.read_input(ReasonInput)
        return self._move(request, deal, deals.cancel_deal, **data)

    @described(request=NoInput, responses={201: InvoiceSerializer})
    @verb
    def complete(self, request: Request, id: Any) -> Effect:
        """Complete a signed deal (staff); answers the invoice draft it makes."""
        deal = self.get_row()
        self.read_input(NoInput)
        return Effect(
            call=lambda: deals.complete_deal(deal, by=request.user, at=timezone.now()),
            answer=lambda invoice: self.shown_by(InvoiceViewSet, invoice, status=201),
            target=deal,
        )

    def _move(self, request: Request, deal: Deal, verb: Any, **data: Any) -> Effect:
        return Effect(
            call=lambda: verb(deal, by=request.user, at=timezone.now(), **data), answer=self.shown_again, target=deal
        )
