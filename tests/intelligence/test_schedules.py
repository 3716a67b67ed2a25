"""A day of a site: planned from the database, replaced as a whole, refused or in the safe state for what lacks."""

import sys
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from django.db import DatabaseError, transaction

from accounts.models import User
from curtailment.domain.plans import approve_plan, create_plan
from curtailment.models import SiteControl
from hashinsight.events.models import OutboxEvent
from hosting.domain import places
from intelligence.domain.schedule_watch import unplanned_days
from intelligence.domain.scheduling import ScheduleRefused, plan_day
from intelligence.engine.optimiser.highs import Child
from intelligence.enums import AnswerLabel, RunStatus, ScheduleAction
from intelligence.models import ScheduleEntry, ScheduleRun
from marketdata.models import NetworkSnapshot
from tests import factories
from tests.curtailment.site import Ground
from tests.intelligence.schedule_world import (
    CHEAP,
    DEAR,
    evening,
    ground_with_market,
    market,
    off_by_hour,
    prices,
    set_up,
)

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.fixture
def ground(root: User, now: datetime) -> Ground:
    made, series = ground_with_market(root, now)
    prices(series, tomorrow(now), evening, at=now)
    return made


def tomorrow(now: datetime) -> date:
    return (now + timedelta(days=1)).date()


def test_a_day_is_planned_from_what_the_database_knows(ground: Ground, now: datetime) -> None:
    set_up(ground.site)
    run = plan_day(ground.site, tomorrow(now), at=now)
    assert run.label == AnswerLabel.OPTIMAL
    assert off_by_hour(run) == {17: 20, 18: 20, 19: 20}
    assert run.entries.count() == 24 * run.classes.count()
    assert run.profit == pytest.approx(sum(run.entries.values_list("expected_profit", flat=True)), abs=Decimal("0.001"))
    assert run.profit == run.strike_profit
    assert run.always_on_profit is not None
    assert run.profit is not None
    assert run.profit > run.always_on_profit
    event = OutboxEvent.objects.get(kind="ops.schedule_created")
    assert event.payload["schedule_id"] == str(run.public_id)
    assert {one.machines for one in run.classes.all()} == {5}
    assert {one.name for one in run.classes.all()} == {
        "Thirsty, Hall 0",
        "Thirsty, Hall 1",
        "Thrifty, Hall 0",
        "Thrifty, Hall 1",
    }


def test_the_profit_is_that_of_the_figures_kept(ground: Ground, now: datetime) -> None:
    set_up(ground.site, adder_per_kwh=Decimal("0.01"), loss_percent=Decimal(4), pool_fee_percent=Decimal(2))
    run = plan_day(ground.site, tomorrow(now), at=now)
    by_hand = 0.0
    for one in run.classes.all():
        rows = run.entries.filter(place=one.place).order_by("starts_at")
        for step, entry in enumerate(rows):
            cost = run.inputs["price"][step] + run.inputs["adders"][step]
            earned = float(one.hashrate_ths) * run.inputs["revenue"][step] - one.power_w / 1000 * cost
            by_hand += entry.machines_on * earned
    assert float(run.profit) == pytest.approx(by_hand, abs=1e-4)
    assert run.inputs["price"][0] == pytest.approx(0.04 / 0.96)


def test_a_new_run_takes_the_place_of_the_old_one(ground: Ground, now: datetime) -> None:
    set_up(ground.site)
    first = plan_day(ground.site, tomorrow(now), at=now)
    second = plan_day(ground.site, tomorrow(now), at=now + timedelta(minutes=5))
    first.refresh_from_db()
    assert first.status == RunStatus.REPLACED
    assert set(first.entries.values_list("status", flat=True)) == {"replaced"}
    assert list(ScheduleRun.objects.current()) == [second]
    assert set(second.entries.values_list("status", flat=True)) == {"planned"}


def test_a_failure_in_the_middle_leaves_the_old_run(
    ground: Ground, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_up(ground.site)
    first = plan_day(ground.site, tomorrow(now), at=now)

    def broken(*_args: Any, **_kwargs: Any) -> None:
        raise RuntimeError("the disk is full")

    monkeypatch.setattr(ScheduleEntry.objects, "bulk_create", broken)
    with pytest.raises(RuntimeError):
        plan_day(ground.site, tomorrow(now), at=now + timedelta(minutes=5))
    first.refresh_from_db()
    assert first.status == RunStatus.PROPOSED
    assert ScheduleRun.objects.count() == 1


@pytest.mark.parametrize(
    ("on", "zone", "minutes", "steps"),
    [
        (date(2026, 3, 29), "Europe/London", 30, 46),
        (date(2026, 10, 25), "Europe/London", 30, 50),
        (date(2026, 3, 8), "America/Chicago", 60, 23),
        (date(2026, 11, 1), "America/Chicago", 60, 25),
    ],
)
def test_days_on_which_clocks_change(root: User, on: date, zone: str, minutes: int, steps: int) -> None:
    at = datetime.combine(on - timedelta(days=1), datetime.min.time()).replace(hour=12, tzinfo=NOON.tzinfo)
    ground, series = ground_with_market(root, at)
    type(ground.site).objects.filter(pk=ground.site.pk).update(time_zone=zone)
    ground.site.refresh_from_db()
    type(series).objects.filter(pk=series.pk).update(time_zone=zone)
    series.refresh_from_db()
    prices(series, on, evening, at=at)
    set_up(ground.site, step_minutes=minutes)
    run = plan_day(ground.site, on, at=at)
    assert run.label == AnswerLabel.OPTIMAL
    assert run.entries.filter(place=0).count() == steps
    assert off_by_hour(run) == dict.fromkeys((17, 18, 19), 20 * 60 // minutes)


def test_a_missing_price_leads_to_the_safe_state_and_says_so(root: User, now: datetime) -> None:
    ground, series = ground_with_market(root, now)
    set_up(ground.site, on_stale="curtail", on_stale_max_minutes=120)
    prices(series, tomorrow(now), lambda hour: None if hour == 9 else CHEAP, at=now)
    run = plan_day(ground.site, tomorrow(now), at=now)
    assert run.label == AnswerLabel.SAFE_STATE
    assert off_by_hour(run) == {9: 20, 10: 20}
    assert run.profit is None
    assert "1 of 24 prices are not known" in run.note


def test_without_a_market_of_bitcoin_the_safe_state_holds(root: User, now: datetime) -> None:
    ground, series = ground_with_market(root, now)
    prices(series, tomorrow(now), evening, at=now)
    set_up(ground.site)
    run = plan_day(ground.site, tomorrow(now), at=now + timedelta(hours=23, minutes=50))
    assert run.label == AnswerLabel.OPTIMAL
    late = plan_day(ground.site, tomorrow(now), at=now + timedelta(hours=24))
    assert "the last good market data are of 2026-11-20 09:26 UTC" in late.note
    NetworkSnapshot.objects.all().delete()
    run = plan_day(ground.site, tomorrow(now), at=now)
    assert run.label == AnswerLabel.SAFE_STATE
    assert "no good market data" in run.note
    assert off_by_hour(run) == {}


def test_what_was_planned_stays_and_a_schedule_moves_along_its_arrows(ground: Ground, now: datetime) -> None:
    """By any path: what is replaced or completed is not taken up again."""
    set_up(ground.site)
    first = plan_day(ground.site, tomorrow(now), at=now)
    row = ScheduleRun.objects.filter(pk=first.pk)
    for change in ({"profit": 1}, {"inputs": {}}, {"label": "fallback"}, {"known_at": now - timedelta(days=1)}):
        with pytest.raises(DatabaseError, match="stays as it was planned"), transaction.atomic():
            row.update(**change)
    plan_day(ground.site, tomorrow(now), at=now)
    with pytest.raises(DatabaseError, match="cannot go from replaced to applied"), transaction.atomic():
        row.update(status="applied")
    with pytest.raises(DatabaseError, match="is replaced"), transaction.atomic():
        row.update(actual_profit=5)


def test_a_solver_that_dies_leads_to_the_best_strike_price_labelled_and_told(
    ground: Ground, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_up(ground.site, demand_charge_per_kw=Decimal(1), start_cost=Decimal("0.3"))
    dead = partial(Child, command=(sys.executable, "-c", "raise SystemExit(9)"))
    monkeypatch.setattr(sys.modules["intelligence.engine.optimiser.optimise"], "Child", dead)
    run = plan_day(ground.site, tomorrow(now), at=now)
    assert run.label == AnswerLabel.FALLBACK
    assert run.note == "the solver died"
    assert run.profit == run.strike_profit
    assert run.entries.count() == 96
    [finding] = unplanned_days(now)
    assert "fallback" in finding.title


def test_a_ramp_that_cannot_keep_a_promise_is_refused_in_words(ground: Ground, now: datetime, root: User) -> None:
    set_up(ground.site)
    SiteControl.objects.filter(site=ground.site).update(ramp_down_kw=Decimal("0.05"))
    begin = datetime.combine(tomorrow(now), datetime.min.time(), UTC) + timedelta(hours=1)
    plan = create_plan(
        site=ground.site, by=root, at=now, cause="grid", reason="r", goal="by", goal_kw=Decimal(21),
        selection="efficiency", starts_at=begin, ends_at=begin + timedelta(hours=1),
    )  # fmt: skip
    approve_plan(plan, by=factories.UserFactory(is_staff=True), at=now)
    run = plan_day(ground.site, tomorrow(now), at=now)
    assert run.label == AnswerLabel.REFUSED
    assert f"commitment {plan} at 2026-11-21 01:00 UTC allows 49.000 kW, but from 70.000 kW the ramp" in run.note
    [finding] = unplanned_days(now)
    assert finding.text == run.note


def test_a_site_without_machines_is_refused_in_words(root: User, now: datetime) -> None:
    site = places.create_site(name="Empty", time_zone="UTC", capacity_kw=Decimal(10), currency="USD", at=now)
    market(site)
    run = plan_day(site, tomorrow(now), at=now)
    assert run.label == AnswerLabel.REFUSED
    assert run.note == "No machine runs at Empty."
    assert run.entries.count() == 0


def test_a_day_that_is_over_or_far_away_is_refused(ground: Ground, now: datetime) -> None:
    for on in (tomorrow(now) - timedelta(days=2), tomorrow(now) + timedelta(days=2)):
        with pytest.raises(ScheduleRefused):
            plan_day(ground.site, on, at=now)
    assert not ScheduleRun.objects.exists()


def test_today_is_planned_from_the_next_step_on(root: User, now: datetime) -> None:
    ground, series = ground_with_market(root, now)
    prices(series, now.date(), evening, at=now)
    set_up(ground.site)
    run = plan_day(ground.site, now.date(), at=now)
    assert run.starts_at == now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    assert run.entries.filter(place=0).count() == 24 - now.hour - 1


def test_actions_are_one_word(ground: Ground, now: datetime) -> None:
    set_up(ground.site)
    run = plan_day(ground.site, tomorrow(now), at=now)
    dear = run.entries.filter(machines_off__gt=0)
    assert set(dear.values_list("action", flat=True)) == {ScheduleAction.SHUTDOWN}
    assert DEAR > CHEAP
