"""A plan from approval to the last machine back, on real rows: what is kept, sent, measured and told."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from curtailment.domain import plans
from curtailment.domain.control import kill_switch
from curtailment.domain.control import site as control
from curtailment.enums import Cause, MachineResult, OrderOutcome, PlanStatus
from curtailment.models import ControlledMachine, CurtailmentPlan, MachineOrder
from hashinsight.events.models import OutboxEvent
from hashinsight.jobs.domain.locks import StaleLock, take_lock
from hosting.domain import fleet, places
from hosting.models import Miner, MinerLatest, MinerOperation
from tests.curtailment.site import WATTS, Ground

pytestmark = pytest.mark.django_db
KW = Decimal(WATTS) / 1000


def approved(ground: Ground, by: User, machines: int = 4, minutes: int = 30, **fields: Any) -> CurtailmentPlan:
    """A plan for so many machines, from now on."""
    plan = plans.create_plan(
        site=ground.site, by=by, at=ground.now, cause=Cause.PRICE, reason="dear hours", goal="by",
        goal_kw=KW * machines, selection="efficiency", starts_at=ground.now,
        ends_at=ground.now + timedelta(minutes=minutes), **fields,
    )  # fmt: skip
    return plans.approve_plan(plan, by=by, at=ground.now)


def test_a_plan_switches_off_and_on_again(ground: Ground, root: User) -> None:
    plan = approved(ground, root)
    first = ground.tick()
    assert first is not None
    assert (first.machines, first.orders, first.sent, first.accepted) == (20, 4, 4, 4)
    plan.refresh_from_db()
    assert (plan.status, ground.farm.off) == (PlanStatus.EXECUTING, 4)
    ground.tick()
    plan.refresh_from_db()
    assert (plan.status, plan.measured_kw, plan.miners_affected) == (PlanStatus.EXECUTED, KW * 4, 4)
    off = Miner.objects.filter(intent="curtailed")
    assert {one.model.name for one in off} == {"Thirsty"}
    ground.ticks(28)
    plan.refresh_from_db()
    assert (plan.status, ground.farm.off) == (PlanStatus.RECOVERING, 0)
    ground.tick()
    plan.refresh_from_db()
    assert (plan.status, plan.power_reduced_kw) == (PlanStatus.RECOVERED, KW * 4)
    assert not Miner.objects.exclude(intent="active").exists()
    assert not ControlledMachine.objects.filter(touched=True).exists()
    assert set(plan.miners.filter(shutdown_order__lte=4).values_list("result", flat=True)) == {MachineResult.BACK}
    kinds = OutboxEvent.objects.filter(kind__startswith="curtailment.").values_list("kind", flat=True)
    words = ("planned", "approved", "event_started", "executing", "executed", "recovering", "recovered", "event_ended")
    assert sorted(kinds) == sorted(f"curtailment.{word}" for word in words)


def test_each_order_is_a_row_with_before_and_after(ground: Ground, root: User) -> None:
    plan = approved(ground, root, machines=1)
    ground.ticks(2)
    (order,) = MachineOrder.objects.all()
    assert (order.plan, order.action, order.outcome, order.reply) == (plan, "pause", OrderOutcome.ACCEPTED, "ok")
    assert (order.before_w, order.after_w, order.draw_w) == (WATTS, 15, WATTS)
    assert order.sent_at is not None
    assert order.fencing_token > 0
    assert order.expires_at - order.not_before == timedelta(seconds=30)
    log = MinerOperation.objects.filter(miner=order.miner, operation="intent", details__contains="curtailment")
    assert log.count() == 1
    latest = MinerLatest.objects.get(miner=order.miner)
    assert latest.power_w == 15, "what the control reads is kept like any reading"


def test_orders_are_written_before_they_are_sent_and_never_changed(ground: Ground, root: User) -> None:
    approved(ground, root, machines=3)
    known = []
    ground.farm.on_command = lambda _target, _verb: known.append(1)
    ground.tick()
    assert len(known) == 3
    order = MachineOrder.objects.latest("pk")
    for change in ("draw_w = 1", "expires_at = now()", "outcome = 'open'", "reply = 'x'"):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"UPDATE curtailment_machineorder SET {change} WHERE id = {order.pk}")
    with pytest.raises(DatabaseError), transaction.atomic():
        order.delete()


class Died(BaseException):
    """The process is gone."""


@pytest.mark.parametrize("place", ["read", "keep", "send", "half", "note"])
def test_a_control_that_dies_anywhere_is_taken_up_by_the_next(
    ground: Ground, root: User, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    plan = approved(ground, root, machines=4, minutes=9)
    names = {"read": "_plans_now", "keep": "_say_intents", "send": "_send", "note": "note"}
    sent = []

    def dies(*_args: Any, **_more: Any) -> Any:
        raise Died

    def second(_target: Any, _verb: str) -> None:
        sent.append(1)
        if len(sent) == 2:
            raise Died

    with monkeypatch.context() as patched:
        if place == "half":
            ground.farm.on_command = second
        else:
            patched.setattr(control, names[place], dies)
        with pytest.raises(Died):
            ground.tick()
    ground.farm.on_command = None
    ground.ticks(4)
    assert ground.farm.off == 4
    ground.ticks(9)
    plan.refresh_from_db()
    assert (plan.status, ground.farm.off) == (PlanStatus.RECOVERED, 0)


def test_who_was_overtaken_keeps_and_sends_nothing(ground: Ground, root: User, monkeypatch: pytest.MonkeyPatch) -> None:
    approved(ground, root)
    reading = control._read

    def slow(*args: Any) -> Any:
        heard = reading(*args)
        with connection.cursor() as cursor:
            cursor.execute("UPDATE jobs_schedulerlock SET expires_at = clock_timestamp() - interval '1 s'")
        assert take_lock(control.lock_key(ground.site), seconds=60) is not None
        return heard

    monkeypatch.setattr(control, "_read", slow)
    with pytest.raises(StaleLock):
        ground.tick()
    assert (ground.farm.off, MachineOrder.objects.count()) == (0, 0)


def test_one_tick_a_step_and_one_process_a_site(ground: Ground, root: User) -> None:
    approved(ground, root)
    assert ground.tick() is not None
    assert ground.tick(seconds=20) is None
    assert control.sites_due(ground.now) == []
    assert control.sites_due(ground.now + timedelta(seconds=60)) == [ground.site]
    assert take_lock(control.lock_key(ground.site), seconds=60) is not None
    assert ground.tick() is None


def test_the_kill_switch_counts_at_once_even_between_decision_and_sending(
    ground: Ground, root: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    approved(ground, root)
    switch = kill_switch.set_switch(site=None, reason="smoke", by=root, at=ground.now)
    told = ground.tick()
    assert told is not None
    assert (told.frozen, told.orders, ground.farm.off) == (True, 0, 0)
    kill_switch.release_switch(switch, by=root, at=ground.now)
    keep = control._keep

    def keep_then_freeze(*args: Any) -> Any:
        made = keep(*args)
        kill_switch.set_switch(site=ground.site, reason="smoke", by=root, at=ground.now)
        return made

    with monkeypatch.context() as patched:
        patched.setattr(control, "_keep", keep_then_freeze)
        told = ground.tick()
    assert told is not None
    assert (told.orders, told.sent, ground.farm.off) == (4, 0, 0)
    assert set(MachineOrder.objects.values_list("outcome", flat=True)) == {OrderOutcome.LAPSED}


def test_a_restored_database_switches_nothing_until_somebody_releases_it(
    ground: Ground, root: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    approved(ground, root)
    monkeypatch.setattr(control, "may_act", lambda: False)
    told = ground.tick()
    assert told is not None
    assert (told.frozen, ground.farm.off) == (True, 0)


def test_after_a_restore_no_order_of_before_is_sent(
    ground: Ground, root: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """T16, I2: a backup from the middle of a plan comes back an hour later; machines run again in the meantime."""
    plan = approved(ground, root)
    with monkeypatch.context() as died:
        died.setattr(control, "_send", lambda *_args, **_more: [])  # kept, and then the lights went out
        ground.tick()
    old = set(MachineOrder.objects.values_list("pk", flat=True))
    assert MachineOrder.objects.filter(outcome=OrderOutcome.OPEN).count() == 4
    with monkeypatch.context() as held:
        held.setattr(control, "may_act", lambda: False)
        ground.tick(3600)
        assert sum(len(fake.told) for fake in ground.farm.machines.values()) == 0
    ground.ticks(10)  # somebody has released it
    assert sum(len(fake.told) for fake in ground.farm.machines.values()) == 0
    assert set(MachineOrder.objects.filter(pk__in=old).values_list("outcome", flat=True)) == {OrderOutcome.UNKNOWN}
    assert MachineOrder.objects.count() == len(old)
    plan.refresh_from_db()
    assert (plan.status, ground.farm.off) == (PlanStatus.FAILED, 0)
    assert not ControlledMachine.objects.filter(touched=True).exists()


def test_what_the_engine_must_never_want_is_not_sent(
    ground: Ground, root: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    approved(ground, root)
    monkeypatch.setattr(control, "broken", lambda *_args, **_more: ["I6: machine 1 is locked out"])
    with pytest.raises(control.InvariantBroken):
        ground.tick()
    assert (ground.farm.off, MachineOrder.objects.count()) == (0, 0)
    assert OutboxEvent.objects.filter(kind="curtailment.invariant_broken").count() == 1


def test_a_machine_taken_into_maintenance_in_the_middle_is_left_alone(ground: Ground, root: User) -> None:
    plan = approved(ground, root, minutes=5)
    ground.ticks(2)
    machine = Miner.objects.filter(intent="curtailed").first()
    assert machine is not None
    fleet.set_intent([machine], to="maintenance", by=root, at=ground.now)
    ground.ticks(8)
    plan.refresh_from_db()
    assert plan.status == PlanStatus.RECOVERED
    assert ground.farm.machines[str(machine.pk)].told == ["pause"]
    assert plan.miners.get(miner=machine).result == MachineResult.LOCKED
    assert Miner.objects.get(pk=machine.pk).intent == "maintenance"


@pytest.mark.parametrize("place", ["_read", "_keep"])
def test_what_goes_into_maintenance_while_the_control_reads_or_decides_is_not_started(
    ground: Ground, root: User, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """Reading a large site takes most of a step: whoever opens a machine in that time must not see it start."""
    plan = approved(ground, root, minutes=5)
    ground.ticks(3)
    machine = Miner.objects.filter(intent="curtailed").first()
    assert machine is not None
    plans.end_plan(plan, by=root, at=ground.now, reason="over")
    real = getattr(control, place)

    def meanwhile(*args: Any) -> Any:
        found = real(*args)
        if Miner.objects.get(pk=machine.pk).intent != "maintenance":
            fleet.set_intent([Miner.objects.get(pk=machine.pk)], to="maintenance", by=root, at=ground.now)
        return found

    monkeypatch.setattr(control, place, meanwhile)
    ground.ticks(6)
    plan.refresh_from_db()
    assert (plan.status, ground.farm.off) == (PlanStatus.RECOVERED, 1)
    assert ground.farm.machines[str(machine.pk)].told == ["pause"]
    assert Miner.objects.get(pk=machine.pk).intent == "maintenance"
    assert not ControlledMachine.objects.filter(touched=True).exists()


def test_a_plan_that_ends_while_the_control_reads_switches_nothing_off(
    ground: Ground, root: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = approved(ground, root)
    read = control._read

    def meanwhile(*args: Any) -> Any:
        heard = read(*args)
        plans.withdraw_approval(plan, by=root, at=ground.now, reason="a mistake")
        return heard

    with monkeypatch.context() as patched:
        patched.setattr(control, "_read", meanwhile)
        ground.tick()
    assert (ground.farm.off, MachineOrder.objects.count()) == (0, 0)


def test_machines_that_do_not_obey_are_replaced_and_named(ground: Ground, root: User) -> None:
    plan = approved(ground, root)
    first = plan.miners.get(shutdown_order=1)
    ground.farm.machines[str(first.miner_id)].deaf = True
    ground.ticks(6)
    plan.refresh_from_db()
    assert (plan.status, plan.measured_kw, ground.farm.off) == (PlanStatus.EXECUTED, KW * 4, 4)
    ground.ticks(30)
    first.refresh_from_db()
    assert first.result == MachineResult.REFUSED
    plan.refresh_from_db()
    assert plan.status == PlanStatus.RECOVERED


def test_a_plan_none_of_whose_machines_obeys_fails(ground: Ground, root: User) -> None:
    plan = approved(ground, root, minutes=3)
    for fake in ground.farm.machines.values():
        fake.silent = True
    ground.ticks(8)
    plan.refresh_from_db()
    assert (plan.status, MachineOrder.objects.count()) == (PlanStatus.FAILED, 0)


def test_ending_a_plan_brings_everybody_back(ground: Ground, root: User) -> None:
    plan = approved(ground, root)
    ground.ticks(2)
    plans.end_plan(plan, by=root, at=ground.now, reason="prices fell")
    ground.ticks(3)
    plan.refresh_from_db()
    assert (plan.status, ground.farm.off, plan.end_reason) == (PlanStatus.RECOVERED, 0, "prices fell")


def test_two_plans_over_the_same_machines_merge(ground: Ground, root: User) -> None:
    one, other = approved(ground, root, machines=4, minutes=4), approved(ground, root, machines=2, minutes=10)
    ground.ticks(3)
    assert ground.farm.off == 4
    ground.ticks(4)
    one.refresh_from_db()
    other.refresh_from_db()
    assert (one.status, other.status, ground.farm.off) == (PlanStatus.RECOVERED, PlanStatus.EXECUTED, 2)
    ground.ticks(6)
    other.refresh_from_db()
    assert (other.status, ground.farm.off) == (PlanStatus.RECOVERED, 0)


def test_a_plan_is_not_over_while_one_machine_waits_whatever_was_in_reserve_before(ground: Ground, root: User) -> None:
    """A machine in reserve of an earlier plan is as much in our hands as any other."""
    approved(ground, root, machines=1, minutes=3)
    ground.ticks(6)
    Miner.objects.filter(curtailments__result=MachineResult.BACK).update(curtailment="protected")
    plan = approved(ground, root, machines=3, minutes=3)
    ground.ticks(2)
    off = [fake for fake in ground.farm.machines.values() if not fake.on]
    for fake in off:
        fake.deaf = True
    ground.ticks(4)
    plan.refresh_from_db()
    assert (plan.status, ground.farm.off) == (PlanStatus.RECOVERING, 3)
    for fake in off:
        fake.deaf = False
    ground.ticks(8)
    plan.refresh_from_db()
    assert (plan.status, ground.farm.off) == (PlanStatus.RECOVERED, 0)


def test_a_machine_that_moved_and_is_off_elsewhere_does_not_keep_the_old_plan(ground: Ground, root: User) -> None:
    plan = approved(ground, root)
    ground.ticks(2)
    moved = plan.miners.filter(result=MachineResult.OFF).first().miner
    elsewhere = places.create_site(name="Elsewhere", time_zone="UTC", capacity_kw=Decimal(1000), at=ground.now)
    ControlledMachine.objects.filter(miner=moved).update(site=elsewhere)  # its control there has it in hand now
    plans.end_plan(plan, by=root, at=ground.now, reason="over")
    ground.ticks(4)
    plan.refresh_from_db()
    assert plan.status == PlanStatus.RECOVERED


def test_hot_chips_wait(ground: Ground, root: User) -> None:
    approved(ground, root, minutes=3)
    ground.ticks(2)
    off = [fake for fake in ground.farm.machines.values() if not fake.on]
    off[0].chip_c = 95.0
    ground.ticks(5)
    assert ground.farm.off == 1
    off[0].chip_c = 50.0
    ground.ticks(2)
    assert ground.farm.off == 0


def test_queries_do_not_grow_with_the_fleet(ground: Ground, root: User, other_ground: Ground) -> None:
    asked = []
    for one, machines in ((ground, 4), (other_ground, 16)):
        approved(one, root, machines=machines)
        one.tick()
        with CaptureQueriesContext(connection) as queries:
            one.tick()
        assert one.farm.off == machines
        asked.append(len(queries))
    assert asked[0] == asked[1] < 70


def test_more_than_one_person_may_approve_waits_for_another(ground: Ground, root: User, alice_of_staff: User) -> None:
    plan = approved(ground, root, machines=10)
    assert (plan.status, plan.approvals.count()) == (PlanStatus.PENDING, 1)
    ground.tick()
    assert ground.farm.off == 0
    plan = plans.approve_plan(plan, by=alice_of_staff, at=ground.now)
    assert (plan.status, plan.needs_two, plan.share_percent) == (PlanStatus.APPROVED, True, 50)
    ground.ticks(2)
    assert ground.farm.off == 10
