"""The start page's figures follow what happens, and are not counted at every event."""

from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from django.core.cache import cache

from hashinsight.common import tiles
from hashinsight.common.tiles import Tile
from hashinsight.events.consumers import consumer
from tests.events.tools import count, relay, use
from tests.factories import NOW

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def clock() -> Iterator[time_machine.Traveller]:
    cache.clear()
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller
    cache.clear()


def test_figures_are_counted_anew_after_an_event_about_them(
    monkeypatch: pytest.MonkeyPatch, clock: time_machine.Traveller
) -> None:
    counted: dict[str, int] = {"about tests": 0, "about others": 0}

    def figures(key: str) -> Any:
        counted[key] += 1
        return {"big": counted[key]}

    mine = Tile("mine", "t", "p", "x", lambda: figures("about tests"), stale_after=frozenset({"test"}))
    other = Tile("other", "t", "p", "x", lambda: figures("about others"), stale_after=frozenset({"invoice"}))
    monkeypatch.setattr(tiles, "_tiles", {"mine": mine, "other": other})
    use(monkeypatch, consumer("start_page"))
    assert (mine.numbers(), other.numbers()) == ({"big": 1}, {"big": 1})

    clock.shift(1)
    count("a", 1)
    relay()
    assert mine.numbers() == {"big": 1}, "counted a moment ago"
    clock.shift(tiles.LEAST_SECONDS)
    assert (mine.numbers(), other.numbers()) == ({"big": 2}, {"big": 1})
    clock.shift(tiles.LEAST_SECONDS)
    assert mine.numbers() == {"big": 2}, "nothing happened since"


def test_a_cache_that_is_down_stops_no_event(monkeypatch: pytest.MonkeyPatch) -> None:
    def down(*args: object, **options: object) -> None:
        raise ConnectionError("no cache")

    monkeypatch.setattr(tiles, "_tiles", {"m": Tile("m", "t", "p", "x", dict, stale_after=frozenset({"test"}))})
    monkeypatch.setattr(cache, "set_many", down)
    use(monkeypatch, consumer("start_page"))
    (event,) = count("a", 1)

    relay()

    event.refresh_from_db()
    assert event.status == "processed"
