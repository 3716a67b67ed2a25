"""Forms of meters."""

from django import forms
from django.utils.translation import gettext_lazy

from hashinsight.common.admin.confirm import ConfirmForm
from hosting.meter_enums import MeterChangeKind


class ChangeForm(ConfirmForm):
    """When the register began anew, and at which figures, as the meter shows them."""

    kind = forms.ChoiceField(label=gettext_lazy("What happened"), choices=MeterChangeKind.choices)
    changed_at = forms.SplitDateTimeField(label=gettext_lazy("At"), widget=forms.SplitDateTimeWidget)
    before = forms.DecimalField(
        label=gettext_lazy("Last figure before (kWh)"), min_value=0, max_digits=18, decimal_places=6,
        help_text=gettext_lazy(
            "As the meter showed it. Where it rolled over: the figure it could not show, 1000000 with six digits."
        ),
    )  # fmt: skip
    after = forms.DecimalField(
        label=gettext_lazy("First figure after (kWh)"), min_value=0, max_digits=18, decimal_places=6, initial=0
    )
    serial = forms.CharField(label=gettext_lazy("Serial number of the new meter"), max_length=100, required=False)
    reason = forms.CharField(
        label=gettext_lazy("Reason"), max_length=200, help_text=gettext_lazy("Kept in the history.")
    )
