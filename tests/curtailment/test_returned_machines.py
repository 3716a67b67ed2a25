"""Machines that stood still when a plan was approved, and run in its time: a load that was promised is kept."""

import random
from datetime import date, time, timedelta

import pytest

from accounts.models import User
from curtailment.domain import plans
from curtailment.domain.beside import off_beside
from curtailment.domain.planning import PlanRefused
from curtailment.enums import PlanStatus
from curtailment.models import ControlledMachine, MachineOrder, SiteControl, StandingApproval
from hosting.domain.health import pass_health
from hosting.enums import TelemetryState
from hosting.models import Miner, MinerLatest
from intelligence.domain.schedule_fleet import _off_at
from tests.curtailment.site import WATTS, Ground, make_ground
from tests.curtailment.still import KW, half, load, plan_of, read, seen_of
from tests.factories import NOW

pytestmark = pytest.mark.django_db


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


def test_of_a_standing_approval_the_dead_have_used_nothing(ground: Ground, root: User, alice_of_staff: User) -> None:
    """Signed for 26 kW: five machines of 3.5 leave room for two of 4.25 that come back."""
    still = half(ground)
    Miner.objects.filter(pk__in=[one.pk for one in still]).update(nameplate_w=4250)
    row = StandingApproval.objects.create(
        site=ground.site, cause="dispatch", most_kw=26, time_from=time(0), time_to=time(0), valid_from=date(2020, 1, 1),
        valid_until=date(2035, 1, 1),
    )  # fmt: skip
    for who in (root, alice_of_staff):
        plans.sign_standing(row, by=who, at=ground.now)
    assert plans.approve_by_standing(plan_of(ground, None, 5, goal="to", cause="dispatch"), at=ground.now) is not None
    ground.ticks(3)
    for one in still[:5]:
        ground.farm.machines[str(one.pk)].on = True
    ground.ticks(4)
    assert ControlledMachine.objects.filter(touched=True).count() == 7


def test_who_stands_is_off_for_no_other_plan(ground: Ground, root: User, alice_of_staff: User) -> None:
    """A plan that is short, for half of what runs is protected: what others find off beside it are its five."""
    half(ground)
    Miner.objects.filter(pk__in=[one.pk for one in ground.miners[:10:2]]).update(curtailment="protected")
    plan = plans.approve_plan(plan_of(ground, root, 3, goal="to"), by=alice_of_staff, at=ground.now)
    assert (plan.target_kw, plan.miners.filter(stood=True).count()) == (KW * 7, 10)
    five = {one.pk for one in ground.miners[10::2]}
    assert off_beside(plan_of(ground, root, 1)).less_w.keys() == five
    assert set(_off_at(ground.site, ground.now + timedelta(minutes=20), at=ground.now)) == five


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
