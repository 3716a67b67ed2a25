"""What is made of what is known: forecasts and how they did, schedules, and what people reckon with."""

from intelligence.models.forecast import ForecastPoint, ForecastRun, ForecastScore
from intelligence.models.optimiser import PowerMode, ScheduleSettings
from intelligence.models.schedule import ScheduleClass, ScheduleEntry, ScheduleRun
from intelligence.models.user_miner import UserMiner

__all__ = [
    "ForecastPoint",
    "ForecastRun",
    "ForecastScore",
    "PowerMode",
    "ScheduleClass",
    "ScheduleEntry",
    "ScheduleRun",
    "ScheduleSettings",
    "UserMiner",
]
