"""What the optimiser knows of the demo's sites, and the days it has planned."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from hashinsight.demo.billing import Say
from hosting.models import Site
from intelligence.domain.schedule_prices import prices_of
from intelligence.domain.scheduling import ScheduleRefused, plan_day, starts_left
from intelligence.models import ScheduleSettings

STEP_MINUTES = 60
# By currency: what is added to the market, losses, the demand charge of a month, what a start costs.
TERMS: dict[str, dict[str, str]] = {
    "USD": {"adder_per_kwh": "0.004", "loss_percent": "1.5", "demand_charge_per_kw": "2.4", "start_cost": "0.02"},
    "EUR": {"adder_per_kwh": "0.003", "loss_percent": "2", "demand_charge_per_kw": "0", "start_cost": "0.02"},
}


def tell_schedules(*, at: datetime, say: Say) -> None:
    """Settings of each site with a market, and schedules of today and tomorrow as far as they can be made."""
    made = 0
    for site in Site.objects.filter(energy_series__isnull=False).order_by("pk"):
        terms: dict[str, Any] = {name: Decimal(value) for name, value in TERMS.get(site.currency, {}).items()}
        ScheduleSettings.objects.create(site=site, pool_fee_percent=Decimal(1), created_at=at, **terms)
        today = at.astimezone(ZoneInfo(site.time_zone)).date()
        for on in (today, today + timedelta(days=1)):
            try:
                starts = starts_left(site, on, STEP_MINUTES, at=at)
            except ScheduleRefused:  # the last step of today has begun
                continue
            if not prices_of(site, starts, STEP_MINUTES, at=at).lacking:
                plan_day(site, on, at=at)
                made += 1
    say(f"{made} schedules")
