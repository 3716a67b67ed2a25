"""The start page: tiles of all apps with real numbers."""

from typing import Any

from django.http import HttpRequest

from hashinsight.common.tiles import tiles_for


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Add the tiles this person may see; named in ``UNFOLD["DASHBOARD_CALLBACK"]``."""
    context["tiles"] = [{"tile": tile, **tile.numbers()} for tile in tiles_for(request.user)]
    return context
