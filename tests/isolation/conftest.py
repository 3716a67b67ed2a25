"""The committed world of the isolation tests, one for the package."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import cache

from hashinsight.common.api import document
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
