"""The calculator for programs: everything is asked in the address, nothing is kept."""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSetMixin

from hashinsight.common.api.problems import BadParameter, BadRequest, invalid_parameters
from hashinsight.common.api.schema import described
from hashinsight.common.api.views import BaseView, Outside
from intelligence.api.calculator_form import CalculatorInput, CalculatorSerializer
from intelligence.domain import energy
from intelligence.domain.calculator import (
    Answer,
    MarketBasis,
    NoMarket,
    NotReckonable,
    Question,
    Rig,
    Running,
    Typed,
    market_now,
    reckon,
    rig_of,
)
from marketdata.engine.profitability import Result
from marketdata.enums import SeriesKind

FIGURES = ("btc", "revenue_usd", "energy_kwh", "energy_usd", "net_usd")
RESULTS = (
    "capital_usd", "power_w", "j_per_th", "daily", "net_usd", "payback_month", "roi", "break_even_usd_per_kwh",
    "break_even_btc_usd",
)  # fmt: skip
ENERGY_PARAMETERS = ("energy_usd_per_kwh", "price_plan", "price_series")


class CalculatorViewSet(ViewSetMixin, BaseView):
    """What machines earn: a model the caller may see or figures, at a typed price of energy, by a plan or a series.

    Clients may see models of their own machines and those shipped with the product, and state what a machine costs.
    """

    resource = "calculator"
    staff_permissions = {"read": "hosting.view_minermodel"}
    client_actions = frozenset({"read"})

    def known_parameters(self) -> frozenset[str]:
        """All that can be asked."""
        return frozenset(CalculatorInput().fields)

    @described(parameters=[CalculatorInput], responses={200: CalculatorSerializer})
    def read(self, request: Request) -> Outside:
        """What machines earn by day and month, payback, ROI, break-even prices, sensitivity and scenarios."""
        asked = _asked(request)
        at = timezone.now()
        staff = bool(request.user.is_staff)  # the list price of a model is among us, as in the catalogue

        def finish() -> Response:
            # Outside of the caller's scope: a plan's hours follow the holidays of its site, which are the house's.
            try:
                return Response(body_of(reckon(_question(asked, at=at, shows_list_price=staff)), at=at))
            except NoMarket as refusal:
                raise no_market(refusal) from refusal
            except energy.EnergyUnknown as refusal:
                name = next(name for name in ENERGY_PARAMETERS if name in asked)
                raise BadParameter(name, refusal, code=refusal.code) from refusal
            except NotReckonable as refusal:
                raise BadRequest(refusal.code, refusal) from refusal

        return Outside(finish)


def _asked(request: Request) -> dict[str, Any]:
    """The checked parameters. Raises BadRequest, BadParameter."""
    form = CalculatorInput(data=request.query_params.dict(), context={"request": request})
    if not form.is_valid():
        raise invalid_parameters(form.errors)
    asked: dict[str, Any] = form.validated_data
    if sum(name in asked for name in ENERGY_PARAMETERS) != 1:
        raise BadParameter("energy_usd_per_kwh", _("State one price of energy: typed, by a plan or by a series."))
    series = asked.get("price_series")
    if series is not None and series.kind != SeriesKind.ENERGY:
        raise BadParameter("price_series", _("%(series)s is no series of energy prices.") % {"series": series})
    if "model" not in asked and not {"hashrate_ths", "power_w"} <= asked.keys():
        raise BadParameter("model", _("Choose a model, or state hashrate and power."))
    return asked


def _question(asked: dict[str, Any], *, at: datetime, shows_list_price: bool) -> Question:
    market = stated_market(asked, at=at)
    decay, quantity = asked["decay_percent_monthly"], asked["quantity"]
    figures = {name: asked.get(name) for name in ("hashrate_ths", "power_w", "price_usd")}
    if "model" in asked:
        if not shows_list_price:
            figures["price_usd"] = figures["price_usd"] or Decimal(0)
        rig = rig_of(asked["model"], changed=figures, quantity=quantity, decay=decay)
    else:
        rig = Rig(asked["hashrate_ths"], asked["power_w"], figures["price_usd"] or Decimal(0), quantity, decay)
    running = Running(
        _energy(asked, at=at),
        **{name: asked[name] for name in ("pool_fee_percent", "uptime_percent", "pue", "cooling_w")},
    )
    return Question(rig, running, market, asked["months"], asked["difficulty_growth_percent_monthly"])


def _energy(asked: dict[str, Any], *, at: datetime) -> energy.EnergyPrice:
    if "price_plan" in asked:
        return energy.of_plan(asked["price_plan"], at=at)
    if "price_series" in asked:
        return energy.of_series(asked["price_series"], at=at)
    return energy.typed(asked["energy_usd_per_kwh"])


def stated_market(asked: dict[str, Any], *, at: datetime) -> MarketBasis:
    """The market of now, with what was stated instead. Raises NoMarket."""
    names = ("btc_usd", "difficulty", "block_height", "fees_per_block_btc")
    return market_now(Typed(*(asked.get(name) for name in names)), at=at)


def no_market(refusal: NoMarket) -> BadParameter:
    """Names the first figure that has to be stated."""
    return BadParameter(refusal.params["missing"][0], refusal, code=refusal.code)


def body_of(answer: Answer, *, at: datetime) -> dict[str, Any]:
    """An answer as the API gives it."""
    result, question = answer.result, answer.question
    rig, price = question.rig, question.running.energy
    body = {
        "currency": "USD",
        "machines": {
            "model": rig.model.public_id if rig.model else None, "model_name": str(rig.model or ""),
            "hashrate_ths": rig.hashrate_ths, "power_w": rig.power_w, "price_usd": rig.price_usd,
            "quantity": rig.quantity,
        },
        "energy": {"usd_per_kwh": _short(price.mean), "priced_by": price.source, "until": price.until},
        "market": market_body(question.market),
        **{name: getattr(result, name) for name in RESULTS},
        "months": [
            {
                **{name: getattr(one.figures, name) for name in FIGURES}, "month": one.number,
                "hashrate_ths": one.hashrate_ths, "difficulty": one.difficulty, "cumulative_usd": one.cumulative_usd,
            }
            for one in result.months
        ],
        "sensitivity": list(_sensitivity(answer)),
        "scenarios": [
            {"difficulty_growth_percent_monthly": growth, **_outcome(one)} for growth, one in answer.scenarios
        ],
    }  # fmt: skip
    return dict(CalculatorSerializer(body).data)


def market_body(market: MarketBasis) -> dict[str, Any]:
    """The market reckoned with, and how old it is."""
    return {
        "btc_usd": market.btc_usd, "difficulty": market.difficulty, "block_height": market.height,
        "fees_per_block_btc": market.fees_per_block_btc if market.fees_known else None,
        "hashprice_usd_per_ph_day": _short(market.hashprice_usd_per_ph_day), "stated": market.typed,
        "recorded_at": market.snapshot.recorded_at if market.snapshot else None, "is_stale": market.is_stale,
        "age_seconds": int(market.age.total_seconds()) if market.age is not None else None,
    }  # fmt: skip


def _sensitivity(answer: Answer) -> Iterator[dict[str, Any]]:
    found, price = answer.sensitivity, answer.question.market.btc_usd
    for factor, row in zip(found.price_factors, found.results, strict=True):
        for kwh, one in zip(found.energy_prices, row, strict=True):
            yield {
                "btc_usd": _short(price * factor), "energy_usd_per_kwh": _short(kwh),
                "daily_net_usd": one.daily.net_usd, **_outcome(one),
            }  # fmt: skip


def _outcome(one: Result) -> dict[str, Any]:
    return {"net_usd": one.net_usd, "payback_month": one.payback_month, "roi": one.roi}


def _short(value: Decimal) -> Decimal:
    """Eight places are more than anybody pays by."""
    return round(value, 8)
