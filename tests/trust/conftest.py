"""What the tests of the promises share."""

import math
import os

import pytest

from hashinsight.jobs import queue
from tests.jobs.conftest import broker_url  # noqa: F401  (a fixture)
from tests.support.brokers import pytest_generate_tests as pytest_generate_tests


@pytest.fixture
def quiet_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    """Committing tests send no messages: the rows alone are looked at."""
    monkeypatch.setitem(queue._silence, "until", math.inf)


@pytest.fixture(scope="session")
def nightly() -> bool:
    """Whether the long settings are wanted."""
    return bool(os.environ.get("HASHINSIGHT_NIGHTLY"))
