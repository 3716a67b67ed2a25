"""Throttling through an edge device, on real rows: planned, ordered by its lease, measured, and always taken back."""

import json
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from curtailment.domain import plans, watching
from curtailment.domain.control import books, kill_switch, leases
from curtailment.domain.planning import Wish, candidates_of, preview
from curtailment.domain.switchable import who_takes_limits
from curtailment.engine.leased import corrected, held_low
from curtailment.engine.selection import Why
from curtailment.engine.values import State
from curtailment.enums import MachineResult, PlanStatus
from curtailment.models import (
    ControlledMachine,
    ControlSample,
    LeaseReport,
    MachineOrder,
    SiteControl,
)
from hosting.domain import fleet
from hosting.engine.leasing.document import FORM, LEVELS_FORM
from hosting.models import EdgeLease, Miner, MinerLatest
from tests.curtailment.edge import Box, throttling_box
from tests.curtailment.site import OWN_W, WATTS, Ground
from tests.curtailment.test_leases import steps
from tests.curtailment.test_throttling import GAIN, KW, LOW, planned, told

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


@pytest.fixture
def box(ground: Ground, root: User, tmp_path: Path) -> Box:
    return throttling_box(ground, root, tmp_path / "edge")


def alone(ground: Ground, box: Box, minutes: int) -> None:
    """The server is gone."""
    for _ in range(minutes):
        ground.now += timedelta(seconds=51)
        box.turn(asks=False)


def test_a_plan_lowers_machines_through_the_device_and_they_get_back_what_they_had(
    ground: Ground, box: Box, root: User
) -> None:
    plan = planned(ground, root, {0: LOW, 1: LOW, 2: 0})
    steps(ground, box, 1)
    assert box.holder.memory.low == {}, "limits are read first"
    steps(ground, box, 2)
    plan.refresh_from_db()
    assert (plan.status, plan.measured_kw, plan.miners_affected) == (PlanStatus.EXECUTED, 2 * GAIN + KW, 3)
    assert dict(plan.miners.values_list("miner", "result")) == {
        ground.miners[0].pk: MachineResult.LOWERED, ground.miners[1].pk: MachineResult.LOWERED,
        ground.miners[2].pk: MachineResult.OFF,
    }  # fmt: skip
    assert (ground.farm.lower, ground.farm.off) == (2, 1)
    assert Miner.objects.get(pk=ground.miners[0].pk).intent == "active", "who is throttled is meant to run"
    sample = ControlSample.objects.latest("at")
    assert (sample.target_kw, sample.intended_kw, sample.off_kw) == (plan.target_kw,) * 3
    row = ControlledMachine.objects.get(miner=ground.miners[0])
    assert (row.limit_w, row.earlier_w) == (LOW, OWN_W)
    assert plan.miners.get(miner=ground.miners[0]).earlier_w == OWN_W
    assert EdgeLease.objects.get().switched == 3
    plans.end_plan(plan, by=root, at=ground.now, reason="over")
    steps(ground, box, 3)
    plan.refresh_from_db()
    assert (plan.status, plan.power_reduced_kw) == (PlanStatus.RECOVERED, 2 * GAIN + KW)
    assert (ground.farm.lower, ground.farm.off, box.holder.memory.in_hand) == (0, 0, set())
    assert told(ground, 0) == [f"limit {LOW}", f"limit {OWN_W}"]
    assert not ControlledMachine.objects.in_hand().exists()
    orders = MachineOrder.objects.filter(miner=ground.miners[0]).order_by("pk")
    assert list(orders.values_list("action", "limit_w", "outcome", "device", "before_w", "after_w")) == [
        ("limit", LOW, "accepted", box.device.pk, WATTS, LOW), ("lift", OWN_W, "accepted", box.device.pk, LOW, WATTS),
    ]  # fmt: skip
    reports = LeaseReport.objects.filter(order__in=orders).order_by("order_id")
    assert list(reports.values_list("before_w", "after_w")) == [(WATTS, LOW), (LOW, WATTS)]


def test_only_a_lease_with_something_to_say_of_limits_is_of_the_second_form(
    ground: Ground, box: Box, root: User
) -> None:
    planned(ground, root, {2: 0}, minutes=60)
    steps(ground, box, 1)
    assert f'"form":"{FORM}"' in box.holder.memory.sealed.text
    assert "levels" not in box.holder.memory.sealed.text
    planned(ground, root, {0: LOW}, minutes=60)
    steps(ground, box, 1)
    assert f'"form":"{LEVELS_FORM}"' in box.holder.memory.sealed.text
    assert len(box.holder.memory.lease.asks) == 1, "of no others the limit is asked"


# --- who is not throttled, and why ------------------------------------------------------------------------------------
def test_behind_a_device_that_knows_no_limits_nobody_is_throttled_and_it_is_said(
    ground: Ground, box: Box, root: User, client: Client
) -> None:
    box.holder._plain_until = float("inf")
    box.ask()
    some = ground.miners[:3]
    wish = Wish(ground.site, "by", Decimal(1), "efficiency", ground.now, ground.now + HOUR,
                only=tuple(one.pk for one in some), limits={one.pk: LOW for one in some[:2]})  # fmt: skip
    found = candidates_of(wish, at=ground.now)
    assert ([one.key for one in found.candidates], dict(found.excluded)) == ([some[2].pk], {Why.EDGE_LIMIT: 2})
    said = dict(preview(wish, at=ground.now).excluded)
    assert said == {"are switched by an edge device that passes no limits of power on": 2}
    assert who_takes_limits(ground.site, at=ground.now) == frozenset()
    client.force_login(root)
    page = f"/admin/hosting/edgedevice/{box.device.pk}/change/"
    assert "are not passed on: its software knows none" in client.get(page).content.decode()
    box.holder._plain_until = float("-inf")
    box.ask()
    assert who_takes_limits(ground.site, at=ground.now) == {one.pk for one in ground.miners}
    assert "are passed on to its machines" in client.get(page).content.decode()


def test_a_machine_that_has_said_no_limit_is_not_planned_with_and_one_that_says_none_any_more_not_told(
    ground: Ground, box: Box, root: User
) -> None:
    MinerLatest.objects.filter(miner=ground.miners[0]).update(power_target_w=None)
    some = ground.miners[:2]
    wish = Wish(ground.site, "by", Decimal(1), "efficiency", ground.now, ground.now + HOUR,
                only=tuple(one.pk for one in some), limits={one.pk: LOW for one in some})  # fmt: skip
    found = candidates_of(wish, at=ground.now)
    assert ([one.key for one in found.candidates], dict(found.excluded)) == ([some[1].pk], {Why.NO_LIMIT: 1})
    ground.farm.machines[str(some[1].pk)].limit_w = None
    plan = planned(ground, root, {1: LOW, 2: LOW})
    steps(ground, box, 4)
    plans.end_plan(plan, by=root, at=ground.now, reason="over")
    steps(ground, box, 3)
    assert (plan.reload().status, told(ground, 1), ground.farm.lower) == (PlanStatus.PARTIAL, [], 0)
    assert plan.power_reduced_kw == GAIN


def test_a_device_whose_software_was_put_back_is_sent_no_limits_and_brings_back_what_it_remembers(
    ground: Ground, box: Box, root: User
) -> None:
    plan = planned(ground, root, {0: LOW}, minutes=60)
    steps(ground, box, 3)
    assert ground.farm.lower == 1
    content: Any = EdgeLease.objects.get().content
    assert content["levels"]["low"]
    box.holder._plain_until = float("inf")
    answer = box.ask()
    assert "levels" not in answer["lease"], "also of what was written for it before"
    edge = leases.behind(ground.site, books.machines_of(ground.site, [plan]))
    heard, had = leases.heard_through(edge, at=ground.now)
    ((_when, said),) = heard.values()
    assert said.reading is not None
    assert (said.reading.power_target_w, had) == (None, {}), "nor is what it said of limits before believed"
    steps(ground, box, 3)
    content = EdgeLease.objects.get().content
    assert "levels" not in content
    assert (ground.farm.lower, told(ground, 0)) == (0, [f"limit {LOW}", f"limit {OWN_W}"])
    orders = MachineOrder.objects.filter(action="limit")
    assert orders.count() == 1, "whoever says no limit is told none"


# --- what a machine had -----------------------------------------------------------------------------------------------
def test_what_the_device_has_read_outranks_what_we_believed(ground: Ground, box: Box, root: User) -> None:
    """Somebody turns the machine down between our reading and the device's."""
    plan = planned(ground, root, {0: LOW}, minutes=15)
    steps(ground, box, 1)
    ground.tick(51)
    assert MachineOrder.objects.get().action == "limit"
    assert ControlledMachine.objects.get(miner=ground.miners[0]).earlier_w == OWN_W
    ground.farm.machines[str(ground.miners[0].pk)].limit_w = 3000
    box.turn()
    assert box.holder.memory.low[str(ground.miners[0].public_id)].before_w == 3000
    steps(ground, box, 1)
    assert ControlledMachine.objects.get(miner=ground.miners[0]).earlier_w == 3000
    assert plan.miners.get().earlier_w == 3000
    plans.end_plan(plan, by=root, at=ground.now, reason="over")
    steps(ground, box, 3)
    assert (plan.reload().status, told(ground, 0)) == (PlanStatus.RECOVERED, [f"limit {LOW}", "limit 3000"])


def test_only_of_machines_that_we_limit_is_it_corrected_and_only_by_who_knows() -> None:
    state = State.new(3)
    state.touched[:2], state.before[:2] = True, OWN_W
    had = state.before.copy()
    had[0], had[1], had[2] = 3000, 0, 2500
    after = corrected(state, had)
    assert after.before.tolist() == [3000, OWN_W, 0]
    assert state.before.tolist() == [OWN_W, OWN_W, 0]
    assert corrected(state, state.before) is state
    first = State.new(3)
    first.touched[0], first.before[0] = True, OWN_W
    assert held_low(first, state).tolist() == [True, False, False], "of a first limit the device reads it itself"


def test_who_locks_a_machine_out_reads_what_it_had_and_nobody_touches_it(ground: Ground, box: Box, root: User) -> None:
    plan = planned(ground, root, {0: LOW}, minutes=60)
    steps(ground, box, 3)
    fleet.set_intent([ground.miners[0]], to="maintenance", by=root, at=ground.now, reason="x")
    steps(ground, box, 2)
    row = plan.miners.get()
    assert (row.result, row.limit_w, row.earlier_w) == (MachineResult.LOCKED, LOW, OWN_W)
    assert box.holder.memory.low == {}
    alone(ground, box, 8)
    assert told(ground, 0) == [f"limit {LOW}"]


def test_a_dead_machine_is_named_with_the_limit_it_had_and_its_device(ground: Ground, box: Box, root: User) -> None:
    plan = planned(ground, root, {0: LOW}, minutes=8)
    steps(ground, box, 3)
    ground.farm.machines[str(ground.miners[0].pk)].silent = True
    plans.end_plan(plan, by=root, at=ground.now, reason="over")
    steps(ground, box, 2)
    ground.now += HOUR
    (finding,) = watching.late_machines(ground.now)
    assert f"its limit was {OWN_W} W before, E-1" in finding.text


# --- alone ------------------------------------------------------------------------------------------------------------
def test_when_the_server_is_gone_limits_are_given_back_within_the_ramp_after_a_kill_too(
    ground: Ground, box: Box, root: User
) -> None:
    SiteControl.objects.update(ramp_up_kw=GAIN * 3)
    planned(ground, root, dict.fromkeys(range(7), LOW), minutes=600)
    steps(ground, box, 3)
    assert ground.farm.lower == 7
    box.start()  # killed, and begun anew
    assert "7 machines keep to a limit of ours; going on with them" in box.lines
    seen = []
    for _ in range(9):
        alone(ground, box, 1)
        seen.append(ground.farm.lower)
    assert seen == [7, 7, 4, 1, 0, 0, 0, 0, 0]
    assert box.holder.memory.low == {}


def test_a_power_cut_in_the_middle_of_a_limit_leaves_nobody_lower(ground: Ground, box: Box, root: User) -> None:
    class PowerCut(BaseException):
        pass

    planned(ground, root, {0: LOW, 1: LOW}, minutes=600)
    steps(ground, box, 1)

    def cut(_target: Any, verb: str) -> None:
        kept, _wrong = box.holder.file.load()
        assert {low.before_w for low in kept.low.values()} == {OWN_W}, "on the disk before it is sent"
        ground.farm.on_command = cuts

    def cuts(_target: Any, _verb: str) -> None:
        raise PowerCut

    ground.farm.on_command = cut
    ground.tick(51)
    with pytest.raises(PowerCut):
        box.turn()
    ground.farm.on_command = None
    assert ground.farm.lower == 1
    box.boot, box.wall = "second", box.wall + 30
    box.start()
    assert len(box.holder.memory.low) == 2
    alone(ground, box, 6)
    assert (ground.farm.lower, box.holder.memory.low) == (0, {})


def test_the_kill_switch_holds_limits_as_they_are_and_outlives_the_lease(ground: Ground, box: Box, root: User) -> None:
    plan = planned(ground, root, {0: LOW}, minutes=60)
    steps(ground, box, 3)
    row = kill_switch.set_switch(site=ground.site, reason="x", by=root, at=ground.now)
    box.ask()
    plans.end_plan(plan, by=root, at=ground.now, reason="over")
    steps(ground, box, 1)
    alone(ground, box, 6)
    assert ground.farm.lower == 1
    kill_switch.release_switch(row, by=root, at=ground.now)
    steps(ground, box, 3)
    assert ground.farm.lower == 0


def test_under_the_kill_switch_no_order_leaves_the_house_and_what_machines_had_does(
    ground: Ground, box: Box, root: User
) -> None:
    planned(ground, root, {0: LOW}, minutes=60)
    steps(ground, box, 3)
    planned(ground, root, {1: LOW}, minutes=60)
    steps(ground, box, 1)
    ground.tick(51)
    content: Any = EdgeLease.objects.get().content
    assert len(content["levels"]["orders"]) == 1
    kill_switch.set_switch(site=ground.site, reason="x", by=root, at=ground.now)
    said = json.loads(box.ask()["lease"])
    assert (said["frozen"], said["orders"], said["levels"]["orders"]) == (True, [], [])
    assert said["levels"]["low"] == content["levels"]["low"] != []


def test_one_that_lost_its_file_is_told_what_its_machines_had(
    ground: Ground, box: Box, root: User, tmp_path: Path
) -> None:
    planned(ground, root, {0: LOW}, minutes=600)
    steps(ground, box, 3)
    box.folder = tmp_path / "fresh"
    box.folder.mkdir()
    box.start()
    assert box.holder.memory.low == {}
    box.turn()
    alone(ground, box, 6)
    assert (ground.farm.lower, told(ground, 0)) == (0, [f"limit {LOW}", f"limit {OWN_W}"])


def test_two_plans_the_lower_one_holds_and_the_other_takes_over(ground: Ground, box: Box, root: User) -> None:
    off = planned(ground, root, {0: 0}, minutes=60)
    low = planned(ground, root, {0: LOW}, minutes=60)
    steps(ground, box, 3)
    assert (ground.farm.off, told(ground, 0)) == (1, ["pause"])
    plans.end_plan(off, by=root, at=ground.now, reason="over")
    steps(ground, box, 3)
    assert (ground.farm.off, ground.farm.lower) == (0, 1)
    assert told(ground, 0) == ["pause", "resume", f"limit {LOW}"]
    plans.end_plan(low, by=root, at=ground.now, reason="over")
    steps(ground, box, 3)
    assert (off.reload().status, low.reload().status) == (PlanStatus.RECOVERED, PlanStatus.RECOVERED)
    assert (ground.farm.lower, box.holder.memory.in_hand) == (0, set())
