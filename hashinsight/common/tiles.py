"""Tiles of the start page: each app registers its own, each is shown to people with the permission only."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.core.cache import cache

CACHE_SECONDS = 60


@dataclass(frozen=True)
class Tile:
    """A tile: ``figures`` reads the numbers (the same for everybody who may see them), ``template`` shows them.

    ``width`` is in quarters of the page, ``height`` in rows of tiles.
    """

    key: str
    title: Any
    permission: str
    template: str
    figures: Callable[[], Mapping[str, Any]]
    order: int = 100
    width: int = 2
    height: int = 1

    def numbers(self) -> Mapping[str, Any]:
        """The figures, at most a minute old: a page everybody opens all day must not count invoices each time."""
        key = f"tile:{self.key}"
        known: Mapping[str, Any] | None = cache.get(key)
        if known is None:
            known = self.figures()
            cache.set(key, known, CACHE_SECONDS)
        return known


_tiles: dict[str, Tile] = {}


def register_tile(tile: Tile) -> None:
    """Make a tile known; called from ``ready()``."""
    _tiles[tile.key] = tile


def tiles_for(user: Any) -> list[Tile]:
    """The tiles this person may see, in their order."""
    tiles = sorted(_tiles.values(), key=lambda tile: (tile.order, tile.key))
    return [tile for tile in tiles if user.has_perm(tile.permission)]
