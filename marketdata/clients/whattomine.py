"""The list of ASIC coins of WhatToMine, as a file: reward, difficulty and price in BTC by coin."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from marketdata.clients.answers import json_of, object_of
from marketdata.engine.figures import BadAnswer, moment, positive

SHA256 = "SHA-256"


@dataclass(frozen=True)
class CoinFigures:
    """What the list says of one coin. ``price`` is in BTC but for Bitcoin itself, where it is in USD."""

    symbol: str
    block_reward: Decimal
    difficulty: Decimal
    price: Decimal
    observed_at: datetime
    lagging: bool


def parse_coins(body: bytes) -> tuple[list[CoinFigures], list[str]]:
    """SHA-256 coins of the list, and what is wrong with those that are left out. Raises BadAnswer for no list."""
    found, wrong = [], []
    for name, value in object_of(object_of(json_of(body)).get("coins"), "coins").items():
        try:
            row = object_of(value, name)
            if row.get("algorithm") != SHA256:
                continue
            found.append(_figures(row, name))
        except BadAnswer as error:
            wrong.append(f"{name[:40]}: {error}")
    return found, wrong


def _figures(row: dict[str, Any], name: str) -> CoinFigures:
    symbol = row.get("tag")
    if not isinstance(symbol, str) or not 1 < len(symbol) <= 10:
        raise BadAnswer("missing", "tag")
    return CoinFigures(
        symbol.upper(),
        positive(row.get("block_reward"), "block_reward"),
        positive(row.get("difficulty"), "difficulty"),
        positive(row.get("exchange_rate"), "exchange_rate"),
        moment(row.get("timestamp"), "timestamp"),
        row.get("lagging") is True,
    )
