"""Real prices through the database: published, imported, planned as known the evening before; beside every threshold.

The ordinary run takes a few days of each market, ``--nightly`` every fifth.
"""

import os
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from accounts.models import User
from hosting.models import Site
from intelligence.domain.scheduling import plan_day
from intelligence.enums import AnswerLabel
from intelligence.models import ScheduleRun
from marketdata.domain.prices import store
from marketdata.engine.price_files import Interval
from marketdata.models import NetworkSnapshot, PriceSeries
from tests.curtailment.site import Ground
from tests.intelligence.engine.real_prices import FILES, day_of, needs_prices, whole_days
from tests.intelligence.schedule_world import ground_with_market, network, set_up

pytestmark = [pytest.mark.django_db, *needs_prices]
NIGHTLY = os.environ.get("HASHINSIGHT_NIGHTLY") == "1"
FEW = 3
GAP = 1e-4


def days(market: str) -> list[date]:
    found = list(whole_days(market))
    return found[::5] if NIGHTLY else found[7 :: max(1, len(found) // FEW)]


@pytest.fixture
def world(root: User, now: datetime) -> tuple[Ground, PriceSeries]:
    return ground_with_market(root, now, capacity_kw=70)


def planned(world: tuple[Ground, PriceSeries], market: str, on: date) -> ScheduleRun:
    """A day, planned two hours before it begins with the prices that were published by then."""
    ground, series = world
    _name, zone, minutes = FILES[market]
    Site.objects.filter(pk=ground.site.pk).update(time_zone=zone)
    type(series).objects.filter(pk=series.pk).update(time_zone=zone, step_minutes=minutes)
    ground.site.refresh_from_db()
    series.refresh_from_db()
    starts, values = day_of(market, on)
    at = starts[0] - timedelta(hours=2)
    NetworkSnapshot.objects.all().delete()
    network(at.astimezone(UTC))
    step = timedelta(minutes=minutes)
    rows = [
        Interval(start, start + step, Decimal(repr(round(value * 1000, 6))))
        for start, value in zip(starts, values, strict=True)
        if value is not None
    ]
    store(series, rows, at=at, issued_at=at)
    return plan_day(ground.site, on, at=at)


def by_threshold(run: ScheduleRun) -> float:
    """The profit of the best rule of the kind "off above a price", each class by its own; no step touches another."""
    costs = [price + adder for price, adder in zip(run.inputs["price"], run.inputs["adders"], strict=True)]
    hours, found = run.step_minutes / 60, 0.0
    for one in run.classes.all():
        ths, kw = float(one.hashrate_ths), one.power_w / 1000
        found += one.machines * max(
            sum(
                hours * (ths * earned - kw * cost)
                for cost, earned in zip(costs, run.inputs["revenue"], strict=True)
                if cost <= threshold
            )
            for threshold in (*costs, float("-inf"))
        )
    return found


@pytest.mark.parametrize("market", FILES)
def test_without_coupling_a_day_is_the_best_threshold_of_each_class(
    world: tuple[Ground, PriceSeries], market: str
) -> None:
    set_up(world[0].site, step_minutes=FILES[market][2])
    for on in days(market):
        run = planned(world, market, on)
        assert run.label == AnswerLabel.OPTIMAL, on
        assert set(run.inputs["price_from"]) == {"known"}
        assert float(run.profit) == pytest.approx(by_threshold(run), abs=1e-4), on
        assert run.profit == run.strike_profit


@pytest.mark.parametrize("market", FILES)
def test_with_coupling_a_day_earns_at_least_the_best_strike_price(
    world: tuple[Ground, PriceSeries], market: str
) -> None:
    """A demand charge, starts that cost, least times of two hours."""
    ground = world[0]
    set_up(
        ground.site, step_minutes=FILES[market][2], demand_charge_per_kw=Decimal(4), start_cost=Decimal("0.05"),
        adder_per_kwh=Decimal("0.002"),
    )  # fmt: skip
    type(ground.site.curtailment_control).objects.update(min_on_minutes=120, min_off_minutes=120)
    seen: Counter[str] = Counter()
    for on in days(market):
        run = planned(world, market, on)
        assert run.label in (AnswerLabel.OPTIMAL, AnswerLabel.WITHIN_GAP, AnswerLabel.ABOVE_GAP), on
        assert None not in (run.profit, run.strike_profit, run.bound)
        assert run.strike_profit <= run.profit <= run.bound, on
        seen[run.label] += 1
        seen["better"] += run.profit > run.strike_profit
    assert seen["above_gap"] <= len(days(market)) // 50
    assert seen["better"] or not NIGHTLY


@pytest.mark.parametrize(
    ("market", "on", "steps"),
    [
        ("GB", date(2020, 3, 29), 46),
        ("GB", date(2020, 10, 25), 50),
        ("Germany", date(2024, 3, 31), 23),
        ("Germany", date(2024, 10, 27), 25),
    ],
)
def test_days_on_which_clocks_change_are_planned_whole(
    world: tuple[Ground, PriceSeries], market: str, on: date, steps: int
) -> None:
    set_up(world[0].site, step_minutes=FILES[market][2])
    run = planned(world, market, on)
    assert run.label == AnswerLabel.OPTIMAL
    assert [run.entries.filter(place=place).count() for place in range(4)] == [steps] * 4


def test_the_hole_of_the_texan_file_leads_to_the_safe_state(world: tuple[Ground, PriceSeries]) -> None:
    """The repeated hour of the night in which the clocks go back is missing."""
    set_up(world[0].site, step_minutes=15, on_stale="curtail", on_stale_max_minutes=60)
    run = planned(world, "ERCOT", date(2024, 11, 3))
    assert run.label == AnswerLabel.SAFE_STATE
    assert "4 of 100 prices are not known" in run.note
    off = run.entries.filter(machines_off__gt=0).values_list("starts_at", flat=True).distinct().order_by("starts_at")
    first = datetime(2024, 11, 3, 7, tzinfo=UTC)
    assert list(off) == [first + timedelta(minutes=15) * n for n in range(4)]
