"""Rules whose data are not to be trusted: the safe state of each machine is held, and nothing else goes off (I11)."""

from datetime import timedelta

import pytest

from accounts.models import User
from crm.models import Customer
from curtailment.domain import plans
from curtailment.domain.planning import PlanRefused
from curtailment.domain.rules.evaluating import stale_inputs
from curtailment.enums import PlanStatus
from curtailment.models import CurtailmentPlan
from marketdata.models import PriceSeries
from tests.curtailment.agreed import KW, agree, belong, stand_by
from tests.curtailment.market import a_rule, fresh, make_series, quiet_days
from tests.curtailment.site import Ground

pytestmark = pytest.mark.django_db


BAD = {
    "timeout": [None, None, None, None],
    "ten times": [1050, 1100, 1200, 1050],
    "negative": [-20, -30, -500, -20],
}


@pytest.mark.parametrize("prices", BAD.values(), ids=BAD.keys())
def test_bad_data_never_switch_off(
    ground: Ground, root: User, alice_of_staff: User, prices: list[float | None]
) -> None:
    stand_by(ground, root, alice_of_staff)
    market = a_rule(ground, windows_off=1, stale_after_minutes=20)
    for price in prices:
        market.quarter(price, ticks=2)
    assert (market.plans, ground.farm.off) == ([], 0)
    findings = [one.title for one in stale_inputs(ground.now)]
    told = {"timeout": ["West, Dear hours: the data are too old"], "negative": [],
            "ten times": ["West, Dear hours: the value is far above what is usual"]}  # fmt: skip
    name = next(name for name, values in BAD.items() if values is prices)
    assert findings == told[name]


def test_an_empty_series_and_a_wrong_currency_never_switch_off(
    ground: Ground, root: User, alice_of_staff: User
) -> None:
    stand_by(ground, root, alice_of_staff)
    market = a_rule(ground, make_series("empty"), windows_off=1, stale_after_minutes=20)
    market.quarter(None, None, ticks=1)
    assert [one.title for one in stale_inputs(ground.now)] == ["West, Dear hours: there are no data"]
    series = make_series("euro")
    quiet_days(series, end=ground.now)
    other = a_rule(ground, series, windows_off=1, name="Euro")
    PriceSeries.objects.filter(pk=series.pk).update(currency="EUR")
    other.rule = fresh(other.rule)
    other.quarter(105, 105, ticks=1)
    assert (market.plans, ground.farm.off) == ([], 0)
    assert [one.title for one in stale_inputs(ground.now)][1] == "West, Euro: currency or unit do not fit the site"
    assert market.decisions == ["held", "held"]


def owners(ground: Ground, root: User, customer_a: Customer, customer_b: Customer) -> dict[str, list[int]]:
    """Of the first five machines two are held for 30 minutes, two run; the last two are curtailed; ours hold for 10."""
    found = {
        "hold": belong(ground, slice(0, 2), customer_a, root), "run": belong(ground, slice(2, 4), customer_b, root),
        "ours": [ground.miners[4].pk],
    }  # fmt: skip
    agree(ground, customer_a, root, on_stale="hold", on_stale_max_minutes=30)
    agree(ground, customer_b, root, on_stale="run", on_stale_max_minutes=30)
    return found


def on(ground: Ground, ids: list[int]) -> set[bool]:
    return {ground.farm.machines[str(pk)].on for pk in ids}


def test_while_data_are_stale_each_machine_does_what_its_terms_say(
    ground: Ground, root: User, alice_of_staff: User, customer_a: Customer, customer_b: Customer
) -> None:
    theirs = owners(ground, root, customer_a, customer_b)
    stand_by(ground, root, alice_of_staff)
    market = a_rule(ground, own_safe_minutes=10, stale_after_minutes=20)
    market.quarter(105, 105, ticks=3)
    assert ground.farm.off == 5
    market.quarter(None, ticks=3)  # 18 minutes after the last value: not stale yet
    market.look()
    assert ground.farm.off == 5
    ground.tick(180)
    market.look()  # 21 minutes after it
    ground.ticks(2)
    assert (on(ground, theirs["hold"]), on(ground, theirs["run"]), on(ground, theirs["ours"])) == (
        {False},
        {True},
        {False},
    )
    ground.ticks(8)  # our own time is over after 10 minutes
    assert (on(ground, theirs["hold"]), on(ground, theirs["ours"])) == ({False}, {True})
    market.look()
    ground.ticks(20)
    assert ground.farm.off == 0  # everybody's time is over, though the plan has an hour left
    assert market.decisions == ["wanted", "held"]
    (finding,) = stale_inputs(ground.now)
    assert finding.text.startswith(
        "The newest interval ended at 2026-11-20 10:00 UTC. Machines do what their terms say"
    )


def test_when_good_data_return_the_plan_goes_on_or_ends(
    ground: Ground, root: User, alice_of_staff: User, customer_a: Customer, customer_b: Customer
) -> None:
    owners(ground, root, customer_a, customer_b)
    stand_by(ground, root, alice_of_staff)
    market = a_rule(ground, own_safe_minutes=15, stale_after_minutes=20)
    market.quarter(105, 105, ticks=3)
    market.quarter(None, None, ticks=2)
    assert ground.farm.off == 3
    market.quarter(90, ticks=3)  # dear enough to stay off
    assert (ground.farm.off, market.decisions) == (5, ["wanted", "held", "trusted"])
    market.quarter(None, None, ticks=2)
    assert ground.farm.off == 3
    market.quarter(70, ticks=2)  # good again, and cheap: nobody is switched off once more
    assert ground.farm.off == 2
    market.quarter(70, ticks=4)
    assert (ground.farm.off, market.plans) == (0, [PlanStatus.RECOVERED])
    assert list(stale_inputs(ground.now)) == []


def test_machines_whose_terms_want_them_off_go_off_while_nobody_knows(
    ground: Ground, root: User, alice_of_staff: User, customer_a: Customer
) -> None:
    stand_by(ground, root, alice_of_staff)
    theirs = belong(ground, slice(18, 20), customer_a, root)
    agree(ground, customer_a, root, on_stale="curtail", on_stale_max_minutes=40)
    market = a_rule(ground, stale_after_minutes=20)
    market.quarter(50, None, ticks=1)
    assert ground.farm.off == 0
    market.quarter(None, ticks=4)
    assert (ground.farm.off, on(ground, theirs)) == (2, {False})
    plan = CurtailmentPlan.objects.get()
    assert (plan.safe_states, plan.goal_kw, plan.ends_at) == (
        ["curtail"],
        KW * 2,
        plan.stale_since + timedelta(minutes=40),
    )
    market.quarter(50, ticks=4)
    assert (ground.farm.off, market.plans) == (0, [PlanStatus.RECOVERED])
    assert market.decisions == ["held", "wanted", "trusted", "ended"]


def test_a_jump_holds_what_is_off_and_adds_nothing(ground: Ground, root: User, alice_of_staff: User) -> None:
    stand_by(ground, root, alice_of_staff)
    market = a_rule(ground)
    market.quarter(105, 105, ticks=3)
    ground.farm.machines[str(ground.miners[0].pk)].on = True
    market.quarter(900, ticks=1)
    assert ground.farm.off == 4 or ground.farm.machines[str(ground.miners[0].pk)].told.count("pause") > 1
    assert set(CurtailmentPlan.objects.get().miners.filter(wanted_until=None)) == set()
    market.quarter(105, ticks=3)
    assert ground.farm.off == 5


def test_a_plan_that_waited_is_not_approved_while_its_data_are_bad(
    ground: Ground, root: User, alice_of_staff: User
) -> None:
    """Whether the rule has looked since or not; with good data it can be approved again."""
    market = a_rule(ground, stale_after_minutes=20)
    market.quarter(105, 105)
    waiting = CurtailmentPlan.objects.get()
    ground.now += timedelta(minutes=21)
    for looks in (False, True):
        if looks:
            market.look()
        with pytest.raises(PlanRefused, match=r"Dear hours: the data are too old\. The newest") as told:
            plans.approve_plan(waiting, by=root, at=ground.now)
        assert told.value.code == "data_doubtful"
    assert waiting.approvals.count() == 0
    ground.ticks(2)
    assert ground.farm.off == 0
    market.quarter(105, 105)
    plans.approve_plan(waiting, by=root, at=ground.now)
    ground.ticks(3)
    assert ground.farm.off == 5


@pytest.mark.parametrize("fault", ["jump", "unit"])
def test_what_contradicts_what_is_known_is_not_approved_either(ground: Ground, root: User, fault: str) -> None:
    market = a_rule(ground)
    market.quarter(105, 105)
    waiting = CurtailmentPlan.objects.get()
    if fault == "jump":
        market.quarter(900)
    else:
        PriceSeries.objects.filter(pk=market.series.pk).update(currency="EUR")
        market.rule = fresh(market.rule)
        market.quarter(105)
    told = {"jump": "far above what is usual", "unit": "currency or unit do not fit"}[fault]
    with pytest.raises(PlanRefused, match=told):
        plans.approve_plan(waiting, by=root, at=ground.now)
    assert waiting.reload().status == PlanStatus.PENDING


def test_what_the_terms_want_while_nobody_knows_is_approved(ground: Ground, root: User, customer_a: Customer) -> None:
    belong(ground, slice(18, 20), customer_a, root)
    agree(ground, customer_a, root, on_stale="curtail", on_stale_max_minutes=40)
    market = a_rule(ground, stale_after_minutes=20)
    market.quarter(50, None, None)
    waiting = CurtailmentPlan.objects.get()
    plans.approve_plan(waiting, by=root, at=ground.now)
    ground.ticks(3)
    assert ground.farm.off == 2


def test_a_first_approval_is_no_second_one_once_the_data_are_bad(
    ground: Ground, root: User, alice_of_staff: User
) -> None:
    market = a_rule(ground, goal_kw=KW * 10, stale_after_minutes=20)
    market.quarter(105, 105)
    waiting = CurtailmentPlan.objects.get()
    plans.approve_plan(waiting, by=root, at=ground.now)
    market.quarter(None, None)
    with pytest.raises(PlanRefused, match="too old"):
        plans.approve_plan(waiting, by=alice_of_staff, at=ground.now)
