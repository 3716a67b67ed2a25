"""Payments: clients see what was booked for them; staff record."""

from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from rest_framework.request import Request

from crm.api.filters import PaymentFilter
from crm.api.inputs import PaymentInput
from crm.api.money import RefundInput, RefundSerializer, ReverseInput
from crm.api.serializers import PaymentSerializer
from crm.api.views.money import refund_effect, reverse_effect
from crm.domain import payments
from crm.domain.queries import local_date
from crm.models import Payment
from hashinsight.approvals.api.views import ApprovalSerializer
from hashinsight.common.api.schema import described
from hashinsight.common.api.views import Effect, ResourceViewSet, verb


class PaymentViewSet(ResourceViewSet):
    """Payments booked on issued invoices; never changed once recorded, but taken back by a counter-entry."""

    resource = route = "payments"
    serializer_class = PaymentSerializer
    filterset_class = PaymentFilter
    ordering_fields = ("created_at", "received_on")
    client_actions = frozenset({"list", "retrieve"})
    staff_permissions = {
        "list": "crm.view_payment",
        "retrieve": "crm.view_payment",
        "create": "crm.add_payment",
        "refund": "crm.refund_payment",
        "reverse": "crm.reverse_payment",
    }
    queryset = Payment.objects.none()

    @classmethod
    def rows_for(cls, user: Any) -> QuerySet[Payment]:
        """Own payments; for staff all."""
        rows: QuerySet[Payment] = Payment.objects.visible_to(user).select_related("customer", "invoice", "reversal")
        return rows

    @described(request=PaymentInput, responses={201: PaymentSerializer})
    def create(self, request: Request) -> Effect:
        """Record money received (staff): a part, all, or more than the invoice; it is paid when nothing is left."""
        data = self.read_input(PaymentInput)
        invoice = data.pop("invoice")
        now = timezone.now()
        today = local_date(now, invoice.legal_entity.time_zone)
        return Effect(
            call=lambda: payments.record_payment(invoice, by=request.user, on=today, at=now, **data),
            answer=lambda made: self.shown_again(made, status=201),
        )

    @described(request=RefundInput, responses={201: RefundSerializer, 202: ApprovalSerializer})
    @verb
    def refund(self, request: Request, id: Any) -> Effect:
        """Pay back money that came for an invoice, which is owed again then (staff).

        202 where a second person has to approve it.
        """
        return refund_effect(self, self.get_row())

    @described(request=ReverseInput, responses={200: PaymentSerializer})
    @verb
    def reverse(self, request: Request, id: Any) -> Effect:
        """Take back a payment that should not have been recorded (staff); its invoice is open again then."""
        return reverse_effect(self, self.get_row())
