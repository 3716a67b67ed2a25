"""What was measured is reported to OpenADR 3 servers: each quarter-hour once, by one source, nothing of nobody."""

from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from curtailment.clients import dispatch_simulator
from curtailment.domain.dispatch.openadr_reports import Measured, measured
from curtailment.engine.openadr_bodies import Quarter
from curtailment.models import Dispatch, VtnConnection
from hosting.meter_enums import LoadSource
from hosting.models import Demand15Min, Site
from tests.curtailment.programme import step
from tests.curtailment.site import Ground
from tests.curtailment.test_metered import a_meter, show
from tests.curtailment.vtn import BOTH, ask, body

pytestmark = pytest.mark.django_db
QUARTER = timedelta(minutes=15)


def quarter(ground: Ground, start: datetime, kwh: str) -> None:
    """Measured, in each hall."""
    for hall in ground.zones:
        Demand15Min.objects.create(
            zone=hall, interval_start=start, kw=Decimal(kwh) * 4, kwh=Decimal(kwh), source="machines",
            quality="measured", coverage=1,
        )  # fmt: skip


@BOTH
def test_measured_quarters_are_reported_once(
    server: dispatch_simulator.Vtn, link: VtnConnection, ground: Ground
) -> None:
    begin = ground.now.replace(minute=0)
    ground.now = begin
    event = server.put_event(body(ground, length="PT1H", reportDescriptors=[{"payloadType": "USAGE"}]))
    assert ask(link, ground).reports == 0
    quarter(ground, begin, "7")
    ground.now = begin + timedelta(minutes=26)
    assert ask(link, ground).reports == 1
    assert ask(link, ground).reports == 0
    for n in (1, 2, 3):
        quarter(ground, begin + n * timedelta(minutes=15), "5")
    ground.now = begin + timedelta(minutes=80)
    step(ground)
    assert ask(link, ground).reports == 1
    ground.now += timedelta(days=1)
    assert ask(link, ground).reports == 0
    first, second = server.told("reports")
    assert (first["eventID"], first["clientName"]) == (event, "hashinsight")
    assert [row["payloads"] for row in first["resources"][0]["intervals"]] == [[{"type": "USAGE", "values": [14.0]}]]
    starts = [row["intervalPeriod"]["start"] for row in second["resources"][0]["intervals"]]
    assert starts == [f"{begin + n * timedelta(minutes=15):%Y-%m-%dT%H:%M:%SZ}" for n in (1, 2, 3)]


def test_what_cannot_be_reported_is_not(server: dispatch_simulator.Vtn, link: VtnConnection, ground: Ground) -> None:
    begin = ground.now.replace(minute=0)
    ground.now = begin
    server.put_event(body(ground, length="PT1H", reportDescriptors=[{"payloadType": "STORAGE_CHARGE_LEVEL"}]))
    ask(link, ground)
    quarter(ground, begin, "7")
    ground.now = begin + timedelta(hours=2)
    assert ask(link, ground).reports == 0
    VtnConnection.objects.update(sends_reports=False)
    server.put_event(body(ground, -60, length="PT2H"))
    assert ask(link, ground).reports == 0


# --- by whom ----------------------------------------------------------------------------------------------------------
def told(server: dispatch_simulator.Vtn) -> list[tuple[str, list[float]]]:
    """The type of the readings of each report, and its kWh."""
    return [
        (
            one["payloadDescriptors"][0]["readingType"],
            [row["payloads"][0]["values"][0] for row in one["resources"][0]["intervals"]],
        )
        for one in server.told("reports")
    ]


@BOTH
def test_the_meter_is_reported_as_it_is_and_the_machines_as_an_estimate_with_cooling(
    server: dispatch_simulator.Vtn, link: VtnConnection, ground: Ground
) -> None:
    Site.objects.update(pue=Decimal("1.1"))
    begin = ground.now = ground.now.replace(minute=0)
    server.put_event(body(ground, length="PT30M", reportDescriptors=[{"payloadType": "USAGE"}]))
    ask(link, ground)
    quarter(ground, begin, "7")
    ground.now = begin + timedelta(minutes=26)
    assert ask(link, ground).reports == 1
    assert Dispatch.objects.get().reported_from == LoadSource.MACHINES
    show(a_meter(ground), begin, begin + timedelta(hours=3), lambda _at: 60.0)
    quarter(ground, begin + QUARTER, "5")
    ground.now = begin + timedelta(minutes=45)
    step(ground)
    ask(link, ground)
    server.put_event(body(ground, length="PT30M", reportDescriptors=[{"payloadType": "USAGE"}]))
    ask(link, ground)
    ground.now += timedelta(minutes=26)
    ask(link, ground)
    assert Dispatch.objects.latest("pk").reported_from == LoadSource.SITE_METER
    # 14 kWh of machines, and one dispatch has one source; the meter has the cooling in it
    assert told(server) == [("ESTIMATED", [15.4]), ("ESTIMATED", [11.0]), ("SUMMED", [15.0])]


def test_the_first_quarter_hour_waits_for_the_meter_an_hour(ground: Ground) -> None:
    begin = ground.now.replace(minute=0)
    end = begin + timedelta(hours=2)
    quarter(ground, begin, "7")
    meter = a_meter(ground)
    assert measured(ground.site, begin, end, at=begin + timedelta(minutes=74)) == Measured([], begin, "")
    late = measured(ground.site, begin, end, at=begin + timedelta(minutes=75))
    assert late == Measured([Quarter(begin, Decimal(14))], begin + QUARTER, LoadSource.MACHINES)
    show(meter, begin, begin + timedelta(minutes=32), lambda _at: 60.0)
    at = begin + timedelta(minutes=60)
    both = [Quarter(begin, Decimal(15)), Quarter(begin + QUARTER, Decimal(15))]
    assert measured(ground.site, begin, end, at=at) == Measured(both, begin + 2 * QUARTER, LoadSource.SITE_METER)
    assert measured(ground.site, begin, end, at=begin + timedelta(minutes=24)) == Measured([], begin, "")


def test_what_the_source_of_a_dispatch_does_not_know_is_left_out_after_six_hours(ground: Ground) -> None:
    begin = ground.now.replace(minute=0)
    end = begin + timedelta(minutes=45)
    for n in range(3):
        quarter(ground, begin + n * QUARTER, "7")
    show(a_meter(ground), begin + QUARTER, end, lambda _at: 60.0)
    by_meter = {"source": LoadSource.SITE_METER}
    assert measured(ground.site, begin, end, at=begin + timedelta(hours=5), **by_meter).quarters == []
    found = measured(ground.site, begin, end, at=begin + timedelta(hours=7), **by_meter)
    assert found.quarters == [Quarter(begin + n * QUARTER, Decimal(15)) for n in (1, 2)]


def test_a_part_of_the_site_is_not_reported(ground: Ground) -> None:
    begin = ground.now.replace(minute=0)
    end, at = begin + timedelta(minutes=30), begin + timedelta(hours=1)
    quarter(ground, begin, "7")
    quarter(ground, begin + QUARTER, "5")
    Demand15Min.objects.filter(zone=ground.zones[0], interval_start=begin).update(superseded_at=at)
    assert measured(ground.site, begin, end, at=at) == Measured([], begin, "")
    found = measured(ground.site, begin, end, at=at + timedelta(hours=6))
    assert found == Measured([Quarter(begin + QUARTER, Decimal(10))], end, LoadSource.MACHINES)
