"""Blockchain.com (blockchain.info), ``/stats``: hashrate in GH/s, amounts of coins in satoshi, time in milliseconds."""

from decimal import Decimal

from marketdata.clients.answers import json_of, object_of
from marketdata.engine.chain import supply_sat
from marketdata.engine.figures import BadAnswer, Figures, moment, number, positive, whole

STATS = "/stats?format=json"
HPS_PER_GHS = 10**9
SAT = Decimal(10**8)
# ``n_blocks_total`` counts from the first block, and the call may be answered between two blocks.
SUPPLY_TOLERANCE = Decimal("0.001")


def parse_stats(body: bytes) -> Figures:
    """The figures of ``/stats``. Raises BadAnswer; among others when the day had no blocks or no revenue."""
    stats = object_of(json_of(body))
    blocks = whole(stats.get("n_blocks_mined"), "n_blocks_mined")
    revenue = number(stats.get("miners_revenue_usd"), "miners_revenue_usd")
    fees = number(stats.get("total_fees_btc"), "total_fees_btc")
    if blocks == 0 or revenue <= 0:
        raise BadAnswer("zero_revenue", f"{blocks} blocks earned {revenue} USD")
    if fees < 0:
        raise BadAnswer("negative_fees", f"total_fees_btc is {fees}")
    height = whole(stats.get("n_blocks_total"), "n_blocks_total")
    _check_supply(positive(stats.get("totalbc"), "totalbc"), height)
    return Figures(
        price_usd=positive(stats.get("market_price_usd"), "market_price_usd"),
        difficulty=positive(stats.get("difficulty"), "difficulty"),
        hashrate_hps=positive(stats.get("hash_rate"), "hash_rate") * HPS_PER_GHS,
        height=height,
        fees_per_block_btc=fees / SAT / blocks,
        observed_at=moment(stats.get("timestamp"), "timestamp"),
    )


def _check_supply(total_sat: Decimal, height: int) -> None:
    """The coins there are follow from the height; another unit or another chain is far off."""
    expected = Decimal(supply_sat(height))
    if abs(total_sat - expected) > expected * SUPPLY_TOLERANCE:
        raise BadAnswer("unit", f"{total_sat} satoshi at height {height}, which has {expected}")
