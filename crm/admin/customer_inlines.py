"""What hangs on a customer, as tabs of its page; each shows to people who may see those rows."""

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy
from unfold.decorators import display

from crm.admin import labels
from crm.models import Activity, CustomerMembership, Deal, Invoice
from hashinsight.common.admin.display import money_cell
from hashinsight.common.admin.inlines import ViewOnlyInline


class MembershipsInline(ViewOnlyInline):
    """Client users; written on a page of their own, together with the grant."""

    model = CustomerMembership
    fields = ("user", "role", "granted_by", "created_at")
    verbose_name_plural = gettext_lazy("Members")
    ordering = ("created_at", "id")
    fk_name = "customer"

    def get_queryset(self, request: HttpRequest) -> QuerySet[CustomerMembership]:
        """With the names."""
        return super().get_queryset(request).select_related("user", "granted_by", "customer")


class DealsInline(ViewOnlyInline):
    """Deals, newest first."""

    model = Deal
    fields = ("title", "stage", "status", "value_shown", "expected_close_on", "owner")
    ordering = ("-id",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Deal]:
        """With the names."""
        return super().get_queryset(request).select_related("owner")

    @display(description=gettext_lazy("value"))
    def value_shown(self, deal: Deal) -> Any:
        return money_cell(deal.value, deal.currency)


class InvoicesInline(ViewOnlyInline):
    """Invoices with what is still open, newest first."""

    model = Invoice
    fields = ("name_shown", "status_shown", "issued_on", "due_on", "total_shown", "outstanding_shown")
    ordering = ("-created_at", "-id")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Invoice]:
        """With the balance."""
        rows: Any = super().get_queryset(request)
        return rows.with_balance()

    @display(description=gettext_lazy("number"))
    def name_shown(self, invoice: Invoice) -> str:
        return str(invoice)

    @display(description=gettext_lazy("status"), label=labels.INVOICE)
    def status_shown(self, invoice: Invoice) -> Any:
        return invoice.get_status_display()

    @display(description=gettext_lazy("total"))
    def total_shown(self, invoice: Invoice) -> Any:
        return money_cell(invoice.gross_total, invoice.currency)

    @display(description=gettext_lazy("outstanding"))
    def outstanding_shown(self, invoice: Any) -> Any:
        owed = invoice.outstanding if invoice.is_issued and not invoice.is_credit_note else None
        return money_cell(owed, invoice.currency)


class ActivitiesInline(ViewOnlyInline):
    """The timeline, newest first."""

    model = Activity
    fields = ("occurred_at", "kind", "subject", "created_by", "client_visible")
    ordering = ("-occurred_at", "-id")
    verbose_name_plural = gettext_lazy("Timeline")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Activity]:
        """With the names."""
        return super().get_queryset(request).select_related("created_by")


CUSTOMER_INLINES = (InvoicesInline, DealsInline, ActivitiesInline, MembershipsInline)
