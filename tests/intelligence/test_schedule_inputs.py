"""What a day is planned with: prices as known then, forecasts where none are published, peaks, breakers, promises."""

from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest

from accounts.models import User
from crm.models import Customer
from curtailment.domain import plans
from curtailment.models import SiteControl
from hosting.domain import fleet, places
from hosting.meter_enums import LoadSource
from hosting.models import Demand15Min, Miner, MinerModel, Site
from intelligence.domain.schedule_inputs import gather
from intelligence.domain.schedule_limits import Peak, peak_so_far
from intelligence.domain.schedule_prices import prices_of
from intelligence.domain.scheduling import plan_day, settings_of
from intelligence.engine.optimiser import local_day
from intelligence.enums import AnswerLabel, ForecastKind
from intelligence.models import ForecastPoint, ForecastRun, PowerMode
from marketdata.models import PriceSeries
from tests import factories
from tests.curtailment.agreed import agree
from tests.curtailment.programme import call, hear, make_programme
from tests.curtailment.site import Ground
from tests.intelligence.conftest import euro
from tests.intelligence.schedule_world import CHEAP, DEAR, evening, ground_with_market, off_by_hour, prices, set_up

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice_of_staff(db: None) -> User:
    """A second person of the house."""
    made: User = factories.UserFactory(is_staff=True)
    return made


@pytest.fixture
def world(root: User, now: datetime) -> tuple[Ground, PriceSeries]:
    return ground_with_market(root, now)


def tomorrow(now: datetime) -> date:
    return (now + timedelta(days=1)).date()


def of_tomorrow(site: Site, now: datetime, minutes: int = 60) -> tuple[datetime, ...]:
    return local_day(tomorrow(now), site.time_zone, minutes)


def test_prices_are_those_known_at_the_moment(world: tuple[Ground, PriceSeries], now: datetime) -> None:
    ground, series = world
    prices(series, tomorrow(now), lambda _hour: CHEAP, at=now)
    prices(series, tomorrow(now), lambda _hour: DEAR, at=now + timedelta(hours=1))
    starts = of_tomorrow(ground.site, now)
    assert set(prices_of(ground.site, starts, 60, at=now).values) == {0.04}
    assert set(prices_of(ground.site, starts, 60, at=now + timedelta(hours=2)).values) == {0.4}


def test_quarter_hours_are_weighed_into_hours_and_hours_cut_into_quarters(root: User, now: datetime) -> None:
    ground, series = ground_with_market(root, now)
    type(series).objects.filter(pk=series.pk).update(step_minutes=15)
    series.refresh_from_db()
    prices(series, tomorrow(now), lambda hour: Decimal(hour), at=now)
    by_hour = prices_of(ground.site, of_tomorrow(ground.site, now), 60, at=now)
    assert by_hour.values[5] == pytest.approx(0.005)
    by_quarter = prices_of(ground.site, of_tomorrow(ground.site, now, 15), 15, at=now)
    assert by_quarter.values[20:24] == pytest.approx((0.005,) * 4)
    assert by_hour.all_known
    assert by_quarter.all_known


def test_what_is_not_published_is_forecast_and_said_so(world: tuple[Ground, PriceSeries], now: datetime) -> None:
    ground, series = world
    prices(series, tomorrow(now), lambda hour: CHEAP if hour < 12 else None, at=now)
    run = ForecastRun.objects.create(
        kind=ForecastKind.ENERGY, series=series, is_current=True, issued_at=now, computed_at=now, checked_at=now,
        window_from=now - timedelta(days=20), observations=100, model_name="m", model_version="1", data_hash="x",
        expires_at=now + timedelta(days=30),
    )  # fmt: skip
    starts = of_tomorrow(ground.site, now)
    ForecastPoint.objects.bulk_create(
        ForecastPoint(run=run, horizon=n, at=at, value=77, lower=1, upper=99, naive=50)
        for n, at in enumerate(starts[12:], start=1)
    )
    found = prices_of(ground.site, starts, 60, at=now)
    assert found.values == (0.04,) * 12 + (0.077,) * 12
    assert found.origins == ("known",) * 12 + ("forecast",) * 12
    assert not found.all_known
    assert found.lacking == ""
    assert prices_of(ground.site, starts, 60, at=now + timedelta(days=4)).lacking


def test_a_market_in_another_currency_is_converted(world: tuple[Ground, PriceSeries], now: datetime) -> None:
    ground, series = world
    type(series).objects.filter(pk=series.pk).update(currency="EUR")
    prices(series, tomorrow(now), lambda _hour: CHEAP, at=now)
    starts = of_tomorrow(ground.site, now)
    assert "EUR" in prices_of(ground.site, starts, 60, at=now).lacking
    euro("1.25", at=now)
    assert prices_of(ground.site, starts, 60, at=now).values[0] == pytest.approx(0.05)


def test_the_peak_of_the_month_is_sunk_and_a_new_one_spread(world: tuple[Ground, PriceSeries], now: datetime) -> None:
    ground, series = world
    prices(series, tomorrow(now), evening, at=now)
    at = now.replace(day=3, hour=12, minute=0)
    for zone, kw in zip(ground.zones, (20, 15), strict=True):
        for n, factor in enumerate((1, 2)):
            Demand15Min.objects.create(
                zone=zone, interval_start=at + timedelta(minutes=15) * n, kw=kw * factor, kwh=kw * factor / 4,
                source="machines", quality="measured", coverage=1,
            )  # fmt: skip
    assert peak_so_far(ground.site, tomorrow(now), at=now) == Peak(Decimal(70), LoadSource.MACHINES)
    assert peak_so_far(ground.site, tomorrow(now), at=at + timedelta(minutes=15)).kw == 35
    assert peak_so_far(ground.site, date(2026, 12, 1), at=now) == Peak(Decimal(0), "")
    found = gather(
        ground.site, set_up(ground.site, demand_charge_per_kw=Decimal(20)), of_tomorrow(ground.site, now), at=now
    )
    assert found.problem.demand is not None
    assert found.problem.demand.sunk_kw == 70
    assert found.problem.demand.per_kw == pytest.approx(20 / 10)  # the 21st: ten days are left
    assert found.inputs["demand"]["sunk_from"] == "machines"


def test_a_new_peak_is_not_worth_its_charge(world: tuple[Ground, PriceSeries], now: datetime) -> None:
    """Seventy kW could run; the peak so far is 35: more than that only pays where the charge is small."""
    ground, series = world
    prices(series, tomorrow(now), lambda _hour: CHEAP, at=now)
    Demand15Min.objects.create(
        zone=ground.zones[0], interval_start=now.replace(day=3, minute=0), kw=35, kwh=8, source="machines",
        quality="measured", coverage=1,
    )  # fmt: skip
    set_up(ground.site, demand_charge_per_kw=Decimal(1000))
    run = plan_day(ground.site, tomorrow(now), at=now)
    assert off_by_hour(run) == dict.fromkeys(range(24), 10)
    assert {reason["kind"] for reason in run.answer["reasons"]} == {"peak"}
    set_up(ground.site, demand_charge_per_kw=Decimal("0.01"))
    assert off_by_hour(plan_day(ground.site, tomorrow(now), at=now)) == {}


def test_a_breaker_that_may_bind_is_kept(world: tuple[Ground, PriceSeries], now: datetime) -> None:
    ground, series = world
    prices(series, tomorrow(now), lambda _hour: CHEAP, at=now)
    type(ground.zones[0]).objects.filter(pk=ground.zones[0].pk).update(capacity_kw=Decimal(20))
    set_up(ground.site)
    run = plan_day(ground.site, tomorrow(now), at=now)
    assert off_by_hour(run) == dict.fromkeys(range(24), 5)  # ten machines of 3.5 kW behind 20 kW
    assert list(run.inputs["zones"].values()) == [20.0]


def test_approved_plans_and_programmes_are_kept(
    world: tuple[Ground, PriceSeries], now: datetime, root: User, alice_of_staff: User
) -> None:
    ground, series = world
    prices(series, tomorrow(now), lambda _hour: CHEAP, at=now)
    set_up(ground.site)
    begin = of_tomorrow(ground.site, now)[10]
    plan = plans.create_plan(
        site=ground.site, by=root, at=now, cause="dispatch", reason="r", goal="by", goal_kw=Decimal(14),
        selection="efficiency", starts_at=begin, ends_at=begin + timedelta(hours=2),
    )  # fmt: skip
    assert off_by_hour(plan_day(ground.site, tomorrow(now), at=now)) == {}
    plans.approve_plan(plan, by=alice_of_staff, at=now)
    programme = make_programme(root, ground.site, goal="to", kw=35)
    at = begin + timedelta(hours=10)
    hear(programme, ground, call(ground, starts_at=at, ends_at=at + timedelta(hours=1)))
    run = plan_day(ground.site, tomorrow(now), at=now)
    assert off_by_hour(run) == {10: 4, 11: 4, 20: 10}
    assert [one["name"] for one in run.inputs["commitments"]] == [str(plan), "ERS"]


def test_what_a_programme_may_call_is_left_running(
    world: tuple[Ground, PriceSeries], now: datetime, root: User
) -> None:
    """Eight kW: three machines of the most efficient model stay on, however dear the hour."""
    ground, series = world
    prices(series, tomorrow(now), evening, at=now)
    set_up(ground.site)
    make_programme(root, ground.site, kw=14, reserve_kw=Decimal(8), priority=10)
    run = plan_day(ground.site, tomorrow(now), at=now)
    assert off_by_hour(run) == {17: 17, 18: 17, 19: 17}
    assert set(run.inputs["held"]) == {"Thrifty, Hall 0, kept for a programme"}
    assert run.classes.get(name="Thrifty, Hall 0, kept for a programme").machines == 3
    assert run.inputs["reserve_kw"] == "8.000"


def test_protected_and_unreachable_machines_stay_on(world: tuple[Ground, PriceSeries], now: datetime) -> None:
    ground, series = world
    prices(series, tomorrow(now), evening, at=now)
    set_up(ground.site)
    Miner.objects.filter(pk=ground.miners[0].pk).update(curtailment="protected")
    Miner.objects.filter(pk=ground.miners[1].pk).update(address=None)
    run = plan_day(ground.site, tomorrow(now), at=now)
    assert off_by_hour(run) == {17: 18, 18: 18, 19: 18}
    assert sum(run.classes.values_list("protected", flat=True)) == 2


def test_cooling_is_part_of_the_power(world: tuple[Ground, PriceSeries], now: datetime) -> None:
    ground, series = world
    prices(series, tomorrow(now), evening, at=now)
    places.change_place(ground.site, changes={"pue": Decimal("1.2")})
    ground.site.refresh_from_db()
    found = gather(ground.site, settings_of(ground.site), of_tomorrow(ground.site, now), at=now)
    assert {one.modes[1].power_w for one in found.problem.classes} == {4200}


def test_ramps_and_least_times_are_those_of_the_control(world: tuple[Ground, PriceSeries], now: datetime) -> None:
    ground, series = world
    prices(series, tomorrow(now), evening, at=now)
    SiteControl.objects.filter(site=ground.site).update(
        ramp_up_kw=Decimal("0.5"), ramp_down_kw=Decimal(1), min_off_minutes=90, min_on_minutes=61
    )
    found = gather(ground.site, settings_of(ground.site), of_tomorrow(ground.site, now), at=now)
    assert (found.problem.ramp_up_kw, found.problem.ramp_down_kw) == (30.0, 60.0)
    assert {(one.min_on, one.min_off) for one in found.problem.classes} == {(2, 2)}
    SiteControl.objects.filter(site=ground.site).update(ramp_up_kw=None, ramp_down_kw=None)
    found = gather(ground.site, settings_of(ground.site), of_tomorrow(ground.site, now), at=now)
    assert (found.problem.ramp_up_kw, found.problem.ramp_down_kw) == (None, None)


def test_machines_a_plan_holds_off_when_the_day_begins_are_off_at_first(
    world: tuple[Ground, PriceSeries], now: datetime, root: User, alice_of_staff: User
) -> None:
    ground, series = world
    prices(series, tomorrow(now), lambda _hour: CHEAP, at=now)
    set_up(ground.site, start_cost=Decimal(10**6))
    midnight = of_tomorrow(ground.site, now)[0]
    plan = plans.create_plan(
        site=ground.site, by=root, at=now, cause="price", reason="r", goal="by", goal_kw=Decimal(7),
        selection="efficiency", starts_at=midnight - timedelta(hours=2), ends_at=midnight,
    )  # fmt: skip
    plans.approve_plan(plan, by=alice_of_staff, at=now)
    run = plan_day(ground.site, tomorrow(now), at=now)
    assert {one.name: one.machines for one in run.classes.filter(starts_on=False)}
    assert sum(run.classes.filter(starts_on=False).values_list("machines", flat=True)) == 2
    assert off_by_hour(run) == dict.fromkeys(range(24), 2)  # a start that costs a million is not made


def test_each_contract_has_its_own_safe_state(
    world: tuple[Ground, PriceSeries], now: datetime, customer_a: Customer, root: User
) -> None:
    """Six machines of a customer whose terms say so are off for an hour; ours run, as the settings say."""
    ground, series = world
    prices(series, tomorrow(now), lambda hour: None if hour >= 7 else CHEAP, at=now)
    since = fleet.quarter_hour(now)
    fleet.assign_miners(ground.miners[:6], customer=customer_a, since=since, by=root, at=now)
    agree(ground, customer_a, root, on_stale="curtail", on_stale_max_minutes=60)
    set_up(ground.site)
    run = plan_day(ground.site, tomorrow(now), at=now)
    assert run.label == AnswerLabel.SAFE_STATE
    assert off_by_hour(run) == {7: 6}
    assert {one.safe_state for one in run.classes.filter(terms__isnull=False)} == {"curtail"}


def test_machines_are_throttled_where_that_earns_more_and_somebody_wants_it(
    world: tuple[Ground, PriceSeries], now: datetime
) -> None:
    """At 62 the thirsty lose at full power (49) and earn in a mode of 25 J/TH (69); without the setting they stop."""
    ground, series = world
    prices(series, tomorrow(now), lambda _hour: Decimal(62), at=now)
    thirsty = MinerModel.objects.get(name="Thirsty")
    mode = PowerMode.objects.create(
        miner_model=thirsty, name="eco", power_w=2000, hashrate_ths=80, source="measured in May"
    )
    set_up(ground.site)
    assert off_by_hour(plan_day(ground.site, tomorrow(now), at=now)) == dict.fromkeys(range(24), 10)
    set_up(ground.site, uses_modes=True)
    run = plan_day(ground.site, tomorrow(now), at=now)
    assert off_by_hour(run) == {}
    throttled = run.entries.filter(action="throttled")
    assert set(throttled.values_list("machines_throttled", "load_kw", "starts_at__minute")) == {(5, Decimal(10), 0)}
    assert throttled.count() == 48
    assert run.inputs["modes"]["Thirsty, Hall 0"] == [["eco", 2000, 80.0]]
    Miner.objects.filter(model=thirsty).update(power_limit_w=3000)
    run = plan_day(ground.site, tomorrow(now), at=now)
    assert not run.entries.filter(action="throttled").exists()  # as somebody has set them
    PowerMode.objects.filter(pk=mode.pk).update(power_w=3600)
    Miner.objects.filter(model=thirsty).update(power_limit_w=None)
    assert plan_day(ground.site, tomorrow(now), at=now).inputs["modes"] == {}
