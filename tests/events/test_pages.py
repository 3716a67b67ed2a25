"""The pages about events: readable, permissioned, and each press of a button is one domain call with a reason."""

from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from hashinsight.events.models import DeadLetter, HeldDelivery, OutboxEvent, RelayProcess, Replay
from tests.events.tools import Memory, consumer, count, relay, retry, use

pytestmark = pytest.mark.django_db


@pytest.fixture
def memory(monkeypatch: pytest.MonkeyPatch, settings: Any) -> Memory:
    settings.EVENT_MAX_ATTEMPTS = 1
    found = Memory()
    use(monkeypatch, consumer("one", found))
    return found


@pytest.fixture
def client(root: User, sign_in: Any) -> Client:
    signed_in: Client = sign_in(root)
    return signed_in


def press(client: Client, address: str, **data: Any) -> Any:
    seen = client.get(address).context["seen"]
    return client.post(address, {"seen": seen, **data}, follow=True)


def test_an_events_page_says_who_has_had_it(memory: Memory, client: Client) -> None:
    (event,) = count("a", 1)
    relay()
    text = client.get(f"/admin/events/outboxevent/{event.pk}/change/").content.decode()
    assert "one: had it" in text
    assert "&quot;number&quot;: 1" in text
    assert "Hand on again" in text


def test_a_dead_letter_is_sent_again_with_a_reason(memory: Memory, client: Client) -> None:
    memory.fails_on = {1}
    count("a", 1)
    relay()
    letter = DeadLetter.objects.get()
    address = f"/admin/events/deadletter/{letter.pk}/redeliver/"

    assert "Broken: no" in client.get(address).content.decode()
    assert press(client, address).status_code == 200, "no reason given"
    assert HeldDelivery.objects.count() == 0
    press(client, address, reason="mended")

    letter.refresh_from_db()
    assert (letter.replayed_at is not None, HeldDelivery.objects.get().consumer_group) == (True, "one")
    assert client.get(address).status_code == 409
    history = DeadLetter.pgh_event_model.objects.order_by("pgh_id").last()  # type: ignore[attr-defined]
    assert history.pgh_context.metadata["reason"] == "mended"


def test_many_are_chosen_in_the_list(memory: Memory, client: Client) -> None:
    memory.fails_on = {1, 2}
    count("a", 1)
    count("b", 2)
    relay()
    keys = list(DeadLetter.objects.order_by("pk").values_list("pk", flat=True))
    answer = client.post(
        "/admin/events/deadletter/", {"action": "redeliver_selected", "_selected_action": keys}, follow=True
    )
    address = answer.redirect_chain[-1][0]
    press(client, address, reason="mended")
    assert DeadLetter.objects.filter(replayed_at=None).count() == 0


def test_a_replay_shows_how_many_before_it_begins(memory: Memory, client: Client, root: User) -> None:
    events = count("a", 1, 2, 3)
    relay()
    wanted = {"group": "one", "mode": "again", "aggregate_type": "test", "aggregate_id": "a", "reason": "lost copy"}
    address = "/admin/events/replay/new/"

    shown = press(client, address, preview="1", **wanted).content.decode()
    assert "The consumer acts once more" in shown
    assert Replay.objects.count() == 0
    done = press(client, address, **wanted).content.decode()

    assert "3 events are handed on again" in done
    row = Replay.objects.get()
    assert (row.count, row.reason, row.requested_by_id) == (3, "lost copy", root.pk)
    assert HeldDelivery.objects.count() == len(events)
    assert "Say which events" in press(client, address, group="one", mode="missed", reason="x").content.decode()


def test_one_event_from_its_page(memory: Memory, client: Client) -> None:
    (event,) = count("a", 1)
    relay()
    address = f"/admin/events/outboxevent/{event.pk}/replay/"
    press(client, address, group="one", mode="again", reason="x")
    retry(consumer("one", memory), at=OutboxEvent.objects.get().created_at.replace(year=2100))
    assert memory.of("a") == [1, 1]


def test_silent_relays_and_waiting_deliveries_are_listed(memory: Memory, client: Client) -> None:
    RelayProcess.objects.create(name="host:1:2", lane="inner", heartbeat_at="2026-01-01T00:00Z")
    (event,) = count("a", 1)
    HeldDelivery.objects.create(event=event, consumer_group="one", attempts=2, last_error="no luck")
    assert "silent" in client.get("/admin/events/relayprocess/").content.decode()
    text = client.get("/admin/events/helddelivery/").content.decode()
    assert "no luck" in text
    assert "test.counted" in text


@pytest.mark.parametrize(
    ("page", "permission"),
    [("deadletter/{}/redeliver/", "redeliver_deadletter"), ("replay/new/", "add_replay")],
)
def test_the_buttons_need_their_own_permission(
    memory: Memory,
    staff: Any,
    sign_in: Any,
    page: str,
    permission: str,
) -> None:
    memory.fails_on = {1}
    count("a", 1)
    relay()
    address = "/admin/events/" + page.format(DeadLetter.objects.get().pk)
    looking = ("events.view_deadletter", "events.view_replay")
    assert sign_in(staff(*looking)).get(address).status_code == 403
    assert sign_in(staff(*looking, f"events.{permission}")).get(address).status_code == 200
