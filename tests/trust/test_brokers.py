"""T1 on a broker that is installed here: RabbitMQ or Redis, with Celery workers of which one is killed at its work.

At night every test with a broker runs on each there is, whole.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.jobs.conftest import use_broker
from tests.support import brokers
from tests.trust.test_couriers import World, live_through
from tests.trust.test_couriers import world as world

pytestmark = pytest.mark.django_db(transaction=True)
SIZE = {"celery": True, "each": 8, "kills": 1, "workers": 2, "pause": (0.01, 0.03)}


@pytest.fixture
def installed_url(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A place of ours in the first broker found; a RabbitMQ before a Redis, as the embedded one is like a Redis."""
    if not (found := brokers.installed()):
        pytest.skip(brokers.NONE)
    with brokers.place_in(next(iter(found))) as url:
        yield use_broker(url, monkeypatch)


def test_a_worker_killed_on_an_installed_broker_loses_and_doubles_nothing(
    world: World, installed_url: str, tmp_path: Path
) -> None:
    found = live_through(world, installed_url, tmp_path, **SIZE)
    assert {name: found[name] for name in ("lost", "foreign", "changed", "not_noted", "left")} == {
        "lost": 0, "foreign": 0, "changed": 0, "not_noted": 0, "left": 0,
    }  # fmt: skip
    assert (found["asked"], found["kills"]) == (16, 1)
