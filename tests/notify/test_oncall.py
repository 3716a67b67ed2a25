"""Who is on call hears of it: by weekly rows, by dated shifts in their place, across midnight and changes of clocks."""

from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.core import mail
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from hypothesis import example, given
from hypothesis import strategies as st

from accounts.models import User
from hashinsight.notify.domain import channels, raise_alert, recover_alert
from hashinsight.notify.domain.oncall import gaps, people_on_call, plan_of
from hashinsight.notify.engine.oncall import Dated, Weekly, on_call, spans
from hashinsight.notify.models import Channel, Delivery, Rota, RotaRow, RotaShift
from tests.factories import NOW, UserFactory
from tests.notify.conftest import rule, work
from tests.support.standing import standing

pytestmark = pytest.mark.django_db
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
BERLIN = ZoneInfo("Europe/Berlin")
MONDAY = datetime(2026, 11, 16, tzinfo=UTC)


@pytest.fixture
@standing
def anna(db: None) -> User:
    return UserFactory(email="anna@hashinsight.example", name="Anna", is_staff=True)


@pytest.fixture
@standing
def ben(db: None) -> User:
    return UserFactory(email="ben@hashinsight.example", name="Ben", is_staff=True)


@pytest.fixture
@standing
def rota(anna: User, ben: User) -> Rota:
    """By the clock of Berlin: Anna from eight to six, Ben at night, on each day."""
    made = Rota.objects.create(name="Ops", time_zone="Europe/Berlin")
    for weekday in range(7):
        RotaRow.objects.create(rota=made, person=anna, weekday=weekday, begins=time(8), ends=time(18))
        RotaRow.objects.create(rota=made, person=ben, weekday=weekday, begins=time(18), ends=time(8))
    return made


@pytest.fixture
@standing
def called(rota: Rota, root: User) -> Channel:
    """A mailbox, and whoever is on call."""
    return channels.create_channel(
        by=root, at=NOW, name="On call", kind="email", address="ops@hashinsight.example", rota=rota
    )


# --- who it is ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("local", "who"),
    [
        (datetime(2026, 11, 18, 7, 59, 59), "Ben"),
        (datetime(2026, 11, 18, 8), "Anna"),
        (datetime(2026, 11, 18, 17, 59, 59), "Anna"),
        (datetime(2026, 11, 18, 18), "Ben"),
        (datetime(2026, 11, 19, 0), "Ben"),
        (datetime(2026, 11, 16, 3), "Ben"),  # of Sunday's night
        (datetime(2026, 7, 16, 8), "Anna"),  # summer
        (datetime(2026, 3, 29, 8), "Anna"),  # the night has an hour less
        (datetime(2026, 10, 25, 2, 30, fold=1), "Ben"),  # and here one more
    ],
)
def test_weekly_rows_go_by_the_clock_of_the_rota(local: datetime, who: str, rota: Rota) -> None:
    at = local.replace(tzinfo=BERLIN).astimezone(UTC)
    assert [user.name for user in people_on_call(rota, at=at)] == [who]


def test_a_dated_shift_takes_their_place_and_two_may_share_it(rota: Rota, anna: User, ben: User) -> None:
    carl = UserFactory(email="carl@hashinsight.example", name="Carl", is_staff=True)
    begins = datetime(2026, 11, 18, 12, tzinfo=UTC)
    RotaShift.objects.create(rota=rota, person=carl, begins_at=begins, ends_at=begins + DAY)
    RotaShift.objects.create(rota=rota, person=ben, begins_at=begins + HOUR, ends_at=begins + 2 * HOUR)

    def names(at: datetime) -> list[str]:
        return [user.name for user in people_on_call(Rota.objects.get(pk=rota.pk), at=at)]

    assert names(begins - MINUTE) == ["Anna"]
    assert names(begins) == ["Carl"]
    assert names(begins + HOUR) == ["Ben", "Carl"]
    assert names(begins + 2 * HOUR) == ["Carl"]
    assert names(begins + DAY) == ["Anna"]
    User.objects.filter(pk=carl.pk).update(is_active=False)
    assert names(begins) == ["Anna"]  # who has left stands in for nobody
    User.objects.filter(pk=anna.pk).update(is_staff=False)
    assert names(begins) == []


CLOCK = st.times().map(lambda clock: clock.replace(microsecond=0))
WEEKLY = st.builds(Weekly, person=st.integers(0, 2), weekday=st.integers(0, 6), begins=CLOCK, ends=CLOCK)
DATED = st.builds(
    lambda person, start, hours: Dated(person, MONDAY + start * HOUR, MONDAY + (start + hours) * HOUR),
    st.integers(0, 2), st.integers(-30, 200), st.integers(1, 50),
)  # fmt: skip


@example(
    weekly=[Weekly(0, 6, time(2, 15), time(2, 45))],
    dated=[],
    zone="Europe/Berlin",
    first=datetime(2026, 10, 24, tzinfo=UTC),
    hours=40,
)  # an hour that comes twice
@example(
    weekly=[Weekly(0, 6, time(2, 30), time(5))],
    dated=[],
    zone="Europe/Berlin",
    first=datetime(2026, 3, 28, tzinfo=UTC),
    hours=40,
)  # and one that does not come at all
@given(
    weekly=st.lists(WEEKLY, max_size=4), dated=st.lists(DATED, max_size=2),
    zone=st.sampled_from(["UTC", "Europe/Berlin", "America/Chicago", "Asia/Kolkata", "Australia/Lord_Howe"]),
    first=st.sampled_from([MONDAY, datetime(2026, 10, 24, tzinfo=UTC), datetime(2026, 3, 28, tzinfo=UTC)]),
    hours=st.integers(1, 60),
)  # fmt: skip
def test_the_plan_says_at_every_moment_who_is_on_call_then(
    weekly: list[Weekly], dated: list[Dated], zone: str, first: datetime, hours: int
) -> None:
    clock, past = ZoneInfo(zone), first + hours * HOUR
    found = list(spans(first, past, clock, weekly, dated))
    assert (found[0].begins, found[-1].ends) == (first, past)
    for one, following in pairwise(found):
        assert one.ends == following.begins
        assert one.people != following.people
    for minute in range(0, hours * 60, 7):
        at = first + minute * MINUTE
        (span,) = [span for span in found if span.begins <= at < span.ends]
        assert span.people == on_call(at, clock, weekly, dated)


# --- who hears of it ---------------------------------------------------------------------------------------------
def receivers() -> list[str]:
    return sorted(message.to[0].partition("@")[0] for message in mail.outbox)


def test_an_escalation_goes_to_whoever_is_on_call_then_and_its_end_to_the_same(
    called: Channel, mailbox: Channel, root: User, clock: time_machine.Traveller
) -> None:
    Channel.objects.filter(pk=mailbox.pk).update(address="desk@hashinsight.example")
    at = datetime(2026, 11, 20, 17, 50, tzinfo=BERLIN).astimezone(UTC)
    clock.move_to(at, tick=False)
    rule(mailbox.reload(), escalate_after_minutes=15, escalate_to=called)
    raise_alert("job.late", "x", at=at, title="Late")
    work(at)
    assert receivers() == ["desk"]
    later = at + 15 * MINUTE  # Ben has relieved Anna
    clock.move_to(later, tick=False)
    work(later)
    work(later)
    assert receivers() == ["ben", "desk", "ops"]
    mail.outbox.clear()
    morning = at + 15 * HOUR  # and Anna has relieved Ben
    clock.move_to(morning, tick=False)
    recover_alert("job.late", "x", at=morning)
    work(morning)
    assert receivers() == ["ben", "desk", "ops"]


def test_in_quiet_hours_it_is_who_is_on_call_when_they_end(
    called: Channel, clock: time_machine.Traveller, root: User
) -> None:
    changes: dict[str, Any] = {"quiet_from": time(22), "quiet_to": time(9), "time_zone": "Europe/Berlin"}
    rule(channels.change_channel(called, changes=changes, by=root))
    at = datetime(2026, 11, 20, 23, tzinfo=BERLIN).astimezone(UTC)
    clock.move_to(at, tick=False)
    raise_alert("job.late", "x", at=at, title="Late")
    assert set(Delivery.objects.values_list("recipient", flat=True)) == {
        "ops@hashinsight.example", "anna@hashinsight.example",
    }  # fmt: skip


def test_an_empty_rota_leaves_the_address(called: Channel, rota: Rota, clock: time_machine.Traveller) -> None:
    rota.rows.all().delete()
    rule(called)
    raise_alert("job.late", "x", at=NOW, title="Late")
    work(NOW)
    assert receivers() == ["ops"]


@pytest.mark.parametrize("fields", [{"address": ""}, {"kind": "webhook", "address": "https://hooks.example/x"}])
def test_a_channel_with_a_rota_is_a_mailbox_with_an_address(fields: dict[str, str], rota: Rota, root: User) -> None:
    wanted: dict[str, Any] = {"name": "x", "kind": "email", "address": "a@hashinsight.example", **fields}
    with pytest.raises(ValidationError):
        channels.create_channel(by=root, at=NOW, rota=rota, **wanted)


# --- what is wrong -----------------------------------------------------------------------------------------------
def test_hours_in_which_nobody_is_on_call_are_told_a_day_ahead(rota: Rota, ben: User) -> None:
    assert list(gaps(NOW)) == []
    friday = rota.rows.get(person=ben, weekday=4)
    friday.delete()
    assert list(gaps(datetime(2026, 11, 19, 16, 59, tzinfo=UTC))) == []
    (found,) = gaps(datetime(2026, 11, 19, 17, 1, tzinfo=UTC))
    assert found.title == "Nobody is on call: Ops"
    assert found.text == "2026-11-20 18:00 – 2026-11-20 18:01 (Europe/Berlin)"
    (found,) = gaps(datetime(2026, 11, 20, 20, tzinfo=UTC))
    assert found.text == "2026-11-20 21:00 – 2026-11-21 08:00 (Europe/Berlin)"
    Rota.objects.update(is_seamless=False)
    assert list(gaps(NOW)) == []


def test_the_database_refuses_what_makes_no_sense(rota: Rota, anna: User, mailbox: Channel) -> None:
    for make in (
        lambda: RotaShift.objects.create(rota=rota, person=anna, begins_at=NOW, ends_at=NOW),
        lambda: RotaRow.objects.create(rota=rota, person=anna, weekday=7, begins=time(1), ends=time(2)),
        lambda: RotaRow.objects.create(rota=rota, person=anna, weekday=0, begins=time(8), ends=time(9)),
        lambda: Channel.objects.filter(pk=mailbox.pk).update(kind="slack", rota=rota),
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            make()


# --- its pages ---------------------------------------------------------------------------------------------------
def test_a_rota_is_made_and_changed_on_its_page(client: Client, root: User, anna: User, ben: User) -> None:
    client.force_login(root)
    data = {
        "name": "Nights", "time_zone": "America/Chicago", "is_seamless": "on",
        "rows-TOTAL_FORMS": "1", "rows-INITIAL_FORMS": "0", "rows-0-weekday": "0", "rows-0-begins": "20:00",
        "rows-0-ends": "20:00", "rows-0-person": str(anna.pk),
        "shifts-TOTAL_FORMS": "1", "shifts-INITIAL_FORMS": "0", "shifts-0-begins_at_0": "2030-01-01",
        "shifts-0-begins_at_1": "00:00", "shifts-0-ends_at_0": "2030-01-02", "shifts-0-ends_at_1": "00:00",
        "shifts-0-person": str(ben.pk),
    }  # fmt: skip
    answer = client.post("/admin/notify/rota/add/", data)
    assert answer.status_code == 302, answer.context["errors"]
    rota = Rota.objects.get()
    assert (rota.rows.get().person, rota.shifts.get().person) == (anna, ben)
    assert rota.shifts.get().begins_at == datetime(2030, 1, 1, 6, tzinfo=UTC)  # midnight in Chicago
    page = client.get(f"/admin/notify/rota/{rota.pk}/change/").content.decode()
    assert 'value="2030-01-01"' in page
    assert 'value="00:00:00"' in page
    assert "Nobody is on call." in page
    plan = plan_of(rota, first=datetime(2026, 11, 16, tzinfo=UTC), past=datetime(2026, 11, 19, tzinfo=UTC))
    assert [[user.name for user in people] for _span, people in plan] == [[], ["Anna"], []]
    wrong = client.post("/admin/notify/rota/add/", {**data, "name": "x", "time_zone": "Mars/Olympus"})
    assert "is no time zone name" in wrong.content.decode()


def test_the_list_asks_as_often_for_three_rotas_as_for_one(client: Client, root: User, rota: Rota, anna: User) -> None:
    client.force_login(root)
    client.get("/admin/notify/rota/")
    counts = []
    for name in ("b", "c"):
        with CaptureQueriesContext(connection) as seen:
            client.get("/admin/notify/rota/")
        counts.append(len(seen))
        other = Rota.objects.create(name=name)
        RotaRow.objects.create(rota=other, person=anna, weekday=0, begins=time(0), ends=time(0))
    assert counts[0] == counts[1]
