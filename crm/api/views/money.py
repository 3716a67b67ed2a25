"""Customers' money: clients read their own credits and refunds; staff record, apply, pay back and take back."""

from typing import Any

from django.db.models import Case, F, QuerySet, When
from django.utils import timezone
from rest_framework.request import Request

from crm.api.filters import ApplicationFilter, CreditFilter, RefundFilter, WriteOffFilter
from crm.api.money import (
    ApplyInput,
    CreditApplicationSerializer,
    CreditSerializer,
    DepositInput,
    RefundInput,
    RefundSerializer,
    ReverseInput,
    WriteOffInput,
    WriteOffSerializer,
)
from crm.domain import customer_credits, refunds, reversals, write_offs
from crm.domain.queries import default_legal_entity, local_date
from crm.models import CreditApplication, CustomerCredit, Invoice, LegalEntity, Payment, Refund, WriteOff
from hashinsight.approvals.api.views import ApprovalSerializer, ApprovalViewSet
from hashinsight.approvals.models import ApprovalRequest
from hashinsight.common.api.schema import described
from hashinsight.common.api.scope import is_client
from hashinsight.common.api.views import Answer, Effect, ResourceViewSet, verb


def today_of(entity: LegalEntity | None) -> Any:
    """Money is dated by the calendar of whoever holds it."""
    return local_date(timezone.now(), entity.time_zone if entity else "UTC")


def refund_effect(view: ResourceViewSet, row: CustomerCredit | Payment) -> Effect:
    """Pay back, or ask a second person; answers the refund or the request."""
    data = view.read_input(RefundInput)
    entity = row.invoice.legal_entity if isinstance(row, Payment) else row.legal_entity
    data.setdefault("on", today_of(entity))
    return Effect(
        call=lambda: refunds.refund_or_ask(row, by=view.request.user, at=timezone.now(), **data),
        answer=lambda made: done_or_asked(view, RefundViewSet, made),
        target=row,
    )


def write_off_effect(view: ResourceViewSet, invoice: Invoice) -> Effect:
    """Give up, or ask a second person; answers the write-off or the request."""
    data = view.read_input(WriteOffInput)
    data.setdefault("on", today_of(invoice.legal_entity))
    return Effect(
        call=lambda: write_offs.write_off_or_ask(invoice, by=view.request.user, at=timezone.now(), **data),
        answer=lambda made: done_or_asked(view, WriteOffViewSet, made),
        target=invoice,
    )


def reverse_effect(view: ResourceViewSet, row: Any) -> Effect:
    """Take back; answers the row, which says so now."""
    data = view.read_input(ReverseInput)
    data.setdefault("on", today_of(reversals.entity_of(row)))
    return Effect(
        call=lambda: reversals.reverse(row, by=view.request.user, at=timezone.now(), **data),
        answer=lambda _made: view.shown_again(row),
        target=row,
    )


def done_or_asked(view: ResourceViewSet, shown_by: type[ResourceViewSet], made: Any) -> Answer:
    """The new row, or the request that a second person decides."""
    if isinstance(made, ApprovalRequest):
        return view.shown_by(ApprovalViewSet, made, status=202)
    return view.shown_by(shown_by, made, status=201)


class CreditViewSet(ResourceViewSet):
    """Money we hold of a customer without an invoice: deposits, overpayments, credit notes after payment."""

    resource = route = "credits"
    serializer_class = CreditSerializer
    filterset_class = CreditFilter
    ordering_fields = ("created_at", "received_on")
    client_actions = frozenset({"list", "retrieve"})
    staff_permissions = {
        "list": "crm.view_customercredit",
        "retrieve": "crm.view_customercredit",
        "create": "crm.add_customercredit",
        "apply": "crm.apply_customercredit",
        "refund": "crm.refund_customercredit",
        "reverse": "crm.reverse_customercredit",
    }
    queryset = CustomerCredit.objects.none()

    @classmethod
    def rows_for(cls, user: Any) -> QuerySet[CustomerCredit]:
        """Own credits with what is left of them; for staff all."""
        rows: Any = CustomerCredit.objects.visible_to(user).with_balance()
        own, paid = "reversal__reversed_on", "payment__reversal__reversed_on"
        rows = rows.annotate(reversed_on=Case(When(reversal__isnull=False, then=F(own)), default=F(paid)))
        shown: QuerySet[CustomerCredit] = rows.select_related("customer", "invoice", "payment")
        return shown if is_client(user) else shown.select_related("legal_entity")

    @described(request=DepositInput, responses={201: CreditSerializer})
    def create(self, request: Request) -> Effect:
        """Record a deposit (staff): money that came without an invoice."""
        data = self.read_input(DepositInput)
        customer = data.pop("customer")
        on = today_of(data.get("legal_entity") or customer.legal_entity or default_legal_entity())
        return Effect(
            call=lambda: customer_credits.record_deposit(
                customer, by=request.user, on=on, at=timezone.now(), **data
            ),
            answer=lambda made: self.shown_again(made, status=201),
        )  # fmt: skip

    @described(request=ApplyInput, responses={201: CreditApplicationSerializer})
    @verb
    def apply(self, request: Request, id: Any) -> Effect:
        """Settle an invoice with what is left of a credit (staff); answers what was applied."""
        credit = self.get_row()
        data = self.read_input(ApplyInput)
        on = today_of(data["invoice"].legal_entity)
        return Effect(
            call=lambda: customer_credits.apply_credit(credit, by=request.user, on=on, at=timezone.now(), **data),
            answer=lambda made: self.shown_by(CreditApplicationViewSet, made, status=201),
            target=credit,
        )

    @described(request=RefundInput, responses={201: RefundSerializer, 202: ApprovalSerializer})
    @verb
    def refund(self, request: Request, id: Any) -> Effect:
        """Pay back what is left of a credit, or a part of it (staff); 202 where a second person has to approve it."""
        return refund_effect(self, self.get_row())

    @described(request=ReverseInput, responses={200: CreditSerializer})
    @verb
    def reverse(self, request: Request, id: Any) -> Effect:
        """Take back a deposit that should not have been recorded (staff); nothing of it may have been used."""
        return reverse_effect(self, self.get_row())


class CreditApplicationViewSet(ResourceViewSet):
    """Parts of credits that settled invoices."""

    resource = route = "credit-applications"
    serializer_class = CreditApplicationSerializer
    filterset_class = ApplicationFilter
    client_actions = frozenset({"list", "retrieve"})
    staff_permissions = {
        "list": "crm.view_creditapplication",
        "retrieve": "crm.view_creditapplication",
        "reverse": "crm.reverse_creditapplication",
    }
    queryset = CreditApplication.objects.none()

    @classmethod
    def rows_for(cls, user: Any) -> QuerySet[CreditApplication]:
        """Own ones; for staff all."""
        rows: QuerySet[CreditApplication] = CreditApplication.objects.visible_to(user)
        return rows.select_related("customer", "credit", "invoice", "reversal")

    @described(request=ReverseInput, responses={200: CreditApplicationSerializer})
    @verb
    def reverse(self, request: Request, id: Any) -> Effect:
        """Take a credit off its invoice again (staff)."""
        return reverse_effect(self, self.get_row())


class RefundViewSet(ResourceViewSet):
    """Money paid back."""

    resource = route = "refunds"
    serializer_class = RefundSerializer
    filterset_class = RefundFilter
    client_actions = frozenset({"list", "retrieve"})
    staff_permissions = {
        "list": "crm.view_refund",
        "retrieve": "crm.view_refund",
        "reverse": "crm.reverse_refund",
    }
    queryset = Refund.objects.none()

    @classmethod
    def rows_for(cls, user: Any) -> QuerySet[Refund]:
        """Own ones; for staff all."""
        rows: QuerySet[Refund] = Refund.objects.visible_to(user)
        return rows.select_related("customer", "credit", "payment", "reversal")

    @described(request=ReverseInput, responses={200: RefundSerializer})
    @verb
    def reverse(self, request: Request, id: Any) -> Effect:
        """Take back a refund that was never paid (staff)."""
        return reverse_effect(self, self.get_row())


class WriteOffViewSet(ResourceViewSet):
    """Claims given up. For staff only; a client gets 404."""

    resource = route = "write-offs"
    staff_only = True
    serializer_class = WriteOffSerializer
    filterset_class = WriteOffFilter
    staff_permissions = {
        "list": "crm.view_writeoff",
        "retrieve": "crm.view_writeoff",
        "reverse": "crm.reverse_writeoff",
    }
    queryset = WriteOff.objects.none()

    @classmethod
    def rows_for(cls, user: Any) -> QuerySet[WriteOff]:
        """All, for staff."""
        rows: QuerySet[WriteOff] = WriteOff.objects.visible_to(user)
        return rows.select_related("customer", "invoice", "reversal")

    @described(request=ReverseInput, responses={200: WriteOffSerializer})
    @verb
    def reverse(self, request: Request, id: Any) -> Effect:
        """Claim again what was given up (staff)."""
        return reverse_effect(self, self.get_row())
