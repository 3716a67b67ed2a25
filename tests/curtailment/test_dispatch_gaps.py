"""Parts of a dispatch that have no plan: each is filled for itself; and plans that would become longer than allowed."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client

from accounts.models import User
from curtailment.domain import demands, plans
from curtailment.domain.dispatch import dispatches
from curtailment.domain.planning import PlanRefused
from curtailment.enums import PlanStatus
from curtailment.models import CurtailmentPlan, Dispatch, Programme
from tests.curtailment.programme import KW, call, hear, make_programme, plans_of, post, step, the
from tests.curtailment.site import Ground
from tests.curtailment.test_dispatch_pages import form_of
from tests.curtailment.test_pages import person as person

pytestmark = pytest.mark.django_db
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def test_a_gap_that_cannot_be_planned_does_not_keep_the_next_one_from_it(
    ground: Ground, programme: Programme, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was called for an hour in the middle is called for five: before it and after it something is missing."""
    begin = ground.now + HOUR
    hear(programme, ground, call(ground, starts_at=begin + HOUR, ends_at=begin + 2 * HOUR, sequence=1))
    makes = demands.create_plan

    def no_plan_before_the_other(**fields: Any) -> CurtailmentPlan:
        if fields["starts_at"] < begin + HOUR:
            raise PlanRefused("not now")
        return makes(**fields)

    monkeypatch.setattr(demands, "create_plan", no_plan_before_the_other)
    hear(programme, ground, call(ground, starts_at=begin, ends_at=begin + 5 * HOUR, sequence=2))
    assert [one[2:] for one in plans_of(the())] == [
        (begin + HOUR, begin + 2 * HOUR), (begin + 2 * HOUR, begin + 5 * HOUR),
    ]  # fmt: skip
    assert the().code == "cannot_be_planned"
    step(ground, 2)
    assert (the().code, CurtailmentPlan.objects.count()) == ("cannot_be_planned", 2)
    monkeypatch.undo()
    step(ground)
    assert (the().code, sorted(one[2:] for one in plans_of(the()))[0]) == ("", (begin, begin + HOUR))


def test_a_gap_that_is_planned_later_is_not_taken_for_one_that_was(
    ground: Ground, programme: Programme, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first gap has its plan; the second is refused, and gets one of its own at the next look."""
    begin = ground.now + HOUR
    hear(programme, ground, call(ground, starts_at=begin + HOUR, ends_at=begin + 2 * HOUR, sequence=1))
    makes = demands.create_plan

    def no_plan_after_the_other(**fields: Any) -> CurtailmentPlan:
        if fields["starts_at"] > begin + HOUR:
            raise PlanRefused("not now")
        return makes(**fields)

    monkeypatch.setattr(demands, "create_plan", no_plan_after_the_other)
    hear(programme, ground, call(ground, starts_at=begin, ends_at=begin + 5 * HOUR, sequence=2))
    assert (the().code, CurtailmentPlan.objects.count()) == ("cannot_be_planned", 2)
    monkeypatch.undo()
    step(ground)
    times = sorted(one[2:] for one in plans_of(the()))
    assert times == [
        (begin, begin + HOUR), (begin + HOUR, begin + 2 * HOUR), (begin + 2 * HOUR, begin + 5 * HOUR),
    ]  # fmt: skip
    assert the().code == ""


# --- longer than a plan may be --------------------------------------------------------------------------------------
def open_for_days(ground: Ground, root: User, days: int) -> Programme:
    """Called without an end; the plan has waited for so many days."""
    programme = make_programme(root, ground.site, kw=14, allows_open_ended=True)
    hear(programme, ground, call(ground, ends_at=None, open_ended=True, sequence=1))
    assert CurtailmentPlan.objects.get().status == PlanStatus.PENDING
    ground.now += timedelta(days=days)
    return programme


def test_an_end_that_comes_when_a_plan_has_waited_long_makes_another_plan(ground: Ground, root: User) -> None:
    programme = open_for_days(ground, root, 20)
    ends_at = ground.now + 25 * DAY
    message = hear(programme, ground, call(ground, starts_at=None, ends_at=ends_at, sequence=2))
    assert (message.outcome, the().ends_at) == ("applied", ends_at)
    old, new = CurtailmentPlan.objects.order_by("pk")
    assert (old.status, new.status) == (PlanStatus.CANCELLED, PlanStatus.PENDING)
    assert (new.starts_at, new.ends_at) == (ground.now, ends_at)


def test_the_door_takes_it_and_says_no_to_what_is_too_long(ground: Ground, root: User) -> None:
    programme = open_for_days(ground, root, 20)
    for days, status, code in ((25, 201, ""), (32, 409, "too_long")):
        with time_machine.travel(ground.now, tick=False):
            answer = post(
                programme, {"dispatch": "D-1", "ends_at": ground.now + days * DAY, "sequence": 1 + days}
            )  # fmt: skip
        assert (answer.status_code, json.loads(answer.content).get("code", "")) == (status, code)


def test_with_the_time_our_ramp_needs_it_is_cut_and_followed(ground: Ground, programme: Programme) -> None:
    """Thirty-one days and the time it takes to get there are two plans."""
    Programme.objects.update(ramp_seconds=0)
    programme.refresh_from_db()
    begin = ground.now + HOUR
    hear(programme, ground, call(ground, starts_at=begin, ends_at=begin + 31 * DAY, kw=KW * 4))
    step(ground, 2)
    row = Dispatch.objects.get()
    assert row.begins_at is not None
    assert (row.code, row.begins_at < begin) == ("", True)
    first, second = sorted(one[2:] for one in plans_of(row))
    assert first == (row.begins_at, row.begins_at + 31 * DAY)
    assert second == (row.begins_at + 31 * DAY, begin + 31 * DAY)


def test_the_page_of_a_plan_says_how_long_one_may_be(ground: Ground, root: User, person: Callable[..., Client]) -> None:
    plan = plans.create_plan(
        site=ground.site, by=root, at=ground.now, cause="price", reason="x", goal="by", goal_kw=KW,
        selection="efficiency", starts_at=ground.now, ends_at=ground.now + HOUR,
    )  # fmt: skip
    client = person("curtailment.view_curtailmentplan", "curtailment.change_curtailmentplan")
    url = f"/admin/curtailment/curtailmentplan/{plan.pk}/change/"
    fields = {
        **form_of(client.get(url)),
        "starts_at_0": f"{ground.now:%Y-%m-%d}",
        "starts_at_1": f"{ground.now:%H:%M:%S}",
        "ends_at_0": f"{ground.now + 40 * DAY:%Y-%m-%d}",
        "ends_at_1": f"{ground.now:%H:%M:%S}",
    }
    with time_machine.travel(ground.now, tick=False):
        answer = client.post(url, fields)
    assert answer.status_code == 200
    assert "A plan lasts 31 days at most." in answer.content.decode()
    assert plan.reload().ends_at == ground.now + HOUR


def test_a_dispatch_typed_by_hand_that_is_too_long_says_so(ground: Ground, root: User) -> None:
    programme = open_for_days(ground, root, 20)
    too_long = call(ground, starts_at=None, ends_at=ground.now + 32 * DAY)
    with pytest.raises(dispatches.DispatchRefused, match="longer than agreed"):
        dispatches.type_dispatch(programme, too_long, site=ground.site, by=root, at=ground.now)
    assert CurtailmentPlan.objects.get().status == PlanStatus.PENDING
