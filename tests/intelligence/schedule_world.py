"""A site with machines, prices of its market and a network, as schedules need them."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from accounts.models import User
from curtailment.models import SiteControl
from hashinsight.jobs.models import DueWork
from hosting.models import Site
from intelligence.domain.schedule_due import SCORE_WORK, ask_for_day, score_due
from intelligence.domain.scheduling import plan_day, settings_of
from intelligence.models import ScheduleRun, ScheduleSettings
from marketdata.domain.prices import store
from marketdata.engine.price_files import Interval
from marketdata.models import NetworkSnapshot, PriceSeries
from tests.curtailment.site import Ground, make_ground
from tests.factories import NOW

CHEAP, DEAR = Decimal(40), Decimal(400)  # per MWh; a machine of 35 J/TH breaks even near 49, one of 17.5 near 98
DIFFICULTY = Decimal("1.4e14")


def network(at: datetime, **fields: Any) -> NetworkSnapshot:
    """A good snapshot of the moment."""
    slot = at.replace(minute=at.minute // 10 * 10, second=0, microsecond=0)
    figures: dict[str, Any] = {
        "btc_price_usd": Decimal("91234.5"), "difficulty": DIFFICULTY, "hashrate_ehs": Decimal(1000),
        "block_height": 925_000, "block_reward_btc": Decimal("3.125"), "fees_per_block_btc": Decimal("0.025"),
    }  # fmt: skip
    return NetworkSnapshot.objects.create(
        slot_at=slot, recorded_at=at, is_valid=True, price_source="coingecko", data_source="mempool.space",
        **{**figures, **fields},
    )  # fmt: skip


def prices(
    series: PriceSeries, on: date, per_mwh: Callable[[int], Decimal | None], *, at: datetime, days: int = 1
) -> None:
    """Values of local days by the hour of the clock; None leaves a hole."""
    zone, step = ZoneInfo(series.time_zone), timedelta(minutes=series.step_minutes)
    first = datetime.combine(on, datetime.min.time(), zone).astimezone(UTC)
    last = datetime.combine(on + timedelta(days=days), datetime.min.time(), zone).astimezone(UTC)
    rows = []
    while first < last:
        value = per_mwh(first.astimezone(zone).hour)
        if value is not None:
            rows.append(Interval(first, first + step, value))
        first += step
    store(series, rows, at=at, issued_at=at)


def evening(hour: int) -> Decimal:
    """Dear from 17:00 to 20:00."""
    return DEAR if 17 <= hour < 20 else CHEAP


def market(site: Site, **fields: Any) -> PriceSeries:
    """Hourly prices of the day ahead for a site."""
    series = PriceSeries.objects.create(
        **{
            "code": f"energy-{site.pk}", "name": f"Energy at {site}", "currency": site.currency, "step_minutes": 60,
            "time_zone": site.time_zone, **fields,
        }
    )  # fmt: skip
    Site.objects.filter(pk=site.pk).update(energy_series=series)
    site.refresh_from_db()
    return series


def ground_with_market(root: User, now: datetime, **fields: Any) -> tuple[Ground, PriceSeries]:
    """Twenty machines in two halls, half of them thirsty, in a market of the hour."""
    ground = make_ground(root, now, **fields)
    SiteControl.objects.create(site=ground.site, min_off_minutes=0, min_on_minutes=0)
    network(now - timedelta(minutes=4))
    return ground, market(ground.site)


def set_up(site: Site, **fields: Any) -> ScheduleSettings:
    """Settings of a site, saved."""
    row = settings_of(site)
    for name, value in {"is_on": True, **fields}.items():
        setattr(row, name, value)
    row.save()
    return row


def off_by_hour(run: ScheduleRun) -> dict[int, int]:
    """How many machines are off, by the hour of the site's clock; hours in which none is are left out."""
    zone, found = ZoneInfo(run.time_zone), dict[int, int]()
    for start, off in run.entries.values_list("starts_at", "machines_off"):
        hour = start.astimezone(zone).hour
        found[hour] = max(found.get(hour, 0), 0) + off
    return {hour: off for hour, off in sorted(found.items()) if off}


# --- for the tests that run every task twice ---------------------------------------------------------------------
def a_site_to_plan(root: User) -> dict[str, Any]:
    """A site whose day has no schedule, and a day that is over."""
    ground, series = ground_with_market(root, NOW)
    prices(series, NOW.date() - timedelta(days=1), evening, at=NOW - timedelta(days=1), days=2)
    set_up(ground.site)
    network(NOW - timedelta(hours=30))
    plan_day(ground.site, NOW.date() - timedelta(days=1), at=NOW - timedelta(hours=29))
    return {}


def a_day_to_plan(root: User) -> dict[str, Any]:
    """Somebody has asked for a day."""
    a_site_to_plan(root)
    work = ask_for_day(Site.objects.get(name="West"), NOW.date(), at=NOW, by=root)
    return {"work_id": work.pk}


def a_day_to_score(root: User) -> dict[str, Any]:
    """A day is over."""
    a_site_to_plan(root)
    score_due(at=NOW)
    return {"work_id": DueWork.objects.get(kind=SCORE_WORK).pk}
