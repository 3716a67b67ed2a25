"""A forecast of the market there is, a score, machines somebody reckons with, and schedules."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from accounts.models import User
from hosting.models import MinerModel, Site
from intelligence.domain import forecasting, scoring
from intelligence.domain.user_miners import create_user_miner
from intelligence.enums import AnswerLabel, ForecastKind, ScheduleAction
from intelligence.models import (
    ForecastScore,
    PowerMode,
    ScheduleClass,
    ScheduleEntry,
    ScheduleRun,
    ScheduleSettings,
    UserMiner,
)
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


def build_schedule(row: UserMiner, *, at: datetime, note: str = "") -> ScheduleRun:
    """A day of machines of a user: two hours of it."""
    run = ScheduleRun.objects.create(
        user=row.user, target_date=at.date(), time_zone="UTC", label=AnswerLabel.OPTIMAL, known_at=at, starts_at=at,
        ends_at=at + timedelta(hours=2), step_minutes=60, currency="USD", profit=Decimal(3), took_s=Decimal("0.1"),
        note=note,
    )  # fmt: skip
    for hour in range(2):
        ScheduleEntry.objects.create(
            run=run, place=0, starts_at=at + timedelta(hours=hour), minutes=60, user_miner=row,
            action=ScheduleAction.STARTUP, machines_on=2, machines_off=0, load_kw=7, expected_profit=Decimal("1.5"),
        )  # fmt: skip
    return run


def build_site_schedule(site: Site, *, at: datetime) -> list[Any]:
    """A day of a site with a class of machines, one step of it, and what the optimiser knows of the site."""
    run = ScheduleRun.objects.create(
        site=site, target_date=at.date(), time_zone="UTC", label=AnswerLabel.OPTIMAL, known_at=at, starts_at=at,
        ends_at=at + timedelta(hours=1), step_minutes=60, currency="USD", profit=Decimal(3), took_s=Decimal("0.1"),
    )  # fmt: skip
    one = ScheduleClass.objects.create(
        run=run, place=0, name="S21", machines=2, protected=0, power_w=3500, hashrate_ths=200, safe_state="run",
        miners=[1, 2],
    )  # fmt: skip
    entry = ScheduleEntry.objects.create(
        run=run, place=0, starts_at=at, minutes=60, efficiency_class=one, action=ScheduleAction.SHUTDOWN, machines_on=0,
        machines_off=2, load_kw=0, expected_profit=0,
    )  # fmt: skip
    model = MinerModel.objects.create(name="S21 of a mode", manufacturer="B", hashrate_ths=200, power_w=3500)
    mode = PowerMode.objects.create(miner_model=model, name="eco", power_w=2400, hashrate_ths=152, source="measured")
    return [run, entry, ScheduleSettings.objects.create(site=site), mode]


def days_to_forecast(by: User) -> dict[str, Any]:
    """Days enough, and a forecast whose first day has come."""
    tell_days(NOW, 75)
    forecasting.backtest([ForecastKind.PRICE], days=1, at=NOW)
    return {}
