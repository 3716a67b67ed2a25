"""What the tests of jobs share."""

import math
from collections.abc import Iterator

import pytest
import time_machine

from hashinsight.jobs import queue
from tests.factories import NOW


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    """Time stands still at NOW until a test moves it."""
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def quiet_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    """No message leaves."""
    monkeypatch.setitem(queue._silence, "until", math.inf)
