"""Dispatches become plans, change with them, and end: on real rows, by the real control."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from accounts.models import User
from curtailment.domain.dispatch import dispatches
from curtailment.domain.dispatch.dispatches import Heard, receive
from curtailment.engine.dispatching import Action, Call
from curtailment.enums import DispatchSource, DispatchState, MessageOutcome, PlanStatus
from curtailment.models import CurtailmentPlan, Dispatch, DispatchMessage, Programme, RuleExecution
from hashinsight.events.models import OutboxEvent
from tests.curtailment.programme import KW, call, hear, let_act, make_programme, plans_of, step, the
from tests.curtailment.site import Ground

pytestmark = pytest.mark.django_db


def test_a_dispatch_switches_machines_off_and_on_again(ground: Ground, programme: Programme) -> None:
    message = hear(programme, ground, call(ground))
    row = the()
    assert (message.outcome, row.state, row.kw, row.goal) == (MessageOutcome.APPLIED, "running", Decimal(14), "by")
    (plan,) = CurtailmentPlan.objects.all()
    assert (plan.status, plan.cause, plan.priority) == (PlanStatus.APPROVED, "dispatch", programme.priority)
    assert plan.reason == "Called by ERS (D-1)"
    step(ground, 2)
    assert ground.farm.off == 4
    step(ground, 30)
    assert (ground.farm.off, the().state) == (0, DispatchState.ENDED)
    plan.refresh_from_db()
    assert plan.status == PlanStatus.RECOVERED
    kinds = OutboxEvent.objects.filter(kind__startswith="curtailment.dispatch").order_by("pk")
    assert list(kinds.values_list("kind", flat=True)) == ["curtailment.dispatch_running", "curtailment.dispatch_ended"]
    (kept,) = RuleExecution.objects.filter(kind="dispatch", decision="wanted")
    assert (kept.rule_id, kept.inputs["reference"], kept.inputs["revision"]) == (str(row.public_id), "D-1", 1)


def test_one_for_later_begins_then(ground: Ground, programme: Programme) -> None:
    hear(programme, ground, call(ground, starts_at=ground.now + timedelta(minutes=5)))
    assert the().state == DispatchState.ACCEPTED
    step(ground, 4)
    assert (the().state, ground.farm.off) == (DispatchState.ACCEPTED, 0)
    step(ground, 3)
    assert (the().state, ground.farm.off) == (DispatchState.RUNNING, 4)


def test_we_begin_earlier_where_our_ramp_is_slower_than_the_programme(ground: Ground, root: User) -> None:
    """The site switches 100 kW a minute: 70 kW take 42 seconds."""
    let_act(ground.site, root)
    quick = make_programme(root, ground.site, kw=70, name="Quick", ramp_seconds=10)
    starts = ground.now + timedelta(minutes=5)
    hear(quick, ground, call(ground, starts_at=starts))
    row = the()
    assert row.starts_at == starts
    assert row.begins_at == starts - timedelta(seconds=32)
    assert CurtailmentPlan.objects.get().starts_at == row.begins_at


def test_the_same_message_twice_has_one_effect(ground: Ground, programme: Programme) -> None:
    heard = Heard(call(ground), DispatchSource.WEBHOOK, "raw", message_id="m-1")
    first, again = (receive(programme, heard, at=ground.now) for _ in range(2))
    assert (first[0].pk, first[1], again[0].pk, again[1]) == (first[0].pk, False, first[0].pk, True)
    assert (Dispatch.objects.count(), DispatchMessage.objects.count(), CurtailmentPlan.objects.count()) == (1, 1, 1)
    with pytest.raises(dispatches.MessageDiffers):
        receive(programme, replace(heard, raw="other"), at=ground.now)


def test_the_same_news_under_another_id_changes_nothing(ground: Ground, programme: Programme) -> None:
    hear(programme, ground, call(ground))
    assert hear(programme, ground, call(ground)).outcome == MessageOutcome.REPEATED
    assert (the().revision, CurtailmentPlan.objects.count(), DispatchMessage.objects.count()) == (1, 1, 2)


def test_what_is_on_its_way_is_older_than_a_repetition(ground: Ground, programme: Programme) -> None:
    cancel = replace(call(ground), action=Action.CANCEL, sequence=1)
    hear(programme, ground, cancel)
    assert hear(programme, ground, replace(cancel, sequence=3)).outcome == MessageOutcome.REPEATED
    assert hear(programme, ground, replace(call(ground), sequence=2)).outcome == MessageOutcome.OLDER
    assert (the().state, the().sequence) == ("cancelled", 3)


# --- changes ------------------------------------------------------------------------------------------------------
def test_an_earlier_end_shortens_the_plan(ground: Ground, programme: Programme) -> None:
    hear(programme, ground, call(ground, sequence=1))
    step(ground, 2)
    end = ground.now + timedelta(minutes=3)
    hear(programme, ground, call(ground, starts_at=None, ends_at=end, sequence=2))
    assert plans_of(the()) == [(PlanStatus.EXECUTED, Decimal(14), the().starts_at, end)]
    step(ground, 5)
    assert (ground.farm.off, the().state) == (0, DispatchState.ENDED)


def test_a_later_end_makes_a_plan_that_follows_and_nobody_comes_back_between(
    ground: Ground, programme: Programme
) -> None:
    first_end = ground.now + timedelta(minutes=10)
    hear(programme, ground, call(ground, ends_at=first_end, sequence=1))
    step(ground, 3)
    assert ground.farm.off == 4
    off = {key for key, fake in ground.farm.machines.items() if not fake.on}
    last_end = ground.now + timedelta(minutes=20)
    hear(programme, ground, call(ground, starts_at=None, ends_at=last_end, sequence=2))
    first, second = plans_of(the())
    assert (first[3], second[2], second[3]) == (first_end, first_end, last_end)
    assert second[0] == PlanStatus.APPROVED
    for _ in range(16):
        step(ground)
        assert ground.farm.off == 4, ground.now
    assert {key for key, fake in ground.farm.machines.items() if not fake.on} == off
    assert all(ground.farm.machines[key].told == ["pause"] for key in off), "none was started in between"
    step(ground, 6)
    assert ground.farm.off == 0
    assert set(CurtailmentPlan.objects.values_list("status", flat=True)) == {PlanStatus.RECOVERED}


def test_a_later_start_before_it_began(ground: Ground, programme: Programme) -> None:
    soon, later = ground.now + timedelta(minutes=5), ground.now + timedelta(minutes=15)
    hear(programme, ground, call(ground, starts_at=soon, sequence=1))
    hear(programme, ground, call(ground, starts_at=later, sequence=2))
    first, second = plans_of(the())
    assert (first[0], second[0], second[2]) == (PlanStatus.CANCELLED, PlanStatus.APPROVED, later)
    step(ground, 14)
    assert ground.farm.off == 0
    step(ground, 3)
    assert ground.farm.off == 4


def test_a_later_start_while_it_runs_lets_machines_run_until_then(ground: Ground, programme: Programme) -> None:
    end = ground.now + timedelta(minutes=40)
    hear(programme, ground, call(ground, ends_at=end, sequence=1))
    step(ground, 2)
    later = ground.now + timedelta(minutes=10)
    hear(programme, ground, call(ground, starts_at=later, ends_at=end, sequence=2))
    step(ground, 2)
    assert (the().state, ground.farm.off) == (DispatchState.ACCEPTED, 0)
    step(ground, 11)
    assert (the().state, ground.farm.off) == (DispatchState.RUNNING, 4)


def test_an_earlier_start_makes_a_plan_that_goes_before(ground: Ground, programme: Programme) -> None:
    later = ground.now + timedelta(minutes=15)
    hear(programme, ground, call(ground, starts_at=later, sequence=1))
    hear(programme, ground, call(ground, starts_at=ground.now + timedelta(minutes=5), sequence=2))
    first, second = plans_of(the())
    assert (first[2], second[2], second[3]) == (later, the().starts_at, later)
    step(ground, 7)
    assert ground.farm.off == 4
    step(ground, 12)
    assert ground.farm.off == 4
    step(ground, 14)
    assert ground.farm.off == 0
    assert {one[0] for one in plans_of(the())} == {PlanStatus.RECOVERED}


@pytest.mark.parametrize("machines", [2, 3])
def test_another_power_replaces_the_plan_and_keeps_off_what_stays_off(
    ground: Ground, programme: Programme, machines: int
) -> None:
    hear(programme, ground, call(ground, sequence=1, kw=KW * 4 if machines == 2 else KW * 2))
    step(ground, 2)
    hear(programme, ground, call(ground, starts_at=None, sequence=2, kw=KW * machines))
    step(ground, 3)
    assert ground.farm.off == machines
    assert [one[0] for one in plans_of(the())][-1] == PlanStatus.EXECUTED
    step(ground, 30)
    assert ground.farm.off == 0


def test_power_changed_there_and_back_is_planned_anew(ground: Ground, programme: Programme) -> None:
    for number, machines in enumerate((4, 2, 4), start=1):
        hear(programme, ground, call(ground, starts_at=None if number > 1 else ground.now, sequence=number,
                                     kw=KW * machines))  # fmt: skip
        step(ground, 2)
        assert ground.farm.off == machines
    assert len(plans_of(the())) == 3


@pytest.mark.parametrize("when", ["before", "during"])
def test_cancelled_before_and_during(ground: Ground, programme: Programme, when: str) -> None:
    start = ground.now + timedelta(minutes=3 if when == "before" else 0)
    hear(programme, ground, call(ground, starts_at=start, sequence=1))
    step(ground, 2)
    assert ground.farm.off == (0 if when == "before" else 4)
    hear(programme, ground, Call("D-1", Action.CANCEL, sequence=2))
    assert the().state == DispatchState.CANCELLED
    step(ground, 4)
    assert ground.farm.off == 0
    expected = PlanStatus.CANCELLED if when == "before" else PlanStatus.RECOVERED
    assert [one[0] for one in plans_of(the())] == [expected]


def test_cancelled_after_its_end_changes_nothing(ground: Ground, programme: Programme) -> None:
    hear(programme, ground, call(ground, ends_at=ground.now + timedelta(minutes=2), sequence=1))
    step(ground, 4)
    message = hear(programme, ground, Call("D-1", Action.CANCEL, sequence=2))
    assert (message.outcome, message.code, the().state) == (MessageOutcome.REFUSED, "over_already", "ended")


def test_a_cancellation_that_comes_before_its_call_holds(ground: Ground, programme: Programme) -> None:
    hear(programme, ground, Call("D-1", Action.CANCEL, sequence=2))
    assert hear(programme, ground, call(ground, sequence=1)).outcome == MessageOutcome.OLDER
    step(ground, 2)
    assert (the().state, ground.farm.off, CurtailmentPlan.objects.count()) == (DispatchState.CANCELLED, 0, 0)


def test_what_was_sent_before_a_repetition_is_older(ground: Ground, programme: Programme) -> None:
    for number in (1, 3):
        hear(programme, ground, call(ground, sequence=number))
    assert hear(programme, ground, Call("D-1", Action.CANCEL, sequence=2)).outcome == MessageOutcome.OLDER
    assert the().state == DispatchState.RUNNING


def test_a_change_of_an_unknown_dispatch_is_its_call(ground: Ground, programme: Programme) -> None:
    hear(programme, ground, call(ground, sequence=2, kw=KW * 2))
    assert hear(programme, ground, call(ground, sequence=1)).outcome == MessageOutcome.OLDER
    step(ground, 2)
    assert ground.farm.off == 2


# --- overlaps ------------------------------------------------------------------------------------------------------
def test_of_two_dispatches_of_one_programme_the_larger_holds(ground: Ground, programme: Programme) -> None:
    hear(programme, ground, call(ground, kw=KW * 2))
    step(ground, 2)
    hear(programme, ground, call(ground, dispatch_id="D-2", kw=KW * 4, ends_at=ground.now + timedelta(minutes=10)))
    step(ground, 3)
    assert ground.farm.off == 4
    step(ground, 9)
    assert ground.farm.off == 2, "the smaller one still runs"
    step(ground, 20)
    assert ground.farm.off == 0


def test_between_programmes_the_larger_holds_and_both_are_named(
    ground: Ground, programme: Programme, root: User
) -> None:
    other = make_programme(root, ground.site, kw=7, name="4CP", priority=10)
    hear(programme, ground, call(ground))
    hear(other, ground, call(ground))
    step(ground, 3)
    assert ground.farm.off == 4
    second = RuleExecution.objects.filter(rule_name="4CP").get()
    assert second.inputs["beside"] == ["ERS D-1"]
    assert list(CurtailmentPlan.objects.order_by("priority").values_list("priority", flat=True)) == [10, 50]


def test_one_that_cannot_be_followed_holds_up_no_other(
    ground: Ground, programme: Programme, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("first", "second"):
        hear(programme, ground, replace(call(ground), dispatch_id=name))
    Dispatch.objects.update(state="running")
    real, asked = dispatches.reconcile, []

    def reconcile(row: Dispatch, **more: object) -> int:
        asked.append(row.reference)
        if row.reference == "first":
            raise RuntimeError("not this one")
        return real(row, **more)

    monkeypatch.setattr(dispatches, "reconcile", reconcile)
    with pytest.raises(RuntimeError, match="not this one"):
        dispatches.follow(ground.now)
    assert asked == ["first", "second"]
