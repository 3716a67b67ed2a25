"""Money of customers without an invoice, what was used of it, and what was paid back: looked at, and acted upon."""

from decimal import Decimal
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
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
from crm.admin.money_back_pages import (
    RefundCreditPage,
    ReverseApplicationPage,
    ReverseCreditPage,
    ReverseRefundPage,
    ReverseWriteOffPage,
)
from crm.admin.money_pages import ApplyToPage
from crm.enums import CreditKind
from crm.models import CreditApplication, CustomerCredit, Refund, Reversal, WriteOff
from hashinsight.common.admin.actions import power
from hashinsight.common.admin.base import ViewOnlyAdmin
from hashinsight.common.admin.display import Badge, link, money_cell
from hashinsight.common.admin.inlines import ViewOnlyInline

COMMON_FILTERS = (
    ("customer", AutocompleteSelectFilter),
    ("currency", ChoicesDropdownFilter),
    ("is_sample", BooleanRadioFilter),
)
STATES = {"used": "default", "taken_back": "warning", "left": "success", "standing": "success"}


def is_taken_back(row: Any) -> bool:
    """Whether a reversal names it."""
    return hasattr(row, "reversal")


class MoneyAdmin(ViewOnlyAdmin):
    """What the tables have in common: the amount, and whether the row still counts."""

    readonly_fields: Any = ("amount_shown", "standing_shown")

    @display(description=gettext_lazy("amount"), ordering="amount")
    def amount_shown(self, row: Any) -> Any:
        return money_cell(row.amount, row.currency)

    @display(description=gettext_lazy("counts"), label=STATES)
    def standing_shown(self, row: Any) -> Any:
        """Red tape stays visible: what was taken back is still in the list."""
        return Badge("taken_back", _("taken back")) if is_taken_back(row) else Badge("standing", _("counts"))

    def offered(self, request: HttpRequest, obj: Any) -> set[str]:
        """Nothing is taken back twice."""
        return set() if is_taken_back(obj) else set(self.pages)


class ApplicationInline(ViewOnlyInline):
    """Invoices a credit was used for."""

    model = CreditApplication
    fields = ("applied_on", "invoice", "amount_shown", "created_by")
    ordering = ("-applied_on", "-id")
    verbose_name_plural = gettext_lazy("Applied to invoices")

    def get_queryset(self, request: HttpRequest) -> QuerySet[CreditApplication]:
        """With the names."""
        return super().get_queryset(request).select_related("invoice", "created_by", "reversal")

    @display(description=gettext_lazy("amount"))
    def amount_shown(self, row: CreditApplication) -> Any:
        return _amount_or_gone(row)


class RefundInline(ViewOnlyInline):
    """What was paid back."""

    model = Refund
    fields = ("refunded_on", "method", "reference", "amount_shown", "created_by")
    ordering = ("-refunded_on", "-id")
    verbose_name_plural = gettext_lazy("Refunds")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Refund]:
        """With the names."""
        return super().get_queryset(request).select_related("created_by", "reversal")

    @display(description=gettext_lazy("amount"))
    def amount_shown(self, row: Refund) -> Any:
        return _amount_or_gone(row)


def _amount_or_gone(row: Any) -> Any:
    """Nothing where it was taken back."""
    return _("taken back") if is_taken_back(row) else money_cell(row.amount, row.currency)


@admin.register(CustomerCredit)
class CustomerCreditAdmin(MoneyAdmin):
    """Deposits, overpayments, credit notes after payment, balances brought along."""

    empty_hint = gettext_lazy(
        "A deposit is recorded on the page of the customer; overpayments come here by themselves."
    )
    list_display = ("received_on", "customer", "kind", "amount_shown", "left_shown", "reference", "state_shown")
    list_display_links = ("received_on",)
    list_select_related = ("customer", "reversal", "payment__reversal")
    list_filter = (("received_on", RangeDateFilter), ("kind", ChoicesDropdownFilter), *COMMON_FILTERS)
    search_fields = ("reference", "customer__company_name", "customer__code", "invoice__number")
    ordering = ("-received_on", "-id")
    fields = (
        ("customer", "legal_entity", "kind"),
        ("amount_shown", "left_shown", "state_shown"),
        ("received_on", "method", "reference"),
        ("invoice", "payment", "credit_note"),
        ("note", "created_by"),
    )
    readonly_fields = ("amount_shown", "left_shown", "state_shown")
    inlines = (ApplicationInline, RefundInline)
    pages = {"apply": ApplyToPage, "refund": RefundCreditPage, "reverse": ReverseCreditPage}
    has_apply_customercredit_permission = power(rules.may_apply_credit)
    has_refund_customercredit_permission = power(rules.may_refund_credit)
    has_reverse_customercredit_permission = power(rules.may_reverse_credit)

    def get_queryset(self, request: HttpRequest) -> QuerySet[CustomerCredit]:
        """With what is left."""
        rows: Any = super().get_queryset(request)
        return rows.with_balance().select_related("customer", "legal_entity", "reversal", "payment__reversal")

    @display(description=gettext_lazy("left"))
    def left_shown(self, credit: Any) -> Any:
        return money_cell(credit.balance, credit.currency)

    @display(description=gettext_lazy("state"), label=STATES)
    def state_shown(self, credit: Any) -> Any:
        """Taken back, used up, or something is left."""
        if self.is_gone(credit):
            return Badge("taken_back", _("taken back"))
        return Badge("left", _("open")) if credit.balance else Badge("used", _("used up"))

    @staticmethod
    def is_gone(credit: CustomerCredit) -> bool:
        """Taken back itself, or with the payment it came from."""
        return is_taken_back(credit) or (credit.payment is not None and is_taken_back(credit.payment))

    def offered(self, request: HttpRequest, obj: Any) -> set[str]:
        """What is left can be applied and refunded; a deposit nothing was used of can be taken back."""
        if self.is_gone(obj) or not obj.balance:
            return set()
        untouched = obj.kind == CreditKind.DEPOSIT and obj.balance == obj.amount
        return {"apply", "refund"} | ({"reverse"} if untouched else set())


@admin.register(CreditApplication)
class CreditApplicationAdmin(MoneyAdmin):
    """Credits used for invoices."""

    empty_hint = gettext_lazy("A credit is applied on its own page, or on that of the invoice.")
    list_display = ("applied_on", "customer", "invoice", "credit", "amount_shown", "standing_shown")
    list_display_links = ("applied_on",)
    list_select_related = ("customer", "invoice", "credit", "reversal")
    list_filter = (("applied_on", RangeDateFilter), *COMMON_FILTERS)
    search_fields = ("invoice__number", "customer__company_name", "customer__code")
    ordering = ("-applied_on", "-id")
    fields = (("customer", "invoice", "credit"), ("amount_shown", "applied_on", "standing_shown"), "created_by")
    pages = {"reverse": ReverseApplicationPage}
    has_reverse_creditapplication_permission = power(rules.may_reverse_application)


@admin.register(Refund)
class RefundAdmin(MoneyAdmin):
    """Money paid back."""

    empty_hint = gettext_lazy("A refund is recorded on the page of the payment or of the credit.")
    list_display = ("refunded_on", "customer", "amount_shown", "method", "reference", "reason", "standing_shown")
    list_display_links = ("refunded_on",)
    list_select_related = ("customer", "reversal")
    list_filter = (("refunded_on", RangeDateFilter), ("method", ChoicesDropdownFilter), *COMMON_FILTERS)
    search_fields = ("reference", "reason", "customer__company_name", "customer__code", "payment__invoice__number")
    ordering = ("-refunded_on", "-id")
    fields = (
        ("customer", "credit", "payment"),
        ("amount_shown", "refunded_on", "standing_shown"),
        ("method", "reference"),
        ("reason", "created_by"),
    )
    pages = {"reverse": ReverseRefundPage}
    has_reverse_refund_permission = power(rules.may_reverse_refund)


@admin.register(WriteOff)
class WriteOffAdmin(MoneyAdmin):
    """Claims given up."""

    empty_hint = gettext_lazy("A claim is written off on the page of its invoice.")
    list_display = ("written_off_on", "customer", "invoice", "kind", "amount_shown", "reason", "standing_shown")
    list_display_links = ("written_off_on",)
    list_select_related = ("customer", "invoice", "reversal")
    list_filter = (("written_off_on", RangeDateFilter), ("kind", ChoicesDropdownFilter), *COMMON_FILTERS)
    search_fields = ("invoice__number", "reason", "customer__company_name", "customer__code")
    ordering = ("-written_off_on", "-id")
    fields = (
        ("customer", "invoice", "kind"),
        ("amount_shown", "written_off_on", "standing_shown"),
        ("reason", "created_by"),
    )
    pages = {"reverse": ReverseWriteOffPage}
    has_reverse_writeoff_permission = power(rules.may_reverse_write_off)


@admin.register(Reversal)
class ReversalAdmin(ViewOnlyAdmin):
    """Mistakes taken back: what, when, by whom and why."""

    empty_hint = gettext_lazy("What should not have been recorded is taken back on its own page.")
    list_display = ("reversed_on", "customer", "what_shown", "amount_shown", "reason", "created_by")
    list_display_links = ("reversed_on",)
    list_select_related = ("customer", "created_by", "payment", "credit", "application", "refund", "write_off")
    list_filter = (("reversed_on", RangeDateFilter), ("customer", AutocompleteSelectFilter))
    search_fields = ("reason", "customer__company_name", "customer__code")
    ordering = ("-reversed_on", "-id")
    fields = (("customer", "reversed_on"), ("what_shown", "amount_shown"), ("reason", "created_by"))
    readonly_fields = ("what_shown", "amount_shown")

    @staticmethod
    def row_of(reversal: Reversal) -> Any:
        """What was taken back."""
        names = ("payment", "credit", "application", "refund", "write_off")
        return next(row for row in (getattr(reversal, name) for name in names) if row is not None)

    @admin.display(description=gettext_lazy("taken back"))
    def what_shown(self, reversal: Reversal) -> Any:
        """Its table, with the way to it."""
        row = self.row_of(reversal)
        address = reverse(f"admin:crm_{row._meta.model_name}_change", args=[row.pk])
        return link(address, f"{row._meta.verbose_name}")

    @display(description=gettext_lazy("amount"))
    def amount_shown(self, reversal: Reversal) -> Any:
        row: Any = self.row_of(reversal)
        amount: Decimal = row.amount
        return money_cell(amount, row.currency)
