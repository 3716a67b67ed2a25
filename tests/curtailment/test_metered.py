"""Curtailment seen by the meters of a site: the live page, the alert, and what an event came to."""

import csv
import io
from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.test import Client

from accounts.models import User
from curtailment.domain import watching
from curtailment.domain.measurement import measuring
from curtailment.domain.measurement.metered import compare
from curtailment.models import ControlSample, CurtailmentEvent
from hosting.domain.meters.keeping import create_meter
from hosting.domain.meters.loads import best_of, site_load, site_quarters
from hosting.meter_enums import LoadSource
from hosting.models import Demand15Min, Meter, MeterReading, Zone
from tests import factories
from tests.api.client import Caller
from tests.curtailment.site import Ground
from tests.curtailment.test_events import curtailed
from tests.curtailment.test_execution import KW, approved
from tests.curtailment.test_pages import person as person

pytestmark = pytest.mark.django_db
MINUTE, QUARTER, HOUR = timedelta(minutes=1), timedelta(minutes=15), timedelta(hours=1)
LIVE = "/admin/hosting/site/{}/curtailment/"
Kw = Callable[[datetime], float | None]


def a_meter(ground: Ground, zone: Zone | None = None, **fields: Any) -> Meter:
    return create_meter(
        site=ground.site, name=f"Meter of {zone or ground.site}", zone=zone, measures="zone" if zone else "site",
        valid_from=date(2020, 1, 1), at=ground.now, **fields,
    )  # fmt: skip


def show(meter: Meter, start: datetime, end: datetime, kw: Kw) -> None:
    """A reading a minute."""
    rows, moment = [], start
    while moment <= end:
        said = kw(moment)
        if said is not None:
            rows.append(MeterReading(meter=meter, recorded_at=moment, power_kw=said, ratio=1, source=3))
        moment += MINUTE
    MeterReading.objects.bulk_create(rows)


def run(ground: Ground, by: User, meter: Meter, kw_off: Decimal, minutes: int) -> None:
    """Four machines (14 kW) go off; the meter shows 500 kW before and so much less from the second step on."""
    start = ground.now
    show(meter, start - HOUR, start, lambda _at: 500.0)
    approved(ground, by, minutes=60)
    for step in range(minutes):
        moment = ground.now + MINUTE
        show(meter, moment, moment, lambda _at, n=step: 500.0 if n < 1 else 500.0 - float(kw_off))
        ground.tick()


# --- now ------------------------------------------------------------------------------------------------------------
def test_the_load_is_that_of_the_grid_meters_else_of_the_meters_of_all_zones(ground: Ground) -> None:
    now = ground.now
    assert site_load(ground.site, at=now) is None
    halls = [a_meter(ground, zone) for zone in ground.zones]
    show(halls[0], now - MINUTE, now, lambda _at: 100.0)
    assert site_load(ground.site, at=now) is None  # one zone is not the site
    show(halls[1], now - 2 * MINUTE, now - MINUTE, lambda _at: 50.0)
    load = site_load(ground.site, at=now)
    assert load is not None
    assert (load.kw, load.at, load.source, load.meters) == (150, now - MINUTE, LoadSource.ZONE_METERS, 2)
    grid = a_meter(ground)
    show(grid, now - 3 * MINUTE, now - 3 * MINUTE, lambda _at: 170.0)
    load = site_load(ground.site, at=now)
    assert load is not None
    assert (load.kw, load.source, load.is_stale) == (170, LoadSource.SITE_METER, False)
    later = site_load(ground.site, at=now + MINUTE)
    assert later is not None
    assert (later.source, later.is_stale) == (LoadSource.ZONE_METERS, False)  # the fresh one
    last = site_load(ground.site, at=now + HOUR)
    assert last is not None
    assert (last.kw, last.source, last.is_stale) == (170, LoadSource.SITE_METER, True)
    assert site_load(ground.site, at=now + timedelta(days=3)) is None


def test_two_connections_add_up_and_a_pdu_is_no_load_of_the_site(ground: Ground) -> None:
    now = ground.now
    for number, kw in enumerate((400.0, 90.0)):
        show(a_meter(ground, serial=f"{number}") if number == 0 else _second(ground), now, now, lambda _at, kw=kw: kw)
    pdu = create_meter(
        site=ground.site, zone=ground.zones[0], name="PDU", measures="pdu", valid_from=date(2020, 1, 1), at=now
    )
    show(pdu, now, now, lambda _at: 7.0)
    load = site_load(ground.site, at=now)
    assert load is not None
    assert (load.kw, load.meters) == (490, 2)


def _second(ground: Ground) -> Meter:
    return create_meter(site=ground.site, name="Second", valid_from=date(2020, 1, 1), at=ground.now)


def test_a_meter_that_tells_its_register_alone_tells_the_load_between_its_last_two(ground: Ground) -> None:
    meter = a_meter(ground)
    for minutes, kwh in ((10, 1000), (5, 1040)):
        MeterReading.objects.create(
            meter=meter, recorded_at=ground.now - minutes * MINUTE, register_kwh=kwh, ratio=1, source=3
        )
    Meter.objects.filter(pk=meter.pk).update(interval_s=300)
    load = site_load(ground.site, at=ground.now)
    assert load is not None
    assert (load.kw, load.is_stale) == (480, False)


def test_each_step_keeps_what_the_meter_said_and_an_old_word_is_none(ground: Ground, root: User) -> None:
    meter = a_meter(ground)
    run(ground, root, meter, KW * 4, 3)
    ground.ticks(5)
    assert list(ControlSample.objects.order_by("at").values_list("metered_kw", flat=True)) == [
        500, 486, 486, 486, 486, 486, None, None,
    ]  # fmt: skip


def test_machines_and_meter_that_agree_raise_no_alert(ground: Ground, root: User) -> None:
    run(ground, root, a_meter(ground), KW * 4, 8)
    found = compare(ground.site, at=ground.now)
    assert found is not None
    assert (found.machines_kw, found.meter_kw, found.agrees) == (14, 14, True)
    assert list(watching.meters_differ(ground.now)) == []


def test_a_meter_that_says_less_is_told_on_the_page_and_by_an_alert(
    ground: Ground, root: User, person: Callable[..., Client]
) -> None:
    client = person("hosting.view_site", "curtailment.view_curtailmentplan")
    with time_machine.travel(ground.now, tick=False):
        assert "no meter" in client.get(LIVE.format(ground.site.pk)).content.decode()
    run(ground, root, a_meter(ground), Decimal("3"), 2)
    assert list(watching.meters_differ(ground.now)) == []  # it still moves
    for _turn in range(6):
        moment = ground.now + MINUTE
        show(Meter.objects.get(), moment, moment, lambda _at: 497.0)
        ground.tick()
    (found,) = watching.meters_differ(ground.now)
    event = CurtailmentEvent.objects.get()
    assert (found.key, found.text) == (str(event.public_id), "The machines say 14 kW less, the meter says 3.")
    with time_machine.travel(ground.now + 40 * timedelta(seconds=1), tick=False):
        page = client.get(LIVE.format(ground.site.pk)).content.decode()
        assert "The machines say 14 kW less, the meter says 3 kW." in page
        assert "497 kW, 40 seconds ago (the site&#x27;s meter)" in page
        table = list(csv.reader(io.StringIO(client.get(f"{LIVE.format(ground.site.pk)}?csv=1").content.decode())))
    assert (table[0][-1], table[1][-1], table[-1][-1]) == ("metered_kw", "500.000", "497.000")
    with time_machine.travel(ground.now + HOUR, tick=False):
        page = client.get(LIVE.format(ground.site.pk)).content.decode()
        assert "OLD: 497 kW, 60 minutes ago" in page
        assert "The machines say" not in page
    assert list(watching.meters_differ(ground.now + HOUR)) == []


# --- afterwards -----------------------------------------------------------------------------------------------------
def demand(ground: Ground, start: datetime) -> None:
    """70 kW of both zones before, 56 during."""
    for zone in ground.zones:
        for n in range(-4, 4):
            kw = Decimal(35) if n < 0 else Decimal(28)
            Demand15Min.objects.create(
                zone=zone, interval_start=start + QUARTER * n, kw=kw, kwh=kw / 4, source="machines",
                quality="measured", coverage=1,
            )  # fmt: skip


def reckoned(ground: Ground, root: User) -> CurtailmentEvent:
    event = curtailed(ground, root)
    measuring.measure(event, at=ground.now)
    return event.reload()


def test_an_event_is_measured_by_the_meter_first(ground: Ground, root: User) -> None:
    start = ground.now
    demand(ground, start)
    show(a_meter(ground), start - HOUR, start + HOUR, lambda at: 500.0 if at < start else 488.0)
    event = reckoned(ground, root)
    assert (event.meter_source, event.meter_before_kw, event.metered_kwh) == ("site_meter", 500, 9)
    assert set(event.intervals.values_list("meter_kw", flat=True)) == {Decimal(488)}
    assert "meter" not in event.missing


def test_a_register_alone_measures_an_event(ground: Ground, root: User) -> None:
    start = ground.now
    meter = a_meter(ground)
    Meter.objects.filter(pk=meter.pk).update(interval_s=900)
    kwh = Decimal(1000)
    for n in range(-5, 6):
        MeterReading.objects.create(meter=meter, recorded_at=start + QUARTER * n, register_kwh=kwh, ratio=1, source=3)
        kwh += 125 if n < 0 else 122
    event = reckoned(ground, root)
    assert (event.meter_source, event.meter_before_kw, event.metered_kwh) == ("site_meter", 500, 9)


def test_a_meter_with_a_gap_gives_way_to_the_machines_and_is_never_mixed_with_them(ground: Ground, root: User) -> None:
    start = ground.now
    demand(ground, start)
    meter = a_meter(ground)
    gap = start + QUARTER
    show(meter, start - HOUR, start + HOUR, lambda at: None if gap <= at < gap + 9 * MINUTE else 500.0)
    event = reckoned(ground, root)
    assert (event.meter_source, event.meter_before_kw, event.metered_kwh) == ("machines", 70, Decimal("10.5"))
    Demand15Min.objects.filter(interval_start=start).update(superseded_at=start)
    event = measuring.measure(event, at=ground.now).reload()
    assert (event.meter_source, event.metered_kwh) == ("site_meter", None)  # both lack one: the better
    assert event.missing["meter"] == 1


def test_of_ways_the_one_that_knows_most_counts() -> None:
    first, second = datetime(2026, 11, 29), datetime(2026, 11, 30)
    site = (LoadSource.SITE_METER, {first: Decimal(1)})
    zones = (LoadSource.MACHINES, {first: Decimal(2), second: Decimal(3)})
    assert best_of([site, zones], [first, second]) == zones
    assert best_of([site, zones], [first]) == site
    assert best_of([site, zones], [datetime(2026, 12, 1)]) == (None, {})
    assert best_of([], [first]) == (None, {})


def test_meters_of_all_zones_add_up_by_quarter_hours(ground: Ground) -> None:
    start = ground.now
    for zone, kw in zip(ground.zones, (300.0, 200.0), strict=True):
        late = start + QUARTER if kw == 200.0 else start
        show(a_meter(ground, zone), late - MINUTE, start + HOUR, lambda _at, kw=kw: kw)
    ways = dict(site_quarters(ground.site, start, start + HOUR))
    assert ways[LoadSource.ZONE_METERS] == {start + QUARTER * n: Decimal(500) for n in (1, 2, 3)}


def test_the_report_names_the_source_on_the_page_in_the_files_and_by_key(
    ground: Ground, root: User, person: Callable[..., Client]
) -> None:
    factories.LegalEntityFactory()
    start = ground.now
    show(a_meter(ground), start - HOUR, start + HOUR, lambda at: 500.0 if at < start else 488.0)
    event = reckoned(ground, root)
    client = person("curtailment.view_curtailmentevent")
    report = f"/admin/curtailment/curtailmentevent/{event.pk}/report/"
    page = client.get(report).content.decode()
    assert "the site&#x27;s meter" in page
    assert "500.0 kW" in page
    text = client.get(f"{report}?file=quarters").content.decode().removeprefix("\ufeff")
    table = list(csv.DictReader(io.StringIO(text)))
    assert {(row["load of the site (kW)"], row["load of the site from"]) for row in table} == {
        ("488.000", "the site's meter")
    }
    assert client.get(f"{report}?file=pdf").content[:5] == b"%PDF-"
    (share,) = event.shares.all()
    told = Caller(root).get(f"/curtailment-events/{share.public_id}/").json()
    assert (told["metered_kwh"], told["meter_source"]) == ("9", "site_meter")
