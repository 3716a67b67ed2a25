"""What the tests of jobs share."""

import math
import os
from collections.abc import Iterator

import pytest
import time_machine
from celery import current_app
from kombu import Exchange, Queue

from hashinsight.jobs import queue
from tests.factories import NOW
from tests.jobs.live import BROKER_DATABASE


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
def broker_url(monkeypatch: pytest.MonkeyPatch) -> str:
    """An empty real broker (of a Redis or Valkey a database of its own) for the workers and this process."""
    url = os.environ.get("CELERY_BROKER_URL", "")
    if not url.startswith(("redis", "amqp")):
        pytest.skip("LOUD: no real broker here; run through ./dev test")
    if url.startswith("redis"):
        url = url.partition("?")[0] + f"?virtual_host={BROKER_DATABASE}"
    monkeypatch.setitem(queue._silence, "until", 0.0)
    monkeypatch.setattr(current_app.conf, "broker_write_url", url)
    with current_app.connection_for_write() as line:
        if url.startswith("redis"):
            line.default_channel.client.flushdb()
        else:
            for name in ("interactive", "default", "bulk"):
                Queue(name, Exchange(name), routing_key=name, channel=line.default_channel).declare()
                line.default_channel.queue_purge(name)
    return url
