"""What was agreed with a programme, and who else has a say in its dispatches; what the database keeps of them."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import DatabaseError, connection, transaction

from accounts.models import User
from curtailment.domain import plans
from curtailment.domain.dispatch import dispatch_watch, dispatches
from curtailment.domain.dispatch.dispatches import Heard, receive
from curtailment.engine.dispatching import Action, Call
from curtailment.enums import DispatchState, PlanStatus
from curtailment.models import CurtailmentPlan, Dispatch, DispatchMessage, Programme
from hosting.enums import MinerIntent, PlaceStatus
from hosting.models import Miner
from tests.curtailment.programme import KW, all_read, call, hear, let_act, make_programme, plans_of, step, the
from tests.curtailment.site import Ground

pytestmark = pytest.mark.django_db


# --- tests, authority, limits --------------------------------------------------------------------------------------
def test_a_test_is_written_down_and_switches_nothing(ground: Ground, programme: Programme) -> None:
    hear(programme, ground, call(ground, is_test=True))
    step(ground, 2)
    assert (the().state, ground.farm.off, CurtailmentPlan.objects.count()) == (DispatchState.LOGGED, 0, 0)
    step(ground, 30)
    assert the().state == DispatchState.ENDED


def test_a_test_is_followed_where_the_programme_says_so(ground: Ground, programme: Programme) -> None:
    Programme.objects.update(on_test="run")
    programme.refresh_from_db()
    hear(programme, ground, call(ground, is_test=True))
    step(ground, 2)
    assert ground.farm.off == 4


def test_one_that_is_not_authorised_is_refused_or_waits_for_a_person(
    ground: Ground, programme: Programme, root: User
) -> None:
    assert hear(programme, ground, call(ground, is_authorised=False)).code == "not_authorised"
    assert the().state == DispatchState.REFUSED
    Programme.objects.update(on_unauthorised="wait")
    programme.refresh_from_db()
    hear(programme, ground, call(ground, is_authorised=False))
    assert the().state == DispatchState.RECEIVED
    step(ground, 2)
    assert ground.farm.off == 0
    dispatches.authorise(the(), by=root, at=ground.now)
    assert (the().state, the().authorised_by) == (DispatchState.RUNNING, root)
    step(ground, 2)
    assert ground.farm.off == 4


def test_a_call_in_the_other_word_is_compared_with_the_load(ground: Ground, programme: Programme) -> None:
    """Seventy kilowatts run, 14 are committed: down to 56 and no further."""
    assert hear(programme, ground, call(ground, dispatch_id="D-0", goal="to", kw=KW * 16)).marks == ["not_comparable"]
    all_read(ground)
    assert hear(programme, ground, call(ground, goal="to", kw=KW * 15)).code == "more_than_committed"
    assert hear(programme, ground, call(ground, dispatch_id="D-2", goal="to", kw=Decimal(0))).code == (
        "more_than_committed"
    )
    hear(programme, ground, call(ground, dispatch_id="D-3", goal="to", kw=KW * 16))
    step(ground, 2)
    assert ground.farm.off == 4
    Programme.objects.update(goal="to")
    programme.refresh_from_db()
    programme.commitments.update(kw=KW * 16)
    assert hear(programme, ground, call(ground, dispatch_id="D-4", goal="by", kw=KW * 5)).code == "more_than_committed"
    assert hear(programme, ground, call(ground, dispatch_id="D-5", goal="by", kw=KW * 4)).code == ""


def test_what_nobody_can_compare_waits_until_a_person_says_so(ground: Ground, programme: Programme, root: User) -> None:
    """While no machine runs nobody knows from where it would be reduced."""
    Miner.objects.update(intent=MinerIntent.MAINTENANCE)
    message = hear(programme, ground, call(ground, goal="to", kw=KW * 16, sequence=1))
    assert (message.outcome, message.marks, the().state) == ("waits", ["not_comparable"], DispatchState.RECEIVED)
    assert CurtailmentPlan.objects.count() == 0
    again = receive(programme, Heard(call(ground, goal="to", kw=KW * 16, sequence=1), "webhook", "x"), at=ground.now)[0]
    assert (again.outcome, the().state) == ("repeated", DispatchState.RECEIVED)
    dispatches.authorise(the(), by=root, at=ground.now)
    assert (the().state, the().authorised_by) == (DispatchState.RUNNING, root)


def test_what_we_cancel_ourselves_is_not_revived(ground: Ground, programme: Programme, root: User) -> None:
    hear(programme, ground, call(ground, sequence=1))
    step(ground, 2)
    dispatches.cancel(the(), reason="fire", by=root, at=ground.now)
    message = hear(programme, ground, call(ground, starts_at=None, sequence=2, kw=KW))
    assert (message.code, the().state, the().cancelled_by) == ("cancelled_already", "cancelled", root)
    step(ground, 2)
    assert ground.farm.off == 0


def test_a_plan_that_people_ended_is_not_made_again(ground: Ground, programme: Programme, root: User) -> None:
    hear(programme, ground, call(ground))
    step(ground, 2)
    plans.end_plan(CurtailmentPlan.objects.get(), by=root, at=ground.now, reason="no")
    step(ground, 5)
    assert (ground.farm.off, CurtailmentPlan.objects.count()) == (0, 1)


def test_calls_a_day_and_a_season_are_counted(ground: Ground, programme: Programme) -> None:
    Programme.objects.update(calls_per_day=1, calls_per_season=2)
    programme.refresh_from_db()
    day = timedelta(days=1)

    def of(name: str, days: int) -> str:
        begin = ground.now + days * day
        return hear(programme, ground, call(ground, dispatch_id=name, starts_at=begin, ends_at=begin + day / 24)).code

    assert [of("A", 0), of("B", 0), of("C", 1), of("D", 2)] == ["", "calls_used_up", "", "calls_used_up"]
    assert hear(programme, ground, call(ground, dispatch_id="T", is_test=True)).code == "calls_used_up"
    hear(programme, ground, Call("C", Action.CANCEL))
    assert of("E", 2) == "", "what never began was no call"


def test_hours_are_those_of_the_site(ground: Ground, root: User) -> None:
    let_act(ground.site, root)
    local = ground.now.strftime("%H")
    inside = make_programme(root, ground.site, hours=f"{local}:00-{local}:59", name="In")
    assert hear(inside, ground, call(ground, ends_at=ground.now + timedelta(seconds=30))).code == ""
    outside = make_programme(root, ground.site, hours=f"{ground.now.month} all 03:00-04:00", name="Out")
    if local != "03":
        assert hear(outside, ground, call(ground)).code == "outside_hours"


@pytest.mark.parametrize(
    ("begin", "length", "code"),
    [
        (14, 6, ""), (14, 1, ""), (19, 1, ""), (19.75, 0.25, ""), (13.75, 1, "outside_hours"),
        (19, 1.25, "outside_hours"), (19, 20, "outside_hours"), (14, 24, "outside_hours"), (20, 1, "outside_hours"),
    ],
)  # fmt: skip
def test_all_of_its_time_lies_in_the_hours_agreed(
    ground: Ground, root: User, begin: float, length: float, code: str
) -> None:
    """Of every day two to eight: the night between two afternoons is not agreed."""
    programme = make_programme(root, ground.site, hours="14:00-20:00")
    start = ground.now.replace(hour=0, minute=0) + timedelta(days=3, hours=begin)
    asked = call(ground, starts_at=start, ends_at=start + timedelta(hours=length))
    assert hear(programme, ground, asked).code == code


def test_one_commitment_may_follow_another_and_the_smaller_one_counts(ground: Ground, root: User) -> None:
    programme = make_programme(root, ground.site, kw=14, valid_to=ground.now.date() + timedelta(days=3))
    midnight = ground.now.replace(hour=0, minute=0) + timedelta(days=3)
    night = {"starts_at": midnight - timedelta(hours=2), "ends_at": midnight + timedelta(hours=2)}
    assert hear(programme, ground, call(ground, **night)).code == "outside_hours", "nothing is committed after midnight"
    programme.commitments.create(site=ground.site, kw=7, valid_from=midnight.date())
    assert hear(programme, ground, call(ground, **night, kw=Decimal(14))).code == "more_than_committed"
    assert hear(programme, ground, call(ground, **night)).code == ""
    assert the().kw == 7
    Programme.objects.update(goal="to")
    programme.refresh_from_db()
    assert hear(programme, ground, call(ground, dispatch_id="D-2", **night, kw=Decimal(7))).code == (
        "more_than_committed"
    )


def test_a_call_of_a_hundred_years_is_refused_at_once(ground: Ground, root: User) -> None:
    programme = make_programme(root, ground.site, hours="14:00-20:00")
    for begin, end in ((-70 * 365, 365), (0, 70 * 365), (0, 32)):
        asked = call(
            ground, starts_at=ground.now + timedelta(days=begin), ends_at=ground.now + timedelta(days=end)
        )  # fmt: skip
        assert hear(programme, ground, asked).code == "too_long"


def test_without_an_end_the_hours_agreed_are_watched(ground: Ground, root: User) -> None:
    """Nobody but whoever called ends it; that its hours are over is said."""
    let_act(ground.site, root)
    hour = ground.now.hour
    programme = make_programme(root, ground.site, hours=f"{hour:02}:00-{hour + 1:02}:00", allows_open_ended=True)
    hear(programme, ground, call(ground, ends_at=None, open_ended=True))
    end = ground.now.replace(hour=hour + 1, minute=0)
    assert list(dispatch_watch.open_ended(end - timedelta(seconds=1))) == []
    (finding,) = dispatch_watch.open_ended(end)
    assert "after the hours agreed" in finding.title
    step(ground, 2)
    assert ground.farm.off == 4


def test_which_site_is_meant(ground: Ground, other_ground: Ground, programme: Programme, root: User) -> None:
    other = make_programme(root, other_ground.site, name="Other")
    assert receive(other, Heard(call(ground), "webhook", "a", site="West"), at=ground.now)[0].code == "unknown_site"
    other.commitments.create(site=ground.site, kw=7, valid_from=ground.now.date() - timedelta(days=1))
    assert receive(other, Heard(call(ground), "webhook", "b"), at=ground.now)[0].code == "unknown_site"
    assert receive(other, Heard(call(ground), "webhook", "c", site="West"), at=ground.now)[0].code == ""
    assert Dispatch.objects.get().site == ground.site


def test_without_a_standing_approval_the_plan_waits_and_the_old_one_goes_on(ground: Ground, root: User) -> None:
    approval = let_act(ground.site, root, kw=8)
    programme = make_programme(root, ground.site, kw=14)
    hear(programme, ground, call(ground, sequence=1, kw=KW * 2))
    step(ground, 2)
    hear(programme, ground, call(ground, starts_at=None, sequence=2, kw=KW * 4))
    step(ground, 2)
    assert [one[0] for one in plans_of(the())] == [PlanStatus.EXECUTED, PlanStatus.PENDING]
    assert ground.farm.off == 2
    assert approval.most_kw == 8
    let_act(ground.site, root, kw=20)
    step(ground, 4)
    assert [one[0] for one in plans_of(the())][1:] == [PlanStatus.EXECUTED]
    assert ground.farm.off == 4


def test_what_cannot_be_planned_is_tried_again(ground: Ground, programme: Programme) -> None:
    ground.site.status = PlaceStatus.INACTIVE
    ground.site.save()
    hear(programme, ground, call(ground))
    assert (the().code, CurtailmentPlan.objects.count()) == ("cannot_be_planned", 0)
    ground.site.status = PlaceStatus.ACTIVE
    ground.site.save()
    step(ground, 3)
    assert (the().code, ground.farm.off) == ("", 4)


def test_without_an_end_only_where_that_was_agreed(ground: Ground, programme: Programme) -> None:
    assert hear(programme, ground, call(ground, ends_at=None, open_ended=True)).code == "open_ended"
    Programme.objects.update(allows_open_ended=True)
    programme.refresh_from_db()
    hear(programme, ground, call(ground, ends_at=None, open_ended=True))
    step(ground, 45)
    assert (the().state, ground.farm.off) == (DispatchState.RUNNING, 4)
    hear(programme, ground, call(ground, starts_at=None, ends_at=ground.now + timedelta(minutes=2)))
    step(ground, 4)
    assert (the().state, ground.farm.off) == (DispatchState.ENDED, 0)


@pytest.mark.parametrize("door", ["webhook", "hand"])
def test_by_nothing_is_refused_or_the_end_of_what_was_called(
    ground: Ground, programme: Programme, root: User, door: str
) -> None:
    def say(**fields: object) -> str:
        said = call(ground, **fields)
        if door == "webhook":
            return hear(programme, ground, said).code
        try:
            return dispatches.type_dispatch(programme, said, site=ground.site, by=root, at=ground.now).code
        except dispatches.DispatchRefused as refusal:
            return refusal.code

    assert (say(kw=Decimal(0)), CurtailmentPlan.objects.count()) == ("nothing_asked", 0)
    assert not Dispatch.objects.exclude(state=DispatchState.REFUSED).exists()
    assert say(kw=KW * 4) == ""
    step(ground, 2)
    assert ground.farm.off == 4
    assert say(kw=Decimal(0)) == ""
    step(ground, 2)
    assert (the().state, ground.farm.off) == (DispatchState.CANCELLED, 0)
    assert list(dispatch_watch.unplanned(ground.now)) == []
    assert say(kw=Decimal(0), is_test=True) == "cancelled_already"


# --- kept for ever -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "change",
    [
        "UPDATE curtailment_dispatchmessage SET raw = 'x'",
        "DELETE FROM curtailment_dispatchmessage",
        "DELETE FROM curtailment_dispatch",
        "UPDATE curtailment_dispatch SET reference = 'x'",
        "UPDATE curtailment_dispatch SET state = 'refused'",
        "UPDATE curtailment_dispatch SET ends_at = starts_at",
    ],
)
def test_the_database_keeps_what_was_called(ground: Ground, programme: Programme, change: str) -> None:
    hear(programme, ground, call(ground))
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(change)


def test_each_message_is_kept_as_it_came(ground: Ground, programme: Programme) -> None:
    hear(programme, ground, call(ground, sequence=1))
    hear(programme, ground, call(ground, sequence=2, kw=KW))
    hear(programme, ground, call(ground, sequence=1))
    kept = DispatchMessage.objects.order_by("pk").values_list("outcome", "revision", "said__kw")
    assert list(kept) == [("applied", 1, None), ("applied", 2, "3.5"), ("older", None, None)]
