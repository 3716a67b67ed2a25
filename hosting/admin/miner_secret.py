"""The list of logins of machines: whose, for what, how it is kept; never what it is."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import AutocompleteSelectFilter, ChoicesDropdownFilter

from hashinsight.common.admin.actions import power
from hashinsight.common.admin.base import ViewOnlyAdmin
from hosting import rules
from hosting.admin import secret_pages as pages
from hosting.enums import SecretMode
from hosting.models import MinerSecret


@admin.register(MinerSecret)
class MinerSecretAdmin(ViewOnlyAdmin):
    """Logins in use and former ones."""

    list_display = ("miner", "purpose", "mode", "device", "alike_shown", "created_at", "superseded_at")
    list_select_related = ("miner", "device")
    list_filter = (
        ("purpose", ChoicesDropdownFilter),
        ("mode", ChoicesDropdownFilter),
        ("device", AutocompleteSelectFilter),
        ("superseded_at", admin.EmptyFieldListFilter),
    )
    search_fields = ("miner__serial",)
    ordering = ("-created_at", "-id")
    fields = (("miner", "purpose"), ("mode", "device"), ("counter", "alike_shown"), ("created_at", "superseded_at"))
    readonly_fields = ("alike_shown",)
    pages = {"forget": pages.ForgetPage, "read": pages.RevealPage}
    has_change_minersecret_permission = power(rules.may_change_minersecret)
    has_reveal_minersecret_permission = power(rules.may_reveal_minersecret)

    @admin.display(description=gettext_lazy("mark"))
    def alike_shown(self, secret: MinerSecret) -> str:
        """Equal logins have equal marks."""
        return secret.fingerprint[:8]

    def offered(self, request: HttpRequest, obj: Any) -> set[str]:
        """What its state allows."""
        if obj.superseded_at is not None:
            return set()
        return {"forget"} | ({"read"} if obj.mode == SecretMode.MASKED else set())
