"""A row of every table of market data."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from marketdata.clients.whattomine import CoinFigures
from marketdata.domain.coins import sync_coins, take_figures
from marketdata.domain.days import DayFigures, note_days
from marketdata.domain.indicators import catch_up
from marketdata.domain.periods import KnownPeriod, note_periods
from marketdata.domain.prices import store
from marketdata.engine.price_files import Interval
from marketdata.enums import KnownFrom, Origin, Outcome, Source
from marketdata.models import (
    Coin,
    CoinProfitability,
    DifficultyPeriod,
    MarketDay,
    NetworkSnapshot,
    PricePoint,
    PriceSeries,
    SourceAnswer,
    SourceState,
    TechnicalIndicator,
)


def build_market(at: datetime) -> dict[str, Any]:
    """By name: a snapshot, a day with indicators, a period, a series with a value, a coin and what it brings."""
    sync_coins(at=at)
    slot = at.replace(minute=at.minute // 10 * 10, second=0, microsecond=0)
    snapshot = NetworkSnapshot.objects.create(
        slot_at=slot, recorded_at=at, is_valid=True, btc_price_usd=Decimal("91234.5"), difficulty=Decimal("1.4e14"),
        hashrate_ehs=Decimal(1000), block_height=925_000, block_reward_btc=Decimal("3.125"),
        fees_per_block_btc=Decimal("0.025"), price_source="coingecko", data_source="mempool.space",
    )  # fmt: skip
    first = at.date() - timedelta(days=40)
    days = [
        DayFigures(
            first + timedelta(days=number), Decimal(80_000 + 37 * number % 900), difficulty=Decimal("1.4e14"),
            hashrate_ehs=Decimal(1000), block_reward_btc=Decimal("3.125"), fees_per_block_btc=Decimal("0.02"),
        )
        for number in range(40)
    ]  # fmt: skip
    note_days(days, origin=Origin.IMPORTED, source="a file", at=at)
    while catch_up(at=at):
        pass
    note_periods([KnownPeriod(923_328, 0x1701E605, starts_at=at - timedelta(days=11))], source="a file", at=at)
    series = PriceSeries.objects.create(
        code="de-lu-day-ahead", name="Germany, day-ahead", market_zone="DE-LU", currency="EUR",
        time_zone="Europe/Berlin", known_from=KnownFrom.DAY_AHEAD,
    )  # fmt: skip
    hours = [at.replace(minute=0, second=0, microsecond=0) + timedelta(hours=number) for number in range(-30, 6)]
    store(series, [Interval(one, one + timedelta(hours=1), Decimal(one.hour) - 5) for one in hours], at=at)
    take_figures(
        [CoinFigures("BCH", Decimal("3.125"), Decimal("5.3e11"), Decimal("0.004"), at, lagging=False)],
        by="test", at=at, bitcoin_usd=Decimal(90_000),
    )  # fmt: skip
    SourceAnswer.objects.create(
        slot_at=slot, source=Source.COINGECKO, call="price", outcome=Outcome.VALID, asked_at=at, status=200
    )
    SourceState.objects.create(source=Source.COINGECKO, last_good_at=at)
    coin = Coin.objects.get(symbol="BCH")
    return {
        "snapshot": snapshot, "day": MarketDay.objects.get(day=at.date() - timedelta(days=1)),
        "indicator": TechnicalIndicator.objects.order_by("-day").first(), "period": DifficultyPeriod.objects.get(),
        "series": series, "point": PricePoint.objects.order_by("-starts_at").first(), "coin": coin,
        "profitability": CoinProfitability.objects.filter(coin=coin).first(),
        "answer": SourceAnswer.objects.get(), "state": SourceState.objects.get(),
    }  # fmt: skip


def first_day(at: datetime) -> date:
    """Of the days above."""
    return at.date() - timedelta(days=40)
