"""Forms of the optimiser."""

from decimal import Decimal
from typing import Any

from django import forms

from hashinsight.common.admin.forms import HouseForm
from intelligence.models import PowerMode, ScheduleSettings


class PlainFiguresForm(HouseForm):
    """Figures stand there without the zeros that only the column needs."""

    def get_initial_for_field(self, field: forms.Field, field_name: str) -> Any:
        """As people write them."""
        value = super().get_initial_for_field(field, field_name)
        return f"{value.normalize():f}" if isinstance(value, Decimal) else value


class ScheduleSettingsForm(PlainFiguresForm):
    """Of a site."""

    class Meta:
        model = ScheduleSettings
        fields = "__all__"


class PowerModeForm(PlainFiguresForm):
    """Of a model."""

    class Meta:
        model = PowerMode
        fields = "__all__"
