"""One relay: every consumer has each event once, in order, and the failure of one costs no other its turn."""

from collections.abc import Sequence

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from hashinsight.events.consumers import ConsumerUnavailable, Event, Lane
from hashinsight.events.models import DeadLetter, HeldDelivery, InboxEntry, OutboxEvent
from tests.events.tools import Memory, consumer, count, later, relay, retry, statuses, use
from tests.factories import NOW

pytestmark = pytest.mark.django_db


def test_each_consumer_has_what_it_wants_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    everything, nothing = Memory(), Memory()
    use(monkeypatch, consumer("all", everything), consumer("none", nothing, kinds=frozenset({"other.kind"})))
    first = count("a", 1, 2)
    count("b", 3)

    assert relay().count == 3

    assert (everything.had, nothing.had) == ([("a", 1), ("a", 2), ("b", 3)], [])
    assert list(InboxEntry.objects.order_by("id").values_list("consumer_group", "processed_at")) == [("all", NOW)] * 3
    first[0].refresh_from_db()
    assert (first[0].status, first[0].processed_at, first[0].attempts) == ("processed", NOW, 1)
    assert relay().count == 0


def test_a_consumer_sees_all_an_event_says(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Event] = []
    use(monkeypatch, consumer("all", seen.extend))
    (event,) = count("a", 7)

    relay()

    assert seen == [
        Event(
            position=event.pk,
            event_id=event.event_id,
            kind="test.counted",
            schema_version=1,
            aggregate_type="test",
            aggregate_id="a",
            customer_id=None,
            user_id=None,
            payload={"number": 7},
            request_id="",
            created_us=seen[0].created_us,
        )
    ]
    assert seen[0].created_at == event.created_at


def test_a_failure_holds_up_its_aggregate_for_its_consumer_only(monkeypatch: pytest.MonkeyPatch) -> None:
    good, bad = Memory(), Memory()
    bad.fails_on = {2}
    use(monkeypatch, consumer("bad", bad), consumer("good", good))
    count("a", 1, 2, 3)
    count("b", 4)

    relay()

    assert good.had == [("a", 1), ("a", 2), ("a", 3), ("b", 4)]
    assert bad.had == [("a", 1), ("b", 4)]
    assert statuses() == ["processed", "held", "held", "processed"]
    held = HeldDelivery.objects.order_by("event_id").values_list("consumer_group", "attempts", "next_attempt_at")
    assert list(held) == [("bad", 1, later(2)), ("bad", 0, NOW)]
    assert HeldDelivery.objects.order_by("event_id")[0].last_error == "Broken: no"


def test_new_events_of_a_held_aggregate_wait_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    memory = Memory()
    memory.fails_on = {1}
    one = consumer("one", memory)
    use(monkeypatch, one)
    count("a", 1)
    relay()
    count("a", 2)
    count("b", 3)
    relay()

    assert memory.had == [("b", 3)]
    assert retry(one, at=later(1)).count == 0, "not due yet, and the second stands behind the first"
    memory.fails_on = set()
    assert retry(one, at=later(2)).count == 2
    assert memory.had == [("b", 3), ("a", 1), ("a", 2)]
    assert (statuses(), HeldDelivery.objects.count()) == (["processed"] * 3, 0)


def test_waits_double_and_the_last_failure_is_a_dead_letter(
    monkeypatch: pytest.MonkeyPatch, settings: pytest.FixtureRequest
) -> None:
    settings.EVENT_MAX_ATTEMPTS = 3  # type: ignore[attr-defined]
    memory = Memory()
    memory.fails_on = {1}
    one = consumer("one", memory)
    use(monkeypatch, one)
    (event,) = count("a", 1)
    count("a", 2)
    relay()
    assert retry(one, at=later(2)).count == 1
    assert HeldDelivery.objects.get(event=event).next_attempt_at == later(2 + 4)
    assert retry(one, at=later(6)).count == 1

    letter = DeadLetter.objects.get()
    assert (letter.event_id, letter.kind, letter.payload, letter.consumer_group) == (
        event.event_id,
        "test.counted",
        {"number": 1},
        "one",
    )
    assert (letter.retry_count, letter.error_message, letter.failed_at) == (3, "Broken: no", later(6))
    assert statuses() == ["failed", "held"]
    assert retry(one, at=later(6)).count == 1, "the aggregate goes on without it"
    assert (memory.had, statuses()) == ([("a", 2)], ["failed", "processed"])


def test_what_a_failing_consumer_wrote_is_undone(monkeypatch: pytest.MonkeyPatch) -> None:
    def write_and_fail(events: Sequence[Event]) -> None:
        OutboxEvent.objects.filter(pk__in=[event.position for event in events]).update(request_id="written")
        raise RuntimeError("too late")

    use(monkeypatch, consumer("one", write_and_fail))
    count("a", 1)

    relay()

    assert list(OutboxEvent.objects.values_list("request_id", flat=True)) == [""]
    assert InboxEntry.objects.count() == 0


def test_an_unreachable_consumer_costs_no_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    memory = Memory()
    memory.fails_on = {1}
    memory.error = lambda: ConsumerUnavailable("nobody there")
    one = consumer("one", memory)
    use(monkeypatch, one)
    count("a", 1)
    count("b", 2)
    relay()

    for _ in range(20):
        assert retry(one).unavailable == "nobody there"
    assert list(HeldDelivery.objects.values_list("attempts", "last_error")) == [(0, "nobody there")] * 2
    memory.fails_on = set()
    assert retry(one).count == 2
    assert statuses() == ["processed"] * 2


def test_a_sink_is_fed_from_the_held_deliveries(monkeypatch: pytest.MonkeyPatch) -> None:
    inner, outer = Memory(), Memory()
    sink = consumer("sink", outer, lane=Lane.SINK)
    use(monkeypatch, sink, consumer("inner", inner))
    count("a", 1, 2)

    relay()
    assert (inner.had, outer.had, statuses()) == ([("a", 1), ("a", 2)], [], ["held"] * 2)
    retry(sink)
    assert (outer.had, statuses()) == ([("a", 1), ("a", 2)], ["processed"] * 2)


def test_an_event_handed_over_twice_has_one_effect(monkeypatch: pytest.MonkeyPatch) -> None:
    memory = Memory()
    use(monkeypatch, consumer("one", memory))
    count("a", 1, 2)
    relay()
    OutboxEvent.objects.update(status="pending")
    count("a", 3)

    relay()

    assert memory.had == [("a", 1), ("a", 2), ("a", 3)]


def test_control_without_the_inbox_it_has_two(monkeypatch: pytest.MonkeyPatch) -> None:
    memory = Memory()
    use(monkeypatch, consumer("one", memory))
    count("a", 1)
    relay()
    OutboxEvent.objects.update(status="pending")
    InboxEntry.objects.all().delete()

    relay()

    assert memory.had == [("a", 1), ("a", 1)]


def test_an_event_nobody_wants_is_processed(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch)
    count("a", 1)
    relay()
    assert statuses() == ["processed"]


@pytest.mark.parametrize("events", [1, 50])
def test_a_batch_needs_the_same_few_statements_whatever_its_size(monkeypatch: pytest.MonkeyPatch, events: int) -> None:
    use(monkeypatch, consumer("one", Memory()))
    for number in range(events):
        count(f"a{number}", number)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        relay()
    assert len([q for q in queries if not q["sql"].startswith(("SAVEPOINT", "RELEASE"))]) == 6
