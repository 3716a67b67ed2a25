"""What stands on an invoice, and what happened to it."""

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy
from unfold.decorators import display

from crm.admin import labels
from crm.forms.lines import InvoiceLineForm
from crm.models import Invoice, InvoiceDelivery, InvoiceLine, Payment
from hashinsight.common.admin.display import money_cell, number_text
from hashinsight.common.admin.inlines import PagedInline, ViewOnlyInline


def _is_draft(obj: Any) -> bool:
    return obj is None or obj.is_draft


class InvoiceLineInline(PagedInline):
    """Lines; frozen when the invoice is issued."""

    model = InvoiceLine
    form = InvoiceLineForm
    fields = (
        "position",
        "product",
        "description",
        "quantity",
        "unit_code",
        "unit_price",
        "tax_code",
        "tax_shown",
        "net_shown",
    )
    readonly_fields = ("tax_shown", "net_shown")
    ordering = ("position", "id")

    def get_queryset(self, request: HttpRequest) -> QuerySet[InvoiceLine]:
        """With what the columns name."""
        return super().get_queryset(request).select_related("product", "tax_code", "invoice")

    @display(description=gettext_lazy("tax"))
    def tax_shown(self, line: InvoiceLine) -> str:
        return f"{number_text(line.tax_rate)} %" if line.pk else ""

    @display(description=gettext_lazy("net"))
    def net_shown(self, line: InvoiceLine) -> Any:
        return money_cell(line.net_amount, line.invoice.currency) if line.pk else ""

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Numbers without needless zeros where nobody can type."""
        fields = super().get_fields(request, obj)
        if self.has_change_permission(request, obj):
            return fields
        plain = {"quantity": "quantity_shown", "unit_price": "unit_price_shown"}
        return [plain.get(name, name) for name in fields]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """The same under names of their own."""
        return (*super().get_readonly_fields(request, obj), "quantity_shown", "unit_price_shown")

    @display(description=gettext_lazy("quantity"))
    def quantity_shown(self, line: Any) -> str:
        return number_text(line.quantity)

    @display(description=gettext_lazy("unit price"))
    def unit_price_shown(self, line: Any) -> str:
        return number_text(line.unit_price)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Drafts only."""
        return _is_draft(obj) and super().has_add_permission(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Drafts only."""
        return _is_draft(obj) and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Drafts only."""
        return _is_draft(obj) and super().has_delete_permission(request, obj)


class PaymentInline(ViewOnlyInline):
    """Money booked on it."""

    model = Payment
    fields = ("received_on", "amount_shown", "method", "reference", "created_by")
    ordering = ("-received_on", "-id")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Payment]:
        """With the names."""
        return super().get_queryset(request).select_related("created_by")

    @display(description=gettext_lazy("amount"))
    def amount_shown(self, payment: Payment) -> Any:
        return money_cell(payment.amount, payment.currency)


class CreditNoteInline(ViewOnlyInline):
    """What was taken back."""

    model = Invoice
    fk_name = "corrects"
    fields = ("number_shown", "issued_on", "total_shown", "note")
    ordering = ("-issued_on", "-id")
    verbose_name_plural = gettext_lazy("Credit notes")

    @display(description=gettext_lazy("number"))
    def number_shown(self, note: Invoice) -> str:
        return str(note)

    @display(description=gettext_lazy("total"))
    def total_shown(self, note: Invoice) -> Any:
        return money_cell(note.gross_total, note.currency)


class DeliveryInline(ViewOnlyInline):
    """E-mails."""

    model = InvoiceDelivery
    fields = ("created_at", "recipient", "status_shown", "sent_at", "error")
    ordering = ("-created_at", "-id")

    @display(description=gettext_lazy("status"), label=labels.DELIVERY)
    def status_shown(self, delivery: InvoiceDelivery) -> Any:
        return delivery.get_status_display()
