"""The dashboard of a person's machines, kept in the cache and made anew after each change and each snapshot.

Nothing is written by reckoning. What is kept are plain texts, so that the cache holds what the API answers.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.core.cache import cache
from django.db import transaction
from django.db.models import Count

from hashinsight.events.consumers import Event
from hashinsight.events.domain.outbox import publish
from hosting.enums import MinerIntent
from hosting.models import Miner, MinerModel
from intelligence.domain import energy
from intelligence.domain.calculator import MarketBasis, NoMarket, Question, Rig, Running, inputs_of, market_now
from intelligence.models import UserMiner
from marketdata.engine.numbers import ZERO
from marketdata.engine.profitability import Result, calculate, calculate_fleet
from marketdata.engine.profitability_inputs import Inputs

MONTHS = 36
KEPT = timedelta(hours=24)
MOST_REFRESHED = 100  # dashboards after one snapshot; the others are reckoned when somebody looks


def dashboard(user_id: UUID, *, at: datetime) -> dict[str, Any]:
    """Of a person, from the cache while the market it was reckoned with is the newest; else reckoned now."""
    kept: dict[str, Any] | None = cache.get(_key(user_id))
    if kept is not None and kept["market_recorded_at"] == _recorded(_market(at)):
        return kept
    found = reckon_user(user_id, at=at)
    cache.set(_key(user_id), found, KEPT.total_seconds())
    return found


def refresh(user_id: UUID, *, at: datetime) -> dict[str, Any]:
    """Reckon it anew, keep it after the commit, and tell. Called in a transaction."""
    found = reckon_user(user_id, at=at)
    transaction.on_commit(lambda: cache.set(_key(user_id), found, KEPT.total_seconds()), robust=True)
    publish(
        "miner.portfolio_updated",
        aggregate_type="portfolio",
        aggregate_id=user_id,
        payload={
            "machines": found["machines"], "daily_net_usd": found["daily_net_usd"], "computed_at": found["computed_at"]
        },
        user_id=user_id,
    )  # fmt: skip
    return found


def take_events(events: Sequence[Event]) -> None:
    """The consumer: after changes the dashboards of their users, after a good snapshot those somebody has looked at."""
    touched = {event.user_id for event in events if event.kind.startswith("user_miner.") and event.user_id}
    if any(event.kind == "network.snapshot_created" and event.payload["is_valid"] for event in events):
        touched |= _looked_at()
    at = max(event.created_at for event in events)
    for user_id in sorted(touched):
        refresh(user_id, at=at)


def _looked_at() -> set[UUID]:
    users = (
        UserMiner.objects.reckoned().order_by("-updated_at").values_list("user_id", flat=True)[: 10 * MOST_REFRESHED]
    )
    keys = {_key(user_id): user_id for user_id in users}
    return {keys[key] for key in list(cache.get_many(list(keys)))[:MOST_REFRESHED]}


def forget(user_id: UUID) -> None:
    """Called by whoever changes rows: until the relay has reckoned, whoever looks reckons."""
    transaction.on_commit(lambda: cache.delete(_key(user_id)), robust=True)


def reckon_user(user_id: UUID, *, at: datetime) -> dict[str, Any]:
    """What a person's machines earn at the price of energy each has."""
    market = _market(at)
    rows = list(UserMiner.objects.reckoned().filter(user_id=user_id).order_by("created_at", "pk"))
    asked = [(str(row), row, _rig(row), row.electricity_cost_usd_per_kwh) for row in rows]
    found = _reckon([(rig, Running(energy.typed(price))) for _name, _row, rig, price in asked], market, at)
    for line, (name, row, _one, price) in zip(found["rows"], asked, strict=True):
        line |= {"id": str(row.public_id), "name": name, "model_name": row.model_name, "usd_per_kwh": _text(price)}
    return found


def reckon_fleet(machines: Any, price: energy.EnergyPrice, *, at: datetime) -> dict[str, Any]:
    """What machines of the fleet earn at one price of energy: by model, those meant to run, by their nameplates."""
    counted = (
        machines.filter(model__isnull=False, intent=MinerIntent.ACTIVE)
        .order_by()
        .values("model_id")
        .annotate(count=Count("pk"))
    )
    counts = {row["model_id"]: row["count"] for row in counted}
    models = list(MinerModel.objects.filter(pk__in=counts).order_by("name"))
    asked = [
        (Rig(one.hashrate_ths, one.power_w, one.list_price_usd or ZERO, counts[one.pk], ZERO, one), Running(price))
        for one in models
    ]
    found = _reckon(asked, _market(at), at)
    for line, model in zip(found["rows"], models, strict=True):
        line |= {"id": None, "name": "", "model_name": model.name, "usd_per_kwh": _text(round(price.mean, 8))}
    return found


def fleet(*, customer: Any = None, site: Any = None) -> Any:
    """Machines of a customer, at a site, or both."""
    rows = Miner.objects.exclude(intent=MinerIntent.RETIRED)
    rows = rows.filter(customer=customer) if customer is not None else rows
    return rows.filter(site=site) if site is not None else rows


def _reckon(asked: Sequence[tuple[Rig, Running]], market: MarketBasis | None, at: datetime) -> dict[str, Any]:
    """Rows in the order asked, and the total; without a market the machines are counted and nothing is reckoned."""
    found: dict[str, Any] = {
        "computed_at": at.isoformat(), "currency": "USD", "months": MONTHS, "market_recorded_at": _recorded(market),
        "btc_usd": _text(market.btc_usd) if market else None,
        "difficulty": _text(market.difficulty) if market else None,
        "machines": sum(rig.quantity for rig, _running in asked),
        "rows": [
            {"quantity": rig.quantity, "hashrate_ths": _text(rig.hashrate_ths * rig.quantity)} for rig, _r in asked
        ],
        **_figures(None),
    }  # fmt: skip
    inputs: list[Inputs] = []
    for line, (rig, running) in zip(found["rows"], asked, strict=True):
        if market is None:
            line |= _figures(None)
            continue
        one = inputs_of(Question(rig, running, market, MONTHS))
        inputs.append(one)
        line |= _figures(calculate(one))
    if inputs:
        found |= _figures(calculate_fleet(inputs))
    return found


def _figures(result: Result | None) -> dict[str, Any]:
    names = ("btc", "revenue_usd", "energy_kwh", "energy_usd", "net_usd")
    found: dict[str, Any] = {
        f"daily_{name}": None if result is None else _text(getattr(result.daily, name)) for name in names
    }
    for name in ("capital_usd", "roi", "break_even_usd_per_kwh"):
        value = None if result is None else getattr(result, name)
        found[name] = None if value is None else _text(value)
    # A model without a list price costs nothing here: that is no machine that has paid for itself.
    found["payback_month"] = None if result is None or not result.capital_usd else result.payback_month
    return found


def _rig(row: UserMiner) -> Rig:
    return Rig(
        row.actual_hashrate_ths, row.actual_power_w, row.actual_price_usd, row.quantity, row.decay_percent_monthly
    )


def _market(at: datetime) -> MarketBasis | None:
    try:
        return market_now(at=at)
    except NoMarket:
        return None


def _recorded(market: MarketBasis | None) -> str | None:
    return market.snapshot.recorded_at.isoformat() if market and market.snapshot else None


def _text(value: Decimal) -> str:
    return format(value, "f")


def _key(user_id: UUID) -> str:
    return f"intelligence.portfolio:{user_id}"
