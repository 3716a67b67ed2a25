"""Machines on TCP that are throttled: what they are told is what they draw, and all keep to their own limit again."""

import asyncio
import socket
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from ipaddress import IPv4Address

import pytest
from django.utils import timezone

from accounts.models import User
from curtailment.domain import plans
from curtailment.domain.control.site import control_site
from curtailment.enums import PlanStatus
from curtailment.models import ControlledMachine, CurtailmentPlan, MachineOrder, SiteControl
from hosting.clients.adapter import Target
from hosting.clients.own import OwnAdapter
from hosting.domain import fleet, partitions, places
from hosting.domain.fleet import Spot
from hosting.engine.machines.reading import MiningState, Reading
from hosting.engine.simulation.fleet import FleetPlan
from hosting.models import Miner, MinerContact, MinerModel, Site
from hosting.simulator import FleetThread, Settings
from tests import factories
from tests.hosting.simulator.support import own_network

pytestmark = pytest.mark.django_db
MACHINES, LOWERED, OFF = 8, 4, 2
LOW, SPEED, PATIENCE_S = 2400, 300, 40.0


@pytest.fixture
def farm() -> Iterator[tuple[FleetThread, int]]:
    """LuxOS machines on addresses of this process alone."""
    partitions.ensure_partitions(at=timezone.now())
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = int(one.getsockname()[1])
    network = own_network(0).supernet(new_prefix=24)
    with FleetThread(Settings(FleetPlan(MACHINES, 7, network, {"luxos": 1}), port=port, speed=SPEED)) as thread:
        time.sleep(0.7)
        yield thread, port


@pytest.fixture
def site(farm: tuple[FleetThread, int], root: User) -> Site:
    thread, port = farm
    now = timezone.now()
    made = places.create_site(name="TCP", time_zone="UTC", capacity_kw=Decimal(1000), at=now)
    model = MinerModel.objects.create(name="TCP", manufacturer="Maker", hashrate_ths=100, power_w=3500)
    first = int(IPv4Address(thread.fleet.address(0)))
    miners = fleet.register_miners(
        [
            Miner(manufacturer="Maker", serial=f"C{n}", model=model, address=str(IPv4Address(first + n)), port=port)
            for n in range(MACHINES)
        ],
        by=root, at=now,
    )  # fmt: skip
    fleet.place_miners(miners, spot=Spot(made), by=root, at=now)
    fleet.set_intent(miners, to="active", by=root, at=now)
    MinerContact.objects.bulk_create([MinerContact(miner=one, dialect="luxos", changed_at=now) for one in miners])
    SiteControl.objects.create(
        site=made, step_s=1, min_off_minutes=0, min_on_minutes=0, ramp_down_kw=60_000, ramp_up_kw=60_000,
        start_chip_c=120, start_inlet_c=80,
    )  # fmt: skip
    return made


def read(site: Site) -> list[Reading]:
    """What each machine says of itself, asked by another reader than the control's."""
    rows = list(Miner.objects.filter(site=site).order_by("pk").values("pk", "address", "port"))

    async def ask() -> list[Reading]:
        heard = await asyncio.gather(
            *(
                OwnAdapter().read(Target(row["address"], port=row["port"], dialect="luxos", asks_limit=True))
                for row in rows
            )
        )
        return [one.reading for one in heard if one.reading is not None]

    return asyncio.run(ask())


def control_until(site: Site, done: Callable[[], bool], what: str) -> None:
    began = time.monotonic()
    while not done():
        assert time.monotonic() - began < PATIENCE_S, what
        control_site(site, clock=timezone.now)
        time.sleep(0.1)


def test_machines_on_tcp_are_lowered_and_brought_back(farm: tuple[FleetThread, int], site: Site, root: User) -> None:
    thread, _port = farm
    before = [one.power_target_w for one in read(site)]
    assert all(one is not None and one > LOW for one in before)
    assert len(before) == MACHINES
    miners = list(Miner.objects.filter(site=site).order_by("pk").values_list("pk", flat=True))[: LOWERED + OFF]
    now = timezone.now()
    plan = plans.create_plan(
        site=site, by=root, at=now, cause="schedule", reason="TCP", goal="by",
        goal_kw=Decimal((3500 - LOW) * LOWERED + 3500 * OFF) / 1000, selection="efficiency", starts_at=now,
        ends_at=now + timedelta(hours=1), only_miners=miners,
        only_limits_w=[LOW] * LOWERED + [0] * OFF,
    )  # fmt: skip
    plans.approve_plan(plan, by=factories.UserFactory(is_staff=True), at=now)
    rows = CurtailmentPlan.objects.filter(pk=plan.pk)
    control_until(site, lambda: rows.filter(status=PlanStatus.EXECUTED).exists(), "it was not executed")
    time.sleep(0.7)  # three minutes of theirs: the tuner has settled
    said = read(site)
    for one in said[:LOWERED]:
        assert one.state is MiningState.MINING
        assert (one.power_target_w or 0) <= LOW
        assert (one.power_w or 0) <= LOW * 1.05
        assert (one.power_w or 0) >= LOW * 0.7
    assert [one.state for one in said[LOWERED : LOWERED + OFF]] == [MiningState.PAUSED] * OFF
    assert [one.power_target_w for one in said[LOWERED + OFF :]] == before[LOWERED + OFF :]
    thread.fleet.machines[0].extra["step"] = 0  # it forgets what it was told
    thread.fleet.machines[0].set_share(1.0)
    control_until(site, lambda: (read(site)[0].power_target_w or 0) <= LOW, "it was not told again")
    plans.end_plan(plan, by=root, at=timezone.now(), reason="over")
    control_until(site, lambda: rows.filter(status=PlanStatus.RECOVERED).exists(), "not everybody is back")
    assert [one.power_target_w for one in read(site)] == before
    assert not ControlledMachine.objects.in_hand().exists()
    told = MachineOrder.objects.filter(outcome="accepted")
    assert (told.filter(action="limit").count(), told.filter(action="lift").count()) == (LOWERED + 1, LOWERED)
