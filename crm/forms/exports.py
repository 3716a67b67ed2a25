"""Which months of whom are exported, and as what."""

from datetime import date
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.enums import ExportKind
from crm.models import LegalEntity

MONTH = r"^\d{4}-(0[1-9]|1[0-2])$"


class SpanFields(forms.Form):
    """Legal entity, kind of file, first and last month."""

    legal_entity = forms.ModelChoiceField(LegalEntity.objects.all(), label=gettext_lazy("Legal entity"))
    kind = forms.ChoiceField(choices=ExportKind.choices, label=gettext_lazy("File"))
    first = forms.RegexField(MONTH, label=gettext_lazy("First month"), help_text=gettext_lazy("For example 2026-10."))
    last = forms.RegexField(
        MONTH,
        label=gettext_lazy("Last month"),
        required=False,
        help_text=gettext_lazy("Empty: the first month alone."),
    )

    def clean_first(self) -> date:
        """Its first day."""
        return date.fromisoformat(f"{self.cleaned_data['first']}-01")

    def clean_last(self) -> date | None:
        """Its first day, or nothing."""
        value = self.cleaned_data["last"]
        return date.fromisoformat(f"{value}-01") if value else None

    def clean(self) -> dict[str, Any]:
        """One month where no last is named."""
        data: dict[str, Any] = super().clean() or {}
        if data.get("first") and not data.get("last"):
            data["last"] = data["first"]
        if data.get("first") and data["last"] < data["first"]:
            self.add_error("last", _("The last month lies before the first."))
        return data
