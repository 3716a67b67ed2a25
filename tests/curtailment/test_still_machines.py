"""Machines that stand still or are silent: no load, no target, no candidate; and what they mean when they come back."""

import random
from collections.abc import Iterable
from datetime import date, time, timedelta
from decimal import Decimal
from typing import Any

import pytest

from accounts.models import User
from curtailment.domain import plans, watching
from curtailment.domain.beside import off_beside
from curtailment.domain.draws import load_kw
from curtailment.domain.planning import PlanRefused, Preview, Wish, candidates_of, preview
from curtailment.enums import PlanStatus
from curtailment.models import ControlledMachine, CurtailmentPlan, MachineOrder, SiteControl, StandingApproval
from hosting.domain.health import pass_health
from hosting.enums import MinerHealth, TelemetryState
from hosting.models import Miner, MinerLatest, Site
from intelligence.domain.schedule_fleet import Steps, machines_of
from tests.curtailment.site import WATTS, Ground, make_ground
from tests.factories import NOW
from tests.marketdata.scenes import a_day_to_close

pytestmark = pytest.mark.django_db
KW = Decimal(WATTS) / 1000
STILL = "stand still, or give no answer"


def read(
    ground: Ground, miners: Iterable[Miner], state: TelemetryState, *, minutes: float = 1, answered: float | None = None
) -> None:
    """What was read of machines so many minutes ago; ``answered``: minutes since the last answer, where it is older."""
    mines, when = state == TelemetryState.MINING, ground.now - timedelta(minutes=minutes)
    heard = when if answered is None else ground.now - timedelta(minutes=answered)
    for one in miners:
        silent = state == TelemetryState.UNREACHABLE
        MinerLatest.objects.update_or_create(
            miner=one,
            defaults={
                "recorded_at": when, "received_at": when, "answered_at": heard, "state": state,
                "power_w": None if silent else WATTS if mines else 15,
                "hashrate_ths": None if silent else 100 if mines else 0,
            },
        )  # fmt: skip
        ground.farm.machines[str(one.pk)].on = mines
        ground.farm.machines[str(one.pk)].silent = silent


def half(ground: Ground, state: TelemetryState = TelemetryState.IDLE) -> list[Miner]:
    """Every other machine stands, the rest runs, read a minute ago."""
    still = ground.miners[1::2]
    read(ground, ground.miners[::2], TelemetryState.MINING)
    read(ground, still, state)
    return still


def plan_of(ground: Ground, by: User | None, machines: Decimal | int, **fields: Any) -> CurtailmentPlan:
    """A plan that waits."""
    given: dict[str, Any] = {
        "cause": "grid", "reason": "called", "goal": "by", "goal_kw": KW * machines, "selection": "efficiency",
        "starts_at": ground.now, "ends_at": ground.now + timedelta(minutes=30),
    }  # fmt: skip
    return plans.create_plan(site=ground.site, by=by, at=ground.now, **{**given, **fields})


def seen_of(ground: Ground, plan: CurtailmentPlan) -> Preview:
    """Its dry run."""
    return preview(plans.wish_of(plan), at=ground.now)


def load(ground: Ground) -> Decimal:
    """What the machines really draw."""
    return KW * sum(fake.on and not fake.silent for fake in ground.farm.machines.values())


def left_out(seen: Preview) -> int:
    """How many stand, by the dry run."""
    return dict(seen.excluded).get(STILL, 0)


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


# --- who comes back -------------------------------------------------------------------------------------------------
def test_a_machine_that_runs_again_is_taken_off_where_a_load_was_promised(
    ground: Ground, root: User, alice_of_staff: User
) -> None:
    """Reduce to 28 kW: eight machines. Whoever comes back raises the load above it, and goes off itself."""
    still = half(ground)
    plan = plans.approve_plan(plan_of(ground, root, 8, goal="to"), by=alice_of_staff, at=ground.now)
    assert (plan.target_kw, plan.base_kw) == (KW * 2, KW * 10)
    ground.ticks(3)
    assert (plan.reload().status, load(ground)) == (PlanStatus.EXECUTED, KW * 8)
    off_before = {key for key, fake in ground.farm.machines.items() if not fake.on}
    for one in still[:3]:
        ground.farm.machines[str(one.pk)].on = True
    ground.ticks(2)
    assert load(ground) == KW * 8
    assert {key for key, fake in ground.farm.machines.items() if not fake.on} == off_before, "nobody else went off"
    assert plan.reload().measured_kw == KW * 5
    ground.ticks(35)
    assert (plan.reload().status, load(ground)) == (PlanStatus.RECOVERED, KW * 13)
    dead = {str(one.pk) for one in still[3:]}
    assert not any(ground.farm.machines[key].told for key in dead), "who never ran was never told anything"
    assert not ControlledMachine.objects.filter(touched=True).exists()


def test_a_plan_by_so_much_leaves_who_comes_back_alone(ground: Ground, root: User, alice_of_staff: User) -> None:
    still = half(ground)
    plan = plans.approve_plan(plan_of(ground, root, 4), by=alice_of_staff, at=ground.now)
    ground.ticks(3)
    for one in still:
        ground.farm.machines[str(one.pk)].on = True
    ground.ticks(3)
    assert (plan.reload().measured_kw, load(ground)) == (KW * 4, KW * 16)


def test_who_comes_back_helps_a_plan_that_is_short(ground: Ground, root: User, alice_of_staff: User) -> None:
    still = half(ground)
    plan = plans.approve_plan(plan_of(ground, root, 13), by=alice_of_staff, at=ground.now)
    ground.ticks(4)
    assert (plan.reload().status, load(ground)) == (PlanStatus.EXECUTING, 0)
    for one in still[:5]:
        ground.farm.machines[str(one.pk)].on = True
    ground.ticks(3)
    assert (plan.reload().status, plan.measured_kw, load(ground)) == (PlanStatus.EXECUTED, KW * 13, KW * 2)


def test_a_class_that_is_off_takes_in_who_comes_back(ground: Ground, root: User, alice_of_staff: User) -> None:
    still = half(ground)
    ids = [one.pk for one in ground.miners[:10]]
    plan = plan_of(ground, root, 5, cause="schedule", only_miners=ids)  # by what its five that run draw
    plans.approve_plan(plan, by=alice_of_staff, at=ground.now)
    ground.ticks(2)
    assert load(ground) == KW * 5
    for one in still:  # five of the class, five others
        ground.farm.machines[str(one.pk)].on = True
    ground.ticks(2)
    assert (load(ground), plan.reload().status) == (KW * 10, PlanStatus.EXECUTED)
    assert off_beside(plan_of(ground, root, 1)).less_w.keys() == {one.pk for one in ground.miners[:10:2]}
    part = plan_of(ground, None, 2, cause="schedule", only_miners=ids)
    assert seen_of(ground, part).still == ()


def test_one_person_s_plan_grows_no_further_than_one_person_may(ground: Ground, root: User) -> None:
    """Five of ten that run are 25 % of the site; a sixth would still do, of the five that come back."""
    still = half(ground)
    Miner.objects.filter(pk__in=[one.pk for one in ground.miners]).update(nameplate_w=WATTS)
    plan = plans.approve_plan(plan_of(ground, root, 5, goal="to"), by=root, at=ground.now)
    assert (plan.needs_two, plan.share_percent) == (False, 25)
    ground.ticks(2)
    for one in still[:5]:
        ground.farm.machines[str(one.pk)].on = True
    ground.ticks(3)
    assert (ground.farm.off - 5, load(ground)) == (6, KW * 9)


@pytest.mark.parametrize(("another", "off"), [(False, 7), (True, 6)])
def test_a_standing_approval_is_not_exceeded_by_who_comes_back(
    ground: Ground, root: User, alice_of_staff: User, another: bool, off: int
) -> None:
    """Signed for 25 kW, that is seven machines: five for the first plan and two that come back.

    With another plan for one more, that one counts; it is off for both, so that one that comes back needs no other.
    """
    still = half(ground)
    row = StandingApproval.objects.create(
        site=ground.site, cause="dispatch", most_kw=25, time_from=time(0), time_to=time(0), valid_from=date(2020, 1, 1),
        valid_until=date(2035, 1, 1),
    )  # fmt: skip
    for who in (root, alice_of_staff):
        plans.sign_standing(row, by=who, at=ground.now)
    first = plan_of(ground, None, 5, goal="to", cause="dispatch")
    assert plans.approve_by_standing(first, at=ground.now) is not None
    if another:
        second = plan_of(ground, None, 1, cause="dispatch", only_miners=[ground.miners[18].pk])
        assert plans.approve_by_standing(second, at=ground.now) is not None
    ground.ticks(3)
    assert load(ground) == KW * (4 if another else 5)
    for one in still[:5]:
        ground.farm.machines[str(one.pk)].on = True
    ground.ticks(4)
    assert (ControlledMachine.objects.filter(touched=True).count(), load(ground)) == (off, KW * (15 - off))


def test_an_emergency_at_a_site_nobody_hears_of_is_kept_and_done(ground: Ground, root: User) -> None:
    """The network is down, the machines are not: each goes off as soon as it is heard."""
    read(ground, ground.miners, TelemetryState.UNREACHABLE, answered=60)
    pass_health(at=ground.now)
    with pytest.raises(PlanRefused, match="nothing to reduce"):
        seen_of(ground, plan_of(ground, root, 0, goal="to", goal_kw=1))
    plan = plans.emergency_curtail(ground.site, reason="fire", by=root, at=ground.now)
    assert (plan.target_kw, plan.miners.count()) == (KW * 20, 20)
    ground.ticks(2)
    for one in ground.miners[:12]:
        ground.farm.machines[str(one.pk)].silent = False
        ground.farm.machines[str(one.pk)].on = True
    ground.ticks(2)
    assert (load(ground), MachineOrder.objects.filter(action="pause").count()) == (0, 12)


def test_an_emergency_takes_in_who_comes_back(ground: Ground, root: User) -> None:
    still = half(ground, TelemetryState.UNREACHABLE)
    MinerLatest.objects.filter(miner__in=still).update(answered_at=ground.now - timedelta(hours=1))
    pass_health(at=ground.now)
    plan = plans.emergency_curtail(ground.site, reason="fire", by=root, at=ground.now)
    ground.ticks(2)
    assert plan.reload().status == PlanStatus.EXECUTED
    for one in still:
        ground.farm.machines[str(one.pk)].silent = False
        ground.farm.machines[str(one.pk)].on = True
    ground.ticks(2)
    assert load(ground) == 0


@pytest.mark.parametrize("seed", range(4))
def test_a_promised_load_is_kept_whoever_dies_and_comes_back(root: User, alice_of_staff: User, seed: int) -> None:
    """Reckoned without the product: two steps after anything changed, the site draws what was promised or less, no
    machine more than needed is off, nobody was told anything who did not run, and afterwards all run that ran."""
    dice = random.Random(seed)
    ground = make_ground(root, NOW, count=24)
    SiteControl.objects.create(site=ground.site, min_off_minutes=0, min_on_minutes=0)
    read(ground, ground.miners, TelemetryState.MINING)
    still = dice.sample(ground.miners, dice.randrange(4, 16))
    read(ground, still, dice.choice([TelemetryState.IDLE, TelemetryState.PAUSED]))
    running = 24 - len(still)
    promised = dice.randrange(0, running)
    plan = plan_of(ground, root, promised, goal="to", ends_at=ground.now + timedelta(minutes=15))
    plans.approve_plan(plan, by=alice_of_staff, at=ground.now)
    ran: set[str] = {key for key, fake in ground.farm.machines.items() if fake.on}
    rest = [ground.farm.machines[str(one.pk)] for one in dice.sample(still, len(still))]
    ground.ticks(3)
    for _ in range(5):
        for fake in [rest.pop() for _n in range(min(len(rest), dice.randrange(3)))]:
            fake.on = True
        ran |= {key for key, fake in ground.farm.machines.items() if fake.on}
        ground.ticks(2)
        on = sum(fake.on for fake in ground.farm.machines.values())
        assert on == min(promised, len(ran)), f"{on} of {len(ran)} run, {promised} were promised"
    assert all(key in ran for key, fake in ground.farm.machines.items() if fake.told)
    ground.ticks(8)
    assert {key for key, fake in ground.farm.machines.items() if fake.on} == ran
    assert plan.reload().status == PlanStatus.RECOVERED


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
