"""Forms of the rules that act: days and months to tick, and what does not fit together said at its field."""

from decimal import Decimal
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.dates import MONTHS, WEEKDAYS
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from curtailment.domain.rules.keeping import faults_of
from curtailment.models import PeakRule, StrikeRule
from hashinsight.common.admin.forms import HouseForm


def _ticks(label: Any, choices: dict[int, Any], *, all_on: bool = False) -> forms.TypedMultipleChoiceField:
    return forms.TypedMultipleChoiceField(
        label=label, coerce=int, choices=list(choices.items()), widget=UnfoldAdminCheckboxSelectMultipleWidget(),
        initial=list(choices) if all_on else (),
    )  # fmt: skip


class RuleForm(HouseForm):
    """What all rules have."""

    weekdays = _ticks(gettext_lazy("Days"), WEEKDAYS, all_on=True)

    def get_initial_for_field(self, field: forms.Field, field_name: str) -> Any:
        """A figure without the zeros that only the column needs."""
        value = super().get_initial_for_field(field, field_name)
        return f"{value.normalize():f}" if isinstance(value, Decimal) else value

    def clean(self) -> dict[str, Any]:
        """Faults stand at the field they are of."""
        cleaned = super().clean()
        rule = self._meta.model(**{name: value for name, value in cleaned.items() if name in self.fields})
        if self.instance.pk is not None:
            rule.site = self.instance.site
        for name, text in faults_of(rule, at=timezone.now()).items():
            self.add_error(name if name in self.fields else None, text)
        return cleaned


class StrikeRuleForm(RuleForm):
    """Of strike prices."""

    class Meta:
        model = StrikeRule
        exclude = ("state",)


class PeakRuleForm(RuleForm):
    """Of peak rules."""

    months = _ticks(gettext_lazy("Months"), MONTHS)

    class Meta:
        model = PeakRule
        exclude = ("state",)
