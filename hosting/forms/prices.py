"""Forms of price plans."""

from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminTextareaWidget

from hashinsight.common.admin.confirm import ConfirmForm
from hashinsight.common.admin.forms import HouseForm
from hosting.domain import prices
from hosting.engine.windows import WindowError, format_windows, parse_windows
from hosting.models import PriceComponent


class ComponentForm(HouseForm):
    """A component with its windows of time as text, a line each."""

    hours = forms.CharField(
        label=gettext_lazy("hours"),
        required=False,
        max_length=2000,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2, "placeholder": "6-9 workdays 14:00-20:00"}),
        help_text=gettext_lazy(
            "A line for each window: months, days (all, workdays, weekdays, free_days, saturday, sunday), hours. "
            "Empty: at all hours."
        ),
    )

    class Meta:
        model = PriceComponent
        fields = "__all__"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.fields["hours"].initial = format_windows(prices.windows_of(self.instance))

    def clean_hours(self) -> Any:
        """Windows instead of text."""
        try:
            return parse_windows(self.cleaned_data["hours"])
        except WindowError as error:
            raise forms.ValidationError(
                _("Line %(line)s is no window of time: %(text)s") % {"line": error.line, "text": error.text}
            ) from error

    def _save_m2m(self) -> None:
        super()._save_m2m()  # type: ignore[misc]
        if "hours" in self.changed_data:
            prices.set_windows(self.instance, windows=self.cleaned_data["hours"])


class VersionForm(ConfirmForm):
    """From which day the next version is to hold."""

    valid_from = forms.DateField(label=gettext_lazy("Valid from"), widget=forms.DateInput)
    note = forms.CharField(label=gettext_lazy("What changes"), max_length=300, required=False)

    def build(self) -> None:
        """The first of next month."""
        today = timezone.localdate()
        year, month = divmod(today.year * 12 + today.month, 12)
        self.fields["valid_from"].initial = today.replace(year=year, month=month + 1, day=1)
