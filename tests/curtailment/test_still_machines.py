"""Machines that stand still or are silent: no load, no target, no candidate, no money."""

from datetime import timedelta
from decimal import Decimal

import pytest

from accounts.models import User
from curtailment.domain import plans, watching
from curtailment.domain.draws import load_kw
from curtailment.domain.planning import PlanRefused, Wish, candidates_of
from curtailment.enums import PlanStatus
from curtailment.models import ControlledMachine, SiteControl
from hosting.domain.health import pass_health
from hosting.enums import MinerHealth, TelemetryState
from hosting.models import Miner, MinerLatest, Site
from intelligence.domain.schedule_fleet import Steps, machines_of
from tests.curtailment.site import WATTS, Ground, make_ground
from tests.curtailment.still import KW, half, left_out, load, plan_of, read, seen_of
from tests.factories import NOW
from tests.marketdata.scenes import a_day_to_close

pytestmark = pytest.mark.django_db


# --- what is known, worked by hand ----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("state", "minutes", "answered", "health", "stands"),
    [
        (TelemetryState.MINING, 1, None, MinerHealth.OK, False),
        (TelemetryState.STARTING, 1, None, MinerHealth.OK, False),
        (TelemetryState.IDLE, 1, None, MinerHealth.OK, True),  # fresh; its health waits ten minutes
        (TelemetryState.PAUSED, 12, None, MinerHealth.DEGRADED, True),  # read every five minutes: 12.5 are patience
        (TelemetryState.FAULT, 9, None, MinerHealth.DEGRADED, True),
        (TelemetryState.IDLE, 14, None, MinerHealth.STALE, False),  # nobody has looked since
        (TelemetryState.MINING, 11, None, MinerHealth.OK, False),  # the collector lags
        (TelemetryState.MINING, 60 * 30, None, MinerHealth.STALE, False),  # the collector is dead, not the site
        (TelemetryState.MINING, 60 * 30, None, MinerHealth.UNKNOWN, True),  # all around it are read, it is not
        (TelemetryState.UNREACHABLE, 1, 6, MinerHealth.OK, False),  # one question without an answer
        (TelemetryState.UNREACHABLE, 1, 13, MinerHealth.OFFLINE, True),
        (TelemetryState.UNREACHABLE, 1, 60 * 50, MinerHealth.LOST, True),
        (TelemetryState.UNREACHABLE, 30, 60, MinerHealth.STALE, False),
    ],
)
def test_who_stands(
    ground: Ground, state: TelemetryState, minutes: float, answered: float | None, health: str, stands: bool
) -> None:
    one = ground.miners[0]
    read(ground, ground.miners, TelemetryState.MINING)
    read(ground, [one], state, minutes=minutes, answered=answered)
    Miner.objects.filter(pk=one.pk).update(health=health)
    wish = Wish(ground.site, "by", KW, "efficiency", ground.now, ground.now + timedelta(hours=1))
    found = candidates_of(wish, at=ground.now)
    assert (one.pk in {each.key for each in found.still}, found.base_w) == (stands, WATTS * (19 if stands else 20))
    assert (one.pk in {each.key for each in found.candidates}) is not stands


def test_health_as_the_product_itself_judges_it_is_what_counts(ground: Ground) -> None:
    """Four of twenty: dead for an hour, dead for days, silent for a moment, and behind a collector that stopped."""
    read(ground, ground.miners, TelemetryState.MINING)
    dead, lost, moment, unread = ground.miners[:4]
    read(ground, [dead], TelemetryState.UNREACHABLE, answered=60)
    read(ground, [lost], TelemetryState.UNREACHABLE, answered=60 * 72)
    read(ground, [moment], TelemetryState.UNREACHABLE, answered=3)
    read(ground, [unread], TelemetryState.MINING, minutes=40)
    pass_health(at=ground.now)
    wish = Wish(ground.site, "by", KW, "efficiency", ground.now, ground.now + timedelta(hours=1))
    assert {one.key for one in candidates_of(wish, at=ground.now).still} == {dead.pk, lost.pk}


def test_who_was_never_read_is_taken_to_run(ground: Ground, root: User) -> None:
    seen = seen_of(ground, plan_of(ground, root, 2))
    assert (seen.base_kw, left_out(seen)) == (KW * 20, 0)


# --- the dry run and its money --------------------------------------------------------------------------------------
def test_still_machines_are_no_load_no_target_and_no_candidates(ground: Ground, root: User) -> None:
    a_day_to_close(root)
    still = half(ground)
    seen = seen_of(ground, plan_of(ground, root, 8, goal="to"))
    assert (seen.base_kw, seen.target_kw, seen.off_kw, left_out(seen)) == (KW * 10, KW * 2, KW * 2, 10)
    assert not {one.key for one in seen.chosen.order} & {one.pk for one in still}
    assert seen.avoided == KW * 2 / 2 * Decimal("0.05")
    btc = seen.worth.btc_per_ths_hour
    assert btc is not None
    assert seen.forgone_btc == btc * 200 / 2
    with pytest.raises(PlanRefused, match=r"draws 35\.000 kW now: there is nothing to reduce"):
        seen_of(ground, plan_of(ground, root, 10, goal="to"))


def test_a_dead_hall_does_not_use_up_the_reserve(root: User, alice_of_staff: User) -> None:
    """Twenty of the thirstiest are dead: the plan takes the living, and three that do not obey are replaced."""
    ground = make_ground(root, NOW, count=50)
    SiteControl.objects.create(site=ground.site, min_off_minutes=0, min_on_minutes=0, ramp_down_kw=1000)
    read(ground, ground.miners, TelemetryState.MINING)
    read(ground, ground.miners[:20], TelemetryState.UNREACHABLE, answered=60 * 72)
    pass_health(at=ground.now)
    plan = plans.approve_plan(plan_of(ground, root, 10), by=alice_of_staff, at=ground.now)
    first = list(plan.miners.order_by("shutdown_order").values_list("miner_id", flat=True))
    assert not set(first) & {one.pk for one in ground.miners[:20]}
    for pk in first[:3]:
        ground.farm.machines[str(pk)].deaf = True
    ground.ticks(6)
    assert (plan.reload().status, load(ground)) == (PlanStatus.EXECUTED, KW * 20)


@pytest.mark.parametrize("silent", [2, 30])
def test_a_plan_of_a_whole_class_is_executed_when_all_that_run_are_off(
    root: User, alice_of_staff: User, silent: int
) -> None:
    """As a schedule or a break-even rule makes it; by the printed power of all, or more than any of them draws now."""
    ground = make_ground(root, NOW, count=50)
    SiteControl.objects.create(site=ground.site, min_off_minutes=0, min_on_minutes=0, ramp_down_kw=1000)
    read(ground, ground.miners, TelemetryState.MINING)
    MinerLatest.objects.update(power_w=WATTS - 200)
    read(ground, ground.miners[:silent], TelemetryState.MINING, minutes=60 * 72)  # the others a minute ago
    for one in ground.miners[:silent]:
        ground.farm.machines[str(one.pk)].silent = True
    plan = plan_of(
        ground, root, 50, cause="schedule", only_miners=[one.pk for one in ground.miners],
        ends_at=ground.now + timedelta(minutes=10),
    )  # fmt: skip
    seen = seen_of(ground, plan)
    assert (seen.off_kw, seen.target_kw, seen.reached) == ((50 - silent) * Decimal("3.3"),) * 2 + (True,)
    plans.approve_plan(plan, by=alice_of_staff, at=ground.now)
    ground.ticks(8)
    assert (plan.reload().status, list(watching.short_plans(ground.now))) == (PlanStatus.EXECUTED, [])
    ground.ticks(8)
    assert plan.reload().status == PlanStatus.RECOVERED


def test_a_plan_of_certain_machines_none_of_which_runs_is_not_approved(ground: Ground, root: User) -> None:
    still = half(ground)
    plan = plan_of(ground, root, 10, only_miners=[one.pk for one in still])
    with pytest.raises(PlanRefused, match="no machine"):
        plans.approve_plan(plan, by=root, at=ground.now)


def test_what_we_keep_off_ourselves_stays_a_candidate(ground: Ground, root: User, alice_of_staff: User) -> None:
    """It answers that it is paused; so does one that was told to run a moment ago. Both are no dead machines."""
    read(ground, ground.miners, TelemetryState.MINING)
    first = plans.approve_plan(plan_of(ground, root, 4), by=alice_of_staff, at=ground.now)
    ground.ticks(3)
    seen = seen_of(ground, plan_of(ground, root, 4))
    assert (seen.base_kw, left_out(seen), seen.chosen.needed) == (KW * 20, 0, 4)
    plans.end_plan(first, by=root, at=ground.now, reason="over")
    ground.tick()  # told to run; the newest reading is of before
    assert Miner.objects.filter(intent="active").count() == 20
    seen = seen_of(ground, plan_of(ground, root, 4))
    assert (seen.base_kw, left_out(seen)) == (KW * 20, 0)
    ControlledMachine.objects.update(touched=False)  # a device behind us has given them back before we read them
    assert left_out(seen_of(ground, plan_of(ground, root, 4))) == 0


def test_a_machine_that_died_in_our_hands_is_dead(ground: Ground, root: User, alice_of_staff: User) -> None:
    """It was off for a plan, was told to run, and has not answered since: no plan after it waits for it."""
    read(ground, ground.miners, TelemetryState.MINING)
    first = plans.approve_plan(plan_of(ground, root, 4), by=alice_of_staff, at=ground.now)
    ground.ticks(3)
    pk = first.miners.get(shutdown_order=1).miner_id
    ground.farm.machines[str(pk)].silent = True
    assert left_out(seen_of(ground, plan_of(ground, root, 4))) == 0, "as long as it is to be off"
    plans.end_plan(first, by=root, at=ground.now, reason="over")
    ground.ticks(4)
    assert left_out(seen_of(ground, plan_of(ground, root, 4))) == 0, "it may be on its way"
    ground.ticks(14)
    read(ground, [one for one in ground.miners if one.pk != pk], TelemetryState.MINING)
    pass_health(at=ground.now)
    assert first.reload().status == PlanStatus.RECOVERING
    plan = plan_of(ground, root, 15, goal="to")
    seen = seen_of(ground, plan)
    assert (seen.base_kw, seen.target_kw, left_out(seen)) == (KW * 19, KW * 4, 1)
    plans.approve_plan(plan, by=alice_of_staff, at=ground.now)
    ground.ticks(3)
    assert (plan.reload().status, load(ground)) == (PlanStatus.EXECUTED, KW * 15)


# --- the optimiser --------------------------------------------------------------------------------------------------
def test_the_optimiser_plans_who_runs(ground: Ground, root: User) -> None:
    """Who stands earns nothing, may it be switched or not; what we keep off would run."""
    still = half(ground)
    Miner.objects.filter(pk__in=[still[0].pk, ground.miners[0].pk]).update(curtailment="protected")
    steps = Steps(ground.now, ground.now + timedelta(hours=24), 60)
    found = machines_of(ground.site, steps, at=ground.now)
    assert {one.pk: one.is_free for one in found} == {one.pk: one != ground.miners[0] for one in ground.miners[::2]}
    plans.approve_plan(plan_of(ground, root, 4), by=root, at=ground.now)
    ground.ticks(3)
    found = machines_of(ground.site, Steps(ground.now, ground.now + timedelta(hours=24), 60), at=ground.now)
    assert (len(found), sum(not one.is_on for one in found)) == (10, 4)


# --- the load that calls are compared with --------------------------------------------------------------------------
def test_the_load_is_known_when_enough_was_read(ground: Ground, root: User, alice_of_staff: User) -> None:
    def now() -> Decimal | None:
        return load_kw(Site.objects.get(pk=ground.site.pk), at=ground.now)

    assert now() is None, "nobody was ever read"
    read(ground, ground.miners, TelemetryState.MINING)
    MinerLatest.objects.update(power_w=3000)
    assert now() == 60
    read(ground, ground.miners[:10], TelemetryState.IDLE)
    assert now() == 30
    read(ground, ground.miners[:1], TelemetryState.MINING, minutes=11)
    assert now() == Decimal("33.5"), "what one of twenty does not say is taken as printed"
    read(ground, ground.miners[10:11], TelemetryState.MINING, minutes=11)
    assert now() is None, "and of two it is not known"
    read(ground, ground.miners, TelemetryState.MINING)
    plans.approve_plan(plan_of(ground, root, 4), by=alice_of_staff, at=ground.now)
    ground.ticks(3)
    assert now() == KW * 20, "what we keep off ourselves counts"
    ground.now += timedelta(days=3)
    assert now() is None, "old readings say nothing"
