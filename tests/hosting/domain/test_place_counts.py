"""Kept counts are right at any moment, whichever way machines change; the nightly check finds who wrote behind them."""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.db.models import Sum
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from hashinsight.jobs.models import JobRun
from hosting.domain import fleet, place_counts, places
from hosting.domain.fleet import Spot
from hosting.domain.place_counts import Counted, counts_of_sites, drifted_counts, verify_counts
from hosting.models import Miner, PlaceCount, Site, Zone
from hosting.tasks import verify_counts as job

Machines = Callable[..., list[Miner]]


def really() -> dict[int, Counted]:
    """Counted by hand."""
    found = {}
    for site in Site.objects.all():
        rows = list(Miner.objects.filter(site=site))
        if rows:
            watts = sum(row.nameplate_w or 0 for row in rows)
            active = sum(row.intent == "active" for row in rows)
            unknown = sum(row.nameplate_w is None for row in rows)
            found[site.pk] = Counted(len(rows), active, Decimal(watts) / 1000, unknown)
    return found


def kept() -> dict[int, Counted]:
    """Without places where nothing stands any more."""
    return {site: counted for site, counted in counts_of_sites().items() if counted != Counted(0, 0, Decimal(0), 0)}


def test_every_way_of_changing_machines_is_counted(zone: Zone, machines: Machines, root: User, now: datetime) -> None:
    site = zone.site
    other = places.create_site(name="Reno", capacity_kw=Decimal(500), time_zone="UTC", currency="USD", at=now)
    made = machines(6)
    steps: list[Callable[[], Any]] = [
        lambda: fleet.place_miners(made[:4], spot=Spot(site, zone), by=root, at=now),
        lambda: fleet.place_miners(made[3:], spot=Spot(other), by=root, at=now),
        lambda: fleet.set_intent(made[1:4], to="active", by=root, at=now),
        lambda: fleet.change_miner(made[0].reload(), changes={"power_limit_w": 3000}, by=root, at=now),
        lambda: Miner.objects.filter(pk=made[1].pk).update(nameplate_w=None),
        lambda: fleet.take_out_miners(made[1:2], by=root, at=now, reason="x"),
        lambda: fleet.retire_miners(made[4:5], by=root, at=now, reason="x"),
        lambda: verify_counts(at=now),
        lambda: fleet.place_miners(made[:1], spot=Spot(site), by=root, at=now),
    ]
    for step in steps:
        step()
        assert kept() == really()
    assert {one.machines for one in kept().values()} == {2}
    stray = Miner.objects.create(serial="X", model=made[0].model, manufacturer="B", site=other, nameplate_w=7)
    assert kept()[other.pk].machines == 3
    stray.delete()
    assert kept() == really()


def test_what_changes_no_count_adds_no_row(zone: Zone, machines: Machines, root: User, now: datetime) -> None:
    made = fleet.place_miners(machines(2), spot=Spot(zone.site, zone), by=root, at=now)
    before = PlaceCount.objects.count()
    Miner.objects.update(health="ok")
    fleet.change_miner(made[0].reload(), changes={"internal_note": "x"}, by=root, at=now)
    assert PlaceCount.objects.count() == before


def test_the_version_of_the_site_stays(zone: Zone, machines: Machines, root: User, now: datetime) -> None:
    before = Site.objects.get().version, Zone.objects.get().version
    fleet.place_miners(machines(2), spot=Spot(zone.site, zone), by=root, at=now)
    verify_counts(at=now)
    assert (Site.objects.get().version, Zone.objects.get().version) == before


def test_the_check_folds_the_rows_and_finds_and_mends_what_is_wrong(
    zone: Zone, machines: Machines, root: User, now: datetime
) -> None:
    made = machines(5)
    for miner in made:
        fleet.place_miners([miner], spot=Spot(zone.site, zone), by=root, at=now)
    assert verify_counts(at=now) == {"places": 1, "differed": 0, "where": []}
    row = PlaceCount.objects.get()
    assert (row.machines, row.nameplate_w, row.zone_id) == (5, 17_500, zone.pk)
    PlaceCount.objects.create(site_id=zone.site_id, zone_id=zone.pk, machines=2, active=0, nameplate_w=0, unknown=0)
    PlaceCount.objects.create(site_id=0, machines=1, active=0, nameplate_w=0, unknown=0)
    found = verify_counts(at=now)
    assert found == {"places": 1, "differed": 2, "where": ["0: 1 → 0", f"{zone}: 7 → 5"]}
    assert kept() == really()
    assert verify_counts(at=now)["differed"] == 0


def test_a_wrong_count_is_an_alert_until_a_check_finds_it_right(zone: Zone, now: datetime) -> None:
    PlaceCount.objects.create(site_id=zone.site_id, machines=3, active=0, nameplate_w=0, unknown=0)
    job()
    (found,) = drifted_counts(now)
    assert found.title == "The count of 1 place was wrong"
    assert "Odessa: 3 → 0" in found.text
    JobRun.objects.filter(job=place_counts.JOB).update(period_start=now - timedelta(days=9))
    job()
    assert list(drifted_counts(now)) == []


@pytest.mark.parametrize("page", ["site", "zone"])
def test_lists_count_in_their_one_query(
    page: str, zone: Zone, machines: Machines, root: User, now: datetime, client: Client
) -> None:
    made = fleet.place_miners(machines(3), spot=Spot(zone.site, zone), by=root, at=now)
    fleet.set_intent(made[:2], to="active", by=root, at=now)
    client.force_login(root)
    client.get(f"/admin/hosting/{page}/")
    counts = []
    for number in range(2):
        with CaptureQueriesContext(connection) as seen:
            text = client.get(f"/admin/hosting/{page}/?o=-5").content.decode()
        counts.append(len(seen))
        assert "3 (2)" in text
        assert "10.5" in text
        for name in ("x", "y", "z"):
            other = places.create_site(
                name=f"{name}{number}", capacity_kw=Decimal(0), time_zone="UTC", currency="USD", at=now
            )
            places.create_zone(site=other, name="Hall", capacity_kw=Decimal(10), at=now)
    assert counts[0] == counts[1]
    assert ("10.5\u00a0%" if page == "zone" else "1.1\u00a0%") in text
    assert PlaceCount.objects.aggregate(n=Sum("machines"))["n"] == 3
