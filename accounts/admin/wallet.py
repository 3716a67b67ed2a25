"""Wallet addresses."""

from django.contrib import admin
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import AutocompleteSelectFilter, ChoicesDropdownFilter

from accounts.models import Wallet
from hashinsight.common.admin.base import ViewOnlyAdmin


@admin.register(Wallet)
class WalletAdmin(ViewOnlyAdmin):
    """Linked by people themselves."""

    empty_hint = gettext_lazy("A wallet is linked by the person, on the page of their own account.")
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
