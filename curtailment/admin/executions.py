"""What rules decided: a list to read, row by row."""

from typing import Any

from django.contrib import admin
from django.utils.html import format_html_join
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import (
    AutocompleteSelectFilter,
    MultipleChoicesDropdownFilter,
    RangeDateTimeFilter,
)
from unfold.decorators import display

from curtailment.admin import labels
from curtailment.admin.effects import DASH
from curtailment.models import RuleExecution
from hashinsight.common.admin.base import ViewOnlyAdmin
from hashinsight.common.admin.display import Badge


@admin.register(RuleExecution)
class RuleExecutionAdmin(ViewOnlyAdmin):
    """Each decision that changed something or was refused, with the figures it was made on."""

    list_display = ("at", "kind", "rule_name", "site", "decision_shown", "outcome", "plan")
    list_display_links = ("at", "rule_name")
    list_select_related = ("site", "plan__site")
    list_filter = (
        ("kind", MultipleChoicesDropdownFilter),
        ("decision", MultipleChoicesDropdownFilter),
        ("site", AutocompleteSelectFilter),
        ("at", RangeDateTimeFilter),
    )
    search_fields = ("rule_name", "outcome", "source_key")
    ordering = ("-at", "-id")
    fields = (
        ("at", "site"),
        ("kind", "rule_name"),
        ("decision_shown", "plan"),
        "outcome",
        "inputs_shown",
        "source_key",
    )
    show_full_result_count = False

    @display(description=gettext_lazy("decision"), label=labels.DECISION, ordering="decision")
    def decision_shown(self, row: RuleExecution) -> Any:
        return Badge(row.decision, row.get_decision_display())

    @admin.display(description=gettext_lazy("figures it was made on"))
    def inputs_shown(self, row: RuleExecution) -> Any:
        lines = [(name.replace("_", " "), value) for name, value in row.inputs.items()]
        return format_html_join("", "<div>{}: {}</div>", lines) or DASH
