"""A forecast of the market there is, a score, and machines somebody reckons with."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from accounts.models import User
from hosting.models import MinerModel
from intelligence.domain import forecasting, scoring
from intelligence.domain.user_miners import create_user_miner
from intelligence.enums import ForecastKind
from intelligence.models import ForecastScore, UserMiner
from tests.factories import NOW
from tests.intelligence.days import tell_days


def build_forecasts(at: datetime) -> dict[str, Any]:
    """By name: a run of the price, and the score of its first horizon."""
    tell_days(at, 100)
    run = forecasting.current(ForecastKind.PRICE, at=at)
    forecasting.backtest([ForecastKind.PRICE], days=2, at=at)
    scoring.rescore_all(at=at)
    return {"forecast": run, "score": ForecastScore.objects.order_by("horizon").first()}


def build_user_miner(user: User, *, at: datetime) -> UserMiner:
    """Two machines of a user."""
    model = MinerModel.objects.create(
        name="M50 of a user", manufacturer="MicroBT", hashrate_ths=Decimal(114), power_w=Decimal(3306)
    )
    return create_user_miner(
        user=user, miner_model=model, quantity=2, electricity_cost_usd_per_kwh=Decimal("0.05"), by=user, at=at
    )


def days_to_forecast(by: User) -> dict[str, Any]:
    """Days enough, and a forecast whose first day has come."""
    tell_days(NOW, 75)
    forecasting.backtest([ForecastKind.PRICE], days=1, at=NOW)
    return {}
