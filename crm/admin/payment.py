"""Payments: recorded on the page of their invoice, looked at here."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import (
    AutocompleteSelectFilter,
    BooleanRadioFilter,
    ChoicesDropdownFilter,
    RangeDateFilter,
)
from unfold.decorators import display

from crm import rules
from crm.admin.export_columns import PAYMENT_COLUMNS
from crm.admin.money_back_pages import RefundPaymentPage, ReversePaymentPage
from crm.domain.refunds import refundable_of
from crm.models import Payment
from hashinsight.common.admin.actions import power
from hashinsight.common.admin.base import ViewOnlyAdmin
from hashinsight.common.admin.display import Badge, money_cell, number_text


@admin.register(Payment)
class PaymentAdmin(ViewOnlyAdmin):
    """Money that reached us; never changed once recorded."""

    list_display = ("received_on", "invoice", "customer", "amount_shown", "method", "reference", "standing_shown")
    list_display_links = ("received_on",)
    list_select_related = ("invoice", "customer", "reversal")
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
        ("settled_shown", "rate_shown", "booked_on"),
        ("reference", "note"),
        ("created_by", "standing_shown"),
    )
    readonly_fields = ("amount_shown", "settled_shown", "rate_shown", "booked_on", "standing_shown")
    pages = {"refund": RefundPaymentPage, "reverse": ReversePaymentPage}
    has_refund_payment_permission = power(rules.may_refund_payment)
    has_reverse_payment_permission = power(rules.may_reverse_payment)
    export_columns = PAYMENT_COLUMNS

    @display(description=gettext_lazy("amount"), ordering="amount")
    def amount_shown(self, payment: Payment) -> Any:
        return money_cell(payment.amount, payment.currency)

    def get_queryset(self, request: HttpRequest) -> Any:
        """The page names both."""
        return super().get_queryset(request).select_related("invoice", "customer", "reversal")

    @display(description=gettext_lazy("settled amount"))
    def settled_shown(self, payment: Payment) -> Any:
        """In the invoice's currency."""
        return money_cell(payment.settles, payment.invoice.currency)

    @display(description=gettext_lazy("rate"))
    def rate_shown(self, payment: Payment) -> str:
        return number_text(payment.rate) or "–"

    @display(description=gettext_lazy("counts"), label={"taken_back": "warning", "standing": "success"})
    def standing_shown(self, payment: Payment) -> Any:
        """Whether a reversal names it."""
        gone = hasattr(payment, "reversal")
        return Badge("taken_back", _("taken back")) if gone else Badge("standing", _("counts"))

    def offered(self, request: HttpRequest, obj: Payment) -> set[str]:
        """What was taken back can be neither refunded nor taken back again."""
        if hasattr(obj, "reversal"):
            return set()
        return {"refund", "reverse"} if refundable_of(obj) > 0 else {"reverse"}
