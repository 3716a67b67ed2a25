"""T12: machines on TCP, the control in processes of its own, killed in every cycle: everybody is back, every time."""

import asyncio
import os
import random
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from ipaddress import IPv4Address
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone

from accounts.models import User
from curtailment.domain import plans
from curtailment.enums import PlanStatus
from curtailment.models import ControlledMachine, CurtailmentPlan, MachineOrder, SiteControl
from hosting.clients.adapter import Target
from hosting.clients.own import OwnAdapter
from hosting.domain import fleet, partitions, places
from hosting.domain.fleet import Spot
from hosting.engine.machines.reading import MiningState
from hosting.models import Miner, MinerModel, Site
from hosting.simulator import start_fleet
from tests import factories
from tests.hosting.simulator.support import own_network
from tests.jobs import live
from tests.support import children

pytestmark = pytest.mark.django_db(transaction=True)
NIGHTLY = bool(os.environ.get("HASHINSIGHT_NIGHTLY"))
SITES, MACHINES = (5, 40) if NIGHTLY else (5, 10)
ROUNDS = 6 if NIGHTLY else 1  # a round is a cycle of each site
SEED = int(os.environ.get("HASHINSIGHT_SEED", "20261120"))
STEP_S = 2
PATIENCE_S = 90.0
KW = Decimal("3.5") * (MACHINES * 6 // 10)  # of each site
SPEED = 60


@dataclass
class Control:
    """The process that controls, and how often it was killed."""

    kills: int = 0
    running: Any = None
    logs: Any = field(default=None)

    def start(self) -> None:
        """Another one."""
        self.running = children.start(
            children.python("tests.curtailment.controller"), env=live.worker_env(""), cwd=settings.BASE_DIR,
            stdout=subprocess.DEVNULL, stderr=self.logs,
        )  # fmt: skip

    def kill(self) -> None:
        """Without a word, wherever it is."""
        self.running.send_signal(signal.SIGKILL)
        self.running.wait()
        self.kills += 1


@pytest.fixture
def control(tmp_path: Any) -> Iterator[Control]:
    """Ends with the test."""
    with (tmp_path / "control.log").open("wb") as log:
        made = Control(logs=log)
        made.start()
        yield made
        made.kill()
        wait_for(lambda: not _strangers(), "sessions of the control are still there")


def _strangers() -> int:
    """Sessions of other processes on this database: the server notices a death a moment later."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            " AND backend_type = 'client backend'"
        )
        return int(cursor.fetchone()[0])


@pytest.fixture
def sites(root: User) -> Iterator[list[Site]]:
    """Machines that answer on addresses of this process alone."""
    partitions.ensure_partitions(at=timezone.now())
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = int(one.getsockname()[1])
    network = own_network(0).supernet(new_prefix=24)
    with start_fleet(
        ["--miners", str(SITES * MACHINES), "--port", str(port), "--network", str(network), "--makes", "luxos:1",
         "--speed", str(SPEED)]
    ):  # fmt: skip
        time.sleep(3)  # three minutes of theirs: they hash
        yield [_site(n, network, port, root) for n in range(SITES)]


def _site(number: int, network: Any, port: int, root: User) -> Site:
    now = timezone.now()
    site = places.create_site(name=f"Site {number}", time_zone="UTC", capacity_kw=Decimal(1000), at=now)
    zones = [places.create_zone(site=site, name=f"Hall {n}", capacity_kw=Decimal(400), at=now) for n in range(2)]
    model, _made = MinerModel.objects.get_or_create(
        name="T12", manufacturer="Maker", defaults={"hashrate_ths": 100, "power_w": 3500}
    )
    first = int(network.network_address) + 1 + number * MACHINES
    rows = [
        Miner(manufacturer="Maker", serial=f"T{first + n}", model=model, address=str(IPv4Address(first + n)), port=port)
        for n in range(MACHINES)
    ]
    made = fleet.register_miners(rows, by=root, at=now)
    for n, zone in enumerate(zones):
        fleet.place_miners(made[n::2], spot=Spot(site, zone), by=root, at=now)
    fleet.set_intent(made, to="active", by=root, at=now)
    SiteControl.objects.create(
        site=site, step_s=STEP_S, min_off_minutes=0, min_on_minutes=0, ramp_down_kw=5000, ramp_up_kw=2000,
        start_chip_c=120, start_inlet_c=80,
    )  # fmt: skip
    return site


def hashing(sites: list[Site]) -> set[int]:
    """Who really hashes, or is about to, asked by another reader than the control's."""

    rows = list(Miner.objects.filter(site__in=sites).values("pk", "address", "port"))

    async def ask() -> set[int]:
        adapter = OwnAdapter()
        heard = await asyncio.gather(
            *(adapter.read(Target(row["address"], port=row["port"], key=str(row["pk"]))) for row in rows)
        )
        return {
            int(one.target.key)
            for one in heard
            if one.reading is not None and one.reading.state in (MiningState.MINING, MiningState.STARTING)
        }

    return asyncio.run(ask())


def wait_for(condition: Any, what: str) -> float:
    """Seconds until it holds."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < PATIENCE_S, what
        time.sleep(0.1)
    return time.monotonic() - began


def in_our_hands() -> set[int]:
    """Whom the control believes to have switched off."""
    return set(ControlledMachine.objects.filter(touched=True).values_list("miner_id", flat=True))


def curtail(site: Site, people: list[User]) -> CurtailmentPlan:
    """Sixty percent of a site, for as long as it takes."""
    now = timezone.now()
    plan = plans.create_plan(
        site=site, by=people[0], at=now, cause="price", reason="T12", goal="by",
        goal_kw=KW, selection="efficiency", starts_at=now,
        ends_at=now + timedelta(hours=1),
    )  # fmt: skip
    return plans.approve_plan(plan, by=people[1], at=now)


def test_everybody_is_back_after_each_cycle_with_a_kill_in_it(sites: list[Site], control: Control, root: User) -> None:
    dice = random.Random(SEED)
    people = [root, factories.UserFactory(is_staff=True)]
    everybody = set(Miner.objects.values_list("pk", flat=True))
    for _round in range(ROUNDS):
        wait_for(lambda: hashing(sites) == everybody, "not everybody hashes before the cycle")
        running = [curtail(site, people) for site in sites]
        keys = [plan.pk for plan in running]
        on_the_way_off = dice.random() < 0.5
        if on_the_way_off:
            time.sleep(dice.uniform(0, 3))
            control.kill()
            control.start()
        rows = CurtailmentPlan.objects.filter(pk__in=keys)
        wait_for(lambda: not rows.exclude(status=PlanStatus.EXECUTED).exists(), "not all plans were executed")  # noqa: B023
        wait_for(lambda: everybody - hashing(sites) == in_our_hands(), "other machines are off than we believe")
        assert min(plan.measured_kw for plan in rows) >= KW * Decimal("0.98")
        for plan in running:
            plans.end_plan(plan, by=root, at=timezone.now(), reason="over")
        if not on_the_way_off:
            time.sleep(dice.uniform(0, 3))
            control.kill()
            control.start()
        wait_for(lambda: not rows.exclude(status=PlanStatus.RECOVERED).exists(), "not all plans have recovered")  # noqa: B023
        assert in_our_hands() == set()
    wait_for(lambda: hashing(sites) == everybody, "machines were left off")
    assert control.kills == ROUNDS
    orders = MachineOrder.objects.filter(outcome="accepted")
    least = ROUNDS * SITES * (MACHINES * 6 // 10)
    assert min(orders.filter(action=action).count() for action in ("pause", "resume")) >= least // 2
