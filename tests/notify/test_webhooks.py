"""Signed webhooks: what is sent, how it is signed, and what becomes of it when the receiver is down."""

import json
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import transaction
from standardwebhooks import Webhook, WebhookVerificationError

from accounts.models import User
from crm.models import Customer
from hashinsight.events.consumers import Event
from hashinsight.events.domain import publish
from hashinsight.events.models import OutboxEvent
from hashinsight.jobs.models import DueWork
from hashinsight.notify.domain import channels, sending
from hashinsight.notify.domain.events import consume
from hashinsight.notify.engine import signing
from hashinsight.notify.models import Alert, Channel, Delivery
from tests.factories import NOW
from tests.notify.conftest import rule, work
from tests.support.servers import Receiver

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


def event_of(row: OutboxEvent) -> Event:
    names = ("event_id", "kind", "schema_version", "aggregate_type", "aggregate_id", "customer_id", "user_id")
    given = {name: getattr(row, name) for name in (*names, "payload", "request_id")}
    return Event(position=row.pk, created_us=int(row.created_at.timestamp() * 1_000_000), **given)


def happened(customer: Customer | None, kind: str = "invoice.paid") -> Event:
    payload: dict[str, Any] = {
        "invoice_id": "0199f3a1-7c1e-7b52-9d3e-2f6a41c07d11",
        "number": "INV-1",
        "status": "paid",
        "gross_total": "10.00",
        "currency": "USD",
    }
    if kind.startswith("lead."):
        payload = {"lead_id": "x", "status": "new"}
    with transaction.atomic():
        row = publish(
            kind,
            aggregate_type="crm.invoice",
            aggregate_id="1",
            payload=payload,
            customer_id=customer.pk if customer else None,
        )
    return event_of(row)


# --- signatures -------------------------------------------------------------------------------------------------
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
BODY = b'{"test": 2432232314}'


def test_the_signature_is_that_of_the_published_example() -> None:
    made = signing.signature(SECRET, message_id="msg_p5jXN8AQM9LWM0D4loKWxJek", timestamp=1614265330, body=BODY)
    assert made == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def _verified(secret: str, headers: dict[str, str], body: bytes) -> bool:
    try:
        Webhook(secret).verify(body, headers)
    except WebhookVerificationError:
        return False
    return True


def test_somebody_elses_code_accepts_ours_and_only_ours() -> None:
    other = signing.new_secret(b"x" * 32)
    with time_machine.travel(NOW, tick=False):
        stamp = int(NOW.timestamp())
        good = signing.headers([SECRET], message_id="a", timestamp=stamp, body=BODY)
        assert _verified(SECRET, good, BODY)
        assert not _verified(SECRET, good, BODY + b" "), "tampered body"
        assert not _verified(SECRET, {**good, "webhook-id": "b"}, BODY), "another id"
        assert not _verified(SECRET, {**good, "webhook-timestamp": str(stamp + 1)}, BODY), "another time"
        assert not _verified(other, good, BODY), "another secret"
        old = signing.headers([SECRET], message_id="a", timestamp=stamp - 3600, body=BODY)
        assert not _verified(SECRET, old, BODY), "an hour old"
        rotated = signing.headers([other, SECRET], message_id="a", timestamp=stamp, body=BODY)
        assert _verified(SECRET, rotated, BODY)
        assert _verified(other, rotated, BODY)


@pytest.mark.parametrize("secret", ["", "whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_!!"])
def test_what_is_no_secret_signs_nothing(secret: str) -> None:
    if secret == "whsec_":
        assert signing.key_of(secret) == b""
        return
    with pytest.raises(ValueError, match="secret"):
        signing.key_of(secret)


# --- sending ----------------------------------------------------------------------------------------------------
def test_an_event_arrives_signed_once(
    webhook: Channel, receiver: Receiver, customer_a: Customer, clock: time_machine.Traveller
) -> None:
    rule(webhook, "invoice.*")
    event = happened(customer_a)
    consume([event], at=NOW)
    consume([event], at=NOW)
    assert work(NOW) == ["done"]
    assert work(NOW) == []
    (heard,) = receiver.requests
    delivery = Delivery.objects.get()
    assert heard.headers["webhook-id"] == str(delivery.public_id)
    assert _verified(webhook.reveal_secret(), heard.headers, heard.body)
    assert json.loads(heard.body) == {
        "type": "invoice.paid",
        "timestamp": event.created_at.isoformat(timespec="microseconds").replace("+00:00", "Z"),
        "data": event.payload,
    }
    assert (delivery.state, delivery.attempts, delivery.response_status) == ("delivered", 1, 200)
    assert (delivery.response_excerpt, delivery.next_at) == ("ok", None)


def test_during_a_rotation_both_secrets_sign_and_afterwards_one(
    webhook: Channel, receiver: Receiver, root: User, clock: time_machine.Traveller
) -> None:
    old = webhook.reveal_secret()
    rotated = channels.rotate_secret(webhook, by=root, at=NOW, overlap=24 * HOUR)
    for moment, old_counts in ((NOW, True), (NOW + 24 * HOUR, False)):
        clock.move_to(moment, tick=False)
        channels.send_test(webhook, by=root, at=moment)
        work(moment)
        heard = receiver.requests[-1]
        assert _verified(rotated.reveal_secret(), heard.headers, heard.body)
        assert _verified(old, heard.headers, heard.body) is old_counts


def test_secrets_are_encrypted_in_the_database_and_absent_from_the_history(webhook: Channel) -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT secret FROM notify_channel WHERE id = %s", [webhook.pk])
        stored = cursor.fetchone()[0]
        cursor.execute("SELECT row_to_json(e)::text FROM notify_channelevent e")
        history = "".join(text for (text,) in cursor.fetchall())
    assert webhook.reveal_secret().startswith("whsec_")
    assert webhook.reveal_secret() not in stored
    assert stored.startswith("s1.")
    assert '"name":"Bus"' in history
    assert 'secret"' not in history.replace("previous_secret_until", "")


def test_a_receiver_that_is_down_for_48_hours_gets_it_when_it_returns(
    webhook: Channel, receiver: Receiver, customer_a: Customer, clock: time_machine.Traveller
) -> None:
    rule(webhook)
    consume([happened(customer_a)], at=NOW)
    receiver.answer = lambda heard: (503, {}, b"down for repairs")
    moment, attempts = NOW, 0
    while moment < NOW + 48 * HOUR:
        clock.move_to(moment, tick=False)
        attempts += len(work(moment))
        delivery = Delivery.objects.get()
        assert (delivery.state, delivery.attempts) == ("pending", attempts)
        assert delivery.next_at is not None
        assert delivery.next_at > moment
        moment = delivery.next_at
    assert (delivery.response_status, delivery.response_excerpt) == (503, "down for repairs")
    assert 15 <= attempts <= 40
    receiver.answer = lambda heard: (204, {}, b"")
    clock.move_to(moment, tick=False)
    assert work(moment) == ["done"]
    delivery.refresh_from_db()
    assert (delivery.state, delivery.attempts, delivery.error) == ("delivered", attempts + 1, "")
    assert len(receiver.requests) == attempts + 1
    assert {heard.headers["webhook-id"] for heard in receiver.requests} == {str(delivery.public_id)}
    assert len({heard.body for heard in receiver.requests}) == 1
    assert len({heard.headers["webhook-timestamp"] for heard in receiver.requests}) == attempts + 1
    assert work(moment + 100 * HOUR) == []
    assert Channel.objects.get().failing_since is None


def _fail_until_the_end(clock: time_machine.Traveller, begin: Any = NOW) -> Any:
    moment = begin
    for _turn in range(100):
        clock.move_to(moment, tick=False)
        work(moment)
        following = Delivery.objects.filter(state="pending", next_at__isnull=False).order_by("next_at").first()
        if following is None:
            return moment
        assert following.next_at > moment
        moment = following.next_at
    raise AssertionError("it never ends")


def test_after_three_days_it_is_given_up_an_alert_raised_and_a_person_sends_it_again(
    webhook: Channel, receiver: Receiver, root: User, customer_a: Customer, clock: time_machine.Traveller
) -> None:
    only = rule(webhook, "invoice.*")
    consume([happened(customer_a)], at=NOW)
    receiver.answer = lambda heard: (500, {}, b"")
    end = _fail_until_the_end(clock)
    assert 69 * HOUR <= end - NOW <= 72 * HOUR
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.next_at) == ("failed", None)
    assert Alert.objects.get().kind == "delivery.failed"
    receiver.answer = lambda heard: (200, {}, b"")
    before = receiver.requests[0]
    sending.redeliver(delivery, by=root, at=end)
    assert work(end) == ["done"]
    assert receiver.requests[-1].headers["webhook-id"] == before.headers["webhook-id"]
    assert receiver.requests[-1].body == before.body
    delivery.refresh_from_db()
    assert (delivery.state, only.deliveries.count()) == ("delivered", 1)
    assert Alert.objects.get().state == "ended"
    sending.redeliver(delivery, by=root, at=end)  # also what was delivered, for a receiver that has lost it
    work(end)
    assert len({heard.headers["webhook-id"] for heard in receiver.requests}) == 1


def test_a_channel_that_fails_for_days_is_switched_off_and_says_so(
    webhook: Channel, receiver: Receiver, root: User, customer_a: Customer, clock: time_machine.Traveller
) -> None:
    rule(webhook, "invoice.*")
    receiver.answer = lambda heard: (500, {}, b"")
    moment = NOW
    for _day in range(7):
        consume([happened(customer_a)], at=moment)
        clock.move_to(moment, tick=False)
        work(moment)
        moment += 24 * HOUR
    channel = Channel.objects.get()
    assert (channel.is_active, channel.disabled_at) == (False, NOW + 5 * 24 * HOUR)
    assert set(Alert.objects.values_list("kind", flat=True)) >= {"channel.disabled"}
    count = Delivery.objects.count()
    consume([happened(customer_a)], at=moment)
    assert Delivery.objects.count() == count
    clock.move_to(moment + 30 * HOUR, tick=False)
    heard = len(receiver.requests)
    work(moment + 30 * HOUR)
    assert len(receiver.requests) == heard
    assert not Delivery.objects.filter(state="pending").exists()
    channels.switch_on(channel, by=root, at=moment)
    assert not Alert.objects.filter(kind="channel.disabled").exclude(state="ended").exists()


def test_gone_means_gone(webhook: Channel, receiver: Receiver, clock: time_machine.Traveller) -> None:
    rule(webhook)
    receiver.answer = lambda heard: (410, {}, b"")
    consume([happened(None)], at=NOW)
    work(NOW)
    assert (Delivery.objects.get().state, Channel.objects.get().is_active) == ("failed", False)


def test_retry_after_is_heeded_within_reason(
    webhook: Channel, receiver: Receiver, clock: time_machine.Traveller
) -> None:
    rule(webhook)
    for asked, wait in (("900", timedelta(minutes=15)), ("999999", 6 * HOUR), ("x", timedelta(seconds=30))):
        receiver.answer = lambda heard, asked=asked: (429, {"Retry-After": asked}, b"")  # type: ignore[misc]
        Delivery.objects.all().delete()
        DueWork.objects.all().delete()
        consume([happened(None)], at=NOW)
        work(NOW)
        assert Delivery.objects.get().next_at == NOW + wait


@pytest.mark.parametrize("status", [301, 302, 307, 400, 404])
def test_anything_but_a_2xx_is_a_failure_and_no_redirect_is_followed(
    status: int, webhook: Channel, receiver: Receiver, clock: time_machine.Traveller
) -> None:
    rule(webhook)
    receiver.answer = lambda heard: (status, {"Location": "/elsewhere"}, b"")
    consume([happened(None)], at=NOW)
    work(NOW)
    assert [heard.path for heard in receiver.requests] == ["/hook"]
    assert (Delivery.objects.get().state, Delivery.objects.get().error) == ("pending", f"HTTP {status}")


def test_a_worker_killed_between_answer_and_note_sends_the_same_id_again(
    webhook: Channel, receiver: Receiver, clock: time_machine.Traveller, monkeypatch: pytest.MonkeyPatch
) -> None:
    rule(webhook)
    consume([happened(None)], at=NOW)

    def killed(*args: Any, **options: Any) -> None:
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(sending, "note", killed)
        with pytest.raises(SystemExit):
            work(NOW)
    later = NOW + timedelta(seconds=400)
    clock.move_to(later, tick=False)
    assert work(later) == ["done"]
    assert len(receiver.requests) == 2
    assert len({heard.headers["webhook-id"] for heard in receiver.requests}) == 1
    assert Delivery.objects.get().state == "delivered"


def test_a_hostile_answer_is_kept_short_and_harmless(
    webhook: Channel, receiver: Receiver, clock: time_machine.Traveller
) -> None:
    rule(webhook)
    receiver.answer = lambda heard: (200, {}, b"\x00\xff<script>" + b"x" * 100_000)
    consume([happened(None)], at=NOW)
    work(NOW)
    excerpt = Delivery.objects.get().response_excerpt
    assert (len(excerpt), "\x00" in excerpt) == (999, False)


# --- the wall ---------------------------------------------------------------------------------------------------
def test_a_customer_gets_its_own_events_and_of_those_what_clients_may_see(
    receiver: Receiver, root: User, customer_a: Customer, customer_b: Customer, clock: time_machine.Traveller
) -> None:
    mine = channels.create_channel(
        by=root, at=NOW, name="A", kind="webhook", address=receiver.url(), customer_id=customer_a.pk
    )
    rule(mine, "*")  # wider than the API lets anybody ask for
    for event in (
        happened(customer_b),
        happened(None),
        happened(customer_a, "invoice.drafted"),
        happened(customer_a, "lead.created"),
    ):
        consume([event], at=NOW)
    assert Delivery.objects.count() == 0
    consume([happened(customer_a)], at=NOW)
    delivery = Delivery.objects.get()
    assert (delivery.channel_id, delivery.customer_id) == (mine.pk, customer_a.pk)
