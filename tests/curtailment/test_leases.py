"""Plans over machines behind an edge device: decided as ever, carried out by the device, alone when we are gone."""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from accounts.models import User
from curtailment.domain import plans
from curtailment.domain.control import kill_switch
from curtailment.domain.control import site as control
from curtailment.domain.planning import PlanRefused
from curtailment.enums import PlanStatus
from curtailment.models import ControlledMachine, CurtailmentPlan, LeaseReport, MachineOrder, SiteControl
from hosting.domain import edge, fleet
from hosting.models import EdgeLease, Miner
from tests.curtailment.edge import Box, box_at
from tests.curtailment.site import WATTS, Ground

pytestmark = pytest.mark.django_db
KW = Decimal(WATTS) / 1000


@pytest.fixture
def box(ground: Ground, root: User, tmp_path: Path) -> Box:
    """A device for all of the site."""
    return box_at(ground, root, tmp_path / "edge")


def curtail(
    ground: Ground, people: tuple[User, User], machines: int, minutes: int = 60, **fields: Any
) -> CurtailmentPlan:
    """So many machines off, from now on."""
    plan = plans.create_plan(
        site=ground.site, by=people[0], at=ground.now, cause="price", reason="x", goal="by", goal_kw=KW * machines,
        selection="efficiency", starts_at=ground.now, ends_at=ground.now + timedelta(minutes=minutes), **fields,
    )  # fmt: skip
    for person in people:
        if plan.reload().status == PlanStatus.PENDING:
            plans.approve_plan(plan, by=person, at=ground.now)
    return plan.reload()


def steps(ground: Ground, box: Box, count: int, *, asks: bool = True) -> None:
    """The control's step, and what the device makes of it."""
    for _ in range(count):
        ground.tick(51)
        box.turn(asks=asks)


@pytest.fixture
def people(root: User, alice_of_staff: User) -> tuple[User, User]:
    return root, alice_of_staff


def test_a_plan_switches_through_the_device_and_back(ground: Ground, box: Box, people: tuple[User, User]) -> None:
    plan = curtail(ground, people, 8)
    steps(ground, box, 4)
    assert ground.farm.off == 8
    assert plan.reload().status == PlanStatus.EXECUTED
    orders = MachineOrder.objects.filter(action="pause")
    assert set(orders.values_list("device_id", "outcome")) == {(box.device.pk, "accepted")}
    assert all(one.sent_at and one.not_before <= one.sent_at < one.expires_at for one in orders)
    assert set(orders.values_list("before_w", "after_w")) == {(WATTS, 15)}
    reports = LeaseReport.objects.filter(order__in=orders)
    assert set(reports.values_list("before_w", "after_w", "is_late")) == {(WATTS, 15, False)}
    assert reports.count() == 8
    plans.end_plan(plan, by=people[0], at=ground.now, reason="over")
    steps(ground, box, 4)
    assert (ground.farm.off, plan.reload().status) == (0, PlanStatus.RECOVERED)
    assert not ControlledMachine.objects.filter(touched=True).exists()
    assert box.holder.memory.ours == {}
    assert MachineOrder.objects.count() == 16


def test_nobody_but_the_device_reaches_its_machines(ground: Ground, box: Box, people: tuple[User, User]) -> None:
    curtail(ground, people, 4)
    asked = []
    ground.farm.on_command = lambda target, verb: asked.append(target.address)
    steps(ground, box, 1, asks=False)
    assert (asked, ground.farm.off) == ([], 0)
    assert MachineOrder.objects.count() == 0, "nothing was read, so nothing is ordered"
    steps(ground, box, 2)
    assert len(asked) == 4


def test_machines_of_a_device_that_takes_no_leases_cannot_be_planned_with(
    ground: Ground, root: User, people: tuple[User, User]
) -> None:
    _made, code = edge.register_device(serial="E-2", name="E-2", site=ground.site, by=root, at=ground.now)
    edge.enrol(code, public_key="AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", at=ground.now)
    with pytest.raises(PlanRefused):
        curtail(ground, people, 4)


def test_the_kill_switch_stops_the_device_with_its_next_question_and_outlives_the_lease(
    ground: Ground, box: Box, people: tuple[User, User]
) -> None:
    plan = curtail(ground, people, 8)
    steps(ground, box, 2)
    off = ground.farm.off
    row = kill_switch.set_switch(site=ground.site, reason="x", by=people[0], at=ground.now)
    box.ask()
    assert box.holder.memory.frozen
    plans.end_plan(plan, by=people[0], at=ground.now, reason="over")
    steps(ground, box, 3)
    steps(ground, box, 6, asks=False)
    assert ground.farm.off == off
    kill_switch.release_switch(row, by=people[0], at=ground.now)
    steps(ground, box, 4)
    assert ground.farm.off == 0


def test_a_switch_set_while_a_tick_decides_is_not_lifted_by_its_lease(
    ground: Ground, box: Box, people: tuple[User, User], monkeypatch: pytest.MonkeyPatch
) -> None:
    curtail(ground, people, 8)
    steps(ground, box, 1)
    from curtailment.domain.control import books

    real = books.keep_state

    def meanwhile(*args: Any) -> None:
        real(*args)
        kill_switch.set_switch(site=ground.site, reason="x", by=people[0], at=ground.now)

    monkeypatch.setattr(books, "keep_state", meanwhile)
    off = ground.farm.off
    ground.tick(51)
    monkeypatch.undo()
    assert EdgeLease.objects.get().frozen
    box.turn()
    assert ground.farm.off == off


def test_when_the_server_is_gone_machines_come_back_by_themselves_within_the_ramp(
    ground: Ground, box: Box, people: tuple[User, User]
) -> None:
    SiteControl.objects.update(ramp_up_kw=KW * 3)
    curtail(ground, people, 8, minutes=600)
    steps(ground, box, 4)
    assert ground.farm.off == 8
    began, seen = ground.now, []
    for _ in range(12):
        ground.now += timedelta(seconds=51)
        box.turn(asks=False)
        seen.append(((ground.now - began).total_seconds(), ground.farm.off))
    assert [off for _at, off in seen] == [8, 8, 5, 2, *[0] * 8]
    assert box.holder.memory.ours == {}


def test_a_revoked_device_gets_no_lease(ground: Ground, box: Box, people: tuple[User, User]) -> None:
    curtail(ground, people, 8, minutes=600)
    steps(ground, box, 4)
    edge.revoke_device(box.device, by=people[0], at=ground.now)
    counter = EdgeLease.objects.get().counter
    for _ in range(8):
        ground.now += timedelta(seconds=51)
        box.turn(asks=False)
    assert ground.farm.off == 0
    assert EdgeLease.objects.get().counter == counter
    ground.tick(51)
    assert not EdgeLease.objects.filter(written_at=ground.now).exists()


def test_a_machine_in_maintenance_is_nobodys_affair(ground: Ground, box: Box, people: tuple[User, User]) -> None:
    curtail(ground, people, 8, minutes=600)
    steps(ground, box, 4)
    one = Miner.objects.get(pk=next(int(key) for key, fake in ground.farm.machines.items() if not fake.on))
    fleet.set_intent([one], to="maintenance", by=people[0], at=ground.now, reason="x")
    steps(ground, box, 1)
    assert str(one.public_id) not in box.holder.memory.ours
    for _ in range(10):
        ground.now += timedelta(seconds=51)
        box.turn(asks=False)
    assert [key for key, fake in ground.farm.machines.items() if not fake.on] == [str(one.pk)]


def test_nor_is_one_that_went_there_while_the_control_was_reading(
    ground: Ground, box: Box, people: tuple[User, User], monkeypatch: pytest.MonkeyPatch
) -> None:
    curtail(ground, people, 8, minutes=600)
    steps(ground, box, 4)
    one = Miner.objects.get(pk=next(int(key) for key, fake in ground.farm.machines.items() if not fake.on))
    read = control._read

    def meanwhile(*args: Any) -> Any:
        heard = read(*args)
        fleet.set_intent([one], to="maintenance", by=people[0], at=ground.now, reason="x")
        return heard

    with monkeypatch.context() as patched:
        patched.setattr(control, "_read", meanwhile)
        steps(ground, box, 1)
    assert str(one.public_id) not in box.holder.memory.ours
    assert ground.farm.machines[str(one.pk)].told == ["pause"]
    steps(ground, box, 2)
    assert ground.farm.machines[str(one.pk)].told == ["pause"]


def test_nor_is_the_last_one_that_the_device_had(ground: Ground, box: Box, people: tuple[User, User]) -> None:
    """Nothing else is left for a lease: it has to be told all the same that this one is nobody's affair."""
    SiteControl.objects.update_or_create(site=ground.site, defaults={"min_off_minutes": 0})
    plan = curtail(ground, people, 1, minutes=600, only_miners=[ground.miners[0].pk])
    steps(ground, box, 4)
    one = Miner.objects.get(pk=next(int(key) for key, fake in ground.farm.machines.items() if not fake.on))
    ground.farm.machines[str(one.pk)].chip_c = 95  # it waits until it is cooler
    plans.end_plan(plan, by=people[0], at=ground.now, reason="over")
    steps(ground, box, 2)
    fleet.set_intent([one], to="maintenance", by=people[0], at=ground.now, reason="x")
    ground.farm.machines[str(one.pk)].chip_c = 40
    steps(ground, box, 3)
    for _ in range(10):
        ground.now += timedelta(seconds=51)
        box.turn(asks=False)
    assert ground.farm.machines[str(one.pk)].told == ["pause"]
