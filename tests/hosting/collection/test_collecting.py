"""A site is read once in each period, in whole chunks, whatever its machines and our processes do."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from ipaddress import IPv4Network
from typing import Any

import pytest

from accounts.models import User
from crm.models import Customer
from hashinsight.jobs.models import JobRun
from hosting.clients.adapter import ReadResult, Target
from hosting.clients.limits import DEFAULT, Limits, Trouble
from hosting.domain import asking, collection, fleet
from hosting.domain.collection import Collected, collect_site, job_of, period_of, sites_due
from hosting.domain.collection_watch import late_collections, other_machines
from hosting.domain.fleet import Spot
from hosting.engine.machines.reading import MiningState, Reading
from hosting.engine.simulation.faults import Fault, read_plan
from hosting.engine.simulation.fleet import FleetPlan
from hosting.engine.simulation.reading import read
from hosting.enums import EdgeStatus, MinerIntent, ReadingSource, TelemetryState
from hosting.models import EdgeDevice, Miner, MinerContact, MinerLatest, Site, Telemetry, Zone
from hosting.simulator import FleetThread, HandClock, Settings
from tests.hosting.simulator.support import EPOCH, own_network
from tests.support.standing import standing

Machines = Callable[..., list[Miner]]
PORT = 24028


class Clock:
    """Stands until somebody moves it."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


class Scripted:
    """An adapter that answers by the key of the machine; nothing leaves the process."""

    name = "scripted"

    def __init__(self, answers: dict[int, Any] | None = None) -> None:
        self.answers = answers or {}
        self.asked: list[Target] = []

    async def read(self, target: Target, *, limits: Limits = DEFAULT) -> ReadResult:
        self.asked.append(target)
        answer = self.answers.get(
            int(target.key), Reading("luxos", known=True, state=MiningState.MINING, power_w=900.0)
        )
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, Trouble):
            return ReadResult(target, trouble=answer, detail="so\nit is")
        return ReadResult(target, reading=answer)

    identify = pause = resume = set_power_target = read


@pytest.fixture
@standing
def placed(machines: Machines, site: Site, root: User, now: datetime) -> Machines:
    """Makes machines at the site, each with an address."""

    def make(count: int, *, addresses: list[str] | None = None, first: int = 1) -> list[Miner]:
        made = machines(count, first)
        fleet.place_miners(made, spot=Spot(site), by=root, at=now)
        fleet.set_intent(made, to=MinerIntent.ACTIVE, by=root, at=now)
        for number, miner in enumerate(made):
            address = addresses[number] if addresses else f"127.9.9.{number + first}"
            fleet.change_miner(miner, changes={"address": address, "port": PORT}, by=root, at=now)
        return list(Miner.objects.filter(pk__in=[miner.pk for miner in made]).order_by("pk"))

    return make


def collect(site: Site, clock: Any, **options: Any) -> Collected | None:
    return collect_site(site, period_start=period_of(site, clock()), clock=clock, **options)


@contextmanager
def simulated(count: int, *, faults: str = "", network: IPv4Network | None = None) -> Iterator[FleetThread]:
    makes = {"antminer": 2.0, "whatsminer": 1.0, "luxos": 2.0, "avalon": 1.0}
    plan = FleetPlan(count, 11, network or own_network(2), makes, read_plan(faults))
    with FleetThread(Settings(plan, port=PORT, epoch=EPOCH), HandClock(100.0)) as thread:
        yield thread


def test_what_is_stored_is_what_the_machines_say_and_silent_ones_cost_their_timeout(
    placed: Machines, site: Site, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collection, "limits_of", lambda _seconds: Limits(1.0, 1.0, 1.5))
    with simulated(20, faults="hang=5%,garbage=5%,drop=5%") as thread:
        miners = placed(20, addresses=thread.fleet.addresses())
        began = time.monotonic()
        collected = collect(site, Clock(now))
        seconds = time.monotonic() - began
        meant = {miner.pk: (one, read(one, 100.0)) for miner, one in zip(miners, thread.fleet.machines, strict=True)}
    assert collected == Collected(asked=20, silent=3, faults=0, stored=20, left=0)
    # All of them hang side by side; the machine of the test is loaded, so the bound is wide.
    assert seconds < 15
    rows = {row.miner_id: row for row in Telemetry.objects.all()}
    troubles = dict(MinerContact.objects.values_list("pk", "trouble"))
    for pk, (one, said) in meant.items():
        row = rows[pk]
        assert (row.recorded_at, row.source) == (now, ReadingSource.COLLECTOR)
        if one.fault in (Fault.HANG, Fault.GARBAGE, Fault.DROP):
            assert (row.state, row.hashrate_ths, row.power_w) == (TelemetryState.UNREACHABLE, None, None)
            assert troubles[pk] == {Fault.HANG: "timeout", Fault.GARBAGE: "garbage", Fault.DROP: "broken"}[one.fault]
            continue
        rate = said.ths_1m if one.kind.make == "whatsminer" else said.ths_5s
        assert row.hashrate_ths == pytest.approx(rate, rel=1e-3)
        assert row.power_w == (None if one.kind.make == "antminer" else pytest.approx(said.power_w, abs=1))
        assert (row.state, row.shares_accepted) == (TelemetryState.MINING, said.accepted)
        assert troubles[pk] == ""
    assert MinerLatest.objects.filter(answered_at=now).count() == 17


def test_the_dialect_found_saves_questions_and_is_asked_anew_after_silence(
    placed: Machines, site: Site, now: datetime
) -> None:
    (miner,) = placed(1)
    clock, adapter = Clock(now), Scripted()
    for minutes in (0, 5, 10, 15):
        clock.now = now + timedelta(minutes=minutes)
        adapter.answers = {miner.pk: Trouble.TIMEOUT} if minutes == 10 else {}
        collect(site, clock, adapter=adapter)
    assert [target.dialect for target in adapter.asked] == ["", "luxos", "luxos", ""]
    assert [target.port for target in adapter.asked] == [PORT] * 4
    clock.now = now + timedelta(hours=8)  # and now and then anyway
    collect(site, clock, adapter=adapter)
    assert adapter.asked[-1].dialect == ""


def test_a_second_run_of_a_period_does_nothing_and_the_next_period_reads_again(
    placed: Machines, site: Site, now: datetime
) -> None:
    placed(3)
    clock, adapter = Clock(now), Scripted()
    assert [(one.pk, start) for one, start in sites_due(now)] == [(site.pk, period_of(site, now))]
    assert collect(site, clock, adapter=adapter) == Collected(asked=3, stored=3)
    assert sites_due(now) == []
    assert collect(site, clock, adapter=adapter) is None
    clock.now += timedelta(minutes=5)
    assert len(sites_due(clock())) == 1
    assert collect(site, clock, adapter=adapter) == Collected(asked=3, stored=3)
    assert Telemetry.objects.count() == 6
    # A message that comes when the period is over finds nothing to do.
    assert collect_site(site, period_start=now - timedelta(hours=1), clock=clock, adapter=adapter) is None


class Dies(BaseException):
    """The process is gone."""


def test_a_killed_poll_leaves_whole_chunks_and_the_next_run_goes_on(
    placed: Machines, site: Site, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.collection_interval_s = 3600
    site.save()
    miners = placed(7)
    clock, adapter = Clock(now), Scripted()
    keep, calls = asking.keep_contacts, []

    def dying(*args: Any, **kwargs: Any) -> int:
        calls.append(1)
        if len(calls) == 3:
            raise Dies
        return keep(*args, **kwargs)

    with monkeypatch.context() as patched:
        patched.setattr(asking, "keep_contacts", dying)
        with pytest.raises(Dies):
            collect(site, clock, adapter=adapter, chunk=2)
    assert Telemetry.objects.count() == MinerContact.objects.count() == 4
    # While it may still be alive nobody takes over.
    assert (sites_due(now), collect(site, clock, adapter=adapter)) == ([], None)
    clock.now += collection.CLAIM + timedelta(seconds=1)
    assert len(sites_due(clock())) == 1
    assert collect(site, clock, adapter=adapter, chunk=2) == Collected(asked=3, stored=3)
    assert sorted(Telemetry.objects.values_list("miner_id", flat=True)) == [miner.pk for miner in miners]


def test_a_poll_that_was_taken_over_writes_no_more(
    placed: Machines, site: Site, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    placed(4)
    keep = collection._keep

    def after_theft(run: JobRun, *rest: Any) -> Any:
        JobRun.objects.filter(pk=run.pk).update(attempts=2)  # what taking over does
        return keep(run, *rest)

    monkeypatch.setattr(collection, "_keep", after_theft)
    assert collect(site, Clock(now), adapter=Scripted()) == Collected(left=4)
    assert (Telemetry.objects.count(), MinerContact.objects.count()) == (0, 0)
    assert JobRun.objects.get(job=job_of(site)).state == "running"  # the one who took over ends it


def test_one_poll_of_a_site_at_a_time_and_a_dead_one_is_closed(placed: Machines, site: Site, now: datetime) -> None:
    placed(1)
    before = period_of(site, now) - timedelta(minutes=5)
    other = JobRun.objects.create(job=job_of(site), period_start=before, started_at=now, heartbeat_at=now)
    assert collect(site, Clock(now), adapter=Scripted()) is None
    JobRun.objects.filter(pk=other.pk).update(heartbeat_at=now - collection.CLAIM - timedelta(seconds=1))
    assert collect(site, Clock(now), adapter=Scripted()) == Collected(asked=1, stored=1)
    other.refresh_from_db()
    assert other.state == "failed"


def test_our_own_failure_is_no_word_about_the_machine(placed: Machines, site: Site, now: datetime) -> None:
    one, two = placed(2)
    collected = collect(site, Clock(now), adapter=Scripted({two.pk: ValueError("a bug")}))
    assert collected == Collected(asked=2, faults=1, stored=1)
    assert list(Telemetry.objects.values_list("miner_id", flat=True)) == [one.pk]
    assert MinerContact.objects.get(pk=two.pk).trouble == "fault"


def test_who_is_asked(placed: Machines, site: Site, zone: Zone, root: User, now: datetime) -> None:
    asked, switched_off, without, retired, of_a_device = placed(5)
    fleet.change_miner(switched_off, changes={"is_collected": False}, by=root, at=now)
    fleet.change_miner(without, changes={"address": None}, by=root, at=now)
    fleet.retire_miners([retired], by=root, at=now, reason="Sold")
    fleet.place_miners([of_a_device], spot=Spot(site, zone), by=root, at=now)
    device = EdgeDevice.objects.create(
        serial="E1", name="E1", site=site, zone=zone, status=EdgeStatus.ACTIVE, registered_at=now
    )

    def keys() -> list[int]:
        return sorted(collection.collected_miners().values_list("pk", flat=True))

    assert keys() == [asked.pk]
    adapter = Scripted()
    collect(site, Clock(now), adapter=adapter)
    assert [target.key for target in adapter.asked] == [str(asked.pk)]
    EdgeDevice.objects.filter(pk=device.pk).update(zone=None)  # of the whole site
    assert (keys(), sites_due(now + timedelta(hours=1))) == ([], [])
    EdgeDevice.objects.filter(pk=device.pk).update(status=EdgeStatus.WAITING)
    assert keys() == [asked.pk, of_a_device.pk]


def test_another_machine_at_the_address_is_noted_and_not_taken_over(
    placed: Machines, site: Site, root: User, now: datetime
) -> None:
    same, other = placed(2)
    fleet.change_miner(other, changes={"mac": "00:1A:2B:3C:4D:5E"}, by=root, at=now)
    said = {"dialect": "luxos", "known": True, "model": "Antminer S21", "mac": "00:1a:2b:3c:4d:5e"}
    clock, adapter = Clock(now), Scripted()
    adapter.answers = {
        same.pk: Reading(**said, serial=same.serial.lower()),
        other.pk: Reading(**{**said, "mac": "00:1A:2B:00:00:01", "model": "Antminer S19 XP"}, serial="ELSE"),
    }
    collect(site, clock, adapter=adapter)
    rows = dict(MinerContact.objects.values_list("pk", "differs"))
    assert rows == {same.pk: [], other.pk: ["serial", "mac", "model"]}
    other.refresh_from_db()
    assert (other.serial, other.mac) == ("SN00002", "00:1A:2B:3C:4D:5E")
    assert [(one.key, str(other) in one.text) for one in other_machines(now)] == [(str(site.public_id), True)]
    # Figures alone say nothing of who it is; the next answer in full does.
    clock.now += timedelta(minutes=5)
    adapter.answers[other.pk] = Reading("luxos", known=True)
    collect(site, clock, adapter=adapter)
    assert MinerContact.objects.get(pk=other.pk).differs == ["serial", "mac", "model"]
    clock.now += timedelta(hours=8)
    collect(site, clock, adapter=adapter)
    assert MinerContact.objects.get(pk=other.pk).differs == []


def test_a_site_that_is_not_read_is_told_of(placed: Machines, site: Site, now: datetime) -> None:
    placed(1)
    assert list(late_collections(now)) == []
    assert [one.key for one in late_collections(now + timedelta(minutes=16))] == [str(site.public_id)]
    collect(site, Clock(now + timedelta(minutes=15)), adapter=Scripted())
    assert list(late_collections(now + timedelta(minutes=16))) == []


def test_readings_carry_the_owner_of_the_machine(
    placed: Machines, site: Site, customer_a: Customer, root: User, now: datetime
) -> None:
    (miner,) = placed(1)
    fleet.assign_miners([miner], customer=customer_a, since=fleet.quarter_hour(now), by=root, at=now)
    collect(site, Clock(now + timedelta(minutes=20)), adapter=Scripted())
    assert Telemetry.objects.get().customer_id == customer_a.pk
