"""Coins: those that are shipped, their figures of the day, and what a hashrate would earn with each."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from hashinsight.common.errors import DomainError
from hashinsight.common.transitions import lock_row
from marketdata.clients.coingecko import CoinPrice
from marketdata.clients.whattomine import CoinFigures
from marketdata.engine.chain import chance_of_a_block, expected_blocks_per_year
from marketdata.engine.shipped_coins import COINS, STRATUM, ShippedCoin
from marketdata.enums import Algorithm
from marketdata.models import Coin, CoinProfitability, NetworkSnapshot

BITCOIN = "BTC"
# A small machine at home, a machine in a hall, and a petahash: each with a row per coin.
HASHRATES_THS = (Decimal("1.2"), Decimal(200), Decimal(1000))
HPS_PER_THS = 10**12
_PLACES = Decimal(1).scaleb(-12)


class NotOurAlgorithm(DomainError):
    """A coin that no SHA-256 machine can mine."""

    code = "not_our_algorithm"


@dataclass(frozen=True)
class Taken:
    """How many coins got new figures, and why others did not."""

    changed: int
    left_out: tuple[str, ...]


@transaction.atomic
def sync_coins(coins: Iterable[ShippedCoin] = COINS, *, at: datetime) -> int:
    """Add the shipped coins that are not there, by symbol; what people changed stays. Returns how many were added."""
    known = set(Coin.objects.values_list("symbol", flat=True))
    rows = [
        Coin(
            symbol=coin.symbol, name=coin.name, block_time_s=coin.block_time_s, block_reward=coin.block_reward,
            default_rpc_port=coin.rpc_port, default_p2p_port=coin.p2p_port, default_stratum_port=STRATUM,
            price_id=coin.price_id, source=coin.source, sha256_share=coin.sha256_share, created_at=at,
        )
        for coin in coins
        if coin.symbol not in known
    ]  # fmt: skip
    Coin.objects.bulk_create(rows)
    return len(rows)


def check_algorithm(algorithm: str) -> None:
    """Refuse what is not SHA-256d (BitcoinZ, for one, is Equihash). Raises NotOurAlgorithm."""
    if algorithm not in Algorithm.values:
        raise NotOurAlgorithm(_("%(name)s is not SHA-256: our machines cannot mine it.") % {"name": algorithm})


def follow_bitcoin(snapshot: NetworkSnapshot) -> None:
    """Bitcoin's figures are those of a valid snapshot; called in its transaction."""
    coin = Coin.objects.filter(symbol=BITCOIN).first()
    if coin is None or snapshot.difficulty is None or snapshot.hashrate_ehs is None:
        return
    coin = lock_row(coin)
    if coin.observed_at is not None and coin.observed_at > snapshot.recorded_at:
        return
    reward = snapshot.block_reward_btc
    if reward is not None and snapshot.fees_per_block_btc is not None:
        reward += snapshot.fees_per_block_btc
    _set(
        coin, at=snapshot.recorded_at, current_difficulty=snapshot.difficulty, block_reward=reward,
        network_hashrate_hps=(snapshot.hashrate_ehs * 10**18).quantize(Decimal(1)), price_usd=snapshot.btc_price_usd,
    )  # fmt: skip


@transaction.atomic
def take_figures(figures: Iterable[CoinFigures], *, by: Any, at: datetime, bitcoin_usd: Decimal | None = None) -> Taken:
    """Difficulty, reward and price of the coins we have, from a list; older figures, and lagging ones, are left out.

    Prices in BTC become USD by Bitcoin's price in the same list, else by ``bitcoin_usd``. Bitcoin itself is left to
    the snapshots.
    """
    listed = list(figures)
    dollars = next((one.price for one in listed if one.symbol == BITCOIN), bitcoin_usd)
    changed, left_out = 0, []
    for one in listed:
        coin = Coin.objects.filter(symbol=one.symbol).first()
        if coin is None or one.symbol == BITCOIN:
            continue
        coin = lock_row(coin)
        if one.lagging:
            left_out.append(f"{one.symbol}: the list calls its figures lagging")
        elif one.observed_at > at:
            left_out.append(f"{one.symbol}: its figures are from the future")
        elif coin.observed_at is not None and coin.observed_at >= one.observed_at:
            left_out.append(f"{one.symbol}: ours are as new")
        else:
            price = one.price * dollars if dollars else coin.price_usd
            _set(
                coin, at=one.observed_at, current_difficulty=one.difficulty.quantize(Decimal("1e-8")),
                block_reward=one.block_reward.quantize(Decimal("1e-8")),
                price_usd=price.quantize(_PLACES) if price is not None else None,
            )  # fmt: skip
            changed += 1
    return Taken(changed, tuple(left_out))


@transaction.atomic
def take_prices(prices: Mapping[str, CoinPrice], *, at: datetime) -> int:
    """New prices by CoinGecko's names; Bitcoin's follows its snapshots. Returns how many coins got one."""
    count = 0
    for coin in Coin.objects.exclude(price_id="").exclude(symbol=BITCOIN).filter(is_active=True).order_by("pk"):
        price = prices.get(coin.price_id)
        if price is None:
            continue
        coin = lock_row(coin)
        coin.price_usd = price.price_usd.quantize(_PLACES)
        coin.save(update_fields=["price_usd"])
        _reckon(coin, at=at)
        count += 1
    return count


def _set(coin: Coin, *, at: datetime, **figures: Any) -> None:
    for name, value in figures.items():
        setattr(coin, name, value)
    coin.observed_at = at
    coin.save(update_fields=[*figures, "observed_at"])
    _reckon(coin, at=at)


def _reckon(coin: Coin, *, at: datetime) -> None:
    """The rows of a coin at its present figures; none where the difficulty is not known."""
    if not coin.current_difficulty:
        CoinProfitability.objects.filter(coin=coin).delete()
        return
    for hashrate in HASHRATES_THS:
        blocks = expected_blocks_per_year(hashrate * HPS_PER_THS, coin.current_difficulty)
        revenue = None
        if coin.block_reward is not None and coin.price_usd is not None:
            revenue = (blocks * coin.block_reward * coin.price_usd).quantize(Decimal("0.01"))
        CoinProfitability.objects.update_or_create(
            coin=coin, hashrate_ths=hashrate,
            defaults={
                "expected_blocks_per_year": blocks.quantize(_PLACES),
                "chance_of_a_block": chance_of_a_block(blocks).quantize(_PLACES),
                "expected_revenue_usd_per_year": revenue, "calculated_at": at,
            },
        )  # fmt: skip
