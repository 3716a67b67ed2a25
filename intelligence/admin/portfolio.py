"""Portfolios: of a user's own entries, or of machines of the fleet at one price of energy; as CSV too."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.http import urlencode
from django.utils.timesince import timesince
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from hashinsight.common.admin.charting import csv_file
from hashinsight.common.admin.display import moment_text, money_text, number_text, percent_text
from hashinsight.common.admin.object_page import ObjectPage
from hashinsight.common.errors import DomainError
from intelligence.admin.calculator_pages import DASH, per_kwh
from intelligence.domain import energy, portfolio
from intelligence.forms.portfolio import PortfolioForm

COLUMNS = (
    "name", "model_name", "quantity", "hashrate_ths", "usd_per_kwh", "daily_btc", "daily_revenue_usd",
    "daily_energy_usd", "daily_net_usd", "capital_usd", "roi", "payback_month", "break_even_usd_per_kwh",
)  # fmt: skip


class PortfolioPage(ObjectPage):
    """What machines earn together and each kind by itself, with the age of the market."""

    power = "view"
    for_one = False
    for_none = True
    list_label = gettext_lazy("Portfolio")
    icon = "pie_chart"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """The form at first, then the dashboard, or its rows as a file."""
        at = timezone.now()
        asked = {name: str(value) for name, value in request.GET.items() if name != "csv"}
        form = PortfolioForm(asked, person=request.user)
        found, refusal = None, ""
        if asked and form.is_valid():
            try:
                found = _found(form.cleaned_data, at)
            except DomainError as why:
                refusal = str(why)
        if found is not None and "csv" in request.GET:
            rows = ([row[name] for name in COLUMNS] for row in found["rows"])
            return csv_file("portfolio", COLUMNS, rows)
        page = self.model_admin
        context = {
            **page.admin_site.each_context(request),
            "title": _("Portfolio"),
            "subtitle": None,
            "opts": page.opts,
            "form": form,
            "asked": bool(asked),
            "refusal": refusal,
            "csv": f"?{urlencode({**asked, 'csv': '1'})}",
            "found": _shown(found, at) if found is not None else None,
        }
        request.current_app = page.admin_site.name
        status = 200 if not asked or found is not None else 400 if form.errors else 409
        return TemplateResponse(request, "intelligence/admin/portfolio.html", context, status=status)


def _found(data: dict[str, Any], at: datetime) -> dict[str, Any]:
    """Of the user from the cache; of the fleet reckoned now. Raises EnergyUnknown."""
    if data["user"] is not None:
        return portfolio.dashboard(data["user"].pk, at=at)
    price = data["energy_usd_per_kwh"]
    stated = energy.typed(price) if price is not None else energy.now_of_site(data["site"], at=at)
    return portfolio.reckon_fleet(portfolio.fleet(customer=data["customer"], site=data["site"]), stated, at=at)


def _shown(found: dict[str, Any], at: datetime) -> dict[str, Any]:
    recorded = parse_datetime(found["market_recorded_at"]) if found["market_recorded_at"] else None
    return {
        "known": recorded is not None,
        "at": moment_text(recorded),
        "age": timesince(recorded, at) if recorded else "",
        "facts": [
            (_("machines"), number_text(Decimal(found["machines"]))),
            (_("revenue of a day"), _usd(found["daily_revenue_usd"])),
            (_("energy of a day"), _usd(found["daily_energy_usd"])),
            (_("net of a day"), _usd(found["daily_net_usd"])),
            (_("capital"), _usd(found["capital_usd"])),
            (_("paid for in month"), str(found["payback_month"] or DASH)),
            (_("return on investment"), _percent(found["roi"])),
            (_("break-even price of energy"), _kwh(found["break_even_usd_per_kwh"])),
        ],
        "named": any(row["id"] for row in found["rows"]),  # a fleet has models alone
        "rows": [
            (*([_named(row)] if row["id"] else []), row["model_name"], row["quantity"],
             number_text(Decimal(row["hashrate_ths"])), _kwh(row["usd_per_kwh"]), _kwh(row["break_even_usd_per_kwh"]),
             _usd(row["daily_net_usd"]), str(row["payback_month"] or DASH), _percent(row["roi"]))
            for row in found["rows"]
        ],
    }  # fmt: skip


def _named(row: dict[str, Any]) -> str:
    """Its own name; the model stands beside it."""
    name = str(row["name"])
    return DASH if name == f"{row['quantity']} × {row['model_name']}" else name


def _usd(text: str | None) -> str:
    return DASH if text is None else money_text(Decimal(text), "USD")


def _kwh(text: str | None) -> str:
    return DASH if text is None else per_kwh(Decimal(text))


def _percent(text: str | None) -> str:
    return DASH if text is None else percent_text(Decimal(text))
