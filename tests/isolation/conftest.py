"""The committed world of the isolation tests, one for the package."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import cache

from crm.api.views.statements import AgeingViewSet
from hashinsight.api_urls import COLLECTIONS
from hashinsight.common.api import document
from intelligence.api.break_even import BreakEvenViewSet
from intelligence.api.calculator import CalculatorViewSet
from intelligence.api.user_miners import PortfolioViewSet
from tests.isolation.matrix import Cell, Matrix
from tests.isolation.world import World, build_world
from tests.support.database import empty_all_tables


@pytest.fixture(scope="package")
def world(django_db_setup: None, django_db_blocker: Any) -> Iterator[World]:
    """Four tenants, committed, so that roles, policies and transactions are those of production."""
    with django_db_blocker.unblock():
        cache.clear()
        try:
            yield build_world()
        finally:
            empty_all_tables()


@pytest.fixture(scope="session")
def spec() -> dict[str, Any]:
    """The OpenAPI document."""
    made: dict[str, Any] = json.loads(document.served())
    return made


@pytest.fixture(scope="package")
def cells(world: World, spec: dict[str, Any]) -> list[Cell]:
    """All cells of the world; asking for tags and cursors takes seconds."""
    return all_cells(world, spec)


def all_cells(world: World, spec: dict[str, Any], *, of: tuple[str, ...] = ()) -> list[Cell]:
    """Made anew, with fresh cursors; only those of some resources where they are named."""
    if of:
        spec = {**spec, "paths": {path: one for path, one in spec["paths"].items() if path.split("/")[3] in of}}
    actions = {
        str(view.resource): view.client_actions
        for view in (*COLLECTIONS, AgeingViewSet, BreakEvenViewSet, CalculatorViewSet, PortfolioViewSet)
    }
    return list(Matrix(world, spec, actions).cells())
