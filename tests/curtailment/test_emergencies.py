"""Emergencies: one person acts alone, owners hear of it, somebody else looks at it the next day."""

import math
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from io import StringIO
from typing import Any, cast

import pytest
import time_machine
from celery import current_app
from django.contrib.auth.models import Group
from django.core import mail
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from django.test import Client

from accounts.domain import grants
from accounts.models import User
from curtailment.domain import alarms, plans, watching
from curtailment.domain.control import kill_switch
from curtailment.domain.dispatch.dispatches import Heard, receive
from curtailment.domain.planning import PlanRefused
from curtailment.engine.dispatching import Call
from curtailment.enums import PlanStatus
from curtailment.models import CurtailmentPlan, Programme, SiteRestore
from hashinsight.events.models import OutboxEvent
from hashinsight.jobs import queue
from hashinsight.notify.domain import channels
from hashinsight.notify.domain.watching import watch
from hashinsight.notify.models import Alert, Delivery
from hosting.models import Miner
from tests.curtailment.site import WATTS, Ground
from tests.factories import UserFactory, give_permissions
from tests.notify.conftest import rule, work

pytestmark = pytest.mark.django_db
SITES, RESTORES = "/admin/hosting/site", "/admin/curtailment/siterestore"
KW = Decimal(WATTS) / 1000
OWNER = "owner@hashinsight.example"


@pytest.fixture
def page(client: Client, root: User, ground: Ground) -> Any:
    """Somebody who may do everything, signed in, at the moment of the ground."""
    client.force_login(root)
    with time_machine.travel(ground.now, tick=False):
        yield client


@pytest.fixture
def owner(db: None) -> User:
    """Somebody of the group owner."""
    made = cast(User, UserFactory(is_staff=True, email=OWNER))
    made.groups.add(Group.objects.get_or_create(name="owner")[0])
    return made


def address(ground: Ground, name: str) -> str:
    return f"{SITES}/{ground.site.pk}/{name}/"


def tap(client: Client, address: str, **data: Any) -> Any:
    """The button of a page as it was shown."""
    return client.post(address, {"seen": client.get(address).context["seen"], **data}, follow=True)


def warnings(shown: Any) -> str:
    return " ".join(map(str, shown.context["effect"].warnings))


def said(response: Any) -> str:
    return " ".join(str(one) for one in response.context["messages"])


def running(ground: Ground, by: User | None, second: User, machines: int = 10, **fields: Any) -> CurtailmentPlan:
    """A plan that two people approved."""
    given: dict[str, Any] = {
        "cause": "grid", "reason": "they asked", "goal": "by", "goal_kw": KW * machines, "selection": "efficiency",
        "starts_at": ground.now, "ends_at": ground.now + timedelta(hours=1),
    }  # fmt: skip
    plan = plans.create_plan(site=ground.site, by=by, at=ground.now, **{**given, **fields})
    return plans.approve_plan(plan, by=second, at=ground.now)


# --- switching off ------------------------------------------------------------------------------------------------
def test_two_taps_make_one_emergency(ground: Ground, page: Client) -> None:
    shown = page.get(address(ground, "emergency"))
    data = {"reason": "smoke", "kw": "", "seen": shown.context["seen"]}
    first = page.post(address(ground, "emergency"), data, follow=True)
    assert said(first) == "Machines are being switched off."
    ground.ticks(2)
    with time_machine.travel(ground.now, tick=False):
        again = page.post(address(ground, "emergency"), data, follow=True)
    assert "wants that already" in said(again)
    plan = CurtailmentPlan.objects.get()
    assert (plan.is_emergency, plan.reason, plan.approvals.count()) == (True, "smoke", 1)


def test_another_goal_machines_that_came_later_or_one_that_is_over_make_another_emergency(
    ground: Ground, root: User
) -> None:
    def act(**fields: Any) -> CurtailmentPlan:
        return plans.emergency_curtail(ground.site, reason="fire", by=root, at=ground.now, **fields)

    late = ground.miners[3]
    Miner.objects.filter(pk=late.pk).update(address=None)
    first = act()
    assert act() == first
    less = act(goal_kw=KW * 2)
    assert less != first
    assert act(goal_kw=KW * 2) == less
    Miner.objects.filter(pk=late.pk).update(address="10.1.9.9")
    more = act()
    assert more not in (first, less)
    assert set(more.miners.values_list("miner_id", flat=True)) == {one.pk for one in ground.miners}
    plans.restore_site(ground.site, reason="out", by=root, at=ground.now)
    assert act() not in (first, less, more)


def test_the_page_of_an_emergency_says_who_stays_on_and_so_does_the_answer(ground: Ground, page: Client) -> None:
    Miner.objects.filter(pk__in=[one.pk for one in ground.miners[:8]]).update(curtailment="protected")
    Miner.objects.filter(pk=ground.miners[8].pk).update(intent="maintenance")
    shown = page.get(address(ground, "emergency"))
    facts = {str(name): str(value) for name, value in shown.context["effect"].facts}
    assert facts["machines that go off"] == "11, 38.5 kW"
    assert facts["machines that stay on"] == "8 (are protected)"
    assert "There are not enough machines: 38.5 kW of 66.5 kW." in warnings(shown)
    done = tap(page, address(ground, "emergency"), reason="smoke", kw="")
    assert said(done) == "Machines are being switched off. Still on: 8 (are protected)."


def test_under_the_kill_switch_both_pages_say_that_nothing_is_switched(
    ground: Ground, root: User, alice_of_staff: User, page: Client
) -> None:
    switch = kill_switch.set_switch(site=ground.site, reason="work on lines", by=alice_of_staff, at=ground.now)
    release = f"/admin/curtailment/killswitch/{switch.pk}/release/"
    shown = page.get(address(ground, "emergency"))
    assert f"by {alice_of_staff}: work on lines). Nothing is switched" in warnings(shown)
    assert release in warnings(shown)
    for name, kept in (("emergency", "The plan is kept."), ("restore", "The plans have ended.")):
        assert name == "emergency" or "work on lines" in warnings(page.get(address(ground, name)))
        done = tap(page, address(ground, name), reason="smoke")
        assert said(done) == f"{kept} Nothing is switched before the kill switch is released."
        assert [one.level_tag for one in done.context["messages"]] == ["warning"]
    powers = ("hosting.view_site", "curtailment.emergency_curtailmentplan")
    page.force_login(give_permissions(UserFactory(is_staff=True), *powers))
    assert release not in warnings(page.get(address(ground, "emergency")))


def test_an_installation_that_switches_nothing_says_so(ground: Ground, page: Client, settings: Any) -> None:
    settings.CURTAILMENT_CONTROL = False
    assert "switched by this installation" in warnings(page.get(address(ground, "emergency")))
    assert "Nothing is switched by this installation now." in said(
        tap(page, address(ground, "emergency"), reason="smoke")
    )


# --- switching on again -------------------------------------------------------------------------------------------
def test_a_restore_by_one_person_is_an_alarm_until_somebody_else_has_looked(
    ground: Ground, root: User, alice_of_staff: User, page: Client
) -> None:
    plan = running(ground, root, alice_of_staff)
    ground.ticks(2)
    plans.restore_site(ground.site, reason="I think so", by=root, at=ground.now)
    row = SiteRestore.objects.get()
    assert (row.restored_by, row.reason, row.plan_ids, row.restored_at) == (root, "I think so", [plan.pk], ground.now)
    later = ground.now + timedelta(days=1)
    assert [one.key for one in watching.restores(later)] == [str(row.public_id)]
    assert [one.key for one in watching.reviews_due(later)] == [str(row.public_id)]
    assert list(watching.reviews_due(ground.now)) == []
    with pytest.raises(PlanRefused, match="does not review"):
        plans.review_restore(row, review="fine", by=root, at=later)
    shown = page.get(f"{RESTORES}/{row.pk}/change/").content.decode()
    assert f"{plan}</a>: they asked" in shown
    assert f"{RESTORES}/{row.pk}/review/" not in shown  # not to whoever did it
    give_permissions(alice_of_staff, "curtailment.view_siterestore", "curtailment.emergency_curtailmentplan")
    page.force_login(alice_of_staff)
    assert f"{RESTORES}/{row.pk}/review/" in page.get(f"{RESTORES}/{row.pk}/change/").content.decode()
    assert said(tap(page, f"{RESTORES}/{row.pk}/review/", review="It was out.")) == "The restore is reviewed."
    assert (list(watching.restores(later)), list(watching.reviews_due(later))) == ([], [])
    with pytest.raises(PlanRefused, match="nothing to review"):
        plans.review_restore(row, review="again", by=alice_of_staff, at=later)


def test_a_restore_that_ends_nothing_leaves_nothing(ground: Ground, root: User, page: Client) -> None:
    assert plans.restore_site(ground.site, reason="x", by=root, at=ground.now) == []
    shown = page.get(address(ground, "restore"))
    assert shown.status_code == 409
    assert "there is nothing to end" in shown.content.decode()
    assert not SiteRestore.objects.exists()
    assert not Alert.objects.exists()
    assert not OutboxEvent.objects.filter(kind="curtailment.restored").exists()
    with pytest.raises(IntegrityError), transaction.atomic():
        SiteRestore.objects.create(site=ground.site, reason="x", restored_at=ground.now, plan_ids=[])


def test_two_taps_make_one_restore(ground: Ground, root: User, page: Client) -> None:
    plans.emergency_curtail(ground.site, reason="fire", by=root, at=ground.now)
    ground.ticks(2)
    data = {"reason": "it is out", "seen": page.get(address(ground, "restore")).context["seen"]}
    first, second = (page.post(address(ground, "restore"), data, follow=True) for _tap in range(2))
    assert said(first) == "Machines are being switched on again, by the ramp."
    assert said(second) == "Nothing had to end: no plan was approved or ran any more."
    assert "Machines are coming back by the ramp." in page.get(address(ground, "restore")).content.decode()
    assert SiteRestore.objects.count() == 1


def test_the_page_of_a_restore_names_the_programmes_that_called(
    ground: Ground, programme: Programme, root: User, page: Client
) -> None:
    plans.emergency_curtail(ground.site, reason="fire", by=root, at=ground.now)
    assert "given back" not in warnings(page.get(address(ground, "restore")))
    call = Call("EV-7", starts_at=ground.now, ends_at=ground.now + timedelta(hours=2), kw=Decimal(14))
    receive(programme, Heard(call, "webhook", "{}", "m1"), at=ground.now)
    shown = page.get(address(ground, "restore"))
    assert f"Called load is given back too early: {programme}." in warnings(shown)
    facts = {str(name): str(value) for name, value in shown.context["effect"].facts}
    assert facts[str(programme)].startswith("EV-7: 14 kW, ")


def test_restore_all_on_the_command_line_is_kept_and_reviewed_as_well(
    ground: Ground, root: User, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("curtailment.management.commands.restore_all.control_site", lambda *_a, **_m: ground.tick())
    monkeypatch.setattr("curtailment.management.commands.restore_all.time.sleep", lambda _seconds: None)
    with time_machine.travel(ground.now, tick=False):
        plans.emergency_curtail(ground.site, reason="fire", by=root, at=ground.now)
        out = StringIO()
        call_command("restore_all", site="west", reason="all clear", stdout=out)
        assert "somebody else reviews it" in out.getvalue()
        row = SiteRestore.objects.get()
        assert (row.restored_by, row.reason) == (None, "all clear")
        assert [one.text.split(" ended ")[0] for one in watching.restores(ground.now)] == ["manage.py restore_all"]
        plans.review_restore(row, review="fine", by=root, at=ground.now)
        plans.emergency_curtail(ground.site, reason="fire", by=root, at=ground.now)
        call_command("restore_all", site="west", reason="again", by=OWNER.upper(), stdout=StringIO())
        assert SiteRestore.objects.get(reviewed_at=None).restored_by == owner
        with pytest.raises(CommandError, match="nobody active"):
            call_command("restore_all", site="west", reason="x", by="who@x.example")


# --- who hears of it ----------------------------------------------------------------------------------------------
@pytest.fixture
def silent(monkeypatch: pytest.MonkeyPatch) -> Callable[[datetime], list[str]]:
    """No message leaves before ``silent(at)`` works off what is due; it returns the subjects to the owner."""
    monkeypatch.setitem(queue._silence, "until", math.inf)

    def deliver(at: datetime) -> list[str]:
        with time_machine.travel(at, tick=False):
            work(at)
        return [str(one.subject) for one in mail.outbox if one.to == [OWNER]]

    return deliver


def test_owners_hear_of_an_emergency_that_is_over_before_anybody_looks(
    ground: Ground, root: User, owner: User, silent: Callable[[datetime], list[str]]
) -> None:
    left = cast(User, UserFactory(is_staff=True, is_active=False, email="left@x.example"))
    left.groups.add(Group.objects.get(name="owner"))
    plan = plans.emergency_curtail(ground.site, reason="fire", by=root, at=ground.now)
    plans.end_plan(plan, by=root, at=ground.now, reason="a mistake")
    assert plan.reload().status == PlanStatus.CANCELLED
    watch(alarms.EMERGENCY, watching.emergencies, at=ground.now)
    assert silent(ground.now) == ["Critical: Emergency at West", "Over: Emergency at West"]
    assert f"{root} switches off alone (everything, {plan}): fire" in mail.outbox[0].body
    assert set(Delivery.objects.values_list("recipient", flat=True)) == {OWNER}


def test_with_the_broker_down_machines_come_back_at_once_and_owners_hear_of_it_later(
    ground: Ground, root: User, owner: User, monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Callable[..., Any],
) -> None:  # fmt: skip
    """Telling people must never stand between one person and a site in trouble."""
    monkeypatch.setitem(queue._silence, "until", 0.0)
    monkeypatch.setattr(current_app.conf, "broker_write_url", "redis://127.0.0.1:1/0")
    begun = time.monotonic()
    with django_capture_on_commit_callbacks(execute=True) as sent:
        plans.emergency_curtail(ground.site, reason="fire", by=root, at=ground.now)
        ground.ticks(2)
        plans.restore_site(ground.site, reason="all clear", by=root, at=ground.now)
    assert time.monotonic() - begun < 30
    assert sent
    assert queue._silence["until"] > begun, "it was tried"
    ground.ticks(3)
    assert ground.farm.off == 0
    with time_machine.travel(ground.now, tick=False):
        work(ground.now)  # what the sweeper finds
    assert {str(one.subject) for one in mail.outbox if one.to == [OWNER]} == {
        "Critical: Emergency at West", "Critical: West was switched on again by one person",
    }  # fmt: skip


def test_the_watch_and_rules_do_not_say_it_twice(
    ground: Ground, root: User, owner: User, silent: Callable[[datetime], list[str]]
) -> None:
    box = channels.create_channel(by=root, at=ground.now, name="Owners", kind="email", address=OWNER)
    rule(box, "curtailment.*")
    plans.emergency_curtail(ground.site, reason="fire", by=root, at=ground.now, goal_kw=KW * 2)
    for minute in range(3):
        watch(alarms.EMERGENCY, watching.emergencies, at=ground.now + timedelta(minutes=minute))
    assert silent(ground.now) == ["Critical: Emergency at West"]
    assert Alert.objects.get().count == 4


def test_an_emergency_that_fails_tells_nobody(ground: Ground, root: User, owner: User) -> None:
    Miner.objects.filter(site=ground.site).update(curtailment="protected")
    with pytest.raises(PlanRefused):
        plans.emergency_curtail(ground.site, reason="fire", by=root, at=ground.now)
    assert not Alert.objects.exists()


def test_owners_hear_of_a_restore(
    ground: Ground, root: User, owner: User, silent: Callable[[datetime], list[str]], alice_of_staff: User
) -> None:
    plan = running(ground, root, alice_of_staff)
    plans.restore_site(ground.site, reason="I think so", by=alice_of_staff, at=ground.now)
    watch(alarms.RESTORE, watching.restores, at=ground.now)
    assert silent(ground.now) == ["Critical: West was switched on again by one person"]
    assert f"{alice_of_staff} ended {plan}: I think so" in mail.outbox[0].body
    plans.review_restore(SiteRestore.objects.get(), review="fine", by=root, at=ground.now)
    watch(alarms.RESTORE, watching.restores, at=ground.now)
    assert len(silent(ground.now)) == 2


def test_the_page_says_who_hears_of_it_and_when_nobody_would(ground: Ground, root: User, page: Client) -> None:
    def told() -> str:
        return warnings(page.get(address(ground, "emergency")))

    assert "Nobody is told" in told()
    box = channels.create_channel(by=root, at=ground.now, name="Ops", kind="email", address="ops@x.example")
    rule(box, "curtailment.emergency")
    assert "There is no owner who can be written to. Rules tell it to: Ops." in told()
    one = cast(User, UserFactory(is_staff=True, email=OWNER))
    one.groups.add(Group.objects.get_or_create(name="owner")[0])
    assert f"Owners are told by e-mail at once: {OWNER}. Rules tell it to: Ops." in told()
    grants.grant_access(one, days=None, until=ground.now + timedelta(days=1), by=root, at=ground.now)
    with time_machine.travel(ground.now + timedelta(days=2), tick=False):
        page.force_login(root)
        assert "There is no owner" in told()


# --- afterwards ---------------------------------------------------------------------------------------------------
def test_a_review_is_due_the_next_day_of_the_site(ground: Ground, root: User) -> None:
    ground.site.time_zone = "America/Chicago"
    ground.site.save()
    at = datetime(2026, 11, 20, 2, 0, tzinfo=UTC)  # 20:00 on the 19th there
    plan = plans.emergency_curtail(ground.site, reason="fire", by=root, at=at)
    midnight = datetime(2026, 11, 20, 6, 0, tzinfo=UTC)
    assert list(watching.reviews_due(midnight - timedelta(minutes=1))) == []
    assert [one.key for one in watching.reviews_due(midnight)] == [str(plan.public_id)]


def test_a_review_is_due_where_the_day_begins_before_that_of_utc(ground: Ground, root: User) -> None:
    ground.site.time_zone = "Pacific/Auckland"
    ground.site.save()
    at = datetime(2026, 11, 20, 2, 0, tzinfo=UTC)  # 15:00 there
    plans.emergency_curtail(ground.site, reason="fire", by=root, at=at)
    midnight = datetime(2026, 11, 20, 11, 0, tzinfo=UTC)
    assert list(watching.reviews_due(midnight - timedelta(minutes=1))) == []
    assert len(list(watching.reviews_due(midnight))) == 1


def test_whoever_types_the_reason_knows_that_clients_read_it(ground: Ground, page: Client) -> None:
    form = page.get(f"{SITES}/{ground.site.pk}/emergency/").context["form"]
    assert str(form.fields["reason"].help_text) == "In words; clients read it."
