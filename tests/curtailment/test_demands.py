"""Demands of rules: one plan for each key, approved beforehand or waiting, and a row for each decision."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from threading import Barrier, Thread
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from accounts.models import User
from crm.models import Customer
from curtailment.domain import plans, watching
from curtailment.domain.demands import Demand, DemandRefused, want, want_no_more
from curtailment.domain.planning import preview
from curtailment.enums import PlanStatus
from curtailment.models import CurtailmentPlan, RuleExecution, SiteControl
from hosting.domain.health import pass_health
from hosting.enums import PlaceStatus, TelemetryState
from hosting.models import Miner, Site
from tests.curtailment.agreed import agree, belong, stand_by
from tests.curtailment.site import WATTS, Ground
from tests.curtailment.still import half, read

pytestmark = pytest.mark.django_db
KW = Decimal(WATTS) / 1000
KEY = "strike:0190-a:2026-03-01T12:00:00+00:00"


def demand(ground: Ground, machines: int = 2, **fields: Any) -> Demand:
    """Two machines for half an hour, for the price."""
    given: dict[str, Any] = {
        "key": KEY, "site": ground.site, "cause": "price", "reason": "Energy is dear.", "goal": "by",
        "goal_kw": KW * machines, "selection": "efficiency", "starts_at": ground.now,
        "ends_at": ground.now + timedelta(minutes=30), "inputs": {"price": Decimal("0.19")}, "rule_name": "Evenings",
    }  # fmt: skip
    return Demand(**{**given, **fields})


def decisions() -> list[tuple[str, str]]:
    return list(RuleExecution.objects.order_by("pk").values_list("decision", "outcome"))


def test_a_demand_that_nobody_has_approved_waits_and_is_told(ground: Ground) -> None:
    plan = want(demand(ground), at=ground.now)
    assert (plan.status, plan.kind, plan.source_key, plan.priority) == (PlanStatus.PENDING, "automatic", KEY, 100)
    assert want(demand(ground), at=ground.now).pk == plan.pk
    assert decisions() == [("wanted", "No standing approval covers it: it waits for people.")]
    row = RuleExecution.objects.get()
    assert (row.kind, row.rule_id, row.rule_name, row.site, row.plan) == (
        "strike", "0190-a", "Evenings", ground.site, plan,
    )  # fmt: skip
    assert row.inputs == {"price": "0.19"}
    (finding,) = watching.waiting_plans(ground.now)
    assert (finding.key, finding.title) == (str(plan.public_id), f"{plan} waits for approval")


def test_a_site_that_draws_less_than_it_may_has_nothing_to_approve_until_it_draws_more(ground: Ground) -> None:
    """Half of the machines stand still, and a programme asks for no more than is drawn: nothing rings."""
    read(ground, ground.miners, TelemetryState.MINING)
    half(ground)
    plan = want(demand(ground, goal="to", goal_kw=KW * 10), at=ground.now)
    assert (plan.status, list(watching.waiting_plans(ground.now))) == (PlanStatus.PENDING, [])
    read(ground, ground.miners, TelemetryState.MINING)
    (finding,) = watching.waiting_plans(ground.now)
    assert finding.key == str(plan.public_id)
    read(ground, ground.miners, TelemetryState.UNREACHABLE, answered=60)
    pass_health(at=ground.now)
    assert len(list(watching.waiting_plans(ground.now))) == 1  # nobody sees the site: it may draw anything
    read(ground, ground.miners, TelemetryState.MINING, minutes=40)
    assert len(list(watching.waiting_plans(ground.now))) == 1


def test_a_standing_approval_lets_it_run_at_once_or_later(ground: Ground, root: User, alice_of_staff: User) -> None:
    waiting = want(demand(ground), at=ground.now)
    approval = stand_by(ground, root, alice_of_staff)
    plan = want(demand(ground), at=ground.now)
    assert (plan.pk, plan.status, plan.standing_approval) == (waiting.pk, PlanStatus.APPROVED, approval)
    other = want(demand(ground, key=KEY + "2"), at=ground.now)
    assert other.status == PlanStatus.APPROVED
    assert [decision for decision, _text in decisions()] == ["wanted", "approved", "wanted"]
    assert list(watching.waiting_plans(ground.now)) == []
    ground.tick()
    assert want(demand(ground), at=ground.now).status == PlanStatus.EXECUTING
    assert len(decisions()) == 3


def test_a_demand_that_is_over_ends_its_plan_once(ground: Ground, root: User, alice_of_staff: User) -> None:
    stand_by(ground, root, alice_of_staff)
    plan = want(demand(ground), at=ground.now)
    ground.ticks(3)
    assert ground.farm.off == 2
    ended = want_no_more(KEY, at=ground.now, reason="Energy is cheap again.")
    assert ended is not None
    assert (ended.status, ended.end_reason) == (PlanStatus.RECOVERING, "Energy is cheap again.")
    assert want_no_more(KEY, at=ground.now, reason="again") == plan
    assert want_no_more(KEY + "x", at=ground.now, reason="again") is None
    ground.ticks(4)
    assert ground.farm.off == 0
    assert decisions()[1:] == [("ended", "Energy is cheap again.")]
    assert want(demand(ground), at=ground.now).status == PlanStatus.RECOVERED


def test_a_plan_that_people_cancelled_is_not_made_again(ground: Ground, root: User) -> None:
    plan = want(demand(ground), at=ground.now)
    plans.end_plan(plan, by=root, at=ground.now, reason="not today")
    assert want(demand(ground), at=ground.now).status == PlanStatus.CANCELLED
    assert (CurtailmentPlan.objects.count(), RuleExecution.objects.count()) == (1, 1)


def test_a_refusal_is_kept_once(ground: Ground) -> None:
    late = demand(ground, starts_at=ground.now - timedelta(hours=2), ends_at=ground.now - timedelta(hours=1))
    for _attempt in range(3):
        with pytest.raises(DemandRefused, match="over already"):
            want(late, at=ground.now)
    assert decisions() == [("refused", "It would be over already.")]
    with pytest.raises(ValueError, match="no key"):
        want(replace(late, key="weather:1"), at=ground.now)
    assert CurtailmentPlan.objects.count() == 0


def test_a_decision_is_never_changed(ground: Ground) -> None:
    want(demand(ground), at=ground.now)
    for change in (
        lambda: RuleExecution.objects.update(outcome="x"), lambda: RuleExecution.objects.all().delete(),
    ):  # fmt: skip
        with pytest.raises(DatabaseError, match="update or delete"), transaction.atomic():
            change()
    plan = plans.approve_plan(CurtailmentPlan.objects.get(), by=User.objects.create(email="x@y.z"), at=ground.now)
    for column, value in (("priority", 1), ("only_miners", [1]), ("safe_states", ["run"]), ("stale_since", ground.now)):
        with pytest.raises(DatabaseError, match="stays as it was approved"), transaction.atomic():
            CurtailmentPlan.objects.filter(pk=plan.pk).update(**{column: value})


@pytest.mark.django_db(transaction=True)
def test_many_ask_at_once_and_one_plan_is_made(ground: Ground) -> None:
    asked = demand(ground)
    gate, found = Barrier(6), []

    def ask() -> None:
        try:
            gate.wait()
            found.append(want(asked, at=ground.now).pk)
        finally:
            connection.close()

    threads = [Thread(target=ask) for _ in range(6)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(found) == 6
    assert len(set(found)) == 1
    assert (CurtailmentPlan.objects.count(), RuleExecution.objects.count()) == (1, 1)


@pytest.mark.django_db(transaction=True)
def test_a_standing_approval_is_not_used_twice_at_once(ground: Ground, root: User, alice_of_staff: User) -> None:
    """Two people have said ten machines in all, however many rules ask in the same moment."""
    stand_by(ground, root, alice_of_staff, most_kw=KW * 10)
    gate = Barrier(4)

    def ask(number: int) -> None:
        try:
            asked = demand(ground, machines=6, key=f"{KEY}{number}")
            gate.wait()
            want(asked, at=ground.now)
        finally:
            connection.close()

    threads = [Thread(target=ask, args=(number,)) for number in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    states = sorted(CurtailmentPlan.objects.values_list("status", flat=True))
    assert states == ["approved", "pending", "pending", "pending"]


@pytest.mark.django_db(transaction=True)
def test_a_standing_approval_that_is_being_revoked_lets_nothing_run(
    ground: Ground, root: User, alice_of_staff: User
) -> None:
    row = stand_by(ground, root, alice_of_staff)
    asks = Thread(target=lambda: (want(demand(ground), at=ground.now), connection.close()))
    with transaction.atomic():
        plans.revoke_standing(row, by=root, at=ground.now, reason="enough")
        asks.start()
        asks.join(timeout=2)
    asks.join()
    assert CurtailmentPlan.objects.get().status == PlanStatus.PENDING


# --- which machines -------------------------------------------------------------------------------------------------
def test_only_the_machines_that_were_named(ground: Ground, root: User, alice_of_staff: User) -> None:
    stand_by(ground, root, alice_of_staff)
    named = tuple(one.pk for one in ground.miners[15:18])
    plan = want(demand(ground, machines=20, miners=named), at=ground.now)
    assert set(plan.miners.values_list("miner_id", flat=True)) == set(named)
    ground.ticks(4)
    assert {pk for pk, fake in ground.farm.machines.items() if not fake.on} == {str(pk) for pk in named}


def test_only_machines_whose_terms_say_so_while_data_are_stale(
    ground: Ground, root: User, alice_of_staff: User, customer_a: Customer, customer_b: Customer
) -> None:
    stand_by(ground, root, alice_of_staff)
    holders = belong(ground, slice(0, 3), customer_a, root)
    runners = belong(ground, slice(3, 6), customer_b, root)
    agree(ground, customer_a, root, on_stale="hold", on_stale_max_minutes=30)
    agree(ground, customer_b, root, on_stale="run", on_stale_max_minutes=30)
    since = ground.now - timedelta(minutes=20)
    asked = demand(ground, machines=20, safe_states=("hold", "curtail"), stale_since=since, own_state="curtail",
                   own_minutes=40)  # fmt: skip
    plan = want(asked, at=ground.now)
    until = dict(plan.miners.values_list("miner_id", "wanted_until"))
    assert set(until) == {one.pk for one in ground.miners} - set(runners)
    assert {until[pk] for pk in holders} == {since + timedelta(minutes=30)}
    assert {until[pk] for pk in until if pk not in holders} == {since + timedelta(minutes=40)}
    assert dict(preview(plans.wish_of(plan), at=ground.now).excluded) == {
        "run on while data are stale, by their terms": 3
    }  # fmt: skip
    late = replace(asked, key=KEY + "late", stale_since=ground.now - timedelta(minutes=30))
    assert set(want(late, at=ground.now).miners.values_list("miner_id", flat=True)).isdisjoint(holders)


def test_a_machine_comes_back_when_its_time_is_over_though_the_plan_runs(
    ground: Ground, root: User, alice_of_staff: User, customer_a: Customer
) -> None:
    stand_by(ground, root, alice_of_staff)
    holders = belong(ground, slice(0, 3), customer_a, root)
    agree(ground, customer_a, root, on_stale="hold", on_stale_max_minutes=5)
    asked = demand(ground, machines=20, safe_states=("hold",), stale_since=ground.now, own_minutes=60)
    want(asked, at=ground.now)
    ground.ticks(4)
    assert ground.farm.off == 20
    ground.ticks(6)
    on = {int(pk) for pk, fake in ground.farm.machines.items() if fake.on}
    assert on == set(holders)


def test_what_another_plan_keeps_off_stays_off_for_a_later_one(
    ground: Ground, root: User, alice_of_staff: User
) -> None:
    """Two plans over the same machines merge: the larger holds, and who ends first wakes nobody the other wants."""
    stand_by(ground, root, alice_of_staff)
    want(demand(ground, machines=4), at=ground.now)
    ground.ticks(3)
    assert ground.farm.off == 4
    want(demand(ground, machines=6, key=KEY + "2"), at=ground.now)
    ground.ticks(3)
    assert ground.farm.off == 6
    want_no_more(KEY, at=ground.now, reason="over")
    ground.ticks(4)
    assert ground.farm.off == 6
    want_no_more(KEY + "2", at=ground.now, reason="over")
    ground.ticks(4)
    assert ground.farm.off == 0


def test_the_more_important_plan_gets_the_ramp_first(ground: Ground, root: User, alice_of_staff: User) -> None:
    SiteControl.objects.filter(site=ground.site).update(ramp_down_kw=KW * 2)
    stand_by(ground, root, alice_of_staff)
    slow, urgent = (tuple(one.pk for one in ground.miners[some]) for some in (slice(0, 4), slice(10, 14)))
    want(demand(ground, machines=4, miners=slow), at=ground.now)
    want(demand(ground, machines=4, miners=urgent, key=KEY + "2", priority=1), at=ground.now)
    ground.tick()
    assert {int(pk) for pk, fake in ground.farm.machines.items() if not fake.on} == set(urgent[:2])


def test_a_site_that_is_archived_has_no_plans(ground: Ground) -> None:
    asked = demand(ground)
    Miner.objects.all().update(site=None, zone=None)
    Site.objects.filter(pk=ground.site.pk).update(status=PlaceStatus.INACTIVE)
    with pytest.raises(DemandRefused, match="archived"):
        want(asked, at=ground.now)
    assert decisions() == [("refused", f"{ground.site} is archived.")]
