"""What the tests of jobs share."""

import math
import os
from collections.abc import Iterator

import pytest
import time_machine
from celery import current_app

from hashinsight.jobs import queue
from tests.factories import NOW
from tests.jobs.live import BROKER_DATABASE
from tests.support.brokers import EMBEDDED, place_in
from tests.support.brokers import pytest_generate_tests as pytest_generate_tests


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    """Time stands still at NOW until a test moves it."""
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def quiet_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    """No message leaves."""
    monkeypatch.setitem(queue._silence, "until", math.inf)


@pytest.fixture
def broker_url(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An empty real broker for the workers and this process: the embedded one, at night also each that is installed."""
    kind = getattr(request, "param", EMBEDDED)
    if kind == EMBEDDED:
        yield use_broker(embedded_broker(), monkeypatch)
        return
    with place_in(kind) as url:
        yield use_broker(url, monkeypatch)


def embedded_broker() -> str:
    """The one of ``./dev test``; of a Redis or Valkey a database of its own."""
    url = os.environ.get("CELERY_BROKER_URL", "")
    if not url.startswith(("redis", "amqp")):
        pytest.skip("LOUD: no real broker here; run through ./dev test")
    if url.startswith("redis"):
        url = url.partition("?")[0] + f"?virtual_host={BROKER_DATABASE}"
    return url


def use_broker(url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """This process sends there from now on, and nothing waits in it."""
    monkeypatch.setitem(queue._silence, "until", 0.0)
    monkeypatch.setattr(current_app.conf, "broker_write_url", url)
    with current_app.connection_for_write() as line:
        if url.startswith("redis"):
            line.default_channel.client.flushdb()
        else:
            for name in ("interactive", "default", "bulk"):
                current_app.amqp.queues[name](line.default_channel).declare()
                line.default_channel.queue_purge(name)
    return url
