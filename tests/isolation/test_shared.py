"""What is about the world is the same for every client, bears no trace of any of them, and none may write it."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import transaction

from hashinsight.common.scoping import client_scope
from hosting.models import MinerModel
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


@pytest.fixture
def models(world: World) -> Iterator[dict[str, MinerModel]]:
    """One that is shipped, one of them put away, one the house entered itself; gone afterwards."""
    figures = {"manufacturer": "Maker", "hashrate_ths": 300, "power_w": 4500, "list_price_usd": 4321, "note": "bought"}
    with transaction.atomic():
        yield {
            name: MinerModel.objects.create(name=name, created_at=NOW, **figures, **more)
            for name, more in {
                "Shipped 1": {"is_shipped": True},
                "Shipped 2": {"is_shipped": True, "is_active": False},
                "Of the house": {},
            }.items()
        }
        transaction.set_rollback(True)


def test_shipped_models_are_everybodys_those_of_the_house_are_not(world: World, models: dict[str, MinerModel]) -> None:
    wanted = models["Shipped 1"]
    for name, tenant in world.tenants.items():
        caller = tenant.rows["customer_admin caller"]
        body = caller.get("/miner-models/").json()
        seen = {row["name"]: row for row in body["results"]}
        assert seen.keys() & models.keys() == {"Shipped 1"}, name
        assert seen.keys() - models.keys() <= {tenant.rows["model"].name}, name
        assert not {"list_price_usd", "note"} & seen["Shipped 1"].keys(), name
        for one, status in (("Shipped 1", 200), ("Shipped 2", 404), ("Of the house", 404)):
            assert caller.get(f"/miner-models/{models[one].public_id}/").status_code == status, (name, one)
        rows = MinerModel.objects.filter(pk__in=[one.pk for one in models.values()])
        assert [row.pk for row in rows.visible_to(tenant.rows["customer_admin"])] == [wanted.pk], name
        with client_scope([tenant.rows["customer"].pk], user_id=tenant.rows["customer_admin"].pk):
            assert [row.pk for row in rows.all()] == [wanted.pk], name


def test_a_client_reckons_with_a_shipped_model_and_learns_no_list_price(
    world: World, models: dict[str, MinerModel]
) -> None:
    asked = "energy_usd_per_kwh=0.05&btc_usd=90000&difficulty=140000000000000&block_height=925000"
    caller = world.foreign[0].rows["customer_admin caller"]
    for one, status in (("Shipped 1", 200), ("Of the house", 400)):
        answer = caller.get(f"/calculator/?model={models[one].public_id}&{asked}")
        assert answer.status_code == status, answer.content
        assert b"4321" not in answer.content
    staff = world.root.get(f"/calculator/?model={models['Shipped 1'].public_id}&{asked}")
    assert staff.json()["machines"]["price_usd"] == "4321.00"
    body = {"miner_model": str(models["Shipped 1"].public_id), "electricity_cost_usd_per_kwh": "0.05"}
    made = caller.post("/user-miners/", body)
    assert (made.status_code, made.json()["actual_price_usd"]) == (201, "0"), made.content
    assert made.json()["actual_hashrate_ths"] == "300"
    assert (
        caller.post("/user-miners/", {**body, "miner_model": str(models["Of the house"].public_id)}).status_code == 400
    )
