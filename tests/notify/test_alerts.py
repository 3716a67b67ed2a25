"""Alerts, rules and what comes of them: who is told, how often, when, and what happens when nobody answers."""

from datetime import datetime, time, timedelta
from typing import Any

import pytest
import time_machine
from django.core import mail

from accounts.models import User
from crm.models import Customer
from hashinsight.common.transitions import MoveRefused
from hashinsight.jobs.enums import WorkState
from hashinsight.jobs.models import DueWork
from hashinsight.notify.domain import acknowledge, alerts, channels, raise_alert, recover_alert, watching
from hashinsight.notify.engine.timing import GIVE_UP_AFTER, next_attempt, quiet_until
from hashinsight.notify.models import Alert, Channel, Delivery
from hashinsight.notify.registry import Finding, alert_kinds
from hashinsight.notify.tasks import watch_house
from tests.factories import NOW, UserFactory
from tests.notify.conftest import rule, work

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


def trouble(at: datetime = NOW, *, key: str = "crm.check_overdue", **fields: Any) -> Alert:
    return raise_alert("job.late", key, at=at, title="Job is late", **fields)


def subjects() -> list[str]:
    return [message.subject for message in mail.outbox]


# --- one trouble, one alert --------------------------------------------------------------------------------------
def test_the_same_trouble_is_one_alert_until_it_is_over(db: None) -> None:
    first = trouble()
    again = trouble(NOW + MINUTE)
    assert (again.pk, again.count, again.last_at) == (first.pk, 2, NOW + MINUTE)
    assert trouble(key="other").pk != first.pk
    assert recover_alert("job.late", "nothing", at=NOW) is None
    over = recover_alert("job.late", "crm.check_overdue", at=NOW + 2 * MINUTE)
    assert over is not None
    assert (over.state, over.ended_at) == ("ended", NOW + 2 * MINUTE)
    assert trouble(NOW + 3 * MINUTE).pk != first.pk


def test_an_unknown_kind_is_a_mistake_in_code(db: None) -> None:
    with pytest.raises(KeyError):
        raise_alert("no.such", "x", at=NOW, title="x")


@pytest.mark.parametrize("state", ["open", "acknowledged", "ended"])
def test_moves(state: str, root: User) -> None:
    alert = trouble()
    if state != "open":
        acknowledge(alert, by=root, at=NOW)
    if state == "ended":
        alerts.end_alert(alert, by=root, at=NOW)
    if state == "open":
        assert acknowledge(alert, by=root, at=NOW).acknowledged_by == root
        return
    with pytest.raises(MoveRefused):
        acknowledge(alert, by=root, at=NOW)
    if state == "ended":
        with pytest.raises(MoveRefused):
            alerts.end_alert(alert, by=root, at=NOW)


# --- who is told -------------------------------------------------------------------------------------------------
def test_a_rule_sends_to_its_channel_and_its_people(mailbox: Channel, clock: time_machine.Traveller) -> None:
    person = UserFactory(email="person@hashinsight.example", is_staff=True)
    rule(mailbox, "job.*").recipients.add(person, UserFactory(email="gone@x.example", is_staff=True, is_active=False))
    trouble(text="For three hours.")
    assert work(NOW) == ["done", "done"]
    assert sorted(message.to[0] for message in mail.outbox) == ["ops@hashinsight.example", "person@hashinsight.example"]
    message = mail.outbox[0]
    assert message.subject == "Error: Job is late"
    assert "For three hours." in message.body
    assert f"/admin/notify/alert/{Alert.objects.get().pk}/change/" in message.body
    assert message.extra_headers["Message-ID"] == f"<{Delivery.objects.order_by('pk')[0].public_id}@127.0.0.1>"


@pytest.mark.parametrize(
    ("fields", "heard"),
    [
        ({}, True),
        ({"kinds": ["job.late"]}, True),
        ({"kinds": ["job.*"]}, True),
        ({"kinds": ["*"]}, True),
        ({"kinds": ["job.failed"]}, False),
        ({"kinds": ["jo*"]}, False),
        ({"min_severity": "error"}, True),
        ({"min_severity": "critical"}, False),
        ({"only_customer_id": 7}, True),
        ({"only_customer_id": 8}, False),
        ({"only_legal_entity_id": 3}, True),
        ({"only_legal_entity_id": 4}, False),
        ({"is_active": False}, False),
    ],
)
def test_filters(fields: dict[str, Any], heard: bool, mailbox: Channel) -> None:
    made = rule(mailbox)
    type(made).objects.filter(pk=made.pk).update(**fields)
    trouble(customer_id=7, legal_entity_id=3)
    assert Delivery.objects.exists() is heard


def test_a_channel_that_is_off_gets_nothing(mailbox: Channel, root: User) -> None:
    rule(mailbox)
    channels.switch_off(mailbox, by=root, at=NOW)
    trouble()
    assert Delivery.objects.count() == 0


# --- how often ---------------------------------------------------------------------------------------------------
def test_a_watch_that_sees_it_every_minute_tells_it_once(mailbox: Channel, clock: time_machine.Traveller) -> None:
    rule(mailbox)
    for minute in range(30):
        trouble(NOW + minute * MINUTE)
    work(NOW)
    assert subjects() == ["Error: Job is late"]


def test_a_repeat_limit_sends_one_then_a_count(mailbox: Channel, clock: time_machine.Traveller) -> None:
    rule(mailbox, repeat_minutes=10)
    for minute in range(25):
        moment = NOW + minute * MINUTE
        clock.move_to(moment, tick=False)
        trouble(moment)
        work(moment)
    assert subjects() == ["Error: Job is late", "10 more: Error: Job is late", "10 more: Error: Job is late"]


def test_a_flood_of_events_is_counted_and_nothing_is_lost(
    mailbox: Channel, customer_a: Customer, clock: time_machine.Traveller
) -> None:
    from hashinsight.notify.domain.events import consume
    from tests.notify.test_webhooks import happened

    rule(mailbox, "invoice.*", repeat_minutes=60)
    for _number in range(100):
        consume([happened(customer_a)], at=NOW)
    clock.move_to(NOW + 61 * MINUTE, tick=False)
    work(NOW + 61 * MINUTE)
    work(NOW + 61 * MINUTE)
    assert sorted(subjects()) == ["99 more: An invoice is settled.", "An invoice is settled."]


def test_an_event_told_twice_is_no_repeat(
    mailbox: Channel, customer_a: Customer, clock: time_machine.Traveller
) -> None:
    from hashinsight.notify.domain.events import consume
    from tests.notify.test_webhooks import happened

    limited = rule(mailbox, "invoice.*", repeat_minutes=60)
    event = happened(customer_a)
    for _time in range(3):
        consume([event], at=NOW)
    assert limited.windows.get().suppressed == 0
    assert not DueWork.objects.filter(kind="notify.digest").exists()


def test_what_becomes_worse_is_told_at_once(mailbox: Channel, clock: time_machine.Traveller) -> None:
    rule(mailbox, repeat_minutes=600)
    rule(mailbox, min_severity="critical")
    trouble(severity="warning")
    trouble(NOW + MINUTE, severity="critical")
    trouble(NOW + 2 * MINUTE, severity="warning")
    clock.move_to(NOW + 2 * MINUTE, tick=False)
    work(NOW + 2 * MINUTE)
    assert sorted(subjects()) == ["Critical: Job is late", "Critical: Job is late", "Warning: Job is late"]
    assert Alert.objects.get().severity == "critical"


# --- its end -----------------------------------------------------------------------------------------------------
def test_who_heard_of_it_hears_that_it_is_over(mailbox: Channel, clock: time_machine.Traveller) -> None:
    rule(mailbox)
    rule(mailbox, tells_end=False)
    rule(mailbox, min_severity="critical")
    trouble()
    work(NOW)
    recover_alert("job.late", "crm.check_overdue", at=NOW + MINUTE)
    work(NOW + MINUTE)
    clock.move_to(NOW + MINUTE, tick=False)
    work(NOW + MINUTE)
    assert subjects() == ["Error: Job is late", "Error: Job is late", "Over: Job is late"]


# --- quiet hours -------------------------------------------------------------------------------------------------
def _quiet(channel: Channel, root: User) -> None:
    changes = {"quiet_from": time(9), "quiet_to": time(17), "time_zone": "Europe/Berlin"}
    channels.change_channel(channel, changes=changes, by=root)


def test_quiet_hours_hold_back_what_can_wait(mailbox: Channel, root: User, clock: time_machine.Traveller) -> None:
    _quiet(mailbox, root)  # NOW is 10:30 in Berlin; quiet until 17:00, that is 16:00 UTC
    rule(mailbox)
    trouble(key="a")
    trouble(key="b", severity="critical")
    trouble(key="c")
    assert work(NOW) == ["done"]
    assert subjects() == ["Critical: Job is late"]
    recover_alert("job.late", "c", at=NOW + MINUTE)
    clock.move_to(NOW.replace(hour=16, minute=0), tick=False)
    work(NOW.replace(hour=16, minute=0))
    assert subjects() == ["Critical: Job is late", "Error: Job is late"], "what was over before is not told any more"
    assert Delivery.objects.filter(state="skipped").count() == 1
    assert not Delivery.objects.filter(state="pending").exists()


@pytest.mark.parametrize(
    ("at", "zone", "begins", "ends", "until"),
    [
        ("2026-11-20T21:59+00:00", "UTC", "22:00", "07:00", None),
        ("2026-11-20T22:00+00:00", "UTC", "22:00", "07:00", "2026-11-21T07:00+00:00"),
        ("2026-11-21T06:59+00:00", "UTC", "22:00", "07:00", "2026-11-21T07:00+00:00"),
        ("2026-11-21T07:00+00:00", "UTC", "22:00", "07:00", None),
        ("2026-11-20T12:30+00:00", "UTC", "12:00", "13:00", "2026-11-20T13:00+00:00"),
        ("2026-11-20T23:30+00:00", "America/Chicago", "17:00", "18:00", "2026-11-21T00:00+00:00"),
        ("2026-11-20T12:30+00:00", "UTC", "12:00", "12:00", None),
        # The night the clocks go forward and the night they go back.
        ("2027-03-27T23:30+00:00", "Europe/Berlin", "22:00", "07:00", "2027-03-28T05:00+00:00"),
        ("2026-10-24T23:30+00:00", "Europe/Berlin", "22:00", "07:00", "2026-10-25T06:00+00:00"),
    ],
)
def test_quiet_until(at: str, zone: str, begins: str, ends: str, until: str | None) -> None:
    got = quiet_until(
        datetime.fromisoformat(at), zone=zone, begins=time.fromisoformat(begins), ends=time.fromisoformat(ends)
    )
    assert got == (datetime.fromisoformat(until) if until else None)


def test_waits_double_up_to_three_hours_and_end_after_three_days() -> None:
    waits, at, attempts = [], NOW, 0
    while True:
        attempts += 1
        following = next_attempt(attempts=attempts, since=NOW, at=at)
        if following is None:
            break
        waits.append(following - at)
        at = following
    assert [wait.total_seconds() for wait in waits[:4]] == [30, 60, 120, 240]
    assert max(waits) == timedelta(hours=3)
    assert timedelta(hours=48) < at - NOW <= GIVE_UP_AFTER


# --- nobody answers ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("what", ["nothing", "acknowledged", "over"])
def test_escalation(what: str, mailbox: Channel, root: User, clock: time_machine.Traveller) -> None:
    boss = channels.create_channel(by=root, at=NOW, name="Boss", kind="email", address="boss@hashinsight.example")
    rule(mailbox, escalate_after_minutes=15, escalate_to=boss)
    alert = trouble()
    work(NOW)
    if what == "acknowledged":
        acknowledge(alert, by=root, at=NOW)
    if what == "over":
        recover_alert("job.late", "crm.check_overdue", at=NOW)
    for minutes in (14, 15, 15, 30, 60):
        clock.move_to(NOW + minutes * MINUTE, tick=False)
        trouble(NOW + minutes * MINUTE) if what == "acknowledged" else None
        work(NOW + minutes * MINUTE)
        work(NOW + minutes * MINUTE)
        told = [message.subject for message in mail.outbox if message.to == ["boss@hashinsight.example"]]
        assert told == (["Not acknowledged: Job is late"] if what == "nothing" and minutes >= 15 else [])
    assert bool(Alert.objects.get(pk=alert.pk).escalated_at) is (what == "nothing")


# --- the watches of the house ------------------------------------------------------------------------------------
def test_the_watch_raises_and_ends(mailbox: Channel, clock: time_machine.Traveller, settings: Any) -> None:
    settings.NOTIFY_DISK_FREE_PERCENT = 1
    DueWork.objects.create(kind="crm.render_invoice_pdf", key="1", state=WorkState.FAILED)
    watch_house()
    live = Alert.objects.get(kind="work.failed")
    assert (live.key, live.title) == ("crm.render_invoice_pdf", "1 piece of work crm.render_invoice_pdf was given up")
    DueWork.objects.filter(kind="crm.render_invoice_pdf").update(state=WorkState.DONE)
    clock.move_to(NOW + MINUTE, tick=False)
    watch_house()
    live.refresh_from_db()
    assert live.state == "ended"


def test_a_full_disk_is_seen(settings: Any, tmp_path: Any) -> None:
    settings.VAR_DIR, settings.NOTIFY_DISK_FREE_PERCENT = tmp_path, 100
    (finding,) = watching.full_disk(NOW)
    assert finding.key == "files"
    settings.NOTIFY_DISK_FREE_PERCENT = 0
    assert list(watching.full_disk(NOW)) == []


def test_one_watch_that_fails_keeps_no_other_from_looking(
    clock: time_machine.Traveller, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hashinsight.notify import tasks

    def broken(at: datetime) -> list[Finding]:
        raise ValueError("cannot look")

    monkeypatch.setattr(
        tasks, "watches", lambda: [("job.late", broken), ("job.failed", lambda at: [Finding("x", "It failed")])]
    )
    with pytest.raises(ValueError, match="cannot look"):
        watch_house()
    assert [alert.title for alert in Alert.objects.all()] == ["It failed"]


def test_the_kinds_of_alerts_are_described() -> None:
    assert {"job.late", "work.failed", "event.dead_letter", "ledger.mismatch", "disk.full", "delivery.failed"} <= {
        kind.kind for kind in alert_kinds()
    }
