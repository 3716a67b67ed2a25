"""Several relays at once: nothing lost, nothing doubled, and the order of each aggregate kept."""

import random
import threading
from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta

import pytest
from django.db import connection, connections, transaction
from django.utils import timezone

from hashinsight.events.consumers import Event
from hashinsight.events.domain import claiming
from hashinsight.events.domain.handing_on import hand_on, hand_on_held
from hashinsight.events.models import HeldDelivery, InboxEntry, OutboxEvent
from tests.events.tools import Broken, consumer, count, relay, retry, statuses, use

pytestmark = pytest.mark.django_db(transaction=True)
AGGREGATES = 12
EACH = 25


class Ledger:
    """The consumer's effect as it becomes visible: numbers per aggregate in the order of their commits."""

    def __init__(self, seed: int) -> None:
        self.had: dict[str, list[int]] = defaultdict(list)
        self.random = random.Random(seed)
        self.lock = threading.Lock()

    def __call__(self, events: Sequence[Event]) -> None:
        with self.lock:
            fails = self.random.random() < 0.25
        if fails:
            raise Broken("now and then")
        numbers = [(event.aggregate_id, event.payload["number"]) for event in events]
        transaction.on_commit(lambda: self.note(numbers))

    def note(self, numbers: list[tuple[str, int]]) -> None:
        with self.lock:
            for key, number in numbers:
                self.had[key].append(number)


def run_relays(one: object, how_many: int) -> None:
    def work(seed: int) -> None:
        chance = random.Random(seed)
        idle = 0
        try:
            while idle < 40:
                now = timezone.now()
                done = hand_on(at=now, most=chance.randint(1, 30), chance=chance.random).count
                done += hand_on_held(one, at=now, most=chance.randint(1, 30), chance=chance.random).count  # type: ignore[arg-type]
                busy = done or not all(status == "processed" for status in statuses())
                idle = 0 if busy else idle + 1
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(how_many)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads)


@pytest.fixture
def quick(settings: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """Failures come back at once, and never as dead letters."""
    settings.EVENT_BACKOFF_SECONDS = 0.01  # type: ignore[attr-defined]
    settings.EVENT_LONGEST_BACKOFF_SECONDS = 0.02  # type: ignore[attr-defined]
    settings.EVENT_MAX_ATTEMPTS = 10_000  # type: ignore[attr-defined]


def publish_all(seed: int) -> None:
    shuffled = [str(n % AGGREGATES) for n in range(AGGREGATES * EACH)]
    random.Random(seed).shuffle(shuffled)
    numbers: dict[str, int] = defaultdict(int)
    for key in shuffled:
        count(key, numbers[key])
        numbers[key] += 1


@pytest.mark.usefixtures("quick")
def test_four_relays_keep_the_order_of_each_aggregate(monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = Ledger(seed=20261120)
    one = consumer("one", ledger)
    use(monkeypatch, one)
    publish_all(seed=1)

    run_relays(one, 4)

    assert dict(ledger.had) == {str(key): list(range(EACH)) for key in range(AGGREGATES)}
    assert InboxEntry.objects.count() == AGGREGATES * EACH
    assert HeldDelivery.objects.count() == 0


@pytest.mark.usefixtures("quick")
def test_control_without_the_look_for_earlier_ones_the_order_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """Relay two skips what relay one has locked, and must not take what comes after it."""
    taken: list[int] = []
    use(monkeypatch, consumer("one", lambda events: taken.extend(event.payload["number"] for event in events)))
    count("a", 1, 2)

    def second_relay() -> None:
        try:
            relay()
        finally:
            connections.close_all()

    def beside_a_relay_with_the_first() -> list[int]:
        taken.clear()
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SELECT id FROM events_outboxevent ORDER BY id LIMIT 1 FOR UPDATE")
            thread = threading.Thread(target=second_relay)
            thread.start()
            thread.join(20)
        return list(taken)

    assert beside_a_relay_with_the_first() == []
    blind = claiming._FOREIGN.replace("o.id < mine.id", "false")
    assert blind != claiming._FOREIGN
    monkeypatch.setattr(claiming, "_FOREIGN", blind)
    assert beside_a_relay_with_the_first() == [2]


def test_a_gap_inside_a_batch_ends_what_is_taken_of_the_aggregate(monkeypatch: pytest.MonkeyPatch) -> None:
    """The middle one is locked by another relay: the first goes, the third does not."""
    taken: list[int] = []
    use(monkeypatch, consumer("one", lambda events: taken.extend(event.payload["number"] for event in events)))
    _first, middle, _last = count("a", 1, 2, 3)

    def second_relay() -> None:
        try:
            relay()
        finally:
            connections.close_all()

    with transaction.atomic():
        OutboxEvent.objects.select_for_update().get(pk=middle.pk)
        thread = threading.Thread(target=second_relay)
        thread.start()
        thread.join(20)
    assert taken == [1]
    relay()
    assert taken == [1, 2, 3]


def test_two_consumers_finishing_one_event_at_once_leave_it_processed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of the two transactions sees the delivery of the other as still held until it has the lock."""
    at_once = threading.Barrier(2)

    def meet(_events: Sequence[Event]) -> None:
        if go.is_set():
            at_once.wait(10)
        else:
            raise Broken("first try")

    go = threading.Event()
    both = [consumer("one", meet), consumer("two", meet)]
    use(monkeypatch, *both)
    count("a", 1)
    relay()
    assert statuses() == ["held"]
    go.set()

    def finish(which: int) -> None:
        try:
            retry(both[which], at=timezone.now() + timedelta(hours=1))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=finish, args=(which,)) for which in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert (statuses(), HeldDelivery.objects.count()) == (["processed"], 0)
