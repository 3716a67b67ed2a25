"""The relay's loop: woken by a commit, patient with a database that goes away, ended by a signal."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connections

from hashinsight.events import relay as relay_module
from hashinsight.events.consumers import ConsumerUnavailable, Lane
from hashinsight.events.models import RelayProcess
from hashinsight.events.relay import Relay
from tests.events.tools import Memory, consumer, count, relay, use
from tests.jobs.live import wait_for

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def running() -> Iterator[Callable[[Relay], Relay]]:
    """Relays in threads; all have ended afterwards."""
    threads: list[tuple[Relay, threading.Thread]] = []

    def start(one: Relay) -> Relay:
        def live() -> None:
            try:
                one.run()
            finally:
                connections.close_all()

        thread = threading.Thread(target=live)
        thread.start()
        threads.append((one, thread))
        return one

    yield start
    for one, thread in threads:
        one.stop()
        thread.join(10)
        assert not thread.is_alive()


def test_a_commit_wakes_the_relay(running: Callable[[Relay], Relay], monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the bell it would sleep for a minute."""
    monkeypatch.setattr(relay_module, "LISTENING_SECONDS", 60.0)
    memory = Memory()
    use(monkeypatch, consumer("one", memory))
    one = running(Relay(Lane.INNER))
    wait_for(lambda: RelayProcess.objects.exists(), 10, "the relay is known")
    time.sleep(0.5)
    count("a", 1)
    wait_for(lambda: memory.had, 10, "the bell rang")
    one.stop()
    count("a", 2)  # wakes it once more, to see that it shall end


def test_a_relay_leaves_in_good_order(running: Callable[[Relay], Relay], monkeypatch: pytest.MonkeyPatch) -> None:
    memory = Memory()
    use(monkeypatch, consumer("one", memory))
    one = running(Relay(Lane.INNER))
    count("a", 1, 2)
    wait_for(lambda: len(memory.had) == 2, 10, "both went through")
    one.stop()
    wait_for(lambda: RelayProcess.objects.filter(stopped_at__isnull=False).exists(), 10, "it said goodbye")
    row = RelayProcess.objects.get()
    assert (row.lane, row.handed_on) == ("inner", 2)


def test_once_ends_when_nothing_is_due(monkeypatch: pytest.MonkeyPatch) -> None:
    memory = Memory()
    use(monkeypatch, consumer("one", memory))
    count("a", 1, 2)
    assert Relay(Lane.INNER).run(until_empty=True) == 2


def test_an_unreachable_sink_is_left_alone_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    memory = Memory()
    memory.fails_on = {1}
    memory.error = lambda: ConsumerUnavailable("away")
    use(monkeypatch, consumer("sink", memory, lane=Lane.SINK))
    count("a", 1)
    relay()
    one = Relay(Lane.SINK)
    assert [one._turn() for _ in range(5)] == [0] * 5
    assert len(memory.calls) == 1, "asked once, then left alone"
    assert one.last_error == "sink: away"
    memory.fails_on = set()
    one.pauses["sink"].until = 0.0
    assert (one._turn(), memory.had) == (1, [("a", 1)])


def test_nothing_leaves_the_house_while_it_is_held_after_a_restore(monkeypatch: pytest.MonkeyPatch) -> None:
    memory: Any = Memory()
    use(monkeypatch, consumer("sink", memory, lane=Lane.SINK))
    count("a", 1)
    relay()
    monkeypatch.setattr(relay_module, "may_act", lambda: False)
    one = Relay(Lane.SINK)
    assert (one._turn(), memory.had) == (0, [])
    monkeypatch.setattr(relay_module, "may_act", lambda: True)
    assert (one._turn(), memory.had) == (1, [("a", 1)])
