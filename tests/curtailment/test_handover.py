"""A machine or an edge device that dies for good while machines are off: who is told what, and the way out."""

from collections.abc import Callable
from pathlib import Path

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from curtailment.domain import plans, watching
from curtailment.domain.control.handover import HandOverRefused, hand_over, stuck_machines
from curtailment.enums import MachineResult, PlanStatus
from curtailment.models import ControlledMachine, CurtailmentPlan
from hosting.domain import fleet
from hosting.models import Miner, MinerOperation
from tests.curtailment.edge import box_at
from tests.curtailment.site import Ground
from tests.curtailment.test_execution import approved
from tests.curtailment.test_leases import curtail, steps
from tests.curtailment.test_pages import person as person
from tests.curtailment.test_pages import seen

pytestmark = pytest.mark.django_db
SITES = "/admin/hosting/site"
MAY = ("hosting.view_site", "hosting.view_miner", "hosting.switch_miner")


def dead_machine(ground: Ground, root: User) -> tuple[CurtailmentPlan, Miner]:
    """Four are off; one of them answers nothing any more when the plan is over."""
    plan = approved(ground, root)
    ground.ticks(3)
    (pk, *_rest) = [int(pk) for pk, fake in ground.farm.machines.items() if not fake.on]
    ground.farm.machines[str(pk)].silent = True
    plans.end_plan(plan, by=root, at=ground.now, reason="over")
    ground.ticks(20)
    assert ground.farm.off == 1
    return plan.reload(), Miner.objects.get(pk=pk)


def test_a_dead_machine_is_named_and_handed_over(ground: Ground, root: User, person: Callable[..., Client]) -> None:
    plan, miner = dead_machine(ground, root)
    assert plan.status == PlanStatus.RECOVERING
    (finding,) = watching.late_machines(ground.now)
    assert finding.title == f"{plan}: 1 machines are not back"
    assert f"{miner}: off since 2026-11-20 09:32 UTC, the control, which waits for it to answer." in finding.text
    assert finding.text.endswith("Switch them by hand, then hand them over on the page Curtailment of West.")
    client = person(*MAY)
    with time_machine.travel(ground.now, tick=False):
        page = client.get(f"{SITES}/{ground.site.pk}/curtailment/").content.decode()
        assert "Machines that do not come back" in page
        assert f"{SITES}/{ground.site.pk}/hand-over/" in page
        done = seen(client, f"{SITES}/{ground.site.pk}/hand-over/", machines=[miner.pk], reason="fan is dead")
    assert done.status_code == 302, done.context["form"].errors
    assert (done.status_code, done["Location"]) == (302, f"{SITES}/{ground.site.pk}/curtailment/")
    told = len(ground.farm.machines[str(miner.pk)].told)
    ground.ticks(2)
    assert plan.reload().status == PlanStatus.RECOVERED
    assert plan.miners.get(miner=miner).result == MachineResult.LOCKED
    assert not ControlledMachine.objects.filter(touched=True).exists()
    assert list(watching.late_machines(ground.now)) == []
    assert len(ground.farm.machines[str(miner.pk)].told) == told, "nobody but people switches it"
    log = MinerOperation.objects.filter(miner=miner).latest("pk")
    assert log.details == "maintenance handed over: fan is dead"
    assert log.performed_by is not None
    ground.farm.machines[str(miner.pk)].silent = False
    fleet.set_intent([miner], to="active", by=root, at=ground.now)
    approved(ground, root)
    ground.ticks(3)
    assert ground.farm.off >= 4


def test_a_machine_that_answers_and_does_not_obey_says_how_often_it_was_told(ground: Ground, root: User) -> None:
    plan = approved(ground, root)
    ground.ticks(3)
    for fake in ground.farm.machines.values():
        fake.refuses = not fake.on
    plans.end_plan(plan, by=root, at=ground.now, reason="over")
    ground.ticks(20)
    (finding,) = watching.late_machines(ground.now)
    assert finding.title == f"{plan}: 4 machines are not back"
    orders = [one.tries for one in stuck_machines(ground.site, at=ground.now)]
    assert min(orders) >= 3
    assert finding.text.count(f"the control: {orders[0]} orders, the last at 2026-11-20 09:") >= 1


def test_only_whoever_may_switch_machines_hands_them_over(
    ground: Ground, root: User, person: Callable[..., Client]
) -> None:
    dead_machine(ground, root)
    client = person("hosting.view_site")
    with time_machine.travel(ground.now, tick=False):
        page = client.get(f"{SITES}/{ground.site.pk}/curtailment/").content.decode()
        assert "Machines that do not come back" in page
        assert "hand-over" not in page
        assert client.get(f"{SITES}/{ground.site.pk}/hand-over/").status_code == 403
        assert client.post(f"{SITES}/{ground.site.pk}/hand-over/", {"reason": "x"}).status_code == 403


def test_nothing_is_handed_over_that_is_wanted_off_on_its_way_or_somebody_elses(
    ground: Ground, other_ground: Ground, root: User, person: Callable[..., Client]
) -> None:
    plan = approved(ground, root)
    ground.ticks(3)
    off = [int(pk) for pk, fake in ground.farm.machines.items() if not fake.on]
    for moment in ("runs", "recovers"):
        assert stuck_machines(ground.site, at=ground.now) == []
        with pytest.raises(HandOverRefused, match="look again"):
            hand_over(ground.site, off[:1], reason="x", by=root, at=ground.now)
        if moment == "runs":
            plans.end_plan(plan, by=root, at=ground.now, reason="over")
    client = person(*MAY)
    with time_machine.travel(ground.now, tick=False):
        shown = client.get(f"{SITES}/{ground.site.pk}/hand-over/")
        assert "All machines are back, or on their way." in shown.content.decode()
        assert client.post(
            f"{SITES}/{ground.site.pk}/hand-over/", {"seen": shown.context["seen"], "all_of_them": "on", "reason": "x"}
        ).status_code == 409  # fmt: skip
    ground.ticks(4)
    _plan, miner = dead_machine(ground, root)
    for wrong in ([other_ground.miners[0].pk], [miner.pk, ground.miners[-1].pk]):
        with pytest.raises(HandOverRefused):
            hand_over(ground.site, wrong, reason="x", by=root, at=ground.now)
    with pytest.raises(HandOverRefused, match="at least one"):
        hand_over(ground.site, [], reason="x", by=root, at=ground.now)
    assert not Miner.objects.filter(intent="maintenance").exists()


def test_a_plan_that_wants_them_off_again_keeps_them(ground: Ground, root: User) -> None:
    """What a new plan has taken over is no case for people."""
    plan, miner = dead_machine(ground, root)
    assert [one.miner for one in stuck_machines(ground.site, at=ground.now)] == [miner]
    ControlledMachine.objects.filter(miner=miner).update(plan=approved(ground, root))
    ground.tick()
    assert stuck_machines(ground.site, at=ground.now) == []
    assert plan.reload().status == PlanStatus.RECOVERED


def test_a_dead_edge_device_leaves_machines_that_are_named_and_handed_over(
    ground: Ground, root: User, alice_of_staff: User, tmp_path: Path, person: Callable[..., Client]
) -> None:
    box = box_at(ground, root, tmp_path / "edge")
    plan = curtail(ground, (root, alice_of_staff), 8)
    steps(ground, box, 4)
    assert ground.farm.off == 8
    heard = f"{ground.now:%Y-%m-%d %H:%M}"
    plans.end_plan(plan, by=root, at=ground.now, reason="over")
    ground.ticks(30)  # it is dead: it asks nothing and does nothing
    assert (ground.farm.off, plan.reload().status) == (8, PlanStatus.RECOVERING)
    for (finding,) in (list(watching.late_machines(ground.now)), list(watching.late_leases(ground.now))):
        assert finding.text.count("off since 2026-11-20 09:3") == 5
        assert f"{box.device}, last heard of at {heard} UTC" in finding.text
        assert "; and 3 more. Switch them by hand" in finding.text
    client = person(*MAY)
    with time_machine.travel(ground.now, tick=False):
        done = seen(client, f"{SITES}/{ground.site.pk}/hand-over/", all_of_them="on", reason="burnt")
    assert done.status_code == 302
    ground.ticks(2)
    assert plan.reload().status == PlanStatus.RECOVERED
    assert set(plan.miners.exclude(result="reserve").values_list("result", flat=True)) == {MachineResult.LOCKED}
    assert list(watching.late_machines(ground.now)) == []
    assert Miner.objects.filter(intent="maintenance").count() == 8


def test_the_watch_asks_as_often_for_many_machines_as_for_one(ground: Ground, root: User) -> None:
    plan = approved(ground, root)
    ground.ticks(3)
    off = [int(pk) for pk, fake in ground.farm.machines.items() if not fake.on]
    for pk in off:
        ground.farm.machines[str(pk)].silent = True
    plans.end_plan(plan, by=root, at=ground.now, reason="over")
    ground.ticks(20)

    def asked() -> tuple[int, list[int]]:
        with CaptureQueriesContext(connection) as queries:
            found = list(watching.late_machines(ground.now))
        return len(queries), [int(one.title.rpartition(": ")[2].split()[0]) for one in found]

    many = asked()
    assert many[1] == [4]
    ControlledMachine.objects.filter(miner__in=off[1:]).update(touched=False, paused_at=None)
    one = asked()
    assert one[1] == [1]
    assert many[0] == one[0]
