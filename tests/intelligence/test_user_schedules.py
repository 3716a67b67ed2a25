"""Machines a person reckons with: on or off by the hour, at their own price or a market's; the old day gives way."""

from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest

from accounts.models import User
from hashinsight.events.models import OutboxEvent
from hosting.models import MinerModel
from intelligence.domain.scheduling import ScheduleRefused
from intelligence.domain.user_miners import create_user_miner
from intelligence.domain.user_schedules import plan_user_day
from intelligence.models import ScheduleEntry, ScheduleRun, UserMiner
from marketdata.models import PriceSeries
from tests.intelligence.schedule_world import evening, network, prices

pytestmark = pytest.mark.django_db


@pytest.fixture
def miners(alice: User, model: MinerModel, now: datetime) -> list[UserMiner]:
    """One that earns its energy (break-even near 9.8 cents), one that does not."""
    network(now - timedelta(minutes=4))
    return [
        create_user_miner(
            user=alice, miner_model=model, by=alice, at=now, quantity=count, electricity_cost_usd_per_kwh=Decimal(cost)
        )
        for count, cost in ((3, "0.05"), (2, "0.12"))
    ]


def tomorrow(now: datetime) -> date:
    return (now + timedelta(days=1)).date()


def test_each_runs_while_it_earns_more_than_its_own_energy(alice: User, miners: list[UserMiner], now: datetime) -> None:
    run = plan_user_day(alice, tomorrow(now), time_zone="UTC", at=now)
    assert run.label == "optimal"
    rows = run.entries.filter(user_miner=miners[0])
    assert set(rows.values_list("action", "machines_on")) == {("startup", 3)}
    assert set(run.entries.filter(user_miner=miners[1]).values_list("action", "machines_on")) == {("shutdown", 0)}
    assert run.entries.count() == 48
    revenue = run.inputs["revenue"][0]
    assert float(run.profit) == pytest.approx(24 * 3 * (200 * revenue - 3.5 * 0.05), rel=1e-6)
    assert run.profit == pytest.approx(sum(run.entries.values_list("expected_profit", flat=True)), abs=Decimal("0.001"))
    event = OutboxEvent.objects.filter(kind="ops.schedule_created").get()
    assert (event.user_id, event.payload["site_id"]) == (alice.pk, None)


def test_a_market_may_stand_for_the_price(alice: User, miners: list[UserMiner], now: datetime) -> None:
    series = PriceSeries.objects.create(code="m", name="M", currency="USD", time_zone="UTC")
    with pytest.raises(ScheduleRefused, match="24 of 24 prices are not known"):
        plan_user_day(alice, tomorrow(now), time_zone="UTC", at=now, series=series)
    prices(series, tomorrow(now), evening, at=now)
    run = plan_user_day(alice, tomorrow(now), time_zone="UTC", at=now, series=series)
    off = ScheduleEntry.objects.filter(run=run, action="shutdown").values_list("starts_at__hour", flat=True)
    assert sorted(off) == [17, 17, 18, 18, 19, 19]


def test_a_new_schedule_of_a_day_takes_the_place_of_the_old(
    alice: User, bob: User, miners: list[UserMiner], model: MinerModel, now: datetime
) -> None:
    create_user_miner(
        user=bob, miner_model=model, by=bob, at=now, quantity=1, electricity_cost_usd_per_kwh=Decimal("0.05")
    )
    of_bob = plan_user_day(bob, tomorrow(now), time_zone="UTC", at=now)
    plan_user_day(alice, tomorrow(now), time_zone="UTC", at=now)
    second = plan_user_day(alice, tomorrow(now), time_zone="UTC", at=now)
    assert set(ScheduleRun.objects.all()) == {of_bob, second}
    assert ScheduleEntry.objects.filter(run=second).count() == 48
    assert list(ScheduleRun.objects.visible_to(alice)) == [second]
    assert {row.run for row in ScheduleEntry.objects.visible_to(bob)} == {of_bob}


def test_days_have_the_hours_of_the_clock(alice: User, miners: list[UserMiner], now: datetime) -> None:
    for on, hours in ((date(2026, 10, 25), 25), (date(2027, 3, 28), 23)):
        at = datetime.combine(on, datetime.min.time(), now.tzinfo) - timedelta(hours=12)
        network(at - timedelta(minutes=2))
        run = plan_user_day(alice, on, time_zone="Europe/Berlin", at=at)
        assert run.entries.filter(user_miner=miners[0]).count() == hours


def test_nothing_to_plan_is_said(alice: User, model: MinerModel, now: datetime) -> None:
    with pytest.raises(ScheduleRefused, match="no active machines"):
        plan_user_day(alice, tomorrow(now), time_zone="UTC", at=now)
    create_user_miner(user=alice, miner_model=model, by=alice, at=now, electricity_cost_usd_per_kwh=Decimal("0.05"))
    with pytest.raises(ScheduleRefused, match="no good market data"):
        plan_user_day(alice, tomorrow(now), time_zone="UTC", at=now)
    for on in (now.date() - timedelta(days=1), now.date() + timedelta(days=3)):
        with pytest.raises(ScheduleRefused):
            plan_user_day(alice, on, time_zone="UTC", at=now)
