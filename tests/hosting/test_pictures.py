"""Curves of a machine and the map of a zone: gaps are gaps, means are weighted, what was meant comes first."""

import csv
import io
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from hosting.domain import charts, fleet, rackmap
from hosting.domain.charts import Period
from hosting.domain.fleet import Spot
from hosting.enums import MinerHealth, MinerIntent
from hosting.models import Miner, MinerLatest, Rack, TelemetryDay, TelemetryFiveMinutes, Zone
from tests.support.standing import standing

Machines = Callable[..., list[Miner]]
AT = datetime(2026, 11, 20, 12, 3, tzinfo=UTC)
FIVE = timedelta(minutes=5)
COUNTS = {"expected_samples": 1, "samples": 1, "online_samples": 1, "restarts": 0}


@pytest.fixture
@standing
def miner(machines: Machines) -> Miner:
    with connection.cursor() as cursor:
        cursor.execute("SELECT hosting_ensure_partitions('2026-10-01', '2026-11-21')")
    return machines(1)[0]


def reckoned(miner: Miner, start: datetime, hashrate: float | None, samples: int = 1, **more: Any) -> None:
    """Five minutes of it."""
    count = samples if hashrate is not None else 0
    TelemetryFiveMinutes.objects.create(
        miner_id=miner.pk, bucket_start=start, hashrate_ths=hashrate, hashrate_samples=count,
        power_w=more.pop("power_w", None), power_samples=more.pop("power_samples", 0), **{**COUNTS, **more},
    )  # fmt: skip


def test_a_day_has_a_point_every_five_minutes_and_gaps_stay_gaps(miner: Miner) -> None:
    reckoned(miner, AT.replace(minute=0), 200.0, chip_temp_max_c=71.0)
    reckoned(miner, AT.replace(minute=0) - 2 * FIVE, None)
    points = charts.points(miner, period=Period.DAY, at=AT)
    assert (len(points), points[-1].start, points[0].start) == (
        288, AT.replace(minute=0), AT.replace(minute=5) - timedelta(days=1),
    )  # fmt: skip
    assert (points[-1].hashrate_ths, points[-1].temperature_c, points[-1].coverage) == (200.0, 71.0, 1.0)
    assert (points[-2].coverage, points[-2].online_ratio) == (0.0, None)  # nobody looked
    assert (points[-3].hashrate_ths, points[-3].coverage) == (None, 1.0)  # looked at, and it said nothing


def test_longer_steps_weigh_by_samples_and_say_how_much_was_read(miner: Miner) -> None:
    start = AT.replace(minute=0)
    reckoned(miner, start, 100.0, samples=1)
    reckoned(miner, start + FIVE, 200.0, samples=3, expected_samples=3, online_samples=1)
    point = charts.points(miner, period=Period.WEEK, at=AT)[-1]
    assert point.start == start
    assert point.hashrate_ths == pytest.approx(175)
    assert point.coverage == pytest.approx(0.5 * 2 / 6)  # two of four readings, in two of six five minutes


def test_a_year_is_made_of_days_and_two_owners_are_one_point(miner: Miner, customer_a: Any, customer_b: Any) -> None:
    for customer, hashrate, samples in ((customer_a, 100.0, 100), (customer_b, 200.0, 300)):
        TelemetryDay.objects.create(
            miner_id=miner.pk, day=AT.date(), customer_id=customer.pk, hashrate_ths=hashrate,
            hashrate_samples=samples, power_samples=0, expected_samples=300, samples=samples, online_samples=samples,
            restarts=0,
        )  # fmt: skip
    points = charts.points(miner, period=Period.YEAR, at=AT)
    assert (len(points), points[-1].start.date()) == (366, AT.date())
    assert points[-1].hashrate_ths == pytest.approx(175)
    assert points[-1].coverage == pytest.approx(400 / 600)


def test_what_it_was_meant_to_do_is_one_line_without_a_gap(machines: Machines, root: User, now: datetime) -> None:
    (miner,) = machines(1)  # entered at ``now``
    fleet.set_intent([miner], to=MinerIntent.ACTIVE, by=root, at=now + timedelta(hours=1))
    fleet.set_intent([miner], to=MinerIntent.CURTAILED, by=root, at=now + timedelta(hours=2), reason="price")
    fleet.retire_miners([miner], by=root, at=now + timedelta(hours=3), reason="old")
    start, end = now - timedelta(hours=1), now + timedelta(hours=4)
    found = charts.intents(miner, start=start, end=end)
    assert [stretch.intent for stretch in found] == [None, "paused", "active", "curtailed", "retired"]
    assert [stretch.end for stretch in found[:-1]] == [stretch.start for stretch in found[1:]]
    assert (found[0].start, found[-1].end) == (start, end)
    (within,) = charts.intents(miner, start=now + timedelta(minutes=70), end=now + timedelta(minutes=80))
    assert within.intent == "active"


def test_the_page_and_the_file_of_each_curve(miner: Miner, root: User, client: Client, time_machine: Any) -> None:
    time_machine.move_to(AT, tick=False)
    client.force_login(root)
    reckoned(miner, AT.replace(minute=0), 200.0, power_w=3500.0, power_samples=1)
    path = f"/admin/hosting/miner/{miner.pk}/charts/"
    page = client.get(path).content.decode()
    assert "TH/s" in page
    assert "hi-ribbon" in page
    assert page.count('class="chart"') == 2
    assert "Nobody stated this figure" in page  # the temperature
    assert client.get(path, {"period": "nonsense", "csv": "serial"}).status_code == 200
    rows = list(csv.DictReader(io.StringIO(client.get(path, {"csv": "power_w"}).content.decode())))
    assert len(rows) == 288
    assert rows[-1] == {
        "start_utc": "2026-11-20T12:00:00Z", "power_w": "3500", "coverage": "1.0000", "online_ratio": "1.0000",
    }  # fmt: skip
    assert rows[0]["power_w"] == ""


def test_the_map_shows_every_slot_and_what_was_meant_first(
    zone: Zone, rack: Rack, machines: Machines, root: User, now: datetime
) -> None:
    made = machines(4)
    slots = {miner.pk: number for number, miner in enumerate(made[:3], 1)}
    fleet.place_miners(made[:3], spot=Spot(zone.site, zone, rack, slots), by=root, at=now)
    fleet.place_miners(made[3:], spot=Spot(zone.site, zone), by=root, at=now)
    Miner.objects.filter(pk=made[0].pk).update(intent="active", health=MinerHealth.OK)
    Miner.objects.filter(pk=made[1].pk).update(intent="active", health=MinerHealth.LOST)
    Miner.objects.filter(pk=made[2].pk).update(intent="curtailed", health=MinerHealth.OFFLINE)
    for miner, at in ((made[0], now), (made[1], now - timedelta(hours=1))):
        MinerLatest.objects.create(miner=miner, recorded_at=at, received_at=at, hashrate_ths=200, power_w=3500)
    found = rackmap.map_of(zone, at=now)
    assert [cell.state for cell in found.racks[0].cells] == ["ok", "offline", "off", "", "", ""]
    assert [(cell.slot, cell.state) for cell in found.racks[1].cells] == [(None, "off")]
    assert {name: count for name, _word, _sign, count in found.counts} == {"ok": 1, "offline": 1, "off": 2}
    assert (str(found.hashrate_phs), str(found.power_kw)) == ("0.200", "3.500")  # an hour old is not now


def test_the_map_asks_the_same_queries_for_one_machine_and_for_many(
    zone: Zone, rack: Rack, machines: Machines, root: User, client: Client, now: datetime
) -> None:
    client.force_login(root)
    counts = []
    for made in (machines(1), machines(5, first=10)):
        fleet.place_miners(made, spot=Spot(zone.site, zone, rack), by=root, at=now)
        with CaptureQueriesContext(
            connection,
        ) as asked:
            assert client.get(f"/admin/hosting/zone/{zone.pk}/map/").status_code == 200
        counts.append(len(asked))
    assert counts[0] == counts[1]
