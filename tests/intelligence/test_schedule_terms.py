"""Schedules and what contracts and programmes say: notice, protection, shares, and load that is kept for being called.

The day is dear at 3:00 and from 17:00 to 20:00; without terms all twenty machines are off then.
"""

from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest

from accounts.models import User
from crm.models import Customer
from curtailment.enums import PlanStatus
from curtailment.models import CurtailmentPlan
from intelligence.domain import schedule_fleet
from intelligence.domain.schedule_limits import reserves_kw
from intelligence.domain.schedule_plans import apply_run, spans_of
from intelligence.domain.scheduling import plan_day
from intelligence.engine.optimiser import local_day
from intelligence.models import ScheduleRun
from marketdata.models import PriceSeries
from tests import factories
from tests.curtailment.agreed import agree, belong
from tests.curtailment.programme import let_act, make_programme
from tests.curtailment.site import Ground
from tests.intelligence.schedule_world import CHEAP, DEAR, ground_with_market, network, off_by_hour, prices, set_up

pytestmark = pytest.mark.django_db
ALL = {3: 20, 17: 20, 18: 20, 19: 20}


def dear(hour: int) -> Decimal:
    return DEAR if hour in ALL else CHEAP


def tomorrow(now: datetime) -> date:
    return (now + timedelta(days=1)).date()


@pytest.fixture
def ground(root: User, now: datetime) -> Ground:
    made, series = ground_with_market(root, now)
    prices(series, tomorrow(now), dear, at=now)
    set_up(made.site)
    return made


def planned(ground: Ground) -> ScheduleRun:
    return plan_day(ground.site, tomorrow(ground.now), at=ground.now)


# --- what programmes may call ---------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("hours", "expected"),
    [
        ("", {3: 17, 17: 17, 18: 17, 19: 17}), ("18:00-19:00", {**ALL, 18: 17}),
        ("12:00-18:00", {**ALL, 17: 17}), ("18:30-19:15", {**ALL, 18: 17, 19: 17}),
        ("6-9 all 17:00-20:00", ALL), ("sunday 17:00-20:00", ALL), ("02:00-03:00", ALL),
    ],
)  # fmt: skip
def test_a_reserve_is_kept_in_the_hours_of_the_commitment(
    ground: Ground, root: User, hours: str, expected: dict[int, int]
) -> None:
    """Eight kW are three machines. Tomorrow is a Saturday in November."""
    make_programme(root, ground.site, kw=14, reserve_kw=Decimal(8), priority=10, hours=hours)
    run = planned(ground)
    assert off_by_hour(run) == expected
    assert run.inputs["reserve_kw"] == ("0" if hours[:1] in ("6", "s") else "8.000")


def test_a_commitment_of_next_year_keeps_nothing_yet(ground: Ground, root: User) -> None:
    make_programme(root, ground.site, kw=14, reserve_kw=Decimal(8), priority=10, valid_from=date(2027, 1, 1))
    assert off_by_hour(planned(ground)) == ALL


def test_two_reserves_are_kept_each_in_its_hours(ground: Ground, root: User) -> None:
    """Three machines from 17:00 to 19:00, five from 18:00 to 20:00; whoever stays on for one serves the other."""
    make_programme(root, ground.site, kw=14, reserve_kw=Decimal(8), priority=10, hours="17:00-19:00")
    make_programme(root, ground.site, kw=20, reserve_kw=Decimal(15), priority=20, hours="18:00-20:00", name="Two")
    run = planned(ground)
    assert off_by_hour(run) == {3: 20, 17: 17, 18: 15, 19: 15}
    starts = local_day(run.target_date, ground.site.time_zone, 60)
    needs = reserves_kw(ground.site, starts, 60)
    assert [float(needs[hour]) for hour in (16, 17, 18, 19, 20)] == [0, 8, 15, 15, 0]
    for start, kw in zip(starts, needs, strict=True):
        on = run.entries.filter(starts_at=start).values_list("load_kw", flat=True)
        assert sum(on) >= kw
    assert run.classes.count() <= 4 + 2, "each level of reserve makes one class more at most"


def test_what_is_kept_on_says_why(ground: Ground, root: User) -> None:
    make_programme(root, ground.site, kw=14, reserve_kw=Decimal(8), priority=10, hours="18:00-19:00")
    kinds = {(one["kind"], one["machines"]) for one in planned(ground).answer["reasons"] if one["mode"] == "full"}
    assert kinds == {("held", 3)}


# --- contracts ------------------------------------------------------------------------------------------------------
@pytest.fixture
def contracts(ground: Ground, root: User, customer_a: Customer, customer_b: Customer) -> dict[str, list[int]]:
    """A day of notice and nothing of what is earned; an hour and a half and half of it; protected; and our own."""
    customer_c = factories.CustomerFactory()
    theirs = {
        "day": belong(ground, slice(0, 4), customer_a, root), "hour": belong(ground, slice(4, 8), customer_b, root),
        "never": belong(ground, slice(8, 10), customer_c, root),
    }  # fmt: skip
    agree(ground, customer_a, root, curtailment_notice_minutes=24 * 60, curtailment_share_percent=Decimal(0))
    agree(ground, customer_b, root, curtailment_notice_minutes=90, curtailment_share_percent=Decimal(50))
    agree(ground, customer_c, root, curtailment="protected")
    return {**theirs, "ours": [one.pk for one in ground.miners[10:]]}


def off_at(run: ScheduleRun, hour: int) -> set[int]:
    return {pk for span in spans_of(run) if span.starts_at.hour <= hour < span.ends_at.hour for pk in span.miners}


def test_whoever_is_owed_notice_is_planned_when_it_is_over(ground: Ground, contracts: dict[str, list[int]]) -> None:
    """It is morning: the evening of tomorrow is a day away, its night is not."""
    run = planned(ground)
    assert off_by_hour(run) == {3: 14, 17: 18, 18: 18, 19: 18}
    assert off_at(run, 3) == {*contracts["hour"], *contracts["ours"]}
    assert off_at(run, 17) == {*contracts["day"], *contracts["hour"], *contracts["ours"]}


def test_no_plan_of_a_schedule_is_refused_for_a_contract(
    ground: Ground, root: User, contracts: dict[str, list[int]]
) -> None:
    let_act(ground.site, root, cause="schedule")
    run = planned(ground)
    done = apply_run(run, at=ground.now)
    assert (done.refusals, {plan.status for plan in done.plans}) == ([], {PlanStatus.APPROVED})
    for plan, span in zip(done.plans, spans_of(run), strict=True):
        assert set(plan.miners.values_list("miner_id", flat=True)) == set(span.miners)
        assert plan.target_kw == plan.goal_kw


def test_a_schedule_that_becomes_plans_late_waits_for_each_notice(
    ground: Ground, root: User, contracts: dict[str, list[int]]
) -> None:
    """An hour before it begins: ours at once, those with an hour and a half later, those with a day not at all."""
    let_act(ground.site, root, cause="schedule")
    run = planned(ground)
    (evening,) = [span for span in spans_of(run) if span.starts_at.hour == 17]
    late = evening.starts_at - timedelta(hours=1)
    done = apply_run(run, at=late)
    assert done.refusals == []
    found = [(one.starts_at - evening.starts_at, one.ends_at, set(one.only_miners)) for one in done.plans]
    half = timedelta(minutes=30)
    assert found == [
        (timedelta(0), evening.starts_at + half, set(contracts["ours"])),
        (half, evening.ends_at, {*contracts["ours"], *contracts["hour"]}),
    ]
    for plan in CurtailmentPlan.objects.all():
        assert plan.status == PlanStatus.APPROVED
        assert set(plan.miners.values_list("miner_id", flat=True)) == set(plan.only_miners)


def test_of_too_many_classes_whoever_is_owed_notice_runs_all_day(
    ground: Ground, contracts: dict[str, list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert planned(ground).classes.count() > 4
    monkeypatch.setattr(schedule_fleet, "MOST_CLASSES", 4)
    run = planned(ground)
    assert run.classes.count() <= 4
    assert off_by_hour(run) == {3: 14, 17: 14, 18: 14, 19: 14}
    assert not off_at(run, 17) & set(contracts["day"])


def test_notice_of_minutes_holds_the_step_it_ends_in(ground: Ground, root: User, customer_a: Customer) -> None:
    """Planned at a quarter past for the same day: a step that has begun within the notice is not touched."""
    belong(ground, slice(0, 20), customer_a, root)
    agree(ground, customer_a, root, curtailment_notice_minutes=61)
    series = PriceSeries.objects.get()
    now = ground.now.replace(hour=16, minute=0)
    prices(series, now.date(), dear, at=now)
    network(now)
    run = plan_day(ground.site, now.date(), at=now)
    assert off_by_hour(run) == {18: 20, 19: 20}
