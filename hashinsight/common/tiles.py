"""Tiles of the start page: each app registers its own, each is shown to people with the permission only."""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.core.cache import cache
from django.utils.translation import get_language

CACHE_SECONDS = 60
# However much happens, figures are not counted anew more often than this.
LEAST_SECONDS = 5.0


@dataclass(frozen=True)
class Tile:
    """A tile: ``figures`` reads the numbers (the same for everybody who may see them), ``template`` shows them.

    ``width`` is in quarters of the page, ``height`` in rows of tiles. ``stale_after`` names what the figures are
    about, as events do in front of the dot: after such an event they are counted anew.
    """

    key: str
    title: Any
    permission: str
    template: str
    figures: Callable[[], Mapping[str, Any]]
    order: int = 100
    width: int = 2
    height: int = 1
    stale_after: frozenset[str] = frozenset()

    def numbers(self) -> Mapping[str, Any]:
        """The figures, at most a minute old: a page everybody opens all day must not count invoices each time.

        After an event about them they are at most LEAST_SECONDS old. They are kept per language, for there are words
        among them.
        """
        key, now = f"tile:{self.key}:{get_language()}", time.time()
        kept = cache.get_many([key, _stale_key(self.key)])
        counted_at, known = kept.get(key, (0.0, None))
        stale = kept.get(_stale_key(self.key), 0.0) >= counted_at and now - counted_at >= LEAST_SECONDS
        if known is None or stale:
            known = self.figures()
            cache.set(key, (now, known), CACHE_SECONDS)
        figures: Mapping[str, Any] = known
        return figures


def _stale_key(key: str) -> str:
    return f"tile-stale:{key}"


def make_stale(about: Iterable[str]) -> None:
    """Something happened to these: the figures of tiles about them are counted anew when next looked at."""
    happened, now = set(about), time.time()
    keys = [_stale_key(tile.key) for tile in _tiles.values() if tile.stale_after & happened]
    if keys:
        cache.set_many(dict.fromkeys(keys, now), CACHE_SECONDS)


_tiles: dict[str, Tile] = {}


def register_tile(tile: Tile) -> None:
    """Make a tile known; called from ``ready()``."""
    _tiles[tile.key] = tile


def tiles_for(user: Any) -> list[Tile]:
    """The tiles this person may see, in their order."""
    tiles = sorted(_tiles.values(), key=lambda tile: (tile.order, tile.key))
    return [tile for tile in tiles if user.has_perm(tile.permission)]
