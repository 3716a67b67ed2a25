"""What the calculator's pages ask for. Every field may stay empty: then what is known is taken."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from hashinsight.common.admin.widgets import dress
from hosting.enums import PlaceStatus
from hosting.models import MinerModel, PricePlan, Site
from intelligence.domain.calculator import MOST_MONTHS
from marketdata.enums import SeriesKind
from marketdata.models import PriceSeries

ENERGY_FIELDS = ("energy_usd_per_kwh", "price_plan", "price_series", "site")
STANDARD = {
    "quantity": "1", "pool_fee_percent": "1", "uptime_percent": "98", "pue": "1", "cooling_w": "0",
    "decay_percent_monthly": "0.5", "months": "24", "growth_percent_monthly": "0",
}  # fmt: skip


def figure(
    label: Any, least: Any = 0, most: Any = 10**9, *, places: int = 6, help_text: Any = ""
) -> forms.DecimalField:
    """A number that may stay empty, within bounds."""
    return forms.DecimalField(
        label=label, required=False, min_value=Decimal(least), max_value=Decimal(most), max_digits=30,
        decimal_places=places, help_text=help_text,
    )  # fmt: skip


def _energy_series() -> Any:
    return PriceSeries.objects.filter(kind=SeriesKind.ENERGY, is_active=True)


class CalculatorForm(forms.Form):
    """Machines, energy, running, market, months."""

    model = forms.ModelChoiceField(
        MinerModel.objects.none(),
        label=gettext_lazy("Model"),
        required=False,
        empty_label=gettext_lazy("none: figures below"),
    )
    hashrate_ths = figure(
        gettext_lazy("Hashrate (TH/s)"), "0.0001", help_text=gettext_lazy("Empty: as the model says.")
    )
    power_w = figure(gettext_lazy("Power (W)"), "0.01", help_text=gettext_lazy("Empty: as the model says."))
    price_usd = figure(gettext_lazy("Price of a machine (USD)"), help_text=gettext_lazy("Empty: as the model says."))
    quantity = forms.IntegerField(label=gettext_lazy("Quantity"), min_value=1, max_value=10**6)
    decay_percent_monthly = figure(gettext_lazy("Decay of the hashrate (% per month)"), 0, 50)
    energy_usd_per_kwh = figure(
        gettext_lazy("Energy (USD per kWh)"), -10, 10, help_text=gettext_lazy("Or one of the next three.")
    )
    price_plan = forms.ModelChoiceField(PricePlan.objects.none(), label=gettext_lazy("Price plan"), required=False)
    price_series = forms.ModelChoiceField(
        PriceSeries.objects.none(), label=gettext_lazy("Price series"), required=False
    )
    site = forms.ModelChoiceField(
        Site.objects.none(), label=gettext_lazy("Site"), required=False,
        help_text=gettext_lazy("Our cost there; with a price plan: its clock and holidays."),
    )  # fmt: skip
    pool_fee_percent = figure(gettext_lazy("Pool fee (%)"), 0, 100)
    uptime_percent = figure(gettext_lazy("Uptime (%)"), 0, 100)
    pue = figure(gettext_lazy("PUE"), 1, 10)
    cooling_w = figure(gettext_lazy("Cooling per machine (W)"), 0, 10**6)
    months = forms.IntegerField(label=gettext_lazy("Months"), min_value=1, max_value=MOST_MONTHS)
    growth_percent_monthly = figure(gettext_lazy("Growth of the difficulty (% per month)"), -50, 100)
    btc_usd = figure(gettext_lazy("Bitcoin (USD)"), 0, 10**9, help_text=gettext_lazy("Empty: the last good snapshot."))
    difficulty = figure(
        gettext_lazy("Difficulty"), "0.000001", 10**20, help_text=gettext_lazy("Empty: the last good snapshot.")
    )
    fees_per_block_btc = figure(
        gettext_lazy("Fees per block (BTC)"),
        0,
        1000,
        places=8,
        help_text=gettext_lazy("Empty: the last good snapshot."),
    )
    block_height = forms.IntegerField(
        label=gettext_lazy("Block height"), required=False, min_value=0, max_value=10**7,
        help_text=gettext_lazy("Empty: the last good snapshot."),
    )  # fmt: skip

    def __init__(self, data: Mapping[str, str], *, user: Any) -> None:
        super().__init__({**STANDARD, **{name: value for name, value in data.items() if value != ""}})
        for name, power, rows in (
            ("model", "hosting.view_minermodel", MinerModel.objects.filter(is_active=True)),
            ("price_plan", "hosting.view_priceplan", PricePlan.objects.filter(is_active=True)),
            ("price_series", "marketdata.view_priceseries", _energy_series()),
            ("site", "hosting.view_site", Site.objects.filter(status=PlaceStatus.ACTIVE)),
        ):
            field: Any = self.fields[name]
            field.queryset = rows.order_by("name") if user.has_perm(power) else rows.none()
        dress(self)

    def clean(self) -> dict[str, Any]:
        """One price of energy; a model or figures."""
        cleaned = super().clean() or self.cleaned_data
        named = [name for name in ENERGY_FIELDS if cleaned.get(name) is not None]
        if named not in (["price_plan", "site"], *([name] for name in ENERGY_FIELDS)) and not self.errors:
            raise forms.ValidationError(_("State one price of energy: typed, by a plan, by a series or at a site."))
        if cleaned.get("model") is None and (cleaned.get("hashrate_ths") is None or cleaned.get("power_w") is None):
            raise forms.ValidationError(_("Choose a model, or state hashrate and power."))
        return cleaned


class BreakEvenForm(forms.Form):
    """Which machines, and what the pool takes."""

    site = forms.ModelChoiceField(
        Site.objects.order_by("name"), label=gettext_lazy("Site"), required=False, empty_label=gettext_lazy("All")
    )
    whose = forms.ChoiceField(
        label=gettext_lazy("Machines"),
        choices=[("", gettext_lazy("All")), ("ours", gettext_lazy("Our own"))],
        required=False,
    )
    pool_fee_percent = figure(gettext_lazy("Pool fee (%)"), 0, 100)

    def __init__(self, data: Mapping[str, str]) -> None:
        super().__init__({"pool_fee_percent": "1", **{name: value for name, value in data.items() if value != ""}})
        dress(self)
