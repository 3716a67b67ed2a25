"""Which calls are made to which source every ten minutes, and how each answer is read."""

from collections.abc import Callable
from dataclasses import dataclass

from marketdata.clients import blockchain_info, coingecko, mempool
from marketdata.engine.figures import Figures
from marketdata.enums import Source


@dataclass(frozen=True)
class Call:
    """One question: its name among those to the source, its path, and what makes figures of the answer."""

    name: str
    path: str
    parse: Callable[[bytes], Figures]


CALLS: dict[Source, tuple[Call, ...]] = {
    Source.COINGECKO: (Call("price", coingecko.PRICE, coingecko.parse_price),),
    Source.BLOCKCHAIN_INFO: (Call("stats", blockchain_info.STATS, blockchain_info.parse_stats),),
    Source.MEMPOOL: (
        Call("prices", mempool.PRICES, mempool.parse_prices),
        Call("hashrate", mempool.HASHRATE, mempool.parse_hashrate),
        Call("adjustment", mempool.ADJUSTMENT, mempool.parse_adjustment),
        Call("rewards", mempool.REWARDS, mempool.parse_rewards),
        Call("fees", mempool.FEES, mempool.parse_fees),
    ),
}
