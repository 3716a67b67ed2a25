"""From a schedule to plans: each span once, by people or a standing approval, never twice for a day."""

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pytest

from accounts.models import User
from curtailment.domain import plans
from curtailment.enums import PlanStatus
from curtailment.models import CurtailmentPlan, RuleExecution, StandingApproval
from hashinsight.common.transitions import MoveRefused
from hosting.enums import TelemetryState
from hosting.models import Miner, MinerContact, MinerLatest, MinerModel, Zone
from intelligence.domain.schedule_due import follow
from intelligence.domain.schedule_plans import ScheduleNotApplied, apply_run, plans_of, spans_of
from intelligence.domain.scheduling import plan_day
from intelligence.engine.optimiser.turns import who_is_off
from intelligence.enums import EntryStatus, RunStatus
from intelligence.models import PowerMode, ScheduleRun
from tests import factories
from tests.curtailment.site import OWN_W, WATTS, Fake, Farm, Ground
from tests.intelligence.schedule_world import CHEAP, DEAR, evening, ground_with_market, network, prices, set_up

pytestmark = pytest.mark.django_db
KW = Decimal(WATTS) / 1000
MIDDLE = Decimal(70)  # the thirsty are off, the thrifty run
VERY_CHEAP = Decimal(15)  # the last 1,500 W of the thirsty earn it as well


def tomorrow(now: datetime) -> date:
    return (now + timedelta(days=1)).date()


def steep(hour: int) -> Decimal:
    """First the thirsty go, then all, then the thirsty again."""
    return {17: MIDDLE, 18: DEAR, 19: MIDDLE}.get(hour, CHEAP)


@pytest.fixture
def run(root: User, now: datetime) -> ScheduleRun:
    ground, series = ground_with_market(root, now)
    prices(series, tomorrow(now), steep, at=now)
    set_up(ground.site)
    return plan_day(ground.site, tomorrow(now), at=now)


def stand_by(run: ScheduleRun, *people: User, now: datetime) -> None:
    row = StandingApproval.objects.create(
        site=run.site, cause="schedule", most_kw=KW * 20, time_from=time(0), time_to=time(0), valid_from=now.date(),
        valid_until=now.date() + timedelta(days=30),
    )  # fmt: skip
    for person in people:
        plans.sign_standing(row, by=person, at=now)
        row.refresh_from_db()


def test_each_span_is_a_plan_of_exactly_its_machines(run: ScheduleRun, now: datetime) -> None:
    spans = spans_of(run)
    assert [(span.starts_at.hour, span.ends_at.hour, len(span.miners)) for span in spans] == [
        (17, 18, 10), (18, 19, 20), (19, 20, 10)
    ]  # fmt: skip
    assert spans[0].miners == spans[2].miners
    done = apply_run(run, at=now)
    assert done.refusals == []
    assert [(plan.goal_kw, plan.kind, plan.cause, plan.status) for plan in done.plans] == [
        (KW * count, "automatic", "schedule", PlanStatus.PENDING) for count in (10, 20, 10)
    ]
    assert [plan.only_miners for plan in done.plans] == [list(span.miners) for span in spans]
    run.refresh_from_db()
    assert run.status == RunStatus.APPLIED
    by_plan = {plan.pk: plan.schedule_entries.count() for plan in done.plans}
    assert list(by_plan.values()) == [2, 4, 2]
    assert done.plans[0].reason == f"{run.target_date}, 17:00 to 18:00: energy costs more than mining earns."
    assert RuleExecution.objects.filter(kind="schedule").count() == 3


def test_the_machines_of_a_plan_are_those_of_the_span(run: ScheduleRun, now: datetime, root: User) -> None:
    other: User = factories.UserFactory(is_staff=True)
    stand_by(run, root, other, now=now)
    done = apply_run(run, at=now)
    assert {plan.status for plan in done.plans} == {PlanStatus.APPROVED}
    for plan, span in zip(done.plans, spans_of(run), strict=True):
        assert set(plan.miners.values_list("miner_id", flat=True)) == set(span.miners)
        assert plan.target_kw == KW * len(span.miners)


def test_who_clicks_and_may_approve_stands_behind_the_plans(run: ScheduleRun, now: datetime, root: User) -> None:
    done = apply_run(run, at=now, by=root, approves=True)
    assert {plan.status for plan in done.plans} == {PlanStatus.PENDING}  # half of the site and all of it: two people
    assert {plan.approvals.get().by for plan in done.plans} == {root}
    second: User = factories.UserFactory(is_staff=True)
    assert plans.approve_plan(done.plans[0], by=second, at=now).status == PlanStatus.APPROVED


def stand_still(miners: Any, now: datetime) -> None:
    for one in miners:
        MinerLatest.objects.update_or_create(
            miner_id=one,
            defaults={
                "recorded_at": now, "received_at": now, "answered_at": now, "state": TelemetryState.IDLE, "power_w": 15,
            },
        )  # fmt: skip


def test_where_nobody_runs_no_empty_plans_are_made_and_it_can_be_tried_again(
    run: ScheduleRun, now: datetime, root: User
) -> None:
    """The network of the site is down after the evening was planned."""
    stand_still(Miner.objects.values_list("pk", flat=True), now)
    with pytest.raises(ScheduleNotApplied, match="None of the machines it would switch off"):
        apply_run(run, at=now, by=root, approves=True)
    assert (run.reload().status, CurtailmentPlan.objects.count()) == (RunStatus.PROPOSED, 0)
    MinerLatest.objects.all().delete()
    assert len(apply_run(run, at=now, by=root, approves=True).plans) == 3


def test_hours_of_which_no_machine_runs_are_left_out_and_named(run: ScheduleRun, now: datetime) -> None:
    stand_still(spans_of(run)[0].miners, now)
    done = apply_run(run, at=now)
    assert [(plan.goal_kw, plan.starts_at.hour, len(plan.only_miners)) for plan in done.plans] == [(KW * 10, 18, 20)]
    assert [text[:5] for text in done.refusals] == ["17:00", "19:00"]
    assert "nothing was planned" in done.refusals[0]
    assert run.reload().status == RunStatus.APPLIED


def test_it_is_turned_into_plans_once(run: ScheduleRun, now: datetime) -> None:
    apply_run(run, at=now)
    with pytest.raises(MoveRefused):
        apply_run(run, at=now)
    assert CurtailmentPlan.objects.count() == 3


def test_a_newer_schedule_takes_back_what_waits_and_never_doubles(run: ScheduleRun, now: datetime) -> None:
    assert run.site is not None
    apply_run(run, at=now)
    newer = plan_day(run.site, run.target_date, at=now + timedelta(minutes=5))
    assert {plan.status for plan in plans_of(run)} == {PlanStatus.CANCELLED}
    apply_run(newer, at=now + timedelta(minutes=6))
    open_plans = CurtailmentPlan.objects.exclude(status=PlanStatus.CANCELLED)
    assert [plan.source_key.split(":")[1] for plan in open_plans] == [str(newer.public_id)] * 3
    with pytest.raises(MoveRefused):
        apply_run(run, at=now + timedelta(minutes=7))


def test_approved_plans_stand_until_the_newer_one_is_turned_into_plans(
    run: ScheduleRun, now: datetime, root: User
) -> None:
    assert run.site is not None
    stand_by(run, root, factories.UserFactory(is_staff=True), now=now)
    apply_run(run, at=now)
    newer = plan_day(run.site, run.target_date, at=now + timedelta(minutes=5))
    assert {plan.status for plan in plans_of(run)} == {PlanStatus.APPROVED}
    apply_run(newer, at=now + timedelta(minutes=6))
    assert {plan.status for plan in plans_of(run)} == {PlanStatus.CANCELLED}
    assert {plan.status for plan in plans_of(newer)} == {PlanStatus.APPROVED}


def test_what_runs_ends_where_the_newer_one_begins(root: User, now: datetime) -> None:
    ground, series = ground_with_market(root, now)
    prices(series, tomorrow(now), evening, at=now)
    set_up(ground.site)
    run = plan_day(ground.site, tomorrow(now), at=now)
    stand_by(run, root, factories.UserFactory(is_staff=True), now=now)
    first = apply_run(run, at=now).plans[0]
    CurtailmentPlan.objects.filter(pk=first.pk).update(status=PlanStatus.EXECUTING)
    at = run.starts_at.replace(hour=17, minute=20)
    network(at)
    newer = plan_day(ground.site, run.target_date, at=at)
    first.refresh_from_db()
    assert first.ends_at == run.starts_at.replace(hour=20)  # nothing else stands in its place yet
    second = apply_run(newer, at=at).plans[0]
    first.refresh_from_db()
    assert (first.status, first.ends_at) == (PlanStatus.EXECUTING, run.starts_at.replace(hour=18))
    assert (second.starts_at, second.ends_at) == (first.ends_at, run.starts_at.replace(hour=20))


def test_a_rule_turns_schedules_into_plans_by_itself(root: User, now: datetime) -> None:
    ground, series = ground_with_market(root, now)
    prices(series, tomorrow(now), evening, at=now)
    set_up(ground.site, applies_itself=True)
    made = plan_day(ground.site, tomorrow(now), at=now)
    assert made.status == RunStatus.APPLIED
    assert made.applied_by is None
    assert plans_of(made).count() == 1


def test_a_day_on_which_all_run_makes_no_plan(root: User, now: datetime) -> None:
    ground, series = ground_with_market(root, now)
    prices(series, tomorrow(now), lambda _hour: CHEAP, at=now)
    set_up(ground.site)
    done = apply_run(plan_day(ground.site, tomorrow(now), at=now), at=now)
    assert (done.plans, done.refusals) == ([], [])


def test_a_refused_schedule_or_a_day_that_is_over_makes_none(run: ScheduleRun, now: datetime) -> None:
    assert run.site is not None
    with pytest.raises(ScheduleNotApplied):
        apply_run(run, at=run.ends_at)
    Miner.objects.update(intent="maintenance")
    refused = plan_day(run.site, run.target_date, at=now)
    assert refused.label == "refused"
    with pytest.raises(ScheduleNotApplied):
        apply_run(refused, at=now)
    assert not CurtailmentPlan.objects.exists()


def test_steps_of_a_plan_that_runs_are_executing(run: ScheduleRun, now: datetime) -> None:
    apply_run(run, at=now)
    first = plans_of(run)[0]
    CurtailmentPlan.objects.filter(pk=first.pk).update(status=PlanStatus.APPROVED)
    CurtailmentPlan.objects.filter(pk=first.pk).update(status=PlanStatus.EXECUTING)
    assert follow(at=first.starts_at - timedelta(minutes=1)) == 0
    assert follow(at=first.starts_at) == 2
    assert run.entries.filter(status=EntryStatus.EXECUTING).count() == 2


def play(ground: Ground, until: datetime) -> dict[str, tuple[int, int]]:
    """By the clock, how many keep to a lower power and how many are off; fewer steps where nothing changes."""
    seen = {}
    while ground.now < until:
        to_the_hour = 58 - ground.now.minute
        ground.tick(60 if to_the_hour <= 0 or ground.now.minute < 15 else min(300, to_the_hour * 60))
        seen[f"{ground.now:%H:%M}"] = (ground.farm.lower, ground.farm.off)
    return seen


def test_the_plans_are_carried_out(run: ScheduleRun, now: datetime, root: User, ground_of: Ground) -> None:
    """The control switches off exactly who the schedule says, hands them over from plan to plan, and all come back."""
    stand_by(run, root, factories.UserFactory(is_staff=True), now=now)
    apply_run(run, at=now)
    ground_of.now = run.starts_at.replace(hour=16, minute=58)
    seen = {at: off for at, (_lower, off) in play(ground_of, run.starts_at.replace(hour=20, minute=30)).items()}
    assert [seen[at] for at in ("17:30", "18:30", "19:30", "20:20")] == [10, 20, 10, 0]
    assert min(off for at, off in seen.items() if "17:10" <= at <= "19:59") == 10
    assert {plan.status for plan in plans_of(run)} == {PlanStatus.RECOVERED}


@pytest.fixture
def ground_of(run: ScheduleRun) -> Ground:
    """The farm of the site."""
    miners = list(Miner.objects.filter(site=run.site).order_by("pk"))
    assert run.site is not None
    farm = Farm(machines={str(one.pk): Fake() for one in miners})
    return Ground(run.site, list(Zone.objects.filter(site=run.site)), miners, farm, run.known_at)


@pytest.mark.parametrize("begins_on", [True, False])
def test_whoever_has_run_longest_stops_first(begins_on: bool) -> None:
    off = [0, 2, 1, 3, 0] if begins_on else [5, 3, 4, 2, 5]
    found = who_is_off([1, 2, 3, 4, 5], off, begins_on=begins_on)
    assert [len(some) for some in found] == off
    if begins_on:
        assert found == [frozenset(), {1, 2}, {2}, {2, 3, 4}, frozenset()]
    with pytest.raises(ValueError, match="cannot be off"):
        who_is_off([1], [2], begins_on=True)


@pytest.fixture
def throttled(root: User, now: datetime) -> ScheduleRun:
    """In the evening the thirsty earn more in a mode of 2,000 W, and when it is dear they are off."""
    ground, series = ground_with_market(root, now)
    PowerMode.objects.create(
        miner_model=MinerModel.objects.get(name="Thirsty"), name="eco", power_w=2000, hashrate_ths=80, source="measured"
    )
    hours = {17: Decimal(62), 18: MIDDLE + 1, 19: Decimal(62)}
    prices(series, tomorrow(now), lambda hour: hours.get(hour, VERY_CHEAP), at=now)
    set_up(ground.site, uses_modes=True)
    return plan_day(ground.site, tomorrow(now), at=now)


def test_throttled_machines_are_in_the_plans_with_their_power(
    throttled: ScheduleRun, now: datetime, root: User
) -> None:
    spans = spans_of(throttled)
    assert [(span.starts_at.hour, len(span.miners), len(span.limits)) for span in spans] == [
        (17, 10, 10), (18, 10, 0), (19, 10, 10)
    ]  # fmt: skip
    assert set(spans[0].limits.values()) == {2000}
    classes = {one.place: one for one in throttled.classes.all()}
    assert throttled.site is not None
    assert [span.kw(classes, throttled.site.pue) for span in spans] == [15, 35, 15]
    done = apply_run(throttled, at=now, by=root, approves=True)
    assert done.refusals == []
    assert [plan.goal_kw for plan in done.plans] == [15, 35, 15]
    assert [plan.only_limits_w for plan in done.plans] == [[2000] * 10, [], [2000] * 10]
    assert done.plans[0].reason.endswith("the last watts cost more than they earn.")
    assert {plan.schedule_entries.count() for plan in done.plans} == {2}


def test_a_throttled_day_is_carried_out(throttled: ScheduleRun, now: datetime, root: User) -> None:
    other: User = factories.UserFactory(is_staff=True)
    stand_by(throttled, root, other, now=now)
    done = apply_run(throttled, at=now)
    assert {plan.status for plan in done.plans} == {PlanStatus.APPROVED}
    assert throttled.site is not None
    miners = list(Miner.objects.filter(site=throttled.site).order_by("pk"))
    farm = Farm(machines={str(one.pk): Fake(limit_w=OWN_W) for one in miners})
    begin = throttled.starts_at + timedelta(hours=16, minutes=50)
    ground = Ground(throttled.site, list(Zone.objects.filter(site=throttled.site)), miners, farm, begin)
    seen = play(ground, begin + timedelta(minutes=215))
    assert {state for at, state in seen.items() if "17:05" <= at <= "17:59"} == {(10, 0)}
    assert {state[1] for at, state in seen.items() if "18:05" <= at <= "18:59"} == {10}
    assert {state for at, state in seen.items() if "19:10" <= at <= "19:59"} == {(10, 0)}
    assert seen["20:10"] == (0, 0)
    assert {plan.status for plan in plans_of(throttled)} == {PlanStatus.RECOVERED}


def test_a_mode_is_planned_for_machines_that_take_limits_alone(root: User, now: datetime) -> None:
    ground, series = ground_with_market(root, now)
    thirsty = MinerModel.objects.get(name="Thirsty")
    PowerMode.objects.create(miner_model=thirsty, name="eco", power_w=2000, hashrate_ths=80, source="measured")
    deaf = [one.pk for one in ground.miners if one.model_id == thirsty.pk][:4]
    MinerContact.objects.filter(miner__in=deaf).update(dialect="avalon")
    prices(series, tomorrow(now), lambda hour: Decimal(62) if hour == 17 else VERY_CHEAP, at=now)
    set_up(ground.site, uses_modes=True)
    (span,) = spans_of(plan_day(ground.site, tomorrow(now), at=now))
    assert (len(span.miners), len(span.limits), set(deaf) & set(span.limits)) == (10, 6, set())


def test_a_schedule_that_does_not_say_which_mode_throttles_nobody(throttled: ScheduleRun) -> None:
    throttled.entries.update(by_mode=[])
    assert [(span.starts_at.hour, len(span.miners), len(span.limits)) for span in spans_of(throttled)] == [(18, 10, 0)]
