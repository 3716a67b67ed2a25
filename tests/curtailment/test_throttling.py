"""Plans that bring machines down to a lower power, on real rows: kept, sent, measured, told, and always taken back."""

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.db import IntegrityError, transaction
from django.test import Client

from accounts.models import User
from curtailment.documents.event_report import Report, sentences
from curtailment.domain import plans, watching
from curtailment.domain.beside import Beside, off_beside, room_w
from curtailment.domain.control import site as control
from curtailment.domain.measurement import measuring
from curtailment.domain.measurement.reports import story_of
from curtailment.domain.planning import Wish, candidates_of, preview
from curtailment.engine.selection import Candidate, Why
from curtailment.enums import Cause, MachineResult, PlanStatus
from curtailment.models import (
    ControlledMachine,
    ControlSample,
    CurtailmentEvent,
    CurtailmentPlan,
    EventMachine,
    MachineOrder,
)
from hosting.domain import fleet, partitions
from hosting.models import ExcusedInterval, Miner, MinerContact
from intelligence.domain import schedule_fleet
from tests.curtailment.site import OWN_W, WATTS, Ground
from tests.curtailment.test_events import FIVE, HOUR, say
from tests.curtailment.test_execution import Died

pytestmark = pytest.mark.django_db
LOW = 2100
GAIN = Decimal(WATTS - LOW) / 1000
KW = Decimal(WATTS) / 1000


@pytest.fixture(autouse=True)
def adjustable(ground: Ground) -> None:
    """All machines of the ground keep to a limit of their own."""
    for fake in ground.farm.machines.values():
        fake.limit_w = OWN_W


def planned(ground: Ground, by: User, levels: Mapping[int, int], *, minutes: int = 10, **more: Any) -> CurtailmentPlan:
    """Machines of the ground by place, and to how many watts; approved, from now on."""
    miners = [ground.miners[place].pk for place in levels]
    kw = sum((Decimal(WATTS - level) / 1000 for level in levels.values()), Decimal(0))
    plan = plans.create_plan(
        site=ground.site, by=by, at=ground.now, cause=Cause.SCHEDULE, reason="dear hours", goal="by", goal_kw=kw,
        selection="efficiency", starts_at=ground.now, ends_at=ground.now + timedelta(minutes=minutes),
        only_miners=miners, only_limits_w=list(levels.values()), **more,
    )  # fmt: skip
    return plans.approve_plan(plan, by=by, at=ground.now)


def told(ground: Ground, place: int) -> list[str]:
    return ground.farm.machines[str(ground.miners[place].pk)].told


def test_a_plan_lowers_some_machines_and_switches_others_off(ground: Ground, root: User) -> None:
    plan = planned(ground, root, {0: LOW, 1: LOW, 2: 0})
    assert plan.target_kw == 2 * GAIN + KW
    ground.ticks(2)
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
    assert (row.limit_w, row.earlier_w, row.limiting) == (LOW, OWN_W, True)
    ground.ticks(12)
    plan.refresh_from_db()
    assert (plan.status, plan.power_reduced_kw) == (PlanStatus.RECOVERED, 2 * GAIN + KW)
    assert (ground.farm.lower, ground.farm.off) == (0, 0)
    assert told(ground, 0) == [f"limit {LOW}", f"limit {OWN_W}"]
    assert set(plan.miners.values_list("result", flat=True)) == {MachineResult.BACK}
    assert not ControlledMachine.objects.in_hand().exists()
    rows = MachineOrder.objects.filter(miner=ground.miners[0]).order_by("pk")
    assert list(rows.values_list("action", "limit_w", "outcome", "before_w", "after_w")) == [
        ("limit", LOW, "accepted", WATTS, LOW), ("lift", OWN_W, "accepted", LOW, WATTS),
    ]  # fmt: skip


def test_a_machine_that_tells_no_limit_is_not_throttled(ground: Ground, root: User) -> None:
    ground.farm.machines[str(ground.miners[0].pk)].limit_w = None
    plan = planned(ground, root, {0: LOW, 1: LOW})
    ground.ticks(14)
    plan.refresh_from_db()
    assert (plan.status, plan.power_reduced_kw, told(ground, 0)) == (PlanStatus.PARTIAL, GAIN, [])
    assert ground.farm.lower == 0


@pytest.mark.parametrize("place", ["_plans_now", "_say_intents", "_send", "note"])
def test_a_control_that_dies_anywhere_leaves_nobody_lower(
    ground: Ground, root: User, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    plan = planned(ground, root, dict.fromkeys(range(4), LOW), minutes=9)

    def dies(*_args: Any, **_more: Any) -> Any:
        raise Died

    def dying() -> None:
        with monkeypatch.context() as patched:
            patched.setattr(control, place, dies)
            with pytest.raises(Died):
                ground.tick()

    dying()
    ground.ticks(4)
    assert ground.farm.lower == 4
    plans.end_plan(plan, by=root, at=ground.now, reason="over")
    dying()
    ground.ticks(9)
    plan.refresh_from_db()
    assert (plan.status, ground.farm.lower) == (PlanStatus.RECOVERED, 0)


def test_two_plans_the_lower_one_holds_and_the_other_takes_over(ground: Ground, root: User) -> None:
    off = planned(ground, root, {0: 0}, minutes=6)
    low = planned(ground, root, {0: LOW}, minutes=15)
    ground.ticks(4)
    assert (ground.farm.off, told(ground, 0)) == (1, ["pause"])
    ground.ticks(6)
    assert (ground.farm.off, ground.farm.lower) == (0, 1)
    assert told(ground, 0) == ["pause", "resume", f"limit {LOW}"]
    off.refresh_from_db()
    low.refresh_from_db()
    assert (off.status, low.status) == (PlanStatus.RECOVERED, PlanStatus.EXECUTED)
    assert low.miners.get().result == MachineResult.LOWERED
    assert Miner.objects.get(pk=ground.miners[0].pk).intent == "active"
    ground.ticks(9)
    low.refresh_from_db()
    assert (low.status, ground.farm.lower) == (PlanStatus.RECOVERED, 0)


def test_an_older_control_that_gave_it_back_has_not(ground: Ground, root: User) -> None:
    """It knows nothing of limits: it takes a machine that runs for one that is back."""
    plan = planned(ground, root, {0: LOW}, minutes=4)
    ground.ticks(3)
    ControlledMachine.objects.update(touched=False)
    CurtailmentPlan.objects.filter(pk=plan.pk).update(status=PlanStatus.RECOVERING)
    CurtailmentPlan.objects.filter(pk=plan.pk).update(status=PlanStatus.RECOVERED)
    assert control.sites_due(ground.now + timedelta(minutes=2)) == [ground.site]
    ground.ticks(3)
    assert (ground.farm.lower, told(ground, 0)[-1]) == (0, f"limit {OWN_W}")
    assert not ControlledMachine.objects.in_hand().exists()


def test_who_locks_a_machine_out_reads_what_it_kept_to_before(ground: Ground, root: User) -> None:
    plan = planned(ground, root, {0: LOW}, minutes=5)
    ground.ticks(2)
    fleet.set_intent([ground.miners[0]], to="maintenance", by=root, at=ground.now)
    ground.ticks(8)
    row = plan.miners.get()
    assert (row.result, row.limit_w, row.earlier_w) == (MachineResult.LOCKED, LOW, OWN_W)
    assert told(ground, 0) == [f"limit {LOW}"]
    assert not ControlledMachine.objects.in_hand().exists()


def test_a_machine_behind_a_limit_is_planned_with_what_it_had_before(ground: Ground, root: User) -> None:
    planned(ground, root, {0: LOW})
    ground.ticks(3)
    wish = Wish(ground.site, "by", Decimal(1), "efficiency", ground.now, ground.now + HOUR)
    draws = {one.key: one.draw_w for one in candidates_of(wish, at=ground.now).candidates}
    assert draws[ground.miners[0].pk] == WATTS


def test_what_cannot_be_throttled_is_left_out_and_said(ground: Ground, root: User) -> None:
    MinerContact.objects.filter(miner=ground.miners[0]).update(dialect="avalon")
    MinerContact.objects.filter(miner=ground.miners[1]).update(dialect="")
    some = ground.miners[:4]
    wish = Wish(
        ground.site, "by", Decimal(1), "efficiency", ground.now, ground.now + HOUR, only=tuple(one.pk for one in some),
        limits={one.pk: WATTS if one == some[2] else LOW for one in some},
    )  # fmt: skip
    found = candidates_of(wish, at=ground.now)
    assert [one.key for one in found.candidates] == [some[3].pk]
    assert found.excluded == {Why.NO_LIMIT: 2, Why.LOW: 1}
    seen = preview(wish, at=ground.now)
    assert (seen.off_kw, seen.by_model[0].kw) == (GAIN, GAIN)
    assert seen.by_model[0].ths == Decimal(40)  # of 100 TH/s; it loses less, for it runs better then


def test_a_limited_machine_was_not_off_what_it_drew_is_read_or_not_known(ground: Ground, root: User) -> None:
    partitions.ensure_partitions(at=ground.now)
    start = ground.now
    planned(ground, root, {0: LOW, 1: LOW, 2: 0}, minutes=30)
    ground.ticks(35)
    say(ground.miners[:3], start - HOUR, start, lambda _pk, _at: (3400.0, 100.0))
    say(ground.miners[:1], start, start + HOUR, lambda _pk, _at: (2000.0, 70.0))
    event = measuring.measure(CurtailmentEvent.objects.get(), at=ground.now + HOUR)
    read, unread, off = EventMachine.objects.order_by("miner")
    parts = -(-(read.back_at - start) // FIVE)
    assert (read.limit_w, read.measured_kwh, read.estimated_kwh) == (
        LOW, (Decimal("1.4") * parts / 12).quantize(Decimal("0.000001")), 0
    )  # fmt: skip
    assert (unread.limit_w, unread.saved_kwh, unread.unknown_minutes) == (LOW, 0, parts * 5)
    assert (off.limit_w, off.measured_kwh) == (None, 0)
    assert off.estimated_kwh > Decimal("1.1")
    assert set(ExcusedInterval.objects.values_list("miner", flat=True)) == {ground.miners[2].pk}
    words = sentences(report_of(event))
    assert words[0].startswith("3 machines were curtailed from ")
    assert words[1:3] == [
        "Switched off: 1; at a lower power: 2.", "Time at a lower power is not excused, for the machines were up.",
    ]  # fmt: skip
    EventMachine.objects.filter(limit_w=None).delete()
    assert " machines ran at a lower power from " in sentences(report_of(event))[0]
    share = event.shares.get()
    assert 25 <= share.off_minutes <= share.excused_minutes <= 33, "of one machine"


def report_of(event: CurtailmentEvent) -> Report:
    """As the house reads it."""
    story = story_of(event)
    return Report(story.event, event.site, story.reason, story.cause, story.machines, "en")


def test_of_an_event_that_runs_nobody_says_yet_who_is_off(ground: Ground, root: User) -> None:
    planned(ground, root, {0: LOW})
    ground.ticks(2)
    assert "curtailed from" in sentences(report_of(CurtailmentEvent.objects.get()))[0]


def test_five_minutes_in_which_a_machine_was_off_and_limited_count_once(ground: Ground, root: User) -> None:
    partitions.ensure_partitions(at=ground.now)
    start = ground.now
    planned(ground, root, {0: LOW}, minutes=40)
    ground.ticks(8)
    planned(ground, root, {0: 0}, minutes=10)
    ground.ticks(40)
    say(ground.miners[:1], start - HOUR, start, lambda _pk, _at: (3400.0, 100.0))
    say(ground.miners[:1], start, start + HOUR, lambda _pk, _at: (2400.0, 70.0))
    measuring.measure(CurtailmentEvent.objects.get(), at=ground.now + HOUR)
    rows = list(EventMachine.objects.order_by("told_at"))
    assert [row.limit_w for row in rows] == [LOW, None, LOW]
    parts = -(-(rows[-1].back_at - start) // FIVE)
    total = sum((row.measured_kwh for row in rows), Decimal(0))
    assert abs(total - Decimal(parts) / 12) < Decimal("0.00001")
    assert sum(row.unknown_minutes for row in rows) == 0


def test_an_order_about_power_says_how_much_and_no_other_does(ground: Ground, root: User) -> None:
    planned(ground, root, {0: LOW, 1: 0})
    ground.tick()
    limit, pause = MachineOrder.objects.get(action="limit"), MachineOrder.objects.get(action="pause")
    given = {
        "site": ground.site, "miner": ground.miners[0], "not_before": ground.now, "expires_at": ground.now + HOUR,
        "fencing_token": 1, "tick_number": 1, "draw_w": 1, "created_at": ground.now,
    }  # fmt: skip
    for action, watts in ((limit.action, None), (limit.action, 0), (pause.action, 5), ("lift", None)):
        with pytest.raises(IntegrityError), transaction.atomic():
            MachineOrder.objects.create(action=action, limit_w=watts, **given)
    with pytest.raises(IntegrityError), transaction.atomic():
        CurtailmentPlan.objects.create(
            site=ground.site, number=999, reason="x", goal_kw=1, starts_at=ground.now, is_open_ended=True,
            only_miners=[1, 2], only_limits_w=[1], created_at=ground.now,
        )  # fmt: skip


def test_pages_say_it_in_words(ground: Ground, root: User, client: Client) -> None:
    plan = planned(ground, root, {0: LOW, 1: LOW, 2: 0})
    ground.ticks(2)
    client.force_login(root)
    live = client.get(f"/admin/hosting/site/{ground.site.pk}/curtailment/").content.decode()
    assert "2 machines lowered to 2,100 W" in live
    assert "of which at a lower power" in live
    rows = client.get(f"/admin/curtailment/curtailmentplanminer/?plan__id__exact={plan.pk}").content.decode()
    assert rows.count("lowered to 2,100 W") == 2
    orders = client.get(f"/admin/curtailment/machineorder/?plan__id__exact={plan.pk}").content.decode()
    assert orders.count("keep to a lower power") == 2


def test_a_dead_machine_that_was_lowered_is_named_with_the_limit_it_had(
    ground: Ground, root: User, client: Client
) -> None:
    plan = planned(ground, root, {0: LOW, 1: 0}, minutes=5)
    ground.ticks(3)
    for place in (0, 1):
        ground.farm.machines[str(ground.miners[place].pk)].silent = True
    ground.ticks(30)
    assert plan.reload().status == PlanStatus.RECOVERING
    (finding,) = watching.late_machines(ground.now)
    assert f"{ground.miners[0]}: off or lower since" in finding.text
    assert f"its limit was {OWN_W} W before" in finding.text
    assert f"{ground.miners[1]}: off since" in finding.text
    client.force_login(root)
    with time_machine.travel(ground.now, tick=False):
        for page in ("curtailment", "hand-over"):
            text = client.get(f"/admin/hosting/site/{ground.site.pk}/{page}/").content.decode()
            assert "limit before" in text
            assert text.count(f"{OWN_W:,} W") == 1
    assert "Whoever had a limit before gets it back from you" in text


def test_a_plan_beside_another_counts_the_difference_of_the_throttled(ground: Ground, root: User) -> None:
    planned(ground, root, {0: LOW, 1: LOW, 2: 0}, minutes=60)
    other = planned(ground, root, {3: 0}, minutes=60)
    first = [ground.miners[place].pk for place in range(3)]
    assert off_beside(other).less_w == dict(zip(first, (WATTS - LOW, WATTS - LOW, WATTS), strict=True))
    order = [Candidate(pk, WATTS, 100.0, None, None, None, None, LOW) for pk in first[:2]]
    assert room_w(order, Beside(), 2 * (WATTS - LOW)) == 2 * (WATTS - LOW)
    assert room_w(order, Beside({first[0]: WATTS}), WATTS) == WATTS - LOW, "who is off anyway takes no room of others"


def test_a_schedule_takes_the_throttled_for_running_and_the_others_of_their_plan_for_off(
    ground: Ground, root: User
) -> None:
    planned(ground, root, {0: LOW, 1: LOW, 2: 0}, minutes=60)
    off = schedule_fleet._off_at(ground.site, ground.now + timedelta(minutes=30), at=ground.now)
    assert set(off) == {ground.miners[2].pk}
