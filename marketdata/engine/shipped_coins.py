"""Coins of the SHA-256 family, as the product knows them. What changes daily is not here but collected or imported."""

from dataclasses import dataclass
from decimal import Decimal

STRATUM = 3333  # by convention; a node does not speak Stratum itself


@dataclass(frozen=True)
class ShippedCoin:
    """``block_reward`` is what the finder gets, None where it must be looked up; ``price_id``: at CoinGecko."""

    symbol: str
    name: str
    block_time_s: int
    block_reward: Decimal | None
    rpc_port: int
    p2p_port: int
    price_id: str
    source: str
    sha256_share: Decimal = Decimal(1)


COINS = (
    ShippedCoin("BTC", "Bitcoin", 600, None, 8332, 8333, "bitcoin", "Bitcoin Core: chain parameters"),
    ShippedCoin(
        "BCH", "Bitcoin Cash", 600, Decimal("3.125"), 8332, 8333, "bitcoin-cash",
        "Bitcoin Cash Node: chain parameters; subsidy from block 840,000 on",
    ),
    ShippedCoin(
        "BSV", "Bitcoin SV", 600, Decimal("3.125"), 8332, 8333, "bitcoin-cash-sv",
        "Bitcoin SV Node: chain parameters; subsidy from block 840,000 on",
    ),
    ShippedCoin(
        "XEC", "eCash", 600, Decimal(1812500), 8332, 8333, "ecash",
        "Bitcoin ABC: chain parameters; 58 % of 3,125,000, the rest goes to the miner fund and to stakers",
    ),
    ShippedCoin(
        "DGB", "DigiByte", 15, None, 14022, 12024, "digibyte",
        "DigiByte Core: chain parameters; five algorithms in turn, the reward falls every month",
        sha256_share=Decimal("0.2"),
    ),
    ShippedCoin(
        "NMC", "Namecoin", 600, None, 8336, 8334, "namecoin", "Namecoin Core: chain parameters; merge-mined"
    ),
)  # fmt: skip
