"""What the tests of the books share."""

import math

import pytest

from hashinsight.jobs import queue


@pytest.fixture
def quiet_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    """No message leaves."""
    monkeypatch.setitem(queue._silence, "until", math.inf)
