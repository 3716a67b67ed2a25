"""The books as people read them: journal entries with their postings."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import (
    AutocompleteSelectFilter,
    BooleanRadioFilter,
    ChoicesDropdownFilter,
    RangeDateFilter,
)
from unfold.decorators import display

from crm import rules
from crm.admin.ageing_pages import AgeingCsvPage, AgeingPage, AgeingPdfPage
from crm.models import JournalEntry, LedgerPosting
from hashinsight.common.admin.actions import power
from hashinsight.common.admin.base import ViewOnlyAdmin
from hashinsight.common.admin.display import money_cell, number_text
from hashinsight.common.admin.inlines import ViewOnlyInline


class PostingInline(ViewOnlyInline):
    """One line per account; debits equal credits in each currency."""

    model = LedgerPosting
    tab = False
    per_page = 50
    show_change_link = False
    fields = ("account", "kind", "debit_shown", "credit_shown", "base_debit_shown", "base_credit_shown", "rate_shown")
    ordering = ("id",)
    verbose_name_plural = gettext_lazy("Postings")

    def get_queryset(self, request: HttpRequest) -> QuerySet[LedgerPosting]:
        """With the names."""
        return super().get_queryset(request).select_related("account", "entry")

    @display(description=gettext_lazy("debit"))
    def debit_shown(self, row: LedgerPosting) -> Any:
        return money_cell(row.debit or None, row.currency)

    @display(description=gettext_lazy("credit"))
    def credit_shown(self, row: LedgerPosting) -> Any:
        return money_cell(row.credit or None, row.currency)

    @display(description=gettext_lazy("debit in books"))
    def base_debit_shown(self, row: LedgerPosting) -> Any:
        return money_cell(row.base_debit or None, row.entry.base_currency)

    @display(description=gettext_lazy("credit in books"))
    def base_credit_shown(self, row: LedgerPosting) -> Any:
        return money_cell(row.base_credit or None, row.entry.base_currency)

    @display(description=gettext_lazy("rate"))
    def rate_shown(self, row: LedgerPosting) -> str:
        return number_text(row.rate)


@admin.register(JournalEntry)
class JournalEntryAdmin(ViewOnlyAdmin):
    """Bookings, newest first; nobody writes them by hand and nobody changes them."""

    list_display = ("posted_on", "kind", "customer", "invoice", "text", "currency", "legal_entity")
    list_display_links = ("posted_on", "kind")
    list_select_related = ("customer", "invoice", "legal_entity")
    list_filter = (
        ("posted_on", RangeDateFilter),
        ("kind", ChoicesDropdownFilter),
        ("customer", AutocompleteSelectFilter),
        ("currency", ChoicesDropdownFilter),
        ("legal_entity", AutocompleteSelectFilter),
        ("is_sample", BooleanRadioFilter),
    )
    search_fields = ("text", "invoice__number", "customer__company_name", "customer__code")
    ordering = ("-posted_on", "-id")
    fields = (
        ("posted_on", "kind", "currency"),
        ("customer", "legal_entity", "invoice"),
        ("text", "reverses"),
        ("created_by", "created_at"),
        ("request_id", "public_id"),
    )
    inlines = (PostingInline,)
    pages = {"ageing": AgeingPage, "ageing-pdf": AgeingPdfPage, "ageing-csv": AgeingCsvPage}
    has_export_journalentry_permission = power(rules.may_export_journal)
