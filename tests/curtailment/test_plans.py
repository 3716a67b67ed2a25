"""Plans before they run: who may approve what, what a dry run says, and what an emergency leaves behind."""

from datetime import time, timedelta
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction

from accounts.models import User
from crm.domain import contracts
from crm.models import Customer
from curtailment.domain import plans, watching
from curtailment.domain.control import timing
from curtailment.domain.planning import PlanRefused, preview
from curtailment.enums import PlanStatus
from curtailment.management.commands import restore_all
from curtailment.models import CurtailmentPlan, SiteControl, SiteRestore, StandingApproval
from hashinsight.common.transitions import MoveRefused
from hosting.domain import fleet, prices, terms
from hosting.domain.miner_secrets import set_login
from hosting.enums import SecretMode
from hosting.models import Miner, MinerContact, MinerLatest, PriceComponent, Site
from tests.curtailment.site import WATTS, Ground
from tests.marketdata.scenes import a_day_to_close

pytestmark = pytest.mark.django_db
KW = Decimal(WATTS) / 1000


def waiting(ground: Ground, by: User | None, machines: Decimal | int = 2, **fields: Any) -> CurtailmentPlan:
    """A plan that waits."""
    given: dict[str, Any] = {
        "cause": "price", "reason": "dear hours", "goal": "by", "goal_kw": KW * machines, "selection": "efficiency",
        "starts_at": ground.now, "ends_at": ground.now + timedelta(minutes=30),
    }  # fmt: skip
    return plans.create_plan(site=ground.site, by=by, at=ground.now, **{**given, **fields})


# --- dry run --------------------------------------------------------------------------------------------------------
def test_a_dry_run_says_what_it_takes_and_what_it_costs(ground: Ground, root: User) -> None:
    a_day_to_close(root)  # a market
    seen = preview(plans.wish_of(waiting(ground, root, machines=Decimal("3.5"))), at=ground.now)
    assert (seen.chosen.needed, seen.off_kw, seen.target_kw) == (4, KW * 4, KW * Decimal("3.5"))
    assert (seen.base_kw, seen.share_percent, seen.needs_two) == (KW * 20, 20, False)
    assert [(one.name, one.machines, one.kw, one.ths) for one in seen.by_model] == [("Thirsty", 4, KW * 4, 400)]
    assert seen.avoided == KW * 4 * Decimal("0.5") * Decimal("0.05")
    btc = seen.worth.btc_per_ths_hour
    assert btc is not None
    assert seen.forgone_btc == btc * 400 * Decimal("0.5")
    assert (seen.down_minutes, seen.up_minutes, seen.too_big) == (1, 1, 0)


def test_what_nobody_knows_is_said(ground: Ground, root: User) -> None:
    Site.objects.filter(pk=ground.site.pk).update(energy_cost_per_kwh=None)
    ground.site.refresh_from_db()
    seen = preview(plans.wish_of(waiting(ground, root)), at=ground.now)
    assert (seen.avoided, seen.forgone_btc, len(seen.worth.missing)) == (None, None, 2)


def test_who_is_left_out_and_why(ground: Ground, root: User, customer_a: Customer) -> None:
    miners = ground.miners
    Miner.objects.filter(pk=miners[0].pk).update(curtailment="protected")
    Miner.objects.filter(pk=miners[1].pk).update(address=None)
    MinerContact.objects.filter(miner=miners[2]).update(dialect="antminer")
    MinerContact.objects.filter(miner__in=miners[6:8]).update(dialect="whatsminer")
    set_login([miners[7]], username="admin", password="x", mode=SecretMode.ENVELOPE, by=root, at=ground.now)
    fleet.set_intent([miners[3]], to="maintenance", by=root, at=ground.now)
    fleet.assign_miners(miners[4:6], customer=customer_a, since=fleet.quarter_hour(ground.now), by=root, at=ground.now)
    agree(ground, customer_a, root, notice=60)
    Miner.objects.filter(pk=miners[5].pk).update(curtailment="protected")
    seen = preview(plans.wish_of(waiting(ground, root, machines=30)), at=ground.now)
    assert dict(seen.excluded) == {
        "need a password that we do not have": 1, "are protected": 2, "have no address": 1,
        "cannot be paused by us": 1, "do not run": 1, "need more notice": 1,
    }  # fmt: skip
    assert (seen.chosen.needed, seen.reached) == (13, False)
    later = waiting(ground, root, machines=30, starts_at=ground.now + timedelta(minutes=60),
                    ends_at=ground.now + timedelta(minutes=90))  # fmt: skip
    assert "need more notice" not in dict(preview(plans.wish_of(later), at=ground.now).excluded)


def test_who_needs_no_notice_needs_none_when_somebody_approves_late(
    ground: Ground, root: User, customer_a: Customer
) -> None:
    since = fleet.quarter_hour(ground.now)
    fleet.assign_miners(ground.miners[4:6], customer=customer_a, since=since, by=root, at=ground.now)
    agree(ground, customer_a, root, notice=0)
    wish = plans.wish_of(waiting(ground, root, machines=30))
    late = preview(wish, at=wish.starts_at + timedelta(minutes=3))
    assert "need more notice" not in dict(late.excluded)


def agree(ground: Ground, customer: Customer, root: User, *, notice: int) -> None:
    """Terms of a contract with so many minutes of notice."""
    day = ground.now.date() - timedelta(days=30)
    plan = prices.create_plan(name="P", currency="USD", at=ground.now)
    version = prices.draft_version(plan, valid_from=day, at=ground.now)
    PriceComponent.objects.create(plan_version=version, kind="energy", description="x", price=1)
    prices.publish_version(version, at=ground.now)
    draft = contracts.create_contract(customer=customer, number="C-1", title="x", starts_on=day, by=root, at=ground.now)
    contract = contracts.activate_contract(draft, by=root, at=ground.now)
    row = terms.draft_terms(
        contract=contract, site=ground.site, price_plan=plan, contracted_kw=Decimal(10), valid_from=day,
        curtailment_notice_minutes=notice, at=ground.now,
    )  # fmt: skip
    terms.agree_terms(row, by=root, at=ground.now)


def test_what_no_step_of_the_ramp_could_start_again_is_not_switched_off(ground: Ground, root: User) -> None:
    """A step is a quarter of a minute here, and so is what may be started in it."""
    SiteControl.objects.update_or_create(site=ground.site, defaults={"ramp_up_kw": KW * 2, "step_s": 15})
    plan = waiting(ground, root)
    seen = preview(plans.wish_of(plan), at=ground.now)
    assert dict(seen.excluded) == {"are bigger than a step of the ramp: we could not start them again": 20}
    with pytest.raises(PlanRefused, match="no machine"):
        plans.approve_plan(plan, by=root, at=ground.now)
    SiteControl.objects.filter(site=ground.site).update(step_s=30)
    plans.approve_plan(plan, by=root, at=ground.now)
    ground.ticks(3)
    assert ground.farm.off == 2
    SiteControl.objects.filter(site=ground.site).update(step_s=15)
    urgent = plans.emergency_curtail(ground.site, reason="fire", by=root, at=ground.now)
    assert preview(plans.wish_of(urgent), at=ground.now).too_big == 20


def test_reduce_to_is_reckoned_from_what_is_drawn(ground: Ground, root: User) -> None:
    seen = preview(plans.wish_of(waiting(ground, root, machines=17, goal="to")), at=ground.now)
    assert (seen.target_kw, seen.chosen.needed) == (KW * 3, 3)
    with pytest.raises(PlanRefused, match="nothing to reduce"):
        preview(plans.wish_of(waiting(ground, root, machines=21, goal="to")), at=ground.now)


def test_least_margin_first_goes_by_what_is_measured(ground: Ground, root: User) -> None:
    lazy = ground.miners[-1]
    for fake in ground.farm.machines.values():
        fake.on = True
    plan = waiting(ground, root, machines=1, selection="margin")
    MinerLatest.objects.create(
        miner=lazy, recorded_at=ground.now, received_at=ground.now, answered_at=ground.now, state=1, hashrate_ths=5.0,
        power_w=3500.0,
    )  # fmt: skip
    seen = preview(plans.wish_of(plan), at=ground.now)
    assert [one.key for one in seen.chosen.first] == [lazy.pk]


# --- approval -------------------------------------------------------------------------------------------------------
def test_a_rule_s_plan_needs_a_person_and_much_needs_two(ground: Ground, root: User, alice_of_staff: User) -> None:
    little = plans.approve_plan(waiting(ground, None), by=root, at=ground.now)
    assert (little.status, little.kind) == (PlanStatus.APPROVED, "automatic")
    much = plans.approve_plan(waiting(ground, None, machines=8), by=root, at=ground.now)
    assert much.status == PlanStatus.PENDING
    with pytest.raises(PlanRefused, match="already"):
        plans.approve_plan(much, by=root, at=ground.now)
    assert plans.approve_plan(much, by=alice_of_staff, at=ground.now).status == PlanStatus.APPROVED


def test_whoever_made_it_stands_behind_it(ground: Ground, root: User, alice_of_staff: User) -> None:
    much = waiting(ground, root, machines=8)
    assert plans.approve_plan(much, by=alice_of_staff, at=ground.now).status == PlanStatus.APPROVED


def test_an_edit_asks_everybody_again(ground: Ground, root: User, alice_of_staff: User) -> None:
    much = plans.approve_plan(waiting(ground, None, machines=8), by=root, at=ground.now)
    plans.change_plan(much, changes={"goal_kw": KW * 9}, by=root, at=ground.now)
    assert plans.approve_plan(much, by=alice_of_staff, at=ground.now).status == PlanStatus.PENDING


def test_whoever_made_it_does_not_stand_behind_what_another_made_of_it(
    ground: Ground, root: User, alice_of_staff: User
) -> None:
    plan = waiting(ground, root)
    plans.change_plan(plan, changes={"goal_kw": KW * 8}, by=alice_of_staff, at=ground.now)
    assert plans.approve_plan(plan, by=alice_of_staff, at=ground.now).status == PlanStatus.PENDING
    assert plans.approve_plan(plan, by=root, at=ground.now).status == PlanStatus.APPROVED


def test_what_was_approved_stays(ground: Ground, root: User) -> None:
    plan = plans.approve_plan(waiting(ground, root), by=root, at=ground.now)
    with pytest.raises(PlanRefused):
        plans.change_plan(plan, changes={"goal_kw": KW}, by=root, at=ground.now)
    for change in (
        "goal_kw = 999", "target_kw = 999", "starts_at = starts_at - interval '1 h'", "status = 'recovered'",
        "ends_at = ends_at + interval '1 h'", "needs_two = false, standing_approval_id = NULL, target_kw = 0",
    ):  # fmt: skip
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"UPDATE curtailment_curtailmentplan SET {change} WHERE id = {plan.pk}")
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM curtailment_curtailmentplan WHERE id = {plan.pk}")
    sooner = plans.shorten_plan(plan, ends_at=ground.now + timedelta(minutes=5), by=root, at=ground.now)
    assert sooner.ends_at == ground.now + timedelta(minutes=5)
    for wrong in (timedelta(minutes=6), timedelta(0)):
        with pytest.raises(PlanRefused):
            plans.shorten_plan(plan, ends_at=ground.now + wrong, by=root, at=ground.now)


def test_a_withdrawn_approval_ends_what_it_allowed(ground: Ground, root: User) -> None:
    plan = plans.approve_plan(waiting(ground, root), by=root, at=ground.now)
    ground.ticks(2)
    assert ground.farm.off == 2
    plans.withdraw_approval(plan, by=root, at=ground.now, reason="a mistake")
    ground.ticks(3)
    plan.refresh_from_db()
    assert (ground.farm.off, plan.status) == (0, PlanStatus.RECOVERED)
    with pytest.raises(PlanRefused):
        plans.withdraw_approval(plan, by=root, at=ground.now, reason="again")


def test_whoever_made_a_plan_that_needed_two_takes_that_back(ground: Ground, root: User, alice_of_staff: User) -> None:
    much = plans.approve_plan(waiting(ground, root, machines=8), by=alice_of_staff, at=ground.now)
    ground.ticks(2)
    assert plans.withdraw_approval(much, by=root, at=ground.now, reason="a mistake").status == PlanStatus.RECOVERING
    little = plans.approve_plan(waiting(ground, root), by=alice_of_staff, at=ground.now)
    with pytest.raises(PlanRefused, match="not approved it"):
        plans.withdraw_approval(little, by=root, at=ground.now, reason="one was enough")
    with pytest.raises(PlanRefused, match="not approved it"):
        plans.withdraw_approval(waiting(ground, root, machines=8), by=root, at=ground.now, reason="nobody has yet")


def test_nobody_approves_what_is_over_or_twice(ground: Ground, root: User) -> None:
    plan = waiting(ground, root)
    with pytest.raises(PlanRefused, match="over already"):
        plans.approve_plan(plan, by=root, at=ground.now + timedelta(hours=1))
    assert timing.expire_plans(ground.now + timedelta(hours=1)) == 1
    with pytest.raises(MoveRefused):
        plans.approve_plan(plan, by=root, at=ground.now)
    for wrong in ({"ends_at": ground.now}, {"ends_at": None}, {"ends_at": ground.now + timedelta(days=40)},
                  {"is_open_ended": True}):  # fmt: skip
        with pytest.raises((ValidationError, PlanRefused)):
            waiting(ground, root, **wrong)
    waiting(ground, None, source_key="x")
    with pytest.raises(ValidationError):
        waiting(ground, None, source_key="x")


def test_a_standing_approval_covers_its_site_cause_hours_and_size(
    ground: Ground, root: User, alice_of_staff: User
) -> None:
    day = ground.now.date()
    row = StandingApproval.objects.create(
        site=ground.site, cause="price", most_kw=KW * 10, time_from=time(22), time_to=time(12), valid_from=day,
        valid_until=day,
    )  # fmt: skip
    plan = waiting(ground, None, machines=8)
    assert plans.approve_by_standing(plan, at=ground.now) is None
    plans.sign_standing(row, by=root, at=ground.now)
    with pytest.raises(PlanRefused):
        plans.sign_standing(row, by=root, at=ground.now)
    plans.sign_standing(row, by=alice_of_staff, at=ground.now)
    for wrong in (
        {"machines": 11}, {"cause": "peak"}, {"ends_at": ground.now.replace(hour=12, minute=1)},
        {"starts_at": ground.now + timedelta(days=1), "ends_at": ground.now + timedelta(days=1, hours=1)},
    ):  # fmt: skip
        assert plans.approve_by_standing(waiting(ground, None, **{"machines": 8, **wrong}), at=ground.now) is None
    approved = plans.approve_by_standing(plan, at=ground.now)
    assert approved is not None
    assert (approved.status, approved.standing_approval) == (PlanStatus.APPROVED, row)
    ground.ticks(2)
    assert ground.farm.off == 8
    plans.revoke_standing(row, by=root, at=ground.now, reason="winter")
    ground.ticks(2)
    assert ground.farm.off == 0


# --- emergencies ----------------------------------------------------------------------------------------------------
def test_one_person_switches_a_site_off_and_on(ground: Ground, root: User, alice_of_staff: User) -> None:
    plan = plans.emergency_curtail(ground.site, reason="fire in hall 1", by=root, at=ground.now)
    ground.ticks(2)
    plan.refresh_from_db()
    assert (ground.farm.off, plan.status, plan.is_open_ended) == (20, PlanStatus.EXECUTED, True)
    assert [one.key for one in watching.emergencies(ground.now)] == [str(plan.public_id)]
    assert list(watching.reviews_due(ground.now)) == []
    assert len(list(watching.reviews_due(ground.now + timedelta(days=1)))) == 1
    assert len(list(watching.open_plans(ground.now + timedelta(days=2)))) == 1
    plans.restore_site(ground.site, reason="it is out", by=alice_of_staff, at=ground.now)
    ground.ticks(3)
    assert ground.farm.off == 0
    with pytest.raises(PlanRefused, match="does not review"):
        plans.review_plan(plan, review="fine", by=root, at=ground.now)
    plans.review_plan(plan, review="fine", by=alice_of_staff, at=ground.now)
    plans.review_restore(SiteRestore.objects.get(), review="fine", by=root, at=ground.now)
    assert list(watching.reviews_due(ground.now + timedelta(days=1))) == []


def test_restore_all_needs_no_broker(ground: Ground, root: User, monkeypatch: pytest.MonkeyPatch) -> None:
    plans.emergency_curtail(ground.site, reason="fire", by=root, at=ground.now)
    ground.ticks(2)

    def tick(site: Site, **_more: Any) -> Any:
        return ground.tick()

    monkeypatch.setattr(restore_all, "control_site", tick)
    monkeypatch.setattr(restore_all.time, "sleep", lambda _seconds: None)
    said = StringIO()
    call_command("restore_all", site="west", reason="all clear", stdout=said)
    assert ground.farm.off == 0
    assert "every machine we switched runs again" in said.getvalue()
    with pytest.raises(CommandError, match="no one site"):
        call_command("restore_all", site="nowhere", reason="x")


def test_a_plan_that_stays_short_and_machines_that_stay_away_are_told_of(ground: Ground, root: User) -> None:
    plan = plans.approve_plan(waiting(ground, root), by=root, at=ground.now)
    for fake in ground.farm.machines.values():
        fake.deaf = True
    ground.ticks(10)
    assert [one.key for one in watching.short_plans(ground.now)] == [str(plan.public_id)]
    for fake in ground.farm.machines.values():
        fake.deaf = False
    ground.ticks(8)
    assert ground.farm.off == 2
    assert list(watching.short_plans(ground.now)) == []
    for fake in ground.farm.machines.values():
        fake.silent = True
    ground.ticks(40)
    assert [one.key for one in watching.late_machines(ground.now)] == [str(plan.public_id)]
