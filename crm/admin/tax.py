"""Tax codes with their dated rates."""

from django.contrib import admin
from unfold.contrib.filters.admin import BooleanRadioFilter, ChoicesDropdownFilter

from crm.models import TaxCode, TaxRate
from hashinsight.common.admin.base import BaseAdmin
from hashinsight.common.admin.history import HistorySource
from hashinsight.common.admin.inlines import BaseInline


class TaxRateInline(BaseInline):
    """Rates; periods cannot overlap."""

    model = TaxRate
    fields = ("rate", "valid_from", "valid_to")
    ordering = ("-valid_from",)


@admin.register(TaxCode)
class TaxCodeAdmin(BaseAdmin):
    """Ways of taxing a sale."""

    list_display = ("code", "name", "category", "is_active")
    list_filter = (("is_active", BooleanRadioFilter), ("category", ChoicesDropdownFilter))
    search_fields = ("code", "name")
    ordering = ("code",)
    fieldsets = (
        (None, {"fields": (("code", "name", "is_active"), ("category", "exemption_reason", "exemption_code"))}),
    )
    inlines = (TaxRateInline,)
    history_children = (HistorySource(TaxRate, "tax_code_id"),)
