"""What was measured is reported to OpenADR 3 servers: each quarter-hour once, and nothing that nobody measured."""

from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from curtailment.clients import dispatch_simulator
from curtailment.models import VtnConnection
from hosting.models import Demand15Min
from tests.curtailment.programme import step
from tests.curtailment.site import Ground
from tests.curtailment.vtn import BOTH, ask, body

pytestmark = pytest.mark.django_db


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
