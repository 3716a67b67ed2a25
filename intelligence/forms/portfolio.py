"""Whose portfolio is looked at."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import User
from crm.models import Customer
from hashinsight.common.admin.confirm import ConfirmForm
from hashinsight.common.admin.widgets import dress
from hosting.models import Site
from intelligence.forms.calculator import figure
from intelligence.models import UserMiner


class PortfolioForm(forms.Form):
    """A user's own entries, or machines of the fleet: of a customer, at a site, or both, at one price of energy."""

    user = forms.ModelChoiceField(User.objects.none(), label=gettext_lazy("User"), required=False)
    customer = forms.ModelChoiceField(Customer.objects.none(), label=gettext_lazy("Customer"), required=False)
    site = forms.ModelChoiceField(Site.objects.none(), label=gettext_lazy("Site"), required=False)
    energy_usd_per_kwh = figure(
        gettext_lazy("Energy (USD per kWh)"), -10, 10, help_text=gettext_lazy("Empty: what it costs at the site now.")
    )

    def __init__(self, data: Mapping[str, str], *, person: Any) -> None:
        super().__init__(data or None)
        for name, power, rows in (
            ("user", "", User.objects.filter(pk__in=UserMiner.objects.values("user_id")).order_by("email")),
            ("customer", "crm.view_customer", Customer.objects.order_by("company_name")),
            ("site", "hosting.view_site", Site.objects.order_by("name")),
        ):
            field: Any = self.fields[name]
            field.queryset = rows if not power or person.has_perm(power) else rows.none()
        dress(self)

    def clean(self) -> dict[str, Any]:
        """One or the other; the fleet needs a price."""
        cleaned = super().clean() or self.cleaned_data
        of_fleet = cleaned.get("customer") is not None or cleaned.get("site") is not None
        if (cleaned.get("user") is not None) == of_fleet:
            raise forms.ValidationError(_("Choose a user, or a customer or a site."))
        if of_fleet and cleaned.get("site") is None and cleaned.get("energy_usd_per_kwh") is None:
            raise forms.ValidationError(_("Choose a site, or state the price of energy."))
        return cleaned


class MaintainForm(ConfirmForm):
    """The day."""

    on = forms.DateField(label=gettext_lazy("Maintained on"), widget=forms.DateInput)
