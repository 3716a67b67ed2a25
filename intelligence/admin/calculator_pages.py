"""The calculator as a page: a form that changes nothing, figures, tables, a picture, and each table as CSV."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.timesince import timesince
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from hashinsight.common.admin.charting import Line, chart, csv_file
from hashinsight.common.admin.display import figure_text, moment_text, money_text, number_text, percent_text
from hashinsight.common.admin.object_page import ObjectPage
from hashinsight.common.errors import DomainError
from intelligence.domain import energy
from intelligence.domain.calculator import (
    Answer,
    MarketBasis,
    Question,
    Rig,
    Running,
    Typed,
    market_now,
    reckon,
    rig_of,
)
from intelligence.forms.calculator import CalculatorForm
from marketdata.engine.numbers import HUNDRED, ZERO
from marketdata.engine.profitability import Figures, Result

TABLES = ("months", "sensitivity", "scenarios")
DASH = "–"
TRILLION = Decimal(10**12)


class CalculatorPage(ObjectPage):
    """What machines earn: by the day and by the month, when they are paid for, and how it would be otherwise."""

    power = "view"
    for_one = False
    for_none = True
    list_label = gettext_lazy("Calculator")
    icon = "calculate"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """The form at first, then the answer as well, or one of its tables as a file."""
        at = timezone.now()
        asked = {name: str(value) for name, value in request.GET.items() if name != "csv"}
        form = CalculatorForm(asked, user=request.user)
        answer, refusal = None, ""
        if asked and form.is_valid():
            try:
                answer = reckon(question_of(form.cleaned_data, at=at))
            except DomainError as found:
                refusal = str(found)
        file = request.GET.get("csv", "")
        if answer is not None and file in TABLES:
            return table_file(answer, file)
        page = self.model_admin
        context = {
            **page.admin_site.each_context(request),
            "title": _("Calculator"),
            "subtitle": None,
            "opts": page.opts,
            "form": form,
            "asked": bool(asked),
            "refusal": refusal,
            "csv": f"?{urlencode(asked)}&csv=",
            **(shown(answer, at) if answer is not None else {}),
        }
        request.current_app = page.admin_site.name
        status = 200 if not asked or answer is not None else 400 if form.errors else 409
        return TemplateResponse(request, "intelligence/admin/calculator.html", context, status=status)


def question_of(data: dict[str, Any], *, at: datetime) -> Question:
    """From a valid form. Raises EnergyUnknown and NoMarket."""
    market = market_now(
        Typed(data["btc_usd"], data["difficulty"], data["block_height"], data["fees_per_block_btc"]), at=at
    )
    decay, quantity = data["decay_percent_monthly"] or ZERO, data["quantity"]
    figures = {name: data[name] for name in ("hashrate_ths", "power_w", "price_usd")}
    if data["model"] is not None:
        rig = rig_of(data["model"], changed=figures, quantity=quantity, decay=decay)
    else:
        rig = Rig(data["hashrate_ths"], data["power_w"], data["price_usd"] or ZERO, quantity, decay)
    running = Running(
        energy_of(data, at=at), pool_fee_percent=_or(data["pool_fee_percent"], ZERO),
        uptime_percent=_or(data["uptime_percent"], HUNDRED), pue=_or(data["pue"], Decimal(1)),
        cooling_w=_or(data["cooling_w"], ZERO),
    )  # fmt: skip
    return Question(rig, running, market, data["months"], _or(data["growth_percent_monthly"], ZERO))


def energy_of(data: dict[str, Any], *, at: datetime) -> energy.EnergyPrice:
    """The one price that was stated. Raises EnergyUnknown."""
    if data["energy_usd_per_kwh"] is not None:
        return energy.typed(data["energy_usd_per_kwh"])
    if data["price_plan"] is not None:
        return energy.of_plan(data["price_plan"], at=at, site=data["site"])
    if data["price_series"] is not None:
        return energy.of_series(data["price_series"], at=at)
    return energy.of_site(data["site"], at=at)


def _or(value: Decimal | None, standard: Decimal) -> Decimal:
    return standard if value is None else value


# --- showing --------------------------------------------------------------------------------------------------
def shown(answer: Answer, at: datetime) -> dict[str, Any]:
    """What the template needs of an answer."""
    result, question = answer.result, answer.question
    return {
        "has_answer": True,
        "market": market_facts(question.market, at),
        "facts": [
            (_("capital"), money_text(result.capital_usd, "USD")),
            (_("power"), f"{number_text(round(result.power_w / 1000, 3))} kW"),
            (_("efficiency"), f"{number_text(round(result.j_per_th, 2))} J/TH"),
            (_("energy"), f"{per_kwh(question.running.energy.mean)} ({question.running.energy.source})"),
            (_("paid for in month"), _paid_in(result)),
            (_("return on investment"), DASH if result.roi is None else percent_text(result.roi)),
            (_("net of all months"), money_text(result.net_usd, "USD")),
            (_("break-even price of energy"), per_kwh(result.break_even_usd_per_kwh)),
            (_("break-even price of Bitcoin"), money_text(result.break_even_btc_usd, "USD") or DASH),
        ],
        "until": moment_text(question.running.energy.until),
        "heads": [
            "TH/s", _("difficulty (T)"), "BTC", _("revenue (USD)"), "kWh", _("energy (USD)"), _("net (USD)"),
            _("net so far (USD)"),
        ],
        "daily": figures_of(result.daily),
        "months": [
            (one.number, number_text(round(one.hashrate_ths, 2)), number_text(round(one.difficulty / TRILLION, 2)),
             *figures_of(one.figures), figure_text(one.cumulative_usd, "USD"))
            for one in result.months
        ],
        "picture": picture(result),
        "energy_prices": [per_kwh(price) for price in answer.sensitivity.energy_prices],
        "sensitivity": [
            (money_text(question.market.btc_usd * factor, "USD"), percent_text(factor),
             [(figure_text(one.daily.net_usd, "USD"), str(one.payback_month or DASH)) for one in row])
            for factor, row in zip(answer.sensitivity.price_factors, answer.sensitivity.results, strict=True)
        ],
        "scenarios": [
            (f"{number_text(growth)} %", figure_text(one.net_usd, "USD"), str(one.payback_month or DASH),
             DASH if one.roi is None else percent_text(one.roi), growth == question.growth_percent_monthly)
            for growth, one in answer.scenarios
        ],
    }  # fmt: skip


def market_facts(market: MarketBasis, at: datetime) -> dict[str, Any]:
    """Which figures of the market were used, and how old they are."""
    row = market.snapshot
    return {
        "facts": [
            (_("price"), money_text(market.btc_usd, "USD")),
            (_("difficulty"), f"{number_text(round(market.difficulty / TRILLION, 2))} T"),
            (_("fees per block"), f"{number_text(market.fees_per_block_btc)} BTC" if market.fees_known else DASH),
            (_("hashprice"), _("%(amount)s per PH/s and day")
             % {"amount": money_text(market.hashprice_usd_per_ph_day, "USD")}),
        ],
        "at": moment_text(row.recorded_at) if row else "",
        "age": timesince(row.recorded_at, at) if row else "",
        "stale": market.is_stale,
        "typed": bool(market.typed),
    }  # fmt: skip


def figures_of(one: Figures) -> list[str]:
    """Coins, revenue, energy, its cost, net."""
    return [
        number_text(one.btc), figure_text(one.revenue_usd, "USD"), number_text(round(one.energy_kwh, 1)),
        figure_text(one.energy_usd, "USD"), figure_text(one.net_usd, "USD"),
    ]  # fmt: skip


def per_kwh(price: Decimal | None) -> str:
    """Of energy, to a hundredth of a cent."""
    return DASH if price is None else f"{number_text(round(price, 4))} USD/kWh"


def picture(result: Result) -> str:
    """Net by month, summed up, against what the machines cost."""
    labels = [str(one.number) for one in result.months]
    lines = [
        Line(_("net so far"), [float(one.cumulative_usd) for one in result.months]),
        Line(_("capital"), [float(result.capital_usd)] * len(labels), "second", dashed=True),
        Line(_("net of the month"), [float(one.figures.net_usd) for one in result.months], "third"),
    ]
    return chart(labels, lines, unit="USD")


# --- files ----------------------------------------------------------------------------------------------------
FIGURES = ("btc", "revenue_usd", "energy_kwh", "energy_usd", "net_usd")


def table_file(answer: Answer, name: str) -> HttpResponse:
    """One of the tables, with all digits."""
    headers, rows = {"months": _months, "sensitivity": _sensitivity, "scenarios": _scenarios}[name](answer)
    return csv_file(f"calculator-{name}", headers, rows)


def _months(answer: Answer) -> tuple[Sequence[str], Iterable[Sequence[Any]]]:
    rows = (
        [one.number, one.hashrate_ths, one.difficulty, *(getattr(one.figures, column) for column in FIGURES),
         one.cumulative_usd, answer.result.capital_usd]
        for one in answer.result.months
    )  # fmt: skip
    return ["month", "hashrate_ths", "difficulty", *FIGURES, "cumulative_usd", "capital_usd"], rows


def _sensitivity(answer: Answer) -> tuple[Sequence[str], Iterable[Sequence[Any]]]:
    found = answer.sensitivity
    rows = (
        [answer.question.market.btc_usd * factor, price, one.daily.net_usd, one.net_usd, one.payback_month, one.roi]
        for factor, row in zip(found.price_factors, found.results, strict=True)
        for price, one in zip(found.energy_prices, row, strict=True)
    )
    return ["btc_usd", "energy_usd_per_kwh", "daily_net_usd", "net_usd", "payback_month", "roi"], rows


def _scenarios(answer: Answer) -> tuple[Sequence[str], Iterable[Sequence[Any]]]:
    rows = ([growth, one.net_usd, one.payback_month, one.roi] for growth, one in answer.scenarios)
    return ["difficulty_growth_percent_monthly", "net_usd", "payback_month", "roi"], rows


def _paid_in(result: Result) -> str:
    if not result.capital_usd:
        return DASH  # nothing was paid
    return str(result.payback_month) if result.payback_month else _("not in this time")
