"""Break-even of the fleet: model by model at each site, beside what energy costs there now."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from hashinsight.common.admin.charting import csv_file
from hashinsight.common.admin.display import number_text
from hashinsight.common.admin.object_page import ObjectPage
from intelligence.admin.calculator_pages import DASH, market_facts, per_kwh
from intelligence.domain.break_even import BreakEven, fleet_table, machines_that_earn
from intelligence.domain.calculator import MarketBasis, NoMarket, market_now
from intelligence.forms.calculator import BreakEvenForm
from marketdata.engine.numbers import ZERO


class BreakEvenPage(ObjectPage):
    """Which machines earn their energy now; as CSV too."""

    power = "view"
    for_one = False
    for_none = True
    list_label = gettext_lazy("Break-even")
    icon = "balance"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """The page, or the table as a file."""
        at = timezone.now()
        form = BreakEvenForm({name: str(value) for name, value in request.GET.items() if name != "csv"})
        market: MarketBasis | None = None
        table: list[BreakEven] = []
        refusal = ""
        if form.is_valid():
            try:
                market = market_now(at=at)
                data = form.cleaned_data
                table = fleet_table(
                    market, at=at, pool_fee_percent=data["pool_fee_percent"] or ZERO, site=data["site"],
                    ours=data["whose"] == "ours",
                )  # fmt: skip
            except NoMarket as found:
                refusal = str(found)
        if "csv" in request.GET and market is not None:
            return csv_file("break-even", HEADERS, _cells(table))
        page = self.model_admin
        earning, losing, unknown = machines_that_earn(table)
        context = {
            **page.admin_site.each_context(request),
            "title": _("Break-even of the fleet"),
            "subtitle": None,
            "opts": page.opts,
            "form": form,
            "refusal": refusal,
            "market": market_facts(market, at) if market else None,
            "counts": [
                (_("machines that earn their energy"), number_text(Decimal(earning))),
                (_("machines that do not"), number_text(Decimal(losing))),
                (_("price of energy not known"), number_text(Decimal(unknown))),
            ],
            "rows": [_shown(one) for one in table],
            "csv": f"?{urlencode({**request.GET.dict(), 'csv': '1'})}",
        }
        request.current_app = page.admin_site.name
        return TemplateResponse(
            request, "intelligence/admin/break_even.html", context, status=200 if form.is_valid() else 400
        )


HEADERS = [
    "site", "model", "machines", "running", "j_per_th", "break_even_usd_per_kwh", "energy_usd_per_kwh", "energy_source",
    "margin_usd_per_kwh", "earns",
]  # fmt: skip


def _shown(one: BreakEven) -> dict[str, Any]:
    return {
        "site": one.site, "model": one.model,
        "machines": number_text(Decimal(one.machines)), "running": number_text(Decimal(one.running)),
        "j_per_th": number_text(round(one.model.efficiency_j_th, 2)), "break_even": per_kwh(one.break_even_usd_per_kwh),
        "energy": per_kwh(one.energy.mean) if one.energy else DASH,
        "source": one.energy.source if one.energy else one.why,
        "margin": per_kwh(one.margin_usd_per_kwh),
        "earns": {True: _("yes"), False: _("no"), None: DASH}[one.earns], "loses": one.earns is False,
    }  # fmt: skip


def _cells(table: Iterable[BreakEven]) -> Iterable[list[Any]]:
    for one in table:
        margin = one.margin_usd_per_kwh
        yield [
            one.site, one.model, one.machines, one.running, one.model.efficiency_j_th,
            f"{one.break_even_usd_per_kwh:.8f}", f"{one.energy.mean:.8f}" if one.energy else None,
            one.energy.source if one.energy else None, None if margin is None else f"{margin:.8f}",
            {True: "yes", False: "no", None: None}[one.earns],
        ]  # fmt: skip
