"""Handing on again: chosen events to one group, dead letters under their own id; and what may be forgotten when."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from accounts.models import User
from hashinsight.events.domain import forgetting
from hashinsight.events.domain.queries import lag, lanes_without_relay
from hashinsight.events.domain.relays import beat, start_relay, stop_relay
from hashinsight.events.domain.replaying import ReplayRefused, Selection, redeliver, replay_events
from hashinsight.events.models import DeadLetter, HeldDelivery, InboxEntry, OutboxEvent, Replay
from tests.events.tools import Memory, consumer, count, later, relay, retry, statuses, use
from tests.factories import NOW

pytestmark = pytest.mark.django_db


def again(group: str, selection: Selection, by: Any, mode: str = "again") -> Replay:
    return replay_events(group, selection=selection, mode=mode, reason="a test", by=by, at=NOW)


@pytest.fixture
def memory() -> Memory:
    return Memory()


@pytest.fixture
def one(monkeypatch: pytest.MonkeyPatch, memory: Memory) -> Any:
    known = consumer("one", memory)
    use(monkeypatch, known)
    return known


def test_a_replay_hands_on_once_more_in_order_and_new_ones_wait(one: Any, memory: Memory, root: User) -> None:
    count("a", 1, 2)
    count("b", 3)
    relay()

    done = again("one", Selection(aggregate_type="test", aggregate_id="a"), root)
    count("a", 4)
    relay()
    assert memory.had == [("a", 1), ("a", 2), ("b", 3)], "the new one stands behind the replayed"
    retry(one)

    assert memory.of("a") == [1, 2, 1, 2, 4]
    assert (done.count, done.requested_by_id, done.reason) == (2, root.pk, "a test")
    history = Replay.pgh_event_model.objects.get()  # type: ignore[attr-defined]
    assert (history.pgh_context.metadata["actor"], history.pgh_context.metadata["reason"]) == (str(root.pk), "a test")
    assert statuses() == ["processed"] * 4


@pytest.mark.parametrize(
    ("choose", "wanted"),
    [
        (lambda events: Selection(since=events[1].created_at), [2, 3]),
        (lambda events: Selection(since=events[0].created_at, until=events[2].created_at), [1, 2]),
        (lambda events: Selection(kind="test.counted", aggregate_type="test"), [1, 2, 3]),
        (lambda events: Selection(kind="test.other"), None),
        (lambda events: Selection(event_id=events[1].event_id), [2]),
        (lambda events: Selection(until=events[2].created_at), None),
        (lambda events: Selection(), None),
    ],
    ids=["since", "between", "kind", "other kind", "one", "no beginning", "nothing"],
)
def test_a_selection_takes_what_it_says(
    one: Any, memory: Memory, root: User, choose: Callable[[list[OutboxEvent]], Selection], wanted: list[int] | None
) -> None:
    events = count("a", 1, 2, 3)
    relay()
    memory.had.clear()
    if wanted is None:
        with pytest.raises(ReplayRefused):
            again("one", choose(events), root)
    else:
        again("one", choose(events), root)
    retry(one)
    assert memory.of("a") == (wanted or [])


def test_missed_events_come_without_those_it_has_had(
    monkeypatch: pytest.MonkeyPatch, one: Any, memory: Memory, root: User
) -> None:
    count("a", 1)
    relay()
    new = Memory()
    late = consumer("late", new, repeatable=False)
    use(monkeypatch, one, late)
    count("a", 2)
    relay()

    again("late", Selection(kind="test.counted"), root, mode="missed")
    retry(late)

    assert new.had == [("a", 2), ("a", 1)]
    assert memory.had == [("a", 1), ("a", 2)], "the other group is not concerned"
    with pytest.raises(ReplayRefused, match="may not have an event twice"):
        again("late", Selection(kind="test.counted"), root)
    with pytest.raises(ReplayRefused, match="no consumer group nobody"):
        again("nobody", Selection(kind="test.counted"), root)


def _given_up(settings: Any, memory: Memory) -> DeadLetter:
    settings.EVENT_MAX_ATTEMPTS = 1
    memory.fails_on = {1}
    count("a", 1, 2)
    relay()
    return DeadLetter.objects.get()


def test_a_dead_letter_goes_out_again_under_its_own_id(one: Any, memory: Memory, root: User, settings: Any) -> None:
    letter = _given_up(settings, memory)
    assert statuses() == ["failed", "held"]
    memory.fails_on = set()

    redeliver(letter, by=root, at=later(9), reason="mended")
    with pytest.raises(ReplayRefused, match="already"):
        redeliver(letter, by=root, at=later(9))
    retry(one, at=later(9))

    letter.refresh_from_db()
    assert (letter.replayed_at, statuses(), memory.had) == (later(9), ["processed"] * 2, [("a", 1), ("a", 2)])
    contexts = DeadLetter.pgh_event_model.objects.order_by("pgh_id").values_list(  # type: ignore[attr-defined]
        "pgh_label", "pgh_context__metadata__reason"
    )
    assert list(contexts)[-1] == ("update", "mended")


def test_given_up_again_it_is_open_again_with_all_its_attempts(
    one: Any, memory: Memory, root: User, settings: Any
) -> None:
    letter = _given_up(settings, memory)
    redeliver(letter, by=root, at=NOW)
    retry(one)
    letter.refresh_from_db()
    assert (letter.retry_count, letter.replayed_at, DeadLetter.objects.count()) == (2, None, 1)


def test_a_dead_letter_outlives_its_event(one: Any, memory: Memory, root: User, settings: Any) -> None:
    letter = _given_up(settings, memory)
    memory.fails_on = set()
    retry(one)
    OutboxEvent.objects.filter(event_id=letter.event_id).delete()

    redeliver(letter, by=root, at=NOW)
    assert relay().count == 0, "for the others it is no new event"
    retry(one)

    assert sorted(memory.had) == [("a", 1), ("a", 2)]
    assert OutboxEvent.objects.get(event_id=letter.event_id).status == "processed"


def test_the_commands_do_the_same(one: Any, memory: Memory, settings: Any, capsys: pytest.CaptureFixture[str]) -> None:
    _given_up(settings, memory)
    memory.fails_on = set()
    retry(one, at=later(10**7))
    call_command("redeliver_dead_letters", "--group", "one", "--reason", "mended")
    retry(one, at=later(10**7))
    call_command("replay_events", "one", "--since", "2020-01-01T00:00Z", "--again", "--reason", "x", "--dry-run")
    call_command("replay_events", "one", "--kind", "test.counted", "--again", "--reason", "x")
    retry(one, at=later(10**7))
    assert capsys.readouterr().out.splitlines() == [
        "dead letters sent again: 1",
        "events: 2",
        "events handed on again: 2",
    ]
    assert memory.had == [("a", 2), ("a", 1), ("a", 1), ("a", 2)]
    with pytest.raises(CommandError, match="no moment"):
        call_command("replay_events", "one", "--since", "yesterday", "--reason", "x")
    with pytest.raises(CommandError, match="Say which"):
        call_command("replay_events", "one", "--reason", "x")


# --- forgetting ---------------------------------------------------------------------------------------------------
def test_only_what_everybody_has_had_is_forgotten(one: Any, memory: Memory, settings: Any) -> None:
    letter = _given_up(settings, memory)
    retry(one)
    count("b", 3, 4, 5)
    relay()
    assert statuses() == ["failed", *["processed"] * 4]
    count("c", 6)

    assert forgetting.forget_processed_before(at=NOW) == 0, "processed at that very moment"
    assert [forgetting.forget_processed_before(at=later(1), most=3) for _ in range(3)] == [3, 1, 0]
    assert statuses() == ["failed", "pending"]
    assert forgetting.forget_inbox_before(at=later(1)) == 4
    assert forgetting.forget_failed_before(at=later(10**9)) == 0, "its dead letter is still there"
    assert (forgetting.forget_dead_letters_before(at=NOW), forgetting.forget_dead_letters_before(at=later(1))) == (0, 1)
    assert forgetting.forget_failed_before(at=later(10**9)) == 1
    assert (statuses(), DeadLetter.objects.filter(pk=letter.pk).count()) == (["pending"], 0)


def test_an_inbox_entry_stays_as_long_as_its_event(one: Any, memory: Memory) -> None:
    count("a", 1)
    relay()
    assert forgetting.forget_inbox_before(at=later(1)) == 0
    OutboxEvent.objects.update(status="held")
    held = HeldDelivery.objects.create(event=OutboxEvent.objects.get(), consumer_group="x", aggregate_type="t")
    OutboxEvent.objects.update(status="processed")
    assert forgetting.forget_processed_before(at=later(1)) == 0, "somebody is still to have it"
    held.delete()
    assert forgetting.forget_processed_before(at=later(1)) == 1
    assert (forgetting.forget_inbox_before(at=later(1)), InboxEntry.objects.count()) == (1, 0)


# --- figures ------------------------------------------------------------------------------------------------------
def test_lag_says_what_waits_for_how_long(one: Any, memory: Memory, settings: Any) -> None:
    assert lag(at=NOW).oldest_unsent_seconds == 0
    memory.fails_on = {1}
    count("a", 1)
    relay()
    count("b", 2)
    OutboxEvent.objects.filter(status="pending").update(created_at=later(-7))
    found = lag(at=later(3))
    assert (found.pending, found.oldest_pending_seconds, dict(found.held)) == (1, 10.0, {"one": 1})
    assert (found.oldest_held_seconds, found.oldest_unsent_seconds, found.dead_letters) == (3.0, 10.0, 0)


def test_a_relay_is_missed_when_its_heart_stops(one: Any) -> None:
    assert lanes_without_relay(at=NOW) == ["inner"]
    row = start_relay("host:1:2", lane="inner", at=NOW)
    assert lanes_without_relay(at=later(29)) == []
    assert lanes_without_relay(at=later(31)) == ["inner"]
    assert beat(row, handed_on=5, error="", at=later(31))
    assert lanes_without_relay(at=later(60)) == []
    stop_relay(row, handed_on=2, at=later(61))
    assert lanes_without_relay(at=later(62)) == ["inner"]
    row.refresh_from_db()
    assert row.handed_on == 7


# --- as tools for change data capture see it ------------------------------------------------------------------------
def test_the_views_have_the_columns_of_the_outbox_event_router(one: Any) -> None:
    (event,) = count("a", 7)
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM event_outbox")
        names = [column.name for column in cursor.description]
        row = dict(zip(names, cursor.fetchone(), strict=True))
        cursor.execute("SELECT before, after->>'id', after->'payload'->>'number', op, ts_ms, source->>'table' FROM "
                       "event_outbox_changes")  # fmt: skip
        change = cursor.fetchone()
    assert names[:5] == ["id", "aggregatetype", "aggregateid", "type", "payload"]
    assert (row["id"], row["aggregatetype"], row["aggregateid"], row["type"]) == (
        event.event_id,
        "test",
        "a",
        "test.counted",
    )
    milliseconds = int(event.created_at.timestamp() * 1000)
    assert (row["timestamp"], row["version"]) == (milliseconds, 1)
    assert change == (None, str(event.event_id), "7", "c", milliseconds, "events_outboxevent")
