"""What the machines of a site do now, on the start page."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import User
from hosting import tiles
from hosting.domain import fleet, tickets
from hosting.domain.fleet import Spot
from hosting.models import Miner, MinerLatest, Zone
from tests.support.standing import standing

Machines = Callable[..., list[Miner]]


@pytest.fixture
@standing
def four(zone: Zone, machines: Machines, root: User, now: timezone.datetime) -> list[Miner]:
    """One well, one that says no power, one asked in vain, one read an hour ago; the last two are not well."""
    made = machines(4)
    fleet.place_miners(made, spot=Spot(zone.site, zone), by=root, at=now)
    fleet.set_intent(made, to="active", by=root, at=now)
    at = timezone.now()
    said = ((60, 1, 200, 3500), (60, 1, 100, None), (60, 6, None, None), (3600, 1, 200, 3500))
    for miner, (age, state, ths, watts) in zip(made, said, strict=True):
        MinerLatest.objects.create(
            miner=miner, recorded_at=at - timedelta(seconds=age), received_at=at, state=state, hashrate_ths=ths,
            power_w=watts,
        )  # fmt: skip
    Miner.objects.filter(pk=made[2].pk).update(health="offline")
    Miner.objects.filter(pk=made[3].pk).update(health="stale")
    return made


def test_only_what_was_said_lately_is_added_up(four: list[Miner]) -> None:
    (row,) = tiles.fleet()["rows"]
    assert (row["machines"], row["wanted"], row["answered"], row["unwell"]) == (4, 4, 2, 2)
    assert row["phs"] == pytest.approx(0.3)
    assert row["kw"] == pytest.approx(3.5)
    assert row["measured"] == 1  # the other one that answered says no power: shown as such, not as zero
    assert row["j_th"] == pytest.approx(17.5)  # of the one that said both


def test_a_site_nobody_reads_shows_no_zero(zone: Zone, machines: Machines, root: User, now: timezone.datetime) -> None:
    fleet.place_miners(machines(1), spot=Spot(zone.site, zone), by=root, at=now)
    (row,) = tiles.fleet()["rows"]
    assert (row["phs"], row["kw"], row["j_th"], row["newest"]) == (None, None, None, None)


def test_what_is_counted_is_what_its_link_lists(four: list[Miner], root: User, client: Client) -> None:
    client.force_login(root, backend="accounts.backends.TimeLimitedBackend")
    (row,) = tiles.fleet()["rows"]
    assert client.get(row["url"]).context["cl"].result_count == row["machines"]
    assert client.get(row["unwell_url"]).context["cl"].result_count == row["unwell"] == 2
    page = client.get("/admin/").content.decode()
    assert "Machines now" in page
    assert "17.5 J/TH" in page


def test_tickets_that_wait_are_counted_and_late_ones_are_red(root: User, now: timezone.datetime) -> None:
    assert tiles.tickets()["bad"] is False
    tickets.open_ticket(subject="x", priority="urgent", by=root, at=timezone.now() - timedelta(days=2))
    tickets.open_ticket(subject="y", by=root, at=timezone.now())
    found = tiles.tickets()
    assert (found["big"], found["bad"]) == (2, True)
    assert [row["count"] for row in found["rows"]] == [1, 2]
