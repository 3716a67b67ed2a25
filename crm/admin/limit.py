"""Limits above which a second person is needed."""

from typing import Any

from django.contrib import admin
from django.utils.translation import gettext_lazy
from unfold.decorators import display

from crm.models import ApprovalLimit
from hashinsight.common.admin.base import BaseAdmin
from hashinsight.common.admin.display import money_cell


@admin.register(ApprovalLimit)
class ApprovalLimitAdmin(BaseAdmin):
    """Never, always, or above an amount; an act without a row needs no second person."""

    empty_hint = gettext_lazy("Without limits one person alone may do every act that their role allows.")
    list_display = ("legal_entity", "act", "rule", "amount_shown")
    list_select_related = ("legal_entity",)
    list_filter = ("rule", "act")
    search_fields = ("legal_entity__name",)
    autocomplete_fields = ("legal_entity",)
    ordering = ("legal_entity__name", "act")
    fields = (("legal_entity", "act"), ("rule", "amount"))

    @display(description=gettext_lazy("one person suffices up to"), ordering="amount")
    def amount_shown(self, limit: ApprovalLimit) -> Any:
        return money_cell(limit.amount, limit.legal_entity.currency)
