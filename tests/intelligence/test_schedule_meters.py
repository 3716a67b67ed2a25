"""Schedules and the meters of their site: what a day came to, and which peak of the month is paid already."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from accounts.models import User
from hosting.domain.meters.keeping import create_meter
from hosting.domain.meters.loads import metered_quarters
from hosting.meter_enums import LoadSource
from hosting.models import Demand15Min, Meter, MeterReading, Site, Zone
from intelligence.admin.schedule_figures import input_facts, score_facts
from intelligence.domain.schedule_inputs import gather
from intelligence.domain.schedule_limits import Peak, peak_so_far
from intelligence.domain.schedule_scoring import score_run
from intelligence.domain.scheduling import plan_day
from intelligence.engine.optimiser import local_day
from intelligence.models import ScheduleRun
from tests.curtailment.site import Ground
from tests.intelligence.schedule_world import evening, ground_with_market, network, off_by_hour, prices, set_up
from tests.intelligence.test_schedule_scores import measure

pytestmark = pytest.mark.django_db
FIVE, QUARTER, DAY = timedelta(minutes=5), timedelta(minutes=15), timedelta(days=1)
PUE = Decimal("1.05")


@pytest.fixture
def ground(root: User, now: datetime) -> Ground:
    """In its market, with a cooling of a twentieth."""
    made, series = ground_with_market(root, now)
    Site.objects.filter(pk=made.site.pk).update(pue=PUE)
    made.site.refresh_from_db()
    prices(series, (now + DAY).date(), evening, at=now)
    set_up(made.site, adder_per_kwh=Decimal("0.005"), demand_charge_per_kw=Decimal(10))
    return made


def a_meter(ground: Ground, zone: Zone | None = None, since: date = date(2020, 1, 1)) -> Meter:
    return create_meter(
        site=ground.site, zone=zone, name=f"Meter of {zone or 'the site'} {since}", measures="zone" if zone else "site",
        interval_s=300, valid_from=since, at=ground.now,
    )  # fmt: skip


def show(meter: Meter, start: datetime, end: datetime, kw: Callable[[datetime], float]) -> None:
    """A reading each five minutes."""
    count = (end - start) // FIVE + 1
    MeterReading.objects.bulk_create(
        MeterReading(meter=meter, recorded_at=at, power_kw=kw(at), ratio=1, source=3)
        for at in (start + FIVE * n for n in range(count))
    )


def demand(ground: Ground, start: datetime, kw: Decimal, *, count: int = 1) -> None:
    """What the machines of both halls say together."""
    Demand15Min.objects.bulk_create(
        Demand15Min(
            zone=zone, interval_start=start + QUARTER * n, kw=kw / 2, kwh=kw / 8, source="machines",
            quality="measured", coverage=1,
        )
        for zone in ground.zones
        for n in range(count)
    )  # fmt: skip


def scored(ground: Ground, run: ScheduleRun) -> ScheduleRun:
    network(run.starts_at)
    return score_run(run, at=run.ends_at + timedelta(hours=4)).reload()


def planned(ground: Ground) -> ScheduleRun:
    run = plan_day(ground.site, (ground.now + DAY).date(), at=ground.now)
    measure(ground, run, watts=3600, ths=140, off=range(0))  # 72 kW
    demand(ground, run.starts_at, Decimal(80), count=96)
    return run


def test_a_day_is_measured_by_the_meter_of_the_site_without_the_pue(ground: Ground) -> None:
    run = planned(ground)
    show(a_meter(ground), run.starts_at, run.ends_at, lambda at: 90.0 if at.hour < 12 else 100.0)
    run = scored(ground, run)
    assert run.actuals["energy_from"] == "site_meter"
    assert float(run.actual_kwh) == pytest.approx(12 * 90 + 12 * 100)
    assert run.actuals["peak_kw"] == pytest.approx(100)
    assert ("energy by the site's meter", "2,280 kWh") in shown(score_facts(run))


def test_a_meter_that_lacks_a_quarter_hour_gives_way_and_nothing_is_mixed(ground: Ground) -> None:
    run = planned(ground)
    meter = a_meter(ground)
    show(meter, run.starts_at, run.ends_at, lambda _at: 90.0)
    MeterReading.objects.filter(meter=meter, recorded_at__gte=run.ends_at - QUARTER).delete()
    for zone, kw in zip(ground.zones, (30.0, 55.0), strict=True):
        show(a_meter(ground, zone), run.starts_at, run.ends_at, lambda _at, kw=kw: kw)
    run = scored(ground, run)
    assert (run.actuals["energy_from"], float(run.actual_kwh)) == ("zone_meters", pytest.approx(24 * 85))
    assert ("energy by the meters of all zones", "2,040 kWh") in shown(score_facts(run))


def test_without_a_meter_the_machines_of_all_zones_count_with_the_pue_and_are_called_so(ground: Ground) -> None:
    run = scored(ground, planned(ground))
    assert (run.actuals["energy_from"], float(run.actual_kwh)) == ("zones", pytest.approx(24 * 80 * 1.05))
    named = ("energy by the sum of all machines at the site, times the PUE", "2,016 kWh")
    assert named in shown(score_facts(run))
    run.actuals["energy_from"] = "meter"  # as it was kept before, of the same machines
    assert named in shown(score_facts(run))


def test_of_a_part_of_the_site_no_day_is_measured(ground: Ground) -> None:
    run = planned(ground)
    Demand15Min.objects.filter(zone=ground.zones[0], interval_start=run.starts_at).update(superseded_at=run.ends_at)
    run = scored(ground, run)
    assert (run.actuals["energy_from"], float(run.actual_kwh)) == ("machines", pytest.approx(24 * 72 * 1.05))
    named = ("energy by the machines of the schedule, times the PUE", "1,814.4 kWh")
    assert named in shown(score_facts(run))


def shown(rows: list[tuple[object, object]]) -> list[tuple[str, str]]:
    return [(str(name), str(value)) for name, value in rows]


# --- the peak of the month --------------------------------------------------------------------------------------------
def test_the_peak_that_is_sunk_is_that_of_the_meter(ground: Ground, now: datetime) -> None:
    """The machines say 1,000 kW, 1,050 with cooling; the meter, by which it is paid, says 1,150."""
    at = now.replace(day=5, hour=10, minute=0)
    demand(ground, at - timedelta(hours=2), Decimal(1000), count=12)
    assert peak_so_far(ground.site, now.date(), at=now) == Peak(Decimal(1050), LoadSource.MACHINES)
    show(a_meter(ground), at - timedelta(hours=3), at + timedelta(hours=3), lambda n: 1150.0 if n == at else 900.0)
    assert peak_so_far(ground.site, now.date(), at=now).kw < 1050  # one reading of five minutes is no quarter-hour
    MeterReading.objects.filter(recorded_at__range=(at, at + QUARTER - FIVE)).delete()
    show(Meter.objects.get(), at, at + QUARTER - FIVE, lambda _at: 1150.0)
    assert peak_so_far(ground.site, now.date(), at=now) == Peak(Decimal(1150), LoadSource.SITE_METER)
    assert peak_so_far(ground.site, now.date(), at=at).kw == 900, "as known then"
    starts = local_day((now + DAY).date(), ground.site.time_zone, 60)
    found = gather(ground.site, set_up(ground.site, demand_charge_per_kw=Decimal(20)), starts, at=now)
    assert found.problem.demand is not None
    assert (found.problem.demand.sunk_kw, found.inputs["demand"]["sunk_from"]) == (1150, "site_meter")


def test_where_the_meter_says_nothing_the_machines_count_quarter_by_quarter(ground: Ground, now: datetime) -> None:
    """A meter that came in the middle of the month, and stood still for an hour."""
    at = now.replace(day=5, hour=10, minute=0)
    demand(ground, at, Decimal(1000))
    meter = a_meter(ground, since=date(2026, 11, 8))
    for day, kw in ((7, 1090.0), (9, 1030.0)):  # what it said before it counted is not heard
        morning = now.replace(day=day, hour=10, minute=0)
        show(meter, morning, morning + QUARTER * 4, lambda _at, kw=kw: kw)
    assert peak_so_far(ground.site, now.date(), at=now) == Peak(Decimal(1050), LoadSource.MACHINES)
    demand(ground, now.replace(day=9, hour=10, minute=15), Decimal(1200))  # the meter knows better
    assert peak_so_far(ground.site, now.date(), at=now) == Peak(Decimal(1050), LoadSource.MACHINES)
    demand(ground, now.replace(day=9, hour=11, minute=30), Decimal(1020))
    assert peak_so_far(ground.site, now.date(), at=now) == Peak(Decimal(1071), LoadSource.MACHINES)
    show(meter, now.replace(day=10), now.replace(day=10) + QUARTER * 2, lambda _at: 1072.0)
    assert peak_so_far(ground.site, now.date(), at=now) == Peak(Decimal(1072), LoadSource.SITE_METER)


def test_the_month_is_that_of_the_site(ground: Ground, now: datetime) -> None:
    Site.objects.filter(pk=ground.site.pk).update(time_zone="America/Chicago")
    ground.site.refresh_from_db()
    first = datetime(2026, 11, 1, 5, 0, tzinfo=UTC)  # midnight there, an hour later than the month before
    meter = a_meter(ground)
    show(meter, first - timedelta(hours=2), first + timedelta(hours=2), lambda at: 700.0 if at < first else 500.0)
    assert peak_so_far(ground.site, date(2026, 11, 20), at=now).kw == 500
    assert peak_so_far(ground.site, date(2026, 10, 31), at=now).kw == 700
    assert peak_so_far(ground.site, date(2026, 12, 1), at=now) == Peak()
    last = datetime(2026, 12, 1, 6, 0, tzinfo=UTC)
    later = last + timedelta(days=3)
    show(meter, last - timedelta(hours=2), last + timedelta(hours=2), lambda at: 600.0 if at < last else 900.0)
    assert peak_so_far(ground.site, date(2026, 11, 20), at=later).kw == 600
    assert peak_so_far(ground.site, date(2026, 12, 2), at=later).kw == 900


def test_each_quarter_hour_has_the_better_meter_that_knows_it(ground: Ground, now: datetime) -> None:
    start = now.replace(minute=0) - timedelta(hours=3)
    for zone in ground.zones:
        show(a_meter(ground, zone), start, start + timedelta(hours=1), lambda _at: 40.0)
    show(a_meter(ground), start + QUARTER * 2, start + timedelta(hours=1), lambda _at: 100.0)
    zones, site = (Decimal(80), LoadSource.ZONE_METERS), (Decimal(100), LoadSource.SITE_METER)
    found = metered_quarters(ground.site, start, start + timedelta(hours=1))
    assert [found[start + QUARTER * n] for n in range(4)] == [zones, zones, site, site]


def test_the_page_names_where_the_peak_is_from(ground: Ground, now: datetime) -> None:
    show(a_meter(ground), now - timedelta(hours=3), now - timedelta(hours=1), lambda _at: 64.0)
    run = plan_day(ground.site, (now + DAY).date(), at=now)
    assert ("peak of the month so far", "64 kW (the site's meter)") in shown(input_facts(run))
    del run.inputs["demand"]["sunk_from"]  # as it was kept before
    assert ("peak of the month so far", "64 kW") in shown(input_facts(run))


def test_a_peak_that_is_paid_is_used(ground: Ground, now: datetime) -> None:
    """The meter has seen 80 kW, the machines 35: what is paid already is not paid again."""
    set_up(ground.site, demand_charge_per_kw=Decimal(1000))
    demand(ground, now.replace(day=3, minute=0), Decimal(35))
    first = plan_day(ground.site, (now + DAY).date(), at=now)
    assert set(off_by_hour(first)) == set(range(24))
    show(a_meter(ground), now - timedelta(hours=3), now - timedelta(hours=1), lambda _at: 80.0)
    second = plan_day(ground.site, (now + DAY).date(), at=now)
    assert set(off_by_hour(second)) == {17, 18, 19}, "the dear hours"
