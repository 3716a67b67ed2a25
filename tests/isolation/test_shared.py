"""What is about the world is the same for every client, bears no trace of any of them, and none may write it."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import transaction

from tests.intelligence.world import build_forecasts
from tests.isolation.bodies import SHARED
from tests.isolation.tables import snapshot
from tests.isolation.world import MARK, NOW, World
from tests.marketdata.world import build_market

ROWS = {
    "network-snapshots": "snapshot", "market-days": "day", "indicators": "indicator", "difficulty-periods": "period",
    "price-series": "series", "coins": "coin", "forecasts": "forecast",
}  # fmt: skip


@pytest.fixture
def market(world: World) -> Iterator[dict[str, Any]]:
    """A row of each, gone afterwards."""
    with transaction.atomic():
        forecasts = build_forecasts(NOW)
        yield build_market(NOW) | forecasts
        transaction.set_rollback(True)


def paths(spec: dict[str, Any], market: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Addresses with their operations."""
    found = []
    for path, operations in spec["paths"].items():
        resource = path.split("/")[3]
        if resource in SHARED:
            found.append(
                (path.removeprefix("/api/v1").replace("{id}", str(market[ROWS[resource]].public_id)), operations)
            )
    return found


def alike(answer: Any) -> bytes:
    """Without the cursors, which are sealed for one caller each."""
    return re.sub(rb"cursor=[\w-]+", b"cursor", answer.content)


def test_every_shared_collection_is_looked_at() -> None:
    assert set(ROWS) == SHARED


def test_all_clients_see_the_same_and_nothing_of_each_other(
    world: World, spec: dict[str, Any], market: dict[str, Any]
) -> None:
    asked = paths(spec, market)
    assert len(asked) == 15
    for path, operations in asked:
        assert set(operations) == {"get"}, path
        more = "?known_at=2026-12-01T00:00:00Z&starts_from=2026-11-19T00:00:00Z&starts_before=2026-11-22T00:00:00Z"
        address = path + (more if path.endswith("/values/") else "")
        answers = {
            name: tenant.rows["customer_admin caller"].get(address) for name, tenant in sorted(world.tenants.items())
        }
        staff = world.root.get(address)
        assert staff.status_code == 200, staff.content
        for name, answer in answers.items():
            assert (answer.status_code, alike(answer)) == (200, alike(staff)), (name, address)
            assert MARK.search(answer.content) is None
        assert b'"results":[]' not in staff.content, address


@pytest.mark.parametrize("verb", ["POST", "PUT", "PATCH", "DELETE"])
def test_nobody_writes_them_here(world: World, spec: dict[str, Any], market: dict[str, Any], verb: str) -> None:
    before = snapshot()
    for path, _operations in paths(spec, market):
        for caller in (world.root, *(one.rows["customer_admin caller"] for one in world.tenants.values())):
            assert caller.call(verb, path, {}).status_code in (403, 404, 405), (verb, path)
    assert snapshot() == before
