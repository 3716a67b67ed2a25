"""The calculator written a second time, in exact fractions and without a line of the product: month by month.

The horizon is cut at every month and at every halving; each cut is reckoned by itself.
"""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction as F
from typing import Any

MONTH = F(36525, 1200)
FIRST = 50 * 10**8


def half_up(value: F, places: int) -> F:
    """To ``places`` digits, a tie away from zero."""
    scaled = abs(value) * 10**places
    whole = (2 * scaled.numerator + scaled.denominator) // (2 * scaled.denominator)
    return F(whole if value >= 0 else -whole, 10**places)


@dataclass(frozen=True)
class Ask:
    """A question in plain numbers; ``kwh_price`` answers by the number of the month."""

    ths: F
    watts: F
    price: F
    count: int
    decay: F
    kwh_price: Callable[[int], F]
    fee: F
    uptime: F
    pue: F
    cooling: F
    btc: F
    difficulty: F
    height: int
    fees: F
    growth: F
    months: int


def subsidy_between(height: int, start: F, end: F) -> F:
    """Mean coins per block, going block by block through the eras at 144 blocks a day."""
    total, day = F(0), start
    while day < end:
        block = height + 1 + day * 144 // 1
        era = block // 210_000
        turns = F((era + 1) * 210_000 - height - 1, 144)
        until = min(end, turns)
        total += (until - day) * F(FIRST >> era if era < 64 else 0, 10**8)
        day = until
    return total / (end - start)


def _span(ask: Ask, month: int, days: F) -> dict[str, F]:
    start = month * MONTH
    reward = subsidy_between(ask.height, start, start + days) + ask.fees
    hashes = ask.ths * ask.count * (1 - ask.decay / 100) ** month * 10**12 * 86_400 * days * ask.uptime / 100
    difficulty = ask.difficulty * (1 + ask.growth / 100) ** month
    btc = hashes / (difficulty * 2**32) * reward * (100 - ask.fee) / 100
    kwh = (ask.watts * ask.pue + ask.cooling) * ask.count * 24 * days / 1000 * ask.uptime / 100
    cost = kwh * ask.kwh_price(month)
    return {"btc": btc, "revenue": btc * ask.btc, "kwh": kwh, "cost": cost, "net": btc * ask.btc - cost}


def answer(ask: Ask) -> dict[str, Any]:
    """Rounded as the product promises: each figure once, from the exact one."""
    capital = ask.price * ask.count
    table, cumulative, payback = [], F(0), None
    for month in range(ask.months):
        span = _span(ask, month, MONTH)
        cumulative += span["net"]
        if payback is None and cumulative >= capital:
            payback = month + 1
        table.append((
            half_up(span["btc"], 8), half_up(span["revenue"], 2), half_up(span["cost"], 2), half_up(span["net"], 2),
            half_up(cumulative, 2),
        ))  # fmt: skip
    day = _span(ask, 0, F(1))
    return {
        "table": table,
        "daily": (half_up(day["btc"], 8), half_up(day["revenue"], 2), half_up(day["cost"], 2), half_up(day["net"], 2)),
        "payback": payback,
        "roi": half_up((cumulative - capital) / capital, 6) if capital else None,
        "kwh_even": half_up(day["revenue"] / day["kwh"], 6) if day["kwh"] else None,
        "btc_even": half_up(day["cost"] / day["btc"], 2) if day["btc"] else None,
    }
