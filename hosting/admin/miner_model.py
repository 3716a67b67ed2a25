"""The catalogue."""

from typing import Any

from django.contrib import admin
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import (
    AllValuesCheckboxFilter,
    BooleanRadioFilter,
    ChoicesDropdownFilter,
    RangeNumericFilter,
)
from unfold.decorators import display

from hashinsight.common.admin.base import BaseAdmin
from hashinsight.common.admin.display import money_cell, number_text
from hosting.admin.export_columns import MODEL_COLUMNS
from hosting.models import MinerModel


@admin.register(MinerModel)
class MinerModelAdmin(BaseAdmin):
    """Models; archived rather than deleted once machines are of them."""

    list_display = (
        "name", "manufacturer", "hashrate_shown", "power_shown", "efficiency_shown", "cooling", "released_on",
        "price_shown", "is_active",
    )  # fmt: skip
    list_filter = (
        ("is_active", BooleanRadioFilter),
        ("manufacturer", AllValuesCheckboxFilter),
        ("cooling", ChoicesDropdownFilter),
        ("hashrate_ths", RangeNumericFilter),
    )
    search_fields = ("name", "manufacturer", "chip")
    ordering = ("manufacturer", "name")
    fieldsets = (
        (None, {"fields": (("manufacturer", "name", "is_active"),)}),
        (
            gettext_lazy("Figures"),
            {"fields": (("hashrate_ths", "power_w", "efficiency_shown"), ("cooling", "chip"), ("source", "note"))},
        ),
        (
            gettext_lazy("More"),
            {"fields": (("released_on", "list_price_usd"), ("inlet_min_c", "inlet_max_c", "chip_max_c"), "is_shipped")},
        ),
    )
    readonly_fields = ("efficiency_shown", "is_shipped")
    export_columns = MODEL_COLUMNS

    @display(description=gettext_lazy("hashrate (TH/s)"), ordering="hashrate_ths")
    def hashrate_shown(self, model: MinerModel) -> str:
        return number_text(model.hashrate_ths)

    @display(description=gettext_lazy("power (W)"), ordering="power_w")
    def power_shown(self, model: MinerModel) -> str:
        return number_text(model.power_w)

    @display(description=gettext_lazy("efficiency (J/TH)"), ordering="efficiency_j_th")
    def efficiency_shown(self, model: MinerModel) -> str:
        return number_text(model.efficiency_j_th) if model.pk else ""

    @display(description=gettext_lazy("list price"), ordering="list_price_usd")
    def price_shown(self, model: MinerModel) -> Any:
        return money_cell(model.list_price_usd, "USD")
