"""Forms of hosting terms."""

from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy

from hashinsight.common.admin.confirm import ConfirmForm
from hosting.models import HostingTerms, PricePlan

AMENDED = (
    "price_plan", "basis", "contracted_kw", "cap_kw", "curtailment", "curtailment_notice_minutes",
    "curtailment_share_percent", "on_stale", "on_stale_max_minutes",
)  # fmt: skip


class EndForm(ConfirmForm):
    """The first day without, and why."""

    on = forms.DateField(label=gettext_lazy("Ends on (exclusive)"), widget=forms.DateInput)
    reason = forms.CharField(
        label=gettext_lazy("Reason"), max_length=200, widget=forms.Textarea(attrs={"rows": 2}),
        help_text=gettext_lazy("Kept in the history."),
    )  # fmt: skip


class AmendForm(ConfirmForm):
    """What is to hold from a day on; filled with what holds now."""

    on = forms.DateField(label=gettext_lazy("Holds from"), widget=forms.DateInput)

    def build(self) -> None:
        """The columns an amendment may change, as their own form fields."""
        for name in AMENDED:
            column: Any = HostingTerms._meta.get_field(name)
            field: Any = column.formfield()
            if name == "price_plan":
                field.queryset = PricePlan.objects.filter(currency=self.obj.contract.currency, is_active=True)
            field.initial = getattr(self.obj, name)
            self.fields[name] = field
        self.fields["on"].initial = timezone.localdate
        self.fields["reason"] = forms.CharField(
            label=gettext_lazy("Reason"), max_length=200, widget=forms.Textarea(attrs={"rows": 2}),
            help_text=gettext_lazy("Kept in the history."),
        )  # fmt: skip

    @property
    def changes(self) -> dict[str, Any]:
        """What differs from the terms of now."""
        return {
            name: self.cleaned_data[name] for name in AMENDED if self.cleaned_data.get(name) != getattr(self.obj, name)
        }
