"""Payments: recorded on the page of their invoice, looked at here."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import (
    AutocompleteSelectFilter,
    BooleanRadioFilter,
    ChoicesDropdownFilter,
    RangeDateFilter,
)
from unfold.decorators import display

from crm.admin.export_columns import PAYMENT_COLUMNS
from crm.models import Payment
from hashinsight.common.admin.base import ViewOnlyAdmin
from hashinsight.common.admin.display import money_cell


@admin.register(Payment)
class PaymentAdmin(ViewOnlyAdmin):
    """Money that reached us; never changed once recorded."""

    list_display = ("received_on", "invoice", "customer", "amount_shown", "method", "reference")
    list_display_links = ("received_on",)
    list_select_related = ("invoice", "customer")
    list_filter = (
        ("received_on", RangeDateFilter),
        ("customer", AutocompleteSelectFilter),
        ("method", ChoicesDropdownFilter),
        ("currency", ChoicesDropdownFilter),
        ("is_sample", BooleanRadioFilter),
    )
    search_fields = ("reference", "invoice__number", "customer__company_name")
    ordering = ("-received_on", "-id")
    fields = (
        ("invoice", "customer"),
        ("amount_shown", "received_on", "method"),
        ("reference", "note"),
        "created_by",
    )
    readonly_fields = ("amount_shown",)
    export_columns = PAYMENT_COLUMNS

    @display(description=gettext_lazy("amount"), ordering="amount")
    def amount_shown(self, payment: Payment) -> Any:
        return money_cell(payment.amount, payment.currency)

    def get_queryset(self, request: HttpRequest) -> Any:
        """The page names both."""
        return super().get_queryset(request).select_related("invoice", "customer")
