"""M11 for real: server, control, collector and machines as processes on loopback; all but the machines are killed."""

import os
import signal
import socket
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone

from accounts.models import User
from curtailment.domain import plans
from curtailment.enums import PlanStatus
from curtailment.models import CurtailmentPlan, LeaseReport, MachineOrder, SiteControl
from hosting.domain import edge, fleet, partitions, places
from hosting.domain.fleet import Spot
from hosting.models import EdgeLease, Miner, MinerLatest, MinerModel, Site, Telemetry
from hosting.simulator import start_fleet
from tests import factories
from tests.curtailment.test_loopback import hashing, wait_for
from tests.curtailment.test_throttle_loopback import read
from tests.hosting.simulator.support import own_network
from tests.jobs import live
from tests.support import children

pytestmark = pytest.mark.django_db(transaction=True)
NIGHTLY = bool(os.environ.get("HASHINSIGHT_NIGHTLY"))
MACHINES = 30 if NIGHTLY else 8
WANTED = MACHINES * 6 // 10
STEP_S = 6
LOW = 2100
RAMP_KW = Decimal("3.5") * WANTED / 2  # everybody is back in two steps


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@dataclass
class House:
    """The processes of one installation with one device."""

    port: int
    folder: Path
    logs: Path
    running: dict[str, Any] = field(default_factory=dict)

    def start(self, name: str, argv: list[Any], **env: str) -> None:
        """One of them; its words go to a file."""
        with (self.logs / f"{name}.log").open("ab") as log:
            self.running[name] = children.start(
                argv, env={**live.worker_env(""), **env}, cwd=settings.BASE_DIR, stdout=log, stderr=log
            )

    def serve(self) -> None:
        """Web and control."""
        argv = children.python(
            "gunicorn", "--no-control-socket", "-b", f"127.0.0.1:{self.port}", "--threads", "4",
            "hashinsight.wsgi:application",
        )  # fmt: skip
        self.start("web", argv, DJANGO_SETTINGS_MODULE="tests.curtailment.quick_settings")
        self.start("control", children.python("tests.curtailment.controller"))

    def collect(self, *arguments: str) -> None:
        """The collector of the device; it has no database."""
        argv = [
            sys.executable, "manage.py", "edge_collect", "--server", f"http://127.0.0.1:{self.port}", "--state",
            str(self.folder), "--interval", "30", *arguments,
        ]  # fmt: skip
        self.start("device", argv, DATABASE_URL="postgresql:///nowhere")

    def kill(self, *names: str) -> None:
        """Without a word."""
        for name in names:
            process = self.running.pop(name)
            process.send_signal(signal.SIGKILL)
            process.wait()

    def said(self, name: str) -> str:
        """For whoever looks why."""
        return (self.logs / f"{name}.log").read_text("utf-8", "replace")[-3000:]


@pytest.fixture
def site(root: User) -> Iterator[Site]:
    """Machines that answer on addresses of this process alone."""
    now, port = timezone.now(), free_port()
    partitions.ensure_partitions(at=now)
    network = own_network(2)
    made = places.create_site(name="Far", time_zone="UTC", capacity_kw=Decimal(1000), collection_interval_s=60, at=now)
    zone = places.create_zone(site=made, name="Hall", capacity_kw=Decimal(900), at=now)
    model = MinerModel.objects.create(name="M11", manufacturer="Maker", hashrate_ths=100, power_w=3500)
    first = int(network.network_address) + 1
    rows = [
        Miner(manufacturer="Maker", serial=f"M11-{n}", model=model, address=str(IPv4Address(first + n)), port=port)
        for n in range(MACHINES)
    ]
    miners = fleet.register_miners(rows, by=root, at=now)
    fleet.place_miners(miners, spot=Spot(made, zone), by=root, at=now)
    fleet.set_intent(miners, to="active", by=root, at=now)
    SiteControl.objects.create(
        site=made, step_s=STEP_S, min_off_minutes=0, min_on_minutes=0, ramp_down_kw=5000,
        ramp_up_kw=RAMP_KW * 60 / STEP_S, start_chip_c=120, start_inlet_c=80,
    )  # fmt: skip
    with start_fleet(
        [
            "--miners",
            str(MACHINES),
            "--port",
            str(port),
            "--network",
            str(network),
            "--makes",
            "luxos:1",
            "--speed",
            "60",
        ]
    ):
        time.sleep(3)  # three minutes of theirs: they hash
        yield made
    with connection.cursor() as cursor:  # no model of Django's, so it is not emptied after the test
        cursor.execute("DELETE FROM hosting_telemetry")


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """Ends with the test."""
    made = House(free_port(), tmp_path / "edge", tmp_path)
    yield made
    made.kill(*list(made.running))


@pytest.mark.skipif(not NIGHTLY, reason="takes a minute; ./dev test --nightly. Ordinary runs simulate it")
def test_the_server_is_killed_and_the_machines_come_back(site: Site, house: House, root: User) -> None:
    everybody = set(Miner.objects.values_list("pk", flat=True))
    _device, code = edge.register_device(serial="M11", name="M11", site=site, by=root, at=timezone.now())
    house.serve()
    wait_for(lambda: _answers(house.port), "the server is not there")
    house.collect("--enrol", code)
    wait_for(lambda: EdgeLease.objects.exists(), "the device does not ask for a lease")
    wait_for(lambda: hashing([site]) == everybody, "not everybody hashes")
    plan = _curtail(site, [root, factories.UserFactory(is_staff=True)])
    rows = CurtailmentPlan.objects.filter(pk=plan.pk)
    wait_for(lambda: rows.get().status == PlanStatus.EXECUTED, f"not executed: {house.said('device')}")
    off = everybody - hashing([site])
    assert len(off) == WANTED
    orders = MachineOrder.objects.filter(action="pause")
    assert set(orders.filter(miner__in=off).values_list("device__serial", flat=True)) == {"M11"}
    wait_for(lambda: LeaseReport.objects.filter(after_w__lt=1000).count() >= WANTED, "nobody said what came of it")
    house.kill("web", "control", "device")
    gone = time.monotonic()
    house.collect()
    wait_for(lambda: "machines are off for us" in house.said("device"), "it does not remember")
    assert everybody - hashing([site]) == off, "while the lease holds nothing changes"
    wait_for(lambda: hashing([site]) == everybody, f"not everybody is back: {house.said('device')}")
    took = time.monotonic() - gone
    print(f"back after {took:.1f} s; the lease had at most {3 * STEP_S} s")
    assert took <= 3 * STEP_S + 2 * STEP_S + 2 * STEP_S + 10  # lease, ramp, two steps; machines that start, and asking
    assert "by ourselves" in house.said("device")
    plans.end_plan(plan, by=root, at=timezone.now(), reason="over")
    house.serve()
    wait_for(lambda: rows.get().status == PlanStatus.RECOVERED, f"not recovered: {house.said('device')}")
    assert hashing([site]) == everybody
    assert Telemetry.objects.filter(miner_id__in=off).exists()


@pytest.mark.skipif(not NIGHTLY, reason="takes a minute; ./dev test --nightly. Ordinary runs simulate it")
def test_the_server_is_killed_and_throttled_machines_have_what_they_had(site: Site, house: House, root: User) -> None:
    before = [one.power_target_w for one in read(site)]
    assert all(one is not None and one > LOW for one in before)
    _device, code = edge.register_device(serial="M11", name="M11", site=site, by=root, at=timezone.now())
    house.serve()
    wait_for(lambda: _answers(house.port), "the server is not there")
    house.collect("--enrol", code)
    wait_for(lambda: EdgeLease.objects.filter(takes_limits=True).exists(), "the device does not ask for a lease")
    known = MinerLatest.objects.filter(power_target_w__gt=LOW)
    wait_for(lambda: known.count() == MACHINES, f"the limits are not known: {house.said('device')}")
    plan = _curtail(site, [root, factories.UserFactory(is_staff=True)], limit_w=LOW)
    rows = CurtailmentPlan.objects.filter(pk=plan.pk)
    wait_for(lambda: rows.get().status == PlanStatus.EXECUTED, f"not executed: {house.said('device')}")
    low = [one.power_target_w for one in read(site)]
    told = MachineOrder.objects.filter(action="limit", outcome="accepted").values("miner").distinct().count()
    assert sum((one or 0) <= LOW for one in low) == told >= WANTED // 3
    house.kill("web", "control", "device")
    house.collect()
    wait_for(lambda: "keep to a limit of ours" in house.said("device"), "it does not remember")
    assert [one.power_target_w for one in read(site)] == low, "while the lease holds nothing changes"
    wait_for(lambda: [one.power_target_w for one in read(site)] == before, f"not back: {house.said('device')}")
    assert "by ourselves" in house.said("device")
    plans.end_plan(plan, by=root, at=timezone.now(), reason="over")
    house.serve()
    wait_for(lambda: rows.get().status == PlanStatus.RECOVERED, f"not recovered: {house.said('device')}")
    assert [one.power_target_w for one in read(site)] == before


def _answers(port: int) -> bool:
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


def _curtail(site: Site, people: list[User], *, limit_w: int = 0) -> CurtailmentPlan:
    """Most machines off, or at a limit."""
    now = timezone.now()
    only = list(Miner.objects.order_by("pk").values_list("pk", flat=True))[:WANTED] if limit_w else []
    plan = plans.create_plan(
        site=site, by=people[0], at=now, cause="price", reason="M11", goal="by",
        goal_kw=(Decimal("0.6") if limit_w else Decimal("3.5")) * WANTED, selection="efficiency", starts_at=now,
        ends_at=now + timedelta(hours=1), only_miners=only, only_limits_w=[limit_w] * len(only),
    )  # fmt: skip
    return plans.approve_plan(plan, by=people[1], at=now)
