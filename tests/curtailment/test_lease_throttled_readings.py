"""Limits in the readings of devices: kept as they were said, and what throttled machines drew is measured by them."""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from accounts.models import User
from curtailment.domain import plans
from curtailment.domain.measurement import measuring
from curtailment.models import CurtailmentEvent, EventMachine, MachineOrder
from hosting.domain import edge_leases
from hosting.domain.rollups import reckon_five_minutes
from hosting.domain.telemetry import store_readings
from hosting.engine.ingest.columns import columns_of
from hosting.engine.ingest.spans import microseconds
from hosting.enums import ReadingSource
from hosting.models import EdgeLease, MinerLatest, Telemetry
from tests.curtailment.edge import Box, pushed, throttling_box
from tests.curtailment.site import OWN_W, WATTS, Ground
from tests.curtailment.test_lease_throttling import GAIN, HOUR, LOW, planned
from tests.curtailment.test_leases import steps

pytestmark = pytest.mark.django_db


@pytest.fixture
def box(ground: Ground, root: User, tmp_path: Path) -> Box:
    return throttling_box(ground, root, tmp_path / "edge")


def test_the_reduction_is_measured_by_what_the_device_reads(ground: Ground, box: Box, root: User) -> None:
    ids = {str(one.public_id): one.pk for one in ground.miners}

    heard = list[Any]()
    pushed(ground, *(ground.now - timedelta(minutes=minute) for minute in range(60, 0, -1)))
    box.holder.store = lambda rows: heard.extend((ids[name], microseconds(ground.now), read) for name, read in rows)
    plan = planned(ground, root, {0: LOW, 1: LOW}, minutes=60)
    steps(ground, box, 11)
    plans.end_plan(plan, by=root, at=ground.now, reason="over")
    steps(ground, box, 3)
    store_readings(columns_of(heard), source=ReadingSource.EDGE, at=ground.now, site=ground.site)
    while reckon_five_minutes(at=ground.now + HOUR).more:
        pass
    measuring.measure(CurtailmentEvent.objects.get(), at=ground.now + HOUR)
    for row in EventMachine.objects.all():
        hours = Decimal((row.back_at - row.off_at).total_seconds()) / 3600
        assert (row.limit_w, row.unknown_minutes, row.estimated_kwh) == (LOW, 0, 0)
        assert abs(row.measured_kwh - GAIN * hours) < Decimal("0.2")
        assert row.measured_kwh > Decimal("0.15")
    assert set(Telemetry.objects.filter(miner_id=ground.miners[0].pk, power_w=LOW).values_list("power_target_w")) == {
        (float(LOW),)
    }


def test_readings_kept_before_there_were_limits_say_none(ground: Ground, box: Box, root: User) -> None:
    lease = EdgeLease.objects.get()
    name = str(ground.miners[0].public_id)
    at = ground.now.timestamp()
    lease.seen = {"machines": [name], "at": [at], "state": ["mining"], "power_w": [3400], "chip_c": [60.0],
                  "inlet_c": [None]}  # fmt: skip
    lease.save()
    planned(ground, root, {0: LOW})
    ground.tick(5)
    assert MachineOrder.objects.count() == 0
    box.turn()
    seen: Any = EdgeLease.objects.get().seen
    assert (seen["limit_w"], seen["had_w"]) == ([OWN_W], [None])
    merged = edge_leases._merged(
        {key: [*value, *value] for key, value in lease.seen.items()} | {"machines": ["a", "b"]},
        {"machines": [], "age_s": [], **{key: [] for key in ("state", "power_w", "chip_c", "inlet_c")}}, ground.now,
    )  # fmt: skip
    assert merged["limit_w"] == [None, None]


def test_a_limit_holds_only_as_long_as_it_was_said_by_someone(ground: Ground, box: Box) -> None:
    """Asked more seldom than for the rest: the newest reading keeps what was said last."""
    pushed(ground, ground.now + timedelta(seconds=60), said=None)
    assert set(MinerLatest.objects.values_list("power_target_w", "power_w")) == {(float(OWN_W), float(WATTS))}
    pushed(ground, ground.now + timedelta(seconds=120), said=2000.0)
    assert set(MinerLatest.objects.values_list("power_target_w")) == {(2000.0,)}
    rows = Telemetry.objects.filter(miner_id=ground.miners[0].pk).order_by("recorded_at")
    assert list(rows.values_list("power_target_w", flat=True)) == [float(OWN_W), None, 2000.0]
