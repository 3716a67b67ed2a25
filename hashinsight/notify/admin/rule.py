"""The rule table."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import AutocompleteSelectFilter, BooleanRadioFilter, ChoicesDropdownFilter
from unfold.decorators import display
from unfold.widgets import UnfoldAdminSelect2MultipleWidget

from hashinsight.common.admin.base import BaseAdmin
from hashinsight.common.admin.display import Badge
from hashinsight.notify.admin import parts
from hashinsight.notify.admin.parts import CustomerNumberForm, with_customer
from hashinsight.notify.models import Rule
from hashinsight.notify.registry import client_kinds, kind_choices, known_kinds


def choices() -> list[Any]:
    """Families first, then each kind with its description."""
    families = sorted({kind.partition(".")[0] + ".*" for kind in known_kinds()})
    titles = {"alerts": _("Alerts"), "events": _("Events")}
    return [
        (_("Families"), [("*", _("everything")), *((family, family) for family in families)]),
        *((titles[group], [(kind, f"{kind} – {text}") for kind, text in rows]) for group, rows in kind_choices()),
    ]


class RuleForm(CustomerNumberForm):
    """Which kinds, chosen from a list."""

    customer_column = "only_customer_id"
    kinds = forms.MultipleChoiceField(
        label=gettext_lazy("About"),
        choices=choices,
        widget=UnfoldAdminSelect2MultipleWidget,
        help_text=gettext_lazy("Type to search: an event, an alert, or a family such as invoice.*"),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "customer_number" in self.fields:
            self.fields["customer_number"].label = _("Only this customer")
            self.fields["customer_number"].help_text = _("The customer number; empty: all.")

    class Meta:
        model = Rule
        fields = (
            "name",
            "channel",
            "recipients",
            "kinds",
            "min_severity",
            "repeat_minutes",
            "tells_end",
            "escalate_after_minutes",
            "escalate_to",
            "is_active",
        )

    def clean(self) -> dict[str, Any]:
        """A customer's channel tells what clients may see, and nobody is escalated to a customer."""
        cleaned = super().clean()
        channel, second = cleaned.get("channel"), cleaned.get("escalate_to")
        if channel is not None and channel.customer_id is not None:
            foreign = [kind for kind in cleaned.get("kinds", ()) if kind not in client_kinds()]
            if foreign:
                text = _("A channel of a customer can only be told of: %(known)s.")
                self.add_error("kinds", ValidationError(text % {"known": ", ".join(client_kinds())}))
            if cleaned.get("repeat_minutes"):
                self.add_error("repeat_minutes", ValidationError(_("Webhooks of customers get every event.")))
        if second is not None and second.customer_id is not None:
            self.add_error("escalate_to", ValidationError(_("This channel belongs to a customer.")))
        if cleaned.get("escalate_after_minutes") and second is None:
            self.add_error("escalate_to", ValidationError(_("An escalation needs a second channel.")))
        return cleaned


@admin.register(Rule)
class RuleAdmin(BaseAdmin):
    """Who is told about what."""

    empty_hint = gettext_lazy("A rule says which events and alerts go to which channel. First add a channel.")
    form = RuleForm
    list_display = ("name", "kinds_shown", "severity_shown", "channel", "customer_shown", "repeat_minutes", "is_active")
    list_select_related = ("channel",)
    list_filter = (
        ("channel", AutocompleteSelectFilter),
        ("min_severity", ChoicesDropdownFilter),
        ("is_active", BooleanRadioFilter),
    )
    search_fields = ("name", "channel__name")
    ordering = ("name", "id")
    autocomplete_fields = ("channel", "escalate_to", "recipients")
    fieldsets = (
        (None, {"fields": (("name", "is_active"), "channel", "recipients")}),
        (gettext_lazy("What about"), {"fields": ("kinds", ("min_severity", "customer_number"))}),
        (gettext_lazy("How often"), {"fields": (("repeat_minutes", "tells_end"),)}),
        (gettext_lazy("When nobody answers"), {"fields": (("escalate_after_minutes", "escalate_to"),)}),
    )

    @admin.display(description=gettext_lazy("about"))
    def kinds_shown(self, rule: Rule) -> str:
        first, *more = rule.kinds or ["–"]
        return f"{first} +{len(more)}" if more else first

    @display(description=gettext_lazy("from severity"), label=parts.SEVERITY, ordering="min_severity")
    def severity_shown(self, rule: Rule) -> Any:
        return Badge(rule.min_severity, rule.get_min_severity_display())

    @admin.display(description=gettext_lazy("customer"))
    def customer_shown(self, rule: Rule) -> str:
        return getattr(rule, "customer_name", None) or _("all")

    def get_queryset(self, request: HttpRequest) -> Any:
        """With the name of the customer."""
        return with_customer(super().get_queryset(request), "only_customer_id")
