"""Machines people reckon with."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import display

from hashinsight.common.admin.actions import limited
from hashinsight.common.admin.base import BaseAdmin
from hashinsight.common.admin.confirm import ConfirmPage
from hashinsight.common.admin.display import money_cell, number_text, price_text
from intelligence.admin.portfolio import PortfolioPage
from intelligence.domain import user_miners
from intelligence.forms.portfolio import MaintainForm
from intelligence.models import UserMiner

OF_MODEL = ("actual_hashrate_ths", "actual_power_w", "actual_price_usd")


class MaintainPage(ConfirmPage):
    """They were maintained."""

    power = "change"
    title = gettext_lazy("Note a maintenance")
    button = gettext_lazy("Note it")
    label = gettext_lazy("Maintained …")
    icon = "build"
    form_class = MaintainForm

    def initial(self) -> dict[str, Any]:
        """Today."""
        return {"on": timezone.localdate()}

    def run(self, obj: UserMiner, form: Any) -> UserMiner:
        """The one domain call."""
        return user_miners.maintain_user_miner(obj, on=form.cleaned_data["on"], by=self.request.user, at=timezone.now())


@admin.register(UserMiner)
class UserMinerAdmin(BaseAdmin):
    """Own machines of all people; each person sees its own through the API."""

    pages = {"maintain": MaintainPage, "portfolio": PortfolioPage}
    list_display = (
        "name_shown", "user", "model_name", "status", "quantity", "hashrate_shown", "price_shown", "energy_shown",
        "last_maintenance_on",
    )  # fmt: skip
    list_filter = (("status", ChoicesDropdownFilter),)
    list_select_related = ("user",)
    search_fields = ("custom_name", "model_name", "user__email")
    autocomplete_fields = ("user", "miner_model")
    ordering = ("-created_at", "-id")
    fieldsets = (
        (None, {
            "fields": (("user", "miner_model"), ("custom_name", "status", "quantity"), ("location", "purchased_on"))
        }),
        (
            gettext_lazy("Figures"),
            {
                "fields": (
                    ("actual_hashrate_ths", "original_hashrate_ths", "decay_percent_monthly"),
                    ("actual_power_w", "actual_price_usd", "electricity_cost_usd_per_kwh"),
                    ("last_maintenance_on", "maintenance_count"),
                )
            },
        ),
    )  # fmt: skip
    readonly_fields = ("original_hashrate_ths", "last_maintenance_on", "maintenance_count")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """They stay whose they are."""
        return (*super().get_readonly_fields(request, obj), *(("user",) if obj is not None else ()))

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """Figures nobody states are those of the model, as in the API."""
        form = super().get_form(request, obj, change=change, **kwargs)
        for name in OF_MODEL if obj is None else ():
            if field := form.base_fields.get(name):
                field.required, field.help_text = False, _("Empty: as the model says.")
        return form

    def save_model(self, request: HttpRequest, obj: UserMiner, form: Any, change: bool) -> None:
        """Through the domain, for the event and the cache."""
        if change:
            changes = {name: form.cleaned_data[name] for name in form.changed_data if name in form.cleaned_data}
            self.adopt(obj, user_miners.change_user_miner(obj, changes=changes, by=request.user))
        else:
            data = dict(form.cleaned_data)
            self.adopt(obj, user_miners.create_user_miner(by=request.user, at=timezone.now(), **data))

    def delete_model(self, request: HttpRequest, obj: UserMiner) -> None:
        """With its event."""
        user_miners.delete_user_miner(obj, by=request.user)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[UserMiner]) -> None:
        """Each with its event."""
        for row in limited(queryset):
            user_miners.delete_user_miner(row, by=request.user)

    @display(description=gettext_lazy("name"), ordering="custom_name")
    def name_shown(self, row: UserMiner) -> str:
        return str(row)

    @display(description=gettext_lazy("hashrate (TH/s)"), ordering="actual_hashrate_ths")
    def hashrate_shown(self, row: UserMiner) -> str:
        return number_text(row.actual_hashrate_ths)

    @display(description=gettext_lazy("price"), ordering="actual_price_usd")
    def price_shown(self, row: UserMiner) -> Any:
        return money_cell(row.actual_price_usd, "USD")

    @display(description=gettext_lazy("energy (per kWh)"), ordering="electricity_cost_usd_per_kwh")
    def energy_shown(self, row: UserMiner) -> str:
        return price_text(row.electricity_cost_usd_per_kwh, "USD")
