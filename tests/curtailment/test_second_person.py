"""What one person alone may have off (TRUST I9): all plans of one person at a site together, and who lifts that."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from curtailment.domain import plans, watching
from curtailment.domain.planning import PlanRefused, Preview, preview
from curtailment.domain.seconding import second_plan, waiting_for_second
from curtailment.enums import PlanStatus
from curtailment.models import CurtailmentPlan
from hashinsight.events.models import OutboxEvent
from tests.curtailment.site import WATTS, Ground

pytestmark = pytest.mark.django_db
KW = Decimal(WATTS) / 1000


def of(ground: Ground, by: User | None, first: int, machines: int, **fields: Any) -> CurtailmentPlan:
    """A plan that waits, for so many machines from that one on."""
    given: dict[str, Any] = {
        "cause": "price", "reason": "dear hours", "goal": "by", "goal_kw": KW * machines, "selection": "efficiency",
        "starts_at": ground.now, "ends_at": ground.now + timedelta(minutes=60),
        "only_miners": [one.pk for one in ground.miners[first : first + machines]],
    }  # fmt: skip
    return plans.create_plan(site=ground.site, by=by, at=ground.now, **{**given, **fields})


def seen(ground: Ground, plan: CurtailmentPlan) -> Preview:
    """Its dry run."""
    return preview(plans.wish_of(plan), at=ground.now)


def test_plans_of_one_person_at_a_site_add_up(ground: Ground, root: User, alice_of_staff: User) -> None:
    first = plans.approve_plan(of(ground, root, 0, 5), by=root, at=ground.now)
    assert (first.share_percent, first.needs_two) == (25, False)
    second = of(ground, root, 10, 5)
    found = seen(ground, second)
    assert (found.share_percent, found.needs_two, found.alone_kw) == (50, True, KW * 5)
    assert plans.approve_plan(second, by=root, at=ground.now).status == PlanStatus.PENDING
    second = plans.approve_plan(second, by=alice_of_staff, at=ground.now)
    assert (second.status, second.share_percent) == (PlanStatus.APPROVED, 50)
    ground.ticks(3)
    assert (first.reload().status, second.reload().status, ground.farm.off) == ("executed", "executed", 10)


def test_only_what_adds_up_counts(ground: Ground, root: User, alice_of_staff: User) -> None:
    """The same machines, another hour, two people, or what was signed beforehand: nothing on top of it."""
    plans.approve_plan(of(ground, root, 0, 5), by=root, at=ground.now)
    assert seen(ground, of(ground, root, 0, 6)).share_percent == 30, "machines of the other plan count once"
    later = {"starts_at": ground.now + timedelta(minutes=60), "ends_at": ground.now + timedelta(minutes=90)}
    assert seen(ground, of(ground, root, 10, 5, **later)).share_percent == 25
    of_two = plans.approve_plan(of(ground, root, 5, 5), by=alice_of_staff, at=ground.now)
    assert of_two.status == PlanStatus.APPROVED
    assert seen(ground, of(ground, root, 10, 1)).share_percent == 30, "that of two people is none of one"


@pytest.fixture
def held_back(ground: Ground, alice_of_staff: User) -> CurtailmentPlan:
    """Five machines of a plan that is over do not come back; five others are to go off. Six may, by one person."""
    plans.approve_plan(
        of(ground, alice_of_staff, 0, 5, ends_at=ground.now + timedelta(minutes=5)), by=alice_of_staff, at=ground.now
    )
    begin = ground.now + timedelta(minutes=5)
    plan = of(ground, alice_of_staff, 10, 5, starts_at=begin, ends_at=begin + timedelta(minutes=40))
    plan = plans.approve_plan(plan, by=alice_of_staff, at=ground.now)
    assert not plan.needs_two
    ground.ticks(3)
    for one in ground.miners[:5]:
        ground.farm.machines[str(one.pk)].deaf = True
    ground.ticks(15)
    return plan.reload()


def test_a_plan_that_one_person_takes_no_further_says_so(
    ground: Ground, root: User, held_back: CurtailmentPlan, alice_of_staff: User
) -> None:
    assert (held_back.status, held_back.measured_kw) == (PlanStatus.EXECUTING, KW)
    assert waiting_for_second(ground.site, at=ground.now) == {held_back.pk}
    assert waiting_for_second(ground.site, at=ground.now + timedelta(hours=1)) == frozenset()
    (finding,) = [one for one in watching.short_plans(ground.now) if one.key == str(held_back.public_id)]
    assert "waits for a second person" in finding.text
    with pytest.raises(PlanRefused, match="somebody else"):
        second_plan(held_back, by=alice_of_staff, at=ground.now)
    second_plan(held_back, by=root, at=ground.now)
    assert waiting_for_second(ground.site, at=ground.now) == frozenset(), "at once, before the next step"
    with pytest.raises(PlanRefused):
        second_plan(held_back, by=root, at=ground.now)
    ground.ticks(3)
    assert (held_back.reload().status, held_back.measured_kw) == (PlanStatus.EXECUTED, KW * 5)
    assert list(watching.short_plans(ground.now)) == []
    assert OutboxEvent.objects.filter(kind="curtailment.second_approval").count() == 1
    plans.end_plan(held_back, by=root, at=ground.now, reason="over")
    with pytest.raises(PlanRefused):
        second_plan(held_back, by=root, at=ground.now)


def test_pages_show_it_and_let_a_second_person_lift_it(
    ground: Ground, root: User, held_back: CurtailmentPlan, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("django.utils.timezone.now", ground.clock)
    client.force_login(root)
    live = client.get(reverse("admin:hosting_site_curtailment", args=[ground.site.pk])).content.decode()
    assert "waits for a second person" in live
    change = reverse("admin:curtailment_curtailmentplan_change", args=[held_back.pk])
    url = reverse("admin:curtailment_curtailmentplan_second", args=[held_back.pk])
    assert url in client.get(change).content.decode()
    page = client.get(url)
    assert "waits for a second person" in page.content.decode()
    assert client.post(url, {"seen": page.context["seen"]}).status_code == 302
    assert held_back.approvals.filter(by=root).exists()
    assert url not in client.get(change).content.decode()
    ground.ticks(2)
    assert held_back.reload().measured_kw == KW * 5
