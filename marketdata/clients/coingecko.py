"""CoinGecko, API version 3: prices in USD. Times are milliseconds, but for ``last_updated_at``, which is seconds."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from urllib.parse import urlencode

from django.utils.dateparse import parse_datetime

from marketdata.clients.answers import json_of, list_of, object_of
from marketdata.engine.figures import BadAnswer, Figures, moment, number, positive

PRICE = "/simple/price?" + urlencode(
    {"ids": "bitcoin", "vs_currencies": "usd", "include_24hr_vol": "true", "include_last_updated_at": "true"}
)
PING = "/ping"
GLOBAL = "/global"


def chart_path(days: int) -> str:
    """Daily closes of the last so many days (365 at most without a paid plan)."""
    return "/coins/bitcoin/market_chart?" + urlencode({"vs_currency": "usd", "days": days, "interval": "daily"})


def markets_path(ids: Sequence[str]) -> str:
    """Prices of several coins in one call."""
    return "/coins/markets?" + urlencode({"vs_currency": "usd", "ids": ",".join(sorted(ids))})


@dataclass(frozen=True)
class PricePoint:
    """A price at a moment, in USD; ``volume`` of the 24 hours before, None where none is stated."""

    at: datetime
    price_usd: Decimal
    volume_24h_usd: Decimal | None


@dataclass(frozen=True)
class CoinPrice:
    """What a coin costs, in USD."""

    coin_id: str
    price_usd: Decimal
    observed_at: datetime | None


def parse_ping(body: bytes) -> bool:
    """True when the service says anything at all. Raises BadAnswer."""
    if not isinstance(object_of(json_of(body)).get("gecko_says"), str):
        raise BadAnswer("missing", "gecko_says")
    return True


def parse_price(body: bytes) -> Figures:
    """Price, volume and age of ``/simple/price``. Raises BadAnswer; another currency than USD is no price."""
    coin = object_of(json_of(body)).get("bitcoin")
    if coin is None:
        raise BadAnswer("missing", "bitcoin")
    coin = object_of(coin, "bitcoin")
    volume = coin.get("usd_24h_vol")
    return Figures(
        price_usd=positive(coin.get("usd"), "usd"),
        volume_24h_usd=None if volume is None else _not_negative(volume, "usd_24h_vol"),
        observed_at=moment(coin.get("last_updated_at"), "last_updated_at"),
    )


def parse_chart(body: bytes) -> list[PricePoint]:
    """Points of ``/coins/{id}/market_chart``, oldest first. Raises BadAnswer; nothing of a broken list is used."""
    chart = object_of(json_of(body))
    prices = [_pair(one, "prices") for one in list_of(chart.get("prices"), "prices")]
    volumes = dict(_pair(one, "total_volumes") for one in list_of(chart.get("total_volumes", []), "total_volumes"))
    if not prices:
        raise BadAnswer("empty", "no prices")
    moments = [at for at, _price in prices]
    if moments != sorted(set(moments)):
        raise BadAnswer("wrong_order", "the moments of the prices do not rise")
    return [PricePoint(at, positive(price, "price"), volumes.get(at)) for at, price in prices]


def parse_markets(body: bytes) -> dict[str, CoinPrice]:
    """Prices by id of ``/coins/markets``; a coin without a price is left out. Raises BadAnswer."""
    found = {}
    for one in list_of(json_of(body)):
        row = object_of(one, "a coin")
        name = row.get("id")
        if not isinstance(name, str) or not name:
            raise BadAnswer("missing", "id")
        if row.get("current_price") is None:
            continue
        seen = row.get("last_updated")
        found[name] = CoinPrice(name, positive(row["current_price"], "current_price"), _text_moment(seen))
    return found


def parse_global(body: bytes) -> Decimal:
    """Share of Bitcoin in the value of all coins, from 0 to 1. Raises BadAnswer."""
    data = object_of(object_of(json_of(body)).get("data"), "data")
    share = positive(object_of(data.get("market_cap_percentage"), "market_cap_percentage").get("btc"), "btc")
    if share > 100:
        raise BadAnswer("too_high", f"a share of {share} %")
    return share / 100


def _pair(value: object, name: str) -> tuple[datetime, Decimal]:
    pair = list_of(value, name)
    if len(pair) != 2:
        raise BadAnswer("wrong_shape", f"{name} holds no pairs")
    return moment(pair[0], name), _not_negative(pair[1], name)


def _not_negative(value: object, name: str) -> Decimal:
    found = number(value, name)
    if found < 0:
        raise BadAnswer("negative", f"{name} is {found}")
    return found


def _text_moment(value: object) -> datetime | None:
    if value is None:
        return None
    try:
        found = parse_datetime(value) if isinstance(value, str) else None
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise BadAnswer("not_a_moment", f"last_updated is {str(value)[:40]!r}")
    return found
