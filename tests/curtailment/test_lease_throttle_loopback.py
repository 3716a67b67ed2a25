"""Machines on TCP that an edge device throttles: by its lease, through a kill, and back to what they had when alone."""

import socket
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import User
from curtailment.domain import plans
from curtailment.domain.control.site import control_site
from curtailment.enums import PlanStatus
from curtailment.models import CurtailmentPlan, MachineOrder, SiteControl
from hosting.clients.own import OwnAdapter
from hosting.domain import fleet, partitions, places
from hosting.domain.fleet import Spot
from hosting.domain.telemetry import store_readings
from hosting.engine.ingest.columns import columns_of
from hosting.engine.ingest.spans import microseconds
from hosting.engine.simulation.fleet import FleetPlan
from hosting.enums import ReadingSource
from hosting.models import Miner, MinerModel
from hosting.simulator import FleetThread, Settings
from tests import factories
from tests.curtailment.edge import Box, box_at
from tests.curtailment.site import Ground
from tests.curtailment.test_throttle_loopback import read
from tests.hosting.simulator.support import own_network

pytestmark = pytest.mark.django_db
MACHINES, LOWERED, LOW, SPEED, PATIENCE_S = 4, 3, 2400, 300, 60.0


@pytest.fixture
def ground(root: User) -> Iterator[Ground]:
    """LuxOS machines on addresses of this process alone, whose control waits for no step."""
    now = timezone.now()
    partitions.ensure_partitions(at=now)
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = int(one.getsockname()[1])
    network = own_network(3).supernet(new_prefix=24)
    site = places.create_site(name="Far", time_zone="UTC", capacity_kw=Decimal(1000), at=now)
    model = MinerModel.objects.create(name="TCP", manufacturer="Maker", hashrate_ths=100, power_w=3500)
    with FleetThread(Settings(FleetPlan(MACHINES, 7, network, {"luxos": 1}), port=port, speed=SPEED)) as thread:
        time.sleep(0.7)
        first = int(IPv4Address(thread.fleet.address(0)))
        rows = [
            Miner(manufacturer="Maker", serial=f"E{n}", model=model, address=str(IPv4Address(first + n)), port=port)
            for n in range(MACHINES)
        ]
        miners = fleet.register_miners(rows, by=root, at=now)
        fleet.place_miners(miners, spot=Spot(site), by=root, at=now)
        fleet.set_intent(miners, to="active", by=root, at=now)
        SiteControl.objects.create(
            site=site, step_s=8, min_off_minutes=0, min_on_minutes=0, ramp_down_kw=60_000, ramp_up_kw=60_000,
            start_chip_c=120, start_inlet_c=80,
        )  # fmt: skip
        farm: Any = OwnAdapter()
        yield Ground(site, [], list(Miner.objects.filter(site=site).order_by("pk")), farm, timezone.now())


def turns(ground: Ground, box: Box, done: Callable[[], bool], what: str, *, server: bool) -> None:
    """Control and device beside each other, by the clock of this machine; without a server the device alone."""
    began = time.monotonic()
    while not done():
        if time.monotonic() - began > PATIENCE_S:
            orders = list(MachineOrder.objects.values_list("action", "outcome", "reply"))
            raise AssertionError(f"{what}: {box.lines} {orders} {box.holder.trouble}")
        ground.now = timezone.now()
        if server:
            control_site(ground.site, clock=timezone.now, adapter=ground.farm, at_once=True)
            ground.now = timezone.now()
            box.ask()
        ground.now = timezone.now()
        box.act()
        ground.now = timezone.now()
        box.read()
        time.sleep(0.1)


def limits(ground: Ground) -> list[float | None]:
    return [one.power_target_w for one in read(ground.site)]


def test_machines_on_tcp_are_throttled_by_their_device_and_get_back_what_they_had(
    ground: Ground, root: User, tmp_path: Path
) -> None:
    before, now = limits(ground), timezone.now()
    assert all(one is not None and one > LOW for one in before)
    rows = [(one.pk, microseconds(now), said) for one, said in zip(ground.miners, read(ground.site), strict=True)]
    store_readings(columns_of(rows), source=ReadingSource.EDGE, at=now, site=ground.site)
    box = box_at(ground, root, tmp_path / "edge")
    plan = plans.create_plan(
        site=ground.site, by=root, at=now, cause="schedule", reason="TCP", goal="by",
        goal_kw=Decimal((3000 - LOW) * LOWERED) / 1000, selection="efficiency", starts_at=now,
        ends_at=now + timedelta(hours=1), only_miners=[one.pk for one in ground.miners[:LOWERED]],
        only_limits_w=[LOW] * LOWERED,
    )  # fmt: skip
    plans.approve_plan(plan, by=factories.UserFactory(is_staff=True), at=now)
    running = CurtailmentPlan.objects.filter(pk=plan.pk)
    turns(ground, box, lambda: running.filter(status=PlanStatus.EXECUTED).exists(), "not executed", server=True)
    low = len(box.holder.memory.low)
    assert low >= 2
    assert [(one or 0) <= LOW for one in limits(ground)] == [True] * low + [False] * (MACHINES - low)
    assert set(MachineOrder.objects.filter(outcome="accepted").values_list("action", "device")) == {
        ("limit", box.device.pk)
    }
    box.start()  # killed, and begun anew; and nobody answers any more
    box.began -= timedelta(seconds=30)  # until its lease is over
    turns(ground, box, lambda: not box.holder.memory.low, "not given back", server=False)
    assert limits(ground) == before
