"""What is stated when a plan is moved by hand, and in an emergency."""

from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy

from hashinsight.common.admin.confirm import ConfirmForm, ReasonForm
from hosting.models import Site


class EndsAtForm(ConfirmForm):
    """The earlier end."""

    ends_at = forms.SplitDateTimeField(label=gettext_lazy("Ends at"))


class ReviewForm(ConfirmForm):
    """What whoever looked at it says."""

    review = forms.CharField(
        label=gettext_lazy("Review"), max_length=300, widget=forms.Textarea(attrs={"rows": 2}),
    )  # fmt: skip


class EmergencyForm(ReasonForm):
    """How much, and why; the reason becomes that of a plan."""

    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=300,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=gettext_lazy("In words; clients read it."),
    )
    kw = forms.DecimalField(
        label=gettext_lazy("Power to be off (kW)"),
        required=False,
        min_value=Decimal("0.001"),
        max_digits=14,
        decimal_places=3,
        help_text=gettext_lazy("Empty: all of it."),
    )
    field_order = ("reason", "kw")


class SwitchForm(ReasonForm):
    """Where nothing is switched any more."""

    site: Any = forms.ModelChoiceField(
        label=gettext_lazy("Site"), queryset=None, required=False, help_text=gettext_lazy("Empty: everywhere.")
    )
    field_order = ("site", "reason")

    def build(self) -> None:
        """All sites."""
        field: Any = self.fields["site"]
        field.queryset = Site.objects.order_by("name")
