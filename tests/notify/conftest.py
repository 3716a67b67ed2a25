"""What the tests of notifications share."""

import math
from collections.abc import Iterator
from typing import Any

import pytest
import time_machine

from accounts.models import User
from hashinsight.jobs import queue
from hashinsight.jobs.domain.work import open_work
from hashinsight.jobs.tasks import perform
from hashinsight.notify.domain import channels
from hashinsight.notify.models import Channel, Rule
from tests.factories import NOW
from tests.support.servers import Receiver, listening
from tests.support.standing import standing


@pytest.fixture(autouse=True)
def quiet_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    """No message leaves; the rows are worked off by ``work``."""
    monkeypatch.setitem(queue._silence, "until", math.inf)


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    """Time stands still at NOW until a test moves it."""
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def receiver(settings: Any) -> Iterator[Receiver]:
    """Somebody else's web server, in a network that is allowed."""
    settings.OUTBOUND_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    with listening() as server:
        yield server


@pytest.fixture
def webhook(root: User, receiver: Receiver) -> Channel:
    """A webhook of the house."""
    return channels.create_channel(by=root, at=NOW, name="Bus", kind="webhook", address=receiver.url())


@pytest.fixture
@standing
def mailbox(root: User) -> Channel:
    """A mailbox of the house."""
    return channels.create_channel(by=root, at=NOW, name="Ops", kind="email", address="ops@hashinsight.example")


def rule(channel: Channel, *kinds: str, **fields: Any) -> Rule:
    """A rule about these kinds."""
    return Rule.objects.create(name="rule", channel=channel, kinds=list(kinds) or ["*"], **fields)


def work(at: Any) -> list[str]:
    """Do everything that is due, as workers would; returns what became of each piece."""
    return [perform(row.pk) for row in open_work(queue=None, at=at, limit=500)]
