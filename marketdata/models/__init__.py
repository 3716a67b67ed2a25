"""What is known of the world: the network, prices, coins. No row here belongs to a customer."""

from marketdata.models.coin import Coin, CoinProfitability
from marketdata.models.day import DifficultyPeriod, MarketDay, TechnicalIndicator
from marketdata.models.series import PricePoint, PriceSeries
from marketdata.models.snapshot import NetworkSnapshot, SourceAnswer, SourceState

__all__ = [
    "Coin",
    "CoinProfitability",
    "DifficultyPeriod",
    "MarketDay",
    "NetworkSnapshot",
    "PricePoint",
    "PriceSeries",
    "SourceAnswer",
    "SourceState",
    "TechnicalIndicator",
]
