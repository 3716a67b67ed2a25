"""A forecast of the market there is, and a score."""

from datetime import datetime
from typing import Any

from accounts.models import User
from intelligence.domain import forecasting, scoring
from intelligence.enums import ForecastKind
from intelligence.models import ForecastScore
from tests.factories import NOW
from tests.intelligence.days import tell_days


def build_forecasts(at: datetime) -> dict[str, Any]:
    """By name: a run of the price, and the score of its first horizon."""
    tell_days(at, 100)
    run = forecasting.current(ForecastKind.PRICE, at=at)
    forecasting.backtest([ForecastKind.PRICE], days=2, at=at)
    scoring.rescore_all(at=at)
    return {"forecast": run, "score": ForecastScore.objects.order_by("horizon").first()}


def days_to_forecast(by: User) -> dict[str, Any]:
    """Days enough, and a forecast whose first day has come."""
    tell_days(NOW, 75)
    forecasting.backtest([ForecastKind.PRICE], days=1, at=NOW)
    return {}
