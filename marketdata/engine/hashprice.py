"""What a hashrate earns and what its energy costs: hashprice, hashcost, and the power price at which they meet.

Hashprice is USD per PH/s and day, J/TH is the efficiency of a machine, fees are BTC per block. Percentages are percent
(2 is 2 %). Results are Decimal with 40 digits; whoever shows or books one rounds it.
"""

from collections.abc import Sequence
from decimal import Decimal

from marketdata.engine.chain import SECONDS_PER_DAY, btc_from_hashrate
from marketdata.engine.numbers import HUNDRED, ONE, ZERO, Number, exactly, number, whole

FEE_BLOCKS = 144  # a day of blocks
HASHES_PER_PH = 10**15
TH_PER_PH = 1000
# kWh that one TH/s of 1 J/TH uses in a day: one watt for 24 hours.
KWH_PER_DAY_AND_WATT = Decimal("0.024")


def hashprice_btc_per_ph_day(difficulty: Number, subsidy_btc: Number, fees_per_block_btc: Number) -> Decimal:
    """BTC that 1 PH/s earns on average in a day."""
    return btc_from_hashrate(HASHES_PER_PH, SECONDS_PER_DAY, difficulty, subsidy=subsidy_btc, fees=fees_per_block_btc)


def hashprice_usd_per_ph_day(
    difficulty: Number, subsidy_btc: Number, fees_per_block_btc: Number, price: Number
) -> Decimal:
    """USD that 1 PH/s earns on average in a day; ``price`` in USD per BTC."""
    with exactly():
        btc = hashprice_btc_per_ph_day(difficulty, subsidy_btc, fees_per_block_btc)
        return btc * number("the price", price)


def fees_average(fees_btc: Sequence[Number], blocks: int = FEE_BLOCKS) -> Decimal | None:
    """Mean fees of the newest ``blocks`` blocks, BTC per block; ``fees_btc`` block by block, the newest last.

    None where there are fewer: a mean over a few blocks swings so much that a guess is better left to the caller.
    """
    if len(fees_btc) < whole("the blocks", blocks, least=1):
        return None
    with exactly():
        return sum((number("the fees", fee) for fee in fees_btc[-blocks:]), ZERO) / blocks


def fees_average_of_spans(spans: Sequence[tuple[int, Number]], blocks: int = FEE_BLOCKS) -> Decimal | None:
    """Mean fees in BTC per block where only totals are known: ``(blocks, fees)`` of spans in order, the newest last.

    Whole spans, the newest first, until they hold ``blocks`` blocks; None where all of them hold fewer.
    """
    wanted = whole("the blocks", blocks, least=1)
    counted, total = 0, ZERO
    with exactly():
        for found, fees in reversed(spans):
            counted += whole("the blocks of a span", found)
            total += number("the fees", fees)
            if counted >= wanted:
                return total / counted
    return None


def hashcost(j_per_th: Number, usd_per_mwh: Number) -> Decimal:
    """USD that the energy of 1 PH/s costs in a day; a power price may be negative."""
    with exactly():
        price = number("the power price", usd_per_mwh, least=None)
        return number("J/TH", j_per_th) * price * KWH_PER_DAY_AND_WATT


def break_even_usd_per_kwh(
    hashprice: Number, j_per_th: Number, pool_fee_percent: Number = 0, pue: Number = 1
) -> Decimal:
    """The power price at which a machine earns its energy; ``hashprice`` in USD per PH/s and day."""
    with exactly():
        kept = ONE - number("the pool fee", pool_fee_percent, most=100) / HUNDRED
        kwh = KWH_PER_DAY_AND_WATT * number("J/TH", j_per_th, above=0) * number("the PUE", pue, least=1)
        return number("the hashprice", hashprice) / TH_PER_PH * kept / kwh
