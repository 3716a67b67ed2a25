"""What is made of what is known: forecasts and how they did."""

from intelligence.models.forecast import ForecastPoint, ForecastRun, ForecastScore

__all__ = ["ForecastPoint", "ForecastRun", "ForecastScore"]
