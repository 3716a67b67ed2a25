"""What devices say of leases, keys that sign them, the ramp that is shared out, and who is told when one is silent."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.models import User
from curtailment.domain import watching
from curtailment.domain.control import leases
from curtailment.engine.shares import next_shares, shared_out
from curtailment.models import LeaseReport, MachineOrder, SiteControl
from hosting.domain import edge, edge_leases, fleet, lease_keys, miner_secrets
from hosting.domain.edge_leases import Told
from hosting.domain.lease_keys import KeyRefused
from hosting.engine.leasing.document import Doubt, LeaseRefused, Sealed, take
from hosting.enums import SecretMode
from hosting.models import EdgeLease, LeaseKey, Miner, MinerContact
from tests.curtailment.edge import Box, box_at
from tests.curtailment.site import WATTS, Ground
from tests.curtailment.test_leases import curtail, steps
from tests.hosting.ingest.conftest import Doors

pytestmark = pytest.mark.django_db
KW = Decimal(WATTS) / 1000


@pytest.fixture
def box(ground: Ground, root: User, tmp_path: Path) -> Box:
    return box_at(ground, root, tmp_path / "edge")


@pytest.fixture
def people(root: User, alice_of_staff: User) -> tuple[User, User]:
    return root, alice_of_staff


def told(order: int, ground: Ground, outcome: str = "accepted", **more: Any) -> Told:
    return Told(order, outcome, ground.now, more.get("before_w", 3500), more.get("after_w"), "ok")


# --- reports ----------------------------------------------------------------------------------------------------------
def test_a_report_counts_once_and_only_from_the_device_that_was_told(
    ground: Ground, box: Box, people: tuple[User, User], root: User, tmp_path: Path
) -> None:
    curtail(ground, people, 4)
    steps(ground, box, 1, asks=True)
    ground.tick(51)
    order = MachineOrder.objects.filter(outcome="open").first()
    assert order is not None
    other = box_at(ground, root, tmp_path / "other", zone=ground.zones[0], serial="E-2")
    assert leases.take_results(other.device, [told(order.pk, ground)], ground.now) == []
    assert leases.take_results(box.device, [told(10**12, ground)], ground.now) == []
    assert MachineOrder.objects.get(pk=order.pk).outcome == "open"
    for outcome in ("refused", "accepted"):
        assert leases.take_results(box.device, [told(order.pk, ground, outcome)], ground.now) == [order.pk]
    order.refresh_from_db()
    assert (order.outcome, order.reply, LeaseReport.objects.get(order=order).outcome) == ("refused", "ok", "refused")
    leases.take_results(box.device, [told(order.pk, ground, after_w=15)], ground.now)
    leases.take_results(box.device, [told(order.pk, ground, after_w=99)], ground.now)
    assert LeaseReport.objects.get(order=order).after_w == 15


def test_what_comes_too_late_is_kept_as_such_and_changes_nothing(
    ground: Ground, box: Box, people: tuple[User, User]
) -> None:
    curtail(ground, people, 4)
    steps(ground, box, 2)
    ground.tick(51)
    order = MachineOrder.objects.filter(outcome="accepted").first()
    assert order is not None
    MachineOrder.objects.bulk_create(
        [MachineOrder(site=ground.site, miner=order.miner, action="pause", not_before=ground.now, tick_number=1,
                      expires_at=ground.now + timedelta(seconds=30), fencing_token=1, draw_w=1, created_at=ground.now,
                      device=box.device)]
    )  # fmt: skip
    late = MachineOrder.objects.latest("pk")
    for _ in range(4):
        ground.tick(60)
        assert MachineOrder.objects.get(pk=late.pk).outcome == "open", "devices may say it a little later"
    for _ in range(2):
        ground.tick(60)
    assert MachineOrder.objects.get(pk=late.pk).reply == "the edge device has not said what came of it"
    leases.take_results(box.device, [told(late.pk, ground)], ground.now)
    report = LeaseReport.objects.get(order=late)
    assert (report.is_late, report.outcome) == (True, "accepted")
    assert MachineOrder.objects.get(pk=late.pk).outcome == "unknown"


@pytest.mark.parametrize("how", ["update", "delete"])
def test_reports_are_kept_as_they_were_said(how: str, ground: Ground, box: Box, people: tuple[User, User]) -> None:
    curtail(ground, people, 2)
    steps(ground, box, 2)
    rows = LeaseReport.objects.all()
    assert rows.count() == 2
    with pytest.raises(IntegrityError), transaction.atomic():
        _ = rows.update(outcome="refused") if how == "update" else rows._raw_delete(rows.db)


def test_the_counter_of_a_lease_never_falls(ground: Ground, box: Box) -> None:
    EdgeLease.objects.update(counter=9)
    with pytest.raises(IntegrityError), transaction.atomic():
        EdgeLease.objects.update(counter=8)


def test_readings_older_than_two_minutes_are_none(ground: Ground, box: Box, people: tuple[User, User]) -> None:
    curtail(ground, people, 4)
    steps(ground, box, 1)
    edge_now = leases.Edge(
        {box.device.pk: box.device}, dict.fromkeys([one.pk for one in ground.miners], box.device.pk),
        {one.pk: {"public_id": one.public_id} for one in ground.miners},
    )  # fmt: skip
    assert len(leases.heard_through(edge_now, at=ground.now)[0]) == 20
    assert leases.heard_through(edge_now, at=ground.now + timedelta(seconds=125)) == ({}, {})


# --- the server's word ------------------------------------------------------------------------------------------------
def test_each_answer_is_newer_and_answers_one_question_only(
    ground: Ground, box: Box, people: tuple[User, User]
) -> None:
    curtail(ground, people, 4)
    steps(ground, box, 1)
    first, second = box.ask(), box.ask()
    keys = box.holder.keys
    for answer in (first, second):
        one = Sealed(answer["lease"], answer["signature"], box.holder.memory.sealed.roster)
        with pytest.raises(LeaseRefused) as found:
            take(one, keys=keys, device=box.holder.device, challenge="0" * 32, above=0)
        assert found.value.doubt is Doubt.CHALLENGE
    counters = [take(Sealed(one["lease"], one["signature"], box.holder.memory.sealed.roster), keys=keys,
                     device=box.holder.device, challenge=None, above=0).counter for one in (first, second)]  # fmt: skip
    assert counters[0] < counters[1]
    assert second["roster"] is None, "the device has it already"


def test_a_lease_is_not_prolonged_by_fetching_it_nor_by_a_clock_set_back(
    ground: Ground, box: Box, people: tuple[User, User]
) -> None:
    curtail(ground, people, 4)
    steps(ground, box, 1)
    ends = box.holder.memory.ends_at
    for _ in range(5):
        ground.now += timedelta(seconds=10)
        box.ask()
    assert box.holder.memory.ends_at == pytest.approx(ends, abs=0.1)
    ground.now -= timedelta(hours=1)
    box.began -= timedelta(hours=1)
    box.ask()
    assert box.holder.memory.ends_at <= box.clock() + 180


def test_a_restored_database_is_not_behind_what_devices_have_seen(
    ground: Ground, box: Box, people: tuple[User, User]
) -> None:
    curtail(ground, people, 4)
    steps(ground, box, 2)
    seen = box.holder.memory.counter
    row = EdgeLease.objects.get()
    EdgeLease.objects.filter(pk=row.pk).delete()
    EdgeLease.objects.create(device=box.device, counter=3, content=row.content, roster=row.roster,
                             written_at=row.written_at, expires_at=row.expires_at, asked_at=ground.now)  # fmt: skip
    ground.now += timedelta(seconds=1)
    box.ask()
    assert box.holder.memory.counter > seen


# --- keys -------------------------------------------------------------------------------------------------------------
def test_keys_are_rotated_with_two_and_the_old_one_retired(ground: Ground, box: Box, people: tuple[User, User]) -> None:
    curtail(ground, people, 4)
    steps(ground, box, 1)
    old = LeaseKey.objects.get()
    with pytest.raises(KeyRefused, match="only one"):
        lease_keys.retire(old, by=people[0], at=ground.now)
    new = lease_keys.rotate(by=people[0], at=ground.now + timedelta(seconds=1))
    with pytest.raises(KeyRefused, match="Two keys"):
        lease_keys.rotate(by=people[0], at=ground.now)
    with pytest.raises(KeyRefused, match="know no other"):
        lease_keys.retire(old, by=people[0], at=ground.now)
    box.ask()
    assert set(box.holder.keys) == {old.name, new.name}
    box.ask()
    assert new.name in box.holder.memory.sealed.text
    lease_keys.retire(old, by=people[0], at=ground.now)
    steps(ground, box, 1)
    assert set(box.holder.keys) == {new.name}
    box.start()
    assert box.holder.memory.lease is not None
    assert old.private_key not in box.holder.memory.sealed.text


def test_a_device_that_knows_no_key_of_ours_gets_none(ground: Ground, box: Box, people: tuple[User, User]) -> None:
    box.holder.keys = {"0" * 16: b"x" * 32}
    with pytest.raises(edge.EdgeRefused) as found:
        box.ask()
    assert found.value.code == "lease_key_unknown"


def test_at_the_door_a_device_is_told_and_a_revoked_one_is_not(
    ground: Ground, root: User, people: tuple[User, User], tmp_path: Path
) -> None:
    cache.clear()
    made, code = edge.register_device(serial="E-9", name="E-9", site=ground.site, by=root, at=timezone.now())
    enrolled = Doors("").send("enrol", {"code": code, "public_key": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="})
    keys = enrolled.json()["lease_keys"]
    assert keys == lease_keys.public_keys()
    doors = Doors(enrolled.json()["token"])
    assert doors.send("rotate").json()["lease_keys"] == keys
    asked = {"challenge": "a" * 32, "keys": [LeaseKey.objects.get().name]}
    assert doors.send("lease", asked).json() == {
        "heard": [], "lease": None, "signature": None, "roster": None, "poll_s": 10.0
    }  # fmt: skip
    columns = {name: [] for name in ("machines", "age_s", "state", "power_w", "chip_c", "inlet_c")}
    uneven = doors.send("lease", {**asked, "seen": {**columns, "age_s": [1]}})
    assert uneven.status_code == 400
    edge.revoke_device(made, by=root, at=timezone.now())
    assert doors.send("lease", asked).status_code == 401


# --- the ramp ---------------------------------------------------------------------------------------------------------
def test_shares_add_up_and_leave_room_for_the_largest() -> None:
    assert shared_out(100, {0: (300, 30), 1: (100, 10)}) == {0: 75, 1: 25}
    assert shared_out(30, {0: (100, 30), 1: (100, 30)}) == {0: 15, 1: 15}
    assert shared_out(100, {}) == {}
    assert next_shares(100, {0: (1, 1), 1: (1, 1)}, {}) == {0: 50, 1: 50}
    assert next_shares(100, {0: (1, 1), 1: (3, 3)}, {0: 90}) == {0: 25, 1: 10}, "the other may have used 90"
    assert next_shares(100, {0: (1, 1)}, {0: 20, 1: 70}) == {0: 30}, "the other may be using 70"
    assert next_shares(100, {0: (1, 1), 1: (1, 1)}, {0: 20, 1: 50}) == {0: 50, 1: 50}


def test_shares_change_only_as_fast_as_nobody_exceeds_the_ramp(
    ground: Ground, root: User, people: tuple[User, User], tmp_path: Path
) -> None:
    SiteControl.objects.update(ramp_up_kw=KW * 6)
    near = box_at(ground, root, tmp_path / "a", zone=ground.zones[0], serial="E-A")
    far = box_at(ground, root, tmp_path / "b", zone=ground.zones[1], serial="E-B")
    there = [one for one in ground.miners if one.zone_id == ground.zones[1].pk]
    fleet.set_intent(there, to="maintenance", by=root, at=ground.now, reason="x")
    curtail(ground, people, 6, minutes=600)
    seen: list[tuple[int, int]] = []

    def step(*asking: Box) -> None:
        ground.tick(33)
        for box in (near, far):
            box.turn(asks=box in asking)
        rows = {row.device_id: row for row in EdgeLease.objects.all()}
        written = [_share(rows[box.device.pk]) for box in (near, far)]
        seen.append((written[0], written[1]))
        assert sum(max(_share(row), row.handed_up_w) for row in rows.values()) <= KW * 6 * 1000

    for _ in range(3):
        step(near, far)
    assert seen[-1] == (6 * WATTS, 0)
    fleet.set_intent(there, to="active", by=root, at=ground.now, reason="x")
    curtail(ground, people, 14, minutes=600)
    for _ in range(9):
        step(near, far)
    assert ground.farm.off == 14
    far_w = seen[-1][1]
    assert 2 * WATTS <= far_w < 4 * WATTS
    for _ in range(5):
        step(near)  # the other one hears nothing, and may be using its share
    assert seen[-1][0] <= 6 * WATTS - far_w


def _share(lease: EdgeLease) -> int:
    content: Any = lease.content
    return 0 if content is None else int(content["ramp"]["up_w"])


# --- planning and watching -------------------------------------------------------------------------------------------
def test_a_login_sealed_to_the_device_is_good_for_a_plan(
    ground: Ground, box: Box, people: tuple[User, User], root: User
) -> None:
    MinerContact.objects.update(dialect="whatsminer")
    some = ground.miners[:3]
    miner_secrets.set_login(some, username="u", password="p", by=root, at=ground.now, mode=SecretMode.SEALED,
                            device=box.device)  # fmt: skip
    plan = curtail(ground, people, 2)
    assert {one.miner_id for one in plan.miners.all()} <= {one.pk for one in some}


def test_whoever_does_not_fetch_a_lease_or_stops_itself_is_told_of(
    ground: Ground, box: Box, people: tuple[User, User]
) -> None:
    curtail(ground, people, 4)
    steps(ground, box, 2)
    assert list(watching.late_leases(ground.now)) == []
    late = list(watching.late_leases(ground.now + timedelta(seconds=181)))
    assert [one.key for one in late] == [str(box.device.public_id)]
    box.holder.trouble = "I4: too much"
    box.ask()
    assert [one.text for one in watching.late_leases(ground.now)] == ["I4: too much"]


def test_a_machine_without_an_address_or_elsewhere_is_in_no_lease(
    ground: Ground, box: Box, people: tuple[User, User], root: User
) -> None:
    curtail(ground, people, 8)
    gone, moved = ground.miners[0], ground.miners[1]
    Miner.objects.filter(pk=gone.pk).update(address=None)
    fleet.take_out_miners([moved], by=root, at=ground.now, reason="x")
    steps(ground, box, 2)
    lease = box.holder.memory.lease
    assert {str(gone.public_id), str(moved.public_id)} & set(lease.machines) == set()
    assert replace(lease, orders=()).machines
    assert edge_leases.taker_of(None, [box.device]) == box.device
