"""Strike rules at work: prices come in, machines go off and on, and bad data never switch anything off."""

from datetime import time, timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.core.exceptions import ValidationError

from accounts.models import User
from curtailment import tasks
from curtailment.domain.rules.evaluating import stale_inputs
from curtailment.domain.rules.keeping import change_rule, create_rule, remove_rule
from curtailment.domain.rules.strikes import LevelsBook
from curtailment.enums import PlanStatus
from curtailment.models import CurtailmentPlan, RuleExecution, StrikeRule
from hosting.models import Miner, Site
from tests.curtailment.agreed import KW, stand_by
from tests.curtailment.market import QUARTER, Market, a_rule, feed, look_at_all, make_series, mined, quiet_days
from tests.curtailment.site import Ground

pytestmark = pytest.mark.django_db
D = Decimal


@pytest.fixture
def market(ground: Ground, root: User, alice_of_staff: User) -> Market:
    stand_by(ground, root, alice_of_staff)
    return a_rule(ground)


def test_dear_hours_switch_off_and_cheap_ones_on_again(market: Market) -> None:
    market.quarter(105, ticks=1)
    assert (market.plans, market.ground.farm.off) == ([], 0)
    market.quarter(105, ticks=3)
    assert (market.plans, market.ground.farm.off) == ([PlanStatus.EXECUTED], 5)
    plan = CurtailmentPlan.objects.get()
    assert plan.source_key == f"strike:{market.rule.public_id}:{market.end.isoformat()}"
    assert (plan.cause, plan.goal_kw, plan.priority, plan.reason) == (
        "price", KW * 5, 100, "A kWh costs more than it earns.",
    )  # fmt: skip
    market.quarter(79, 90, 79, ticks=2)
    assert market.plans == [PlanStatus.EXECUTED]
    market.quarter(79, ticks=4)
    assert (market.plans, market.ground.farm.off) == ([PlanStatus.RECOVERED], 0)
    assert market.decisions == ["wanted", "ended"]
    first = RuleExecution.objects.earliest("pk")
    assert (first.inputs["price"], first.inputs["cost"], first.inputs["strike"]) == ("0.10500", "0.105000000", "0.1")
    assert (first.kind, first.rule_id, first.rule_name) == ("strike", str(market.rule.public_id), "Dear hours")


def test_a_high_price_switches_off_at_once(market: Market) -> None:
    market.quarter(151)
    assert market.plans == [PlanStatus.APPROVED]


def test_what_is_saved_beside_the_price_counts(ground: Ground) -> None:
    market = a_rule(
        ground, network_per_kwh=D("0.012"), ancillary_per_kwh=D("0.003"), losses_percent=D(5), windows_off=1
    )
    market.quarter(80)
    assert market.plans == []  # 0.084 + 0.015
    market.quarter(82)
    assert market.plans == [PlanStatus.PENDING]  # 0.0861 + 0.015


def test_looking_often_or_seldom_or_twice_at_once_is_the_same(market: Market) -> None:
    for _again in range(3):
        market.look()
    market.quarter(105)
    for minutes in range(15):
        market.look(market.now + timedelta(minutes=minutes))
    market.quarter(105)
    for _again in range(3):
        market.look()
    assert (market.plans, market.decisions) == ([PlanStatus.APPROVED], ["wanted"])


def test_after_a_pause_it_goes_on_as_if_it_had_looked(market: Market) -> None:
    """Nobody looks while two dear windows come in; what is kept is enough."""
    market.quarter(105)
    feed(market.series, [105], end=market.now + QUARTER)
    feed(market.series, [90], end=market.now + QUARTER * 2)
    market.ground.now += QUARTER * 2
    market.look()
    plan = CurtailmentPlan.objects.get()
    assert plan.source_key.endswith((market.now - QUARTER).isoformat())


def test_restated_and_late_values_change_nothing_that_was_decided(market: Market) -> None:
    market.quarter(105, 105)
    feed(market.series, [20, 20], end=market.now, at=market.now + timedelta(minutes=5))
    market.look(market.now + timedelta(minutes=6))
    market.quarter(90, None, 90)
    feed(market.series, [70], end=market.now - QUARTER, at=market.now + timedelta(minutes=1))
    market.look(market.now + timedelta(minutes=2))
    market.quarter(70)
    assert market.plans == [PlanStatus.APPROVED]
    market.quarter(70)
    assert market.plans == [PlanStatus.CANCELLED]  # approved, and nobody had switched anything


def test_a_plan_ends_after_the_longest_time_and_waits_for_cheap_hours(
    ground: Ground, root: User, alice_of_staff: User
) -> None:
    stand_by(ground, root, alice_of_staff)
    market = a_rule(ground, longest_minutes=30)
    market.quarter(105, 105, ticks=2)
    plan = CurtailmentPlan.objects.get()
    assert plan.ends_at == market.end + timedelta(minutes=30)
    market.quarter(105, 105, 105, ticks=4)
    assert (market.plans, ground.farm.off) == ([PlanStatus.RECOVERED], 0)
    market.quarter(70, 70, 105, 105)
    assert market.plans == [PlanStatus.RECOVERED, PlanStatus.APPROVED]


def test_it_acts_in_its_hours_alone(ground: Ground, root: User, alice_of_staff: User) -> None:
    """Now is a Friday, 9:30 UTC."""
    stand_by(ground, root, alice_of_staff)
    market = a_rule(ground, time_from=time(10, 30), time_to=time(11))
    market.quarter(105, 105, 105)
    assert market.plans == []
    market.quarter(105)
    plan = CurtailmentPlan.objects.get()
    assert (plan.status, plan.ends_at) == (PlanStatus.APPROVED, market.now + timedelta(minutes=30))
    assert plan.source_key.endswith(market.now.isoformat())
    market.quarter(105, ticks=3)
    market.quarter(105, ticks=3)
    assert (market.plans, ground.farm.off) == ([PlanStatus.RECOVERED], 0)


def test_break_even_of_each_model(ground: Ground, root: User, alice_of_staff: User) -> None:
    """35 J/TH and 17.5 J/TH: at twice the price of the first the second still earns."""
    mined(ground.now, hours=3)
    stand_by(ground, root, alice_of_staff)
    series = make_series("hub")
    quiet_days(series, end=ground.now)
    market = a_rule(ground, series, basis="break_even", strike=None, high_strike=None, resume_below=None, goal_kw=None,
                    windows_off=1, windows_on=1, median_times=50)  # fmt: skip
    thirsty, thrifty = (
        str(pk) for pk in Miner.objects.order_by("model_id").values_list("model_id", flat=True).distinct()
    )
    levels = LevelsBook(market.rule)
    low, high = levels.of(thirsty, ground.now), levels.of(thrifty, ground.now)
    assert low is not None
    assert high is not None
    assert low.strike * 2 == pytest.approx(high.strike)
    assert low.resume == low.strike * D("0.95")
    market.quarter(float(low.strike * 1000) + 1, ticks=3)
    assert {ground.farm.machines[str(one.pk)].on for one in ground.miners[:10]} == {False}
    assert {ground.farm.machines[str(one.pk)].on for one in ground.miners[10:]} == {True}
    (plan,) = CurtailmentPlan.objects.all()
    assert (plan.goal_kw, plan.selection, plan.reason[:8]) == (KW * 10, "margin", "Thirsty:")
    market.quarter(float(high.strike * 1000) + 1, ticks=3)
    assert ground.farm.off == 20
    market.quarter(float(high.strike * 1000) * 0.9, ticks=4)
    assert (ground.farm.off, market.plans) == (10, [PlanStatus.EXECUTED, PlanStatus.RECOVERED])
    market.quarter(float(low.strike * 1000) * 0.9, ticks=4)
    assert ground.farm.off == 0


def test_break_even_is_not_reckoned_from_an_old_market(ground: Ground, root: User, alice_of_staff: User) -> None:
    mined(ground.now - timedelta(hours=2), hours=1)
    stand_by(ground, root, alice_of_staff)
    market = a_rule(ground, basis="break_even", strike=None, high_strike=None, resume_below=None, goal_kw=None,
                    windows_off=1)  # fmt: skip
    market.quarter(150, 150)
    assert (market.plans, market.decisions) == ([], ["held"])
    assert [one.title for one in stale_inputs(ground.now)] == ["West, Dear hours: nobody knows what mining earns"]


def test_a_standing_approval_covers_all_its_plans_together(ground: Ground, root: User, alice_of_staff: User) -> None:
    stand_by(ground, root, alice_of_staff, most_kw=KW * 8)
    market = a_rule(ground)
    other = Market(ground, create_rule(
        StrikeRule, by=None, at=ground.now, name="Two", site=ground.site, series=market.series, strike=D("0.10"),
        goal_kw=KW * 4, windows_off=1,
    ))  # fmt: skip
    market.quarter(160)
    other.look()
    assert market.plans == [PlanStatus.APPROVED, PlanStatus.PENDING]


# --- people ------------------------------------------------------------------------------------------------------
def test_a_rule_that_is_changed_or_taken_away_ends_what_it_wanted(market: Market, root: User) -> None:
    market.quarter(105, 105, ticks=3)
    change_rule(market.rule, changes={"windows_on": 3}, by=root, at=market.now)
    assert market.plans == [PlanStatus.EXECUTED]
    changed = change_rule(market.rule, changes={"is_active": False}, by=root, at=market.now)
    assert (market.plans, changed.state) == ([PlanStatus.RECOVERING], {"rest": {"from": market.now.isoformat()}})
    assert look_at_all(market.now) == 0
    change_rule(market.rule, changes={"is_active": True}, by=root, at=market.now)
    market.quarter(160)
    remove_rule(market.rule, by=root, at=market.now)
    assert market.plans[1] == PlanStatus.CANCELLED
    assert RuleExecution.objects.filter(rule_id=str(market.rule.public_id)).count() == 4


def test_each_rule_looks_in_a_task_of_its_own(
    market: Market, django_capture_on_commit_callbacks: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So what is wrong with one does not keep the others; a rule that is gone is none."""
    told: list[dict[str, Any]] = []
    monkeypatch.setattr("hashinsight.jobs.queue.send", lambda name, **more: told.append({"name": name, **more}))
    market.ground.now += timedelta(minutes=15)
    feed(market.series, [160], end=market.now)
    with time_machine.travel(market.now, tick=False):
        with django_capture_on_commit_callbacks(execute=True):
            assert tasks.look_at_rules() == {"rules": 1}
        (one,) = told
        assert (one["name"], one["kwargs"]) == ("curtailment.rule", {"kind": "strike", "rule_id": market.rule.pk})
        assert tasks.look_at_rule(**one["kwargs"]) is True
        assert tasks.look_at_rule(kind="peak", rule_id=market.rule.pk) is None
    assert market.plans == [PlanStatus.APPROVED]


@pytest.mark.parametrize(
    ("changes", "field", "text"),
    [
        ({"strike": None}, "strike", "State the strike"), ({"strike": D(-1)}, "strike", "above zero"),
        ({"goal_kw": None}, "goal_kw", "how much"), ({"weekdays": []}, "weekdays", "."),
        ({"stale_after_minutes": 10}, "stale_after_minutes", "always be stale"),
        ({"resume_below": D("0.11")}, "__all__", "in this order"),
        ({"high_strike": D("0.09")}, "__all__", "in this order"),
        ({"median_times": D(1)}, "median_times", "greater"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_said(market: Market, changes: dict[str, Any], field: str, text: str, root: User) -> None:
    with pytest.raises(ValidationError) as caught:
        change_rule(market.rule, changes=changes, by=root, at=market.now)
    assert field in caught.value.message_dict
    assert text in " ".join(caught.value.message_dict[field])


def test_a_series_of_another_currency_or_unit_is_refused(ground: Ground, root: User) -> None:
    for fields, text in (
        ({"currency": "EUR"}, "in EUR"),
        ({"unit": "EUR"}, "per EUR"),
        ({"kind": "fx"}, "not a valid choice|no series"),
    ):
        with pytest.raises(ValidationError, match=text):
            a_rule(ground, make_series(f"x{len(text)}{text[-1]}".lower(), **fields))
    Site.objects.filter(pk=ground.site.pk).update(currency="EUR")
    ground.site.refresh_from_db()
    with pytest.raises(ValidationError, match="exchange rate"):
        a_rule(ground, make_series("eur", currency="EUR"), basis="break_even")
