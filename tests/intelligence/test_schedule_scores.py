"""A day that is over: measured energy at prices as they came, and what the measured hashrate earned."""

from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from accounts.models import User
from hashinsight.common.transitions import MoveRefused
from hosting.domain.partitions import ensure_partitions
from hosting.models import Demand15Min, Miner, TelemetryFiveMinutes
from intelligence.domain.schedule_due import score_due
from intelligence.domain.schedule_scoring import Metered, _steps, metered_kwh, score_run
from intelligence.domain.scheduling import plan_day
from intelligence.enums import EntryStatus, RunStatus
from intelligence.models import ScheduleRun
from marketdata.engine.chain import btc_from_hashrate
from marketdata.models import NetworkSnapshot, PriceSeries
from tests.curtailment.site import Ground
from tests.intelligence.schedule_world import CHEAP, DIFFICULTY, evening, ground_with_market, network, prices, set_up

pytestmark = pytest.mark.django_db


def measure(ground: Ground, run: ScheduleRun, *, watts: float, ths: float, off: range, share: float = 1.0) -> None:
    """Five minutes of every machine all day; in hours of ``off`` they draw 15 W and hash nothing."""
    ensure_partitions(at=run.ends_at)
    rows = []
    for one in Miner.objects.filter(site=ground.site):
        for n in range(int(288 * share)):
            start = run.starts_at + timedelta(minutes=5) * n
            idle = start.hour in off
            rows.append(
                TelemetryFiveMinutes(
                    miner_id=one.pk, bucket_start=start, expected_samples=1, samples=1, online_samples=1,
                    hashrate_samples=1, power_samples=1, hashrate_ths=0 if idle else ths,
                    power_w=15 if idle else watts, restarts=0,
                )
            )  # fmt: skip
    TelemetryFiveMinutes.objects.bulk_create(rows)


@pytest.fixture
def world(root: User, now: datetime) -> tuple[Ground, PriceSeries, ScheduleRun]:
    ground, series = ground_with_market(root, now)
    on = (now + timedelta(days=1)).date()
    prices(series, on, evening, at=now)
    set_up(ground.site, adder_per_kwh=Decimal("0.005"), pool_fee_percent=Decimal(2))
    return ground, series, plan_day(ground.site, on, at=now)


def test_the_actual_profit_is_measured_energy_at_prices_as_they_came(
    world: tuple[Ground, PriceSeries, ScheduleRun],
) -> None:
    ground, series, run = world
    at = run.ends_at + timedelta(hours=4)
    measure(ground, run, watts=3600, ths=140, off=range(17, 20))
    prices(series, run.target_date, lambda hour: CHEAP + 10 if hour < 12 else evening(hour), at=run.ends_at)
    network(run.starts_at.replace(hour=6, minute=10), btc_price_usd=Decimal(80_000))
    score_run(run, at=at)
    run.refresh_from_db()
    btc = float(btc_from_hashrate(10**12, 3600, DIFFICULTY, subsidy=Decimal("3.125"), fees=Decimal("0.025")))
    by_hand = mined = 0.0
    for hour in range(24):
        idle = hour in range(17, 20)
        kwh, ths = (20 * 0.015, 0.0) if idle else (20 * 3.6, 20 * 140.0)
        price = float(CHEAP + 10 if hour < 12 else evening(hour)) / 1000 + 0.005
        usd = 91234.5 if hour < 6 else 80_000
        mined += ths * btc
        by_hand += ths * btc * usd * 0.98 - kwh * price
    assert float(run.actual_profit) == pytest.approx(by_hand, rel=1e-6)
    assert float(run.actual_btc) == pytest.approx(mined, abs=1e-8)
    assert float(run.actual_kwh) == pytest.approx(21 * 72 + 3 * 0.3)
    assert run.status == RunStatus.COMPLETED
    assert set(run.entries.values_list("status", flat=True)) == {EntryStatus.COMPLETED}
    total = sum(run.entries.values_list("actual_profit", flat=True))
    assert float(total) == pytest.approx(by_hand, abs=1e-4)
    assert run.actuals["energy_from"] == "machines"
    always = sum(
        hours * (20 * 150 * btc * usd * 0.98 - 70 * (price + 0.005))
        for hours, usd, price in (
            (6, 91234.5, 0.05), (6, 80_000, 0.05), (5, 80_000, 0.04), (3, 80_000, 0.4), (4, 80_000, 0.04)
        )
    )  # fmt: skip
    assert float(run.actual_always_on_profit) == pytest.approx(always, rel=1e-6)


def test_quarter_hours_of_all_zones_outrank_the_machines_of_the_schedule(
    world: tuple[Ground, PriceSeries, ScheduleRun],
) -> None:
    ground, _series, run = world
    measure(ground, run, watts=3600, ths=140, off=range(17, 20))
    rows = [
        Demand15Min(
            zone=zone, interval_start=run.starts_at + timedelta(minutes=15) * n, kw=40, kwh=10, source="machines",
            quality="measured", coverage=1,
        )
        for zone in ground.zones
        for n in range(96)
    ]  # fmt: skip
    Demand15Min.objects.bulk_create(rows[:-1])
    network(run.starts_at)
    assert metered(run) is None
    rows[-1].save()
    score_run(run, at=run.ends_at + timedelta(hours=4))
    run.refresh_from_db()
    assert run.actuals["energy_from"] == "zones"
    assert float(run.actual_kwh) == pytest.approx(24 * 80)


def metered(run: ScheduleRun) -> Metered | None:
    return metered_kwh(run, _steps(run))


def test_what_was_hardly_measured_is_not_scored_but_completed(world: tuple[Ground, PriceSeries, ScheduleRun]) -> None:
    ground, _series, run = world
    measure(ground, run, watts=3600, ths=140, off=range(0), share=0.4)
    score_run(run, at=run.ends_at + timedelta(hours=4))
    run.refresh_from_db()
    assert (run.status, run.actual_profit) == (RunStatus.COMPLETED, None)
    assert run.actuals["why"] == "too little was measured"
    assert run.actuals["coverage"] == pytest.approx(0.4, abs=0.01)


def test_without_a_price_of_a_step_the_day_has_no_profit(world: tuple[Ground, PriceSeries, ScheduleRun]) -> None:
    ground, _series, run = world
    measure(ground, run, watts=3600, ths=140, off=range(0))
    NetworkSnapshot.objects.all().delete()
    network(run.starts_at.replace(hour=3))
    score_run(run, at=run.ends_at + timedelta(hours=4))
    run.refresh_from_db()
    assert run.actual_profit is None
    assert run.actuals["steps_without"] == 3
    assert run.actual_kwh is not None


def test_days_are_scored_once_they_are_closed(world: tuple[Ground, PriceSeries, ScheduleRun]) -> None:
    _ground, _series, run = world
    assert score_due(at=run.ends_at + timedelta(hours=2)) == 0
    assert score_due(at=run.ends_at + timedelta(hours=3)) == 1
    score_run(run, at=run.ends_at + timedelta(hours=3))
    assert score_due(at=run.ends_at + timedelta(hours=4)) == 0
    with pytest.raises(MoveRefused):
        score_run(run, at=run.ends_at + timedelta(hours=4))
