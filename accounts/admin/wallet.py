"""Wallet addresses."""

from django.contrib import admin
from unfold.contrib.filters.admin import AutocompleteSelectFilter, ChoicesDropdownFilter

from accounts.models import Wallet
from hashinsight.common.admin.base import ViewOnlyAdmin


@admin.register(Wallet)
class WalletAdmin(ViewOnlyAdmin):
    """Linked by people themselves."""

    list_display = ("address", "user", "chain", "purpose", "verified_at")
    list_select_related = ("user",)
    list_filter = (
        ("user", AutocompleteSelectFilter),
        ("chain", ChoicesDropdownFilter),
        ("purpose", ChoicesDropdownFilter),
    )
    search_fields = ("address", "user__email")
    ordering = ("-created_at", "-id")
    fields = (("user", "chain", "purpose"), "address", "verified_at")
