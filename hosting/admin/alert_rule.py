"""Alert rules for machines, edited by people."""

from typing import Any

from django.contrib import admin
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import AutocompleteSelectFilter, BooleanRadioFilter, MultipleChoicesDropdownFilter

from hashinsight.common.admin.base import BaseAdmin
from hashinsight.common.admin.display import number_text
from hosting.models import MinerAlertRule


@admin.register(MinerAlertRule)
class MinerAlertRuleAdmin(BaseAdmin):
    """What is worth an alert."""

    list_display = ("name", "kind", "threshold_shown", "minutes", "severity", "site", "zone", "model", "is_active")
    list_select_related = ("site", "zone__site", "model")
    list_filter = (
        ("kind", MultipleChoicesDropdownFilter),
        ("severity", MultipleChoicesDropdownFilter),
        ("site", AutocompleteSelectFilter),
        ("is_active", BooleanRadioFilter),
    )
    search_fields = ("name",)
    autocomplete_fields = ("site", "zone", "model")
    ordering = ("name",)
    fields = (
        ("name", "is_active"), ("kind", "threshold", "minutes"), ("severity", "summary_above"),
        ("site", "zone", "model"),
    )  # fmt: skip

    @admin.display(description=gettext_lazy("threshold"), ordering="threshold")
    def threshold_shown(self, rule: MinerAlertRule) -> Any:
        return number_text(rule.threshold)
