"""Places, prices, terms and machines by key: who sees what, and calls for many machines at once."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from crm.domain import contracts
from crm.models import Customer
from hosting.domain import fleet, places
from hosting.domain.fleet import Spot, quarter_hour
from hosting.models import Miner, MinerModel, MinerOperation, PricePlan, Site, Zone
from marketdata.models import PriceSeries
from tests import factories
from tests.api.client import Caller
from tests.api.conftest import steel_rows
from tests.api.test_pages import CLIENT_QUERIES, STAFF_QUERIES, queries_of
from tests.support.standing import standing

pytestmark = pytest.mark.django_db
NOW = factories.NOW
COLLECTIONS = ("contracts", "sites", "zones", "price-plans", "hosting-terms", "miner-models", "miners")


@pytest.fixture
@standing
def steel(customer_a: Customer, root: User) -> dict[str, Any]:
    """Of customer A."""
    return steel_rows(customer_a, root)


def ids(caller: Caller, path: str) -> list[str]:
    """Of the rows on the first page."""
    answer = caller.get(path)
    assert answer.status_code == 200, answer.content
    return [row["id"] for row in answer.json()["results"]]


def known(*rows: Any) -> set[str]:
    """How the world knows them."""
    return {str(row.public_id) for row in rows}


def test_a_client_sees_where_it_is_and_what_it_agreed_on(
    as_bob: Caller, as_charlie: Caller, steel: dict[str, Any]
) -> None:
    expected = {
        "contracts": (steel["contract"], steel["ended_contract"]),
        "sites": (steel["site"],),
        "zones": (steel["zone"],),
        "price-plans": (steel["price_plan"],),
        "hosting-terms": (steel["terms"], steel["former_terms"]),
        "miner-models": (steel["model"],),
        "miners": (steel["miner"], steel["other_miner"], steel["sick_miner"]),
    }
    assert {name: set(ids(as_bob, f"/{name}/")) for name in COLLECTIONS} == {
        name: known(*rows) for name, rows in expected.items()
    }
    assert {name: ids(as_charlie, f"/{name}/") for name in COLLECTIONS} == {name: [] for name in COLLECTIONS}
    assert as_bob.get("/racks/").status_code == 404


def test_what_is_shown_and_what_is_ours_alone(as_bob: Caller, as_clerk: Caller, steel: dict[str, Any]) -> None:
    miner = steel["miner"]
    path = f"/miners/{miner.public_id}/"
    shown = as_bob.get(path).json()
    assert {name: shown[name] for name in ("serial", "status", "intent", "health", "slot", "nameplate_w")} == {
        "serial": miner.serial, "status": "curtailed", "intent": "paused", "health": "unknown", "slot": 1,
        "nameplate_w": 3500,
    }  # fmt: skip
    assert (shown["site_name"], shown["zone_name"], shown["model_name"]) == (
        steel["site"].name,
        steel["zone"].name,
        steel["model"].name,
    )
    assert shown["rack_name"] == str(steel["rack"])
    assert set(as_clerk.get(path).json()) - set(shown) == {"address", "port", "is_collected", "internal_note"}
    # A site says neither how large nor how dear it is, a zone not how full.
    assert set(as_bob.get(f"/sites/{steel['site'].public_id}/").json()) == {
        "id", "name", "location", "country", "time_zone", "status", "created_at", "updated_at",
    }  # fmt: skip
    assert "capacity_kw" not in as_bob.get(f"/zones/{steel['zone'].public_id}/").json()
    # Of a plan there is what is published.
    path = f"/price-plans/{steel['price_plan'].public_id}/"
    (version,) = as_bob.get(path).json()["versions"]
    assert [(one["kind"], one["price"]) for one in version["components"]] == [("pass_through", "0"), ("energy", "0.06")]
    assert version["components"][1]["windows"] == [
        {"month_from": 1, "month_to": 12, "days": "sunday", "time_from": "00:00:00", "time_to": "00:00:00"}
    ]
    assert len(as_clerk.get(path).json()["versions"]) == 2


def test_a_tariff_is_made_by_key_from_nothing_to_published(as_root: Caller, db: None) -> None:
    made = as_root.post("/price-plans/", {"name": "Summer", "currency": "USD"})
    path = made["Location"].removeprefix("/api/v1")
    evening = {"month_from": 6, "month_to": 9, "days": "workdays", "time_from": "14:00", "time_to": "20:00"}
    body = {
        "valid_from": "2027-01-01",
        "components": [
            {"kind": "energy", "description": "Evenings", "price": "0.09", "windows": [evening]},
            {"kind": "energy", "description": "Else", "price": "0.05", "other_hours": True},
        ],
    }
    tag = as_root.get(path)["ETag"]
    drafted = as_root.post(f"{path}versions/", body, If_Match=tag)
    assert drafted.status_code == 201, drafted.content
    (version,) = drafted.json()["versions"]
    assert as_root.post(f"{path}publish/", {"version": version["id"]}, If_Match=tag).status_code == 412
    published = as_root.post(f"{path}publish/", {"version": version["id"]}, If_Match=as_root.get(path)["ETag"])
    assert published.json()["versions"][0]["published_at"] is not None
    again = as_root.post(f"{path}publish/", {"version": version["id"]})
    assert (again.status_code, again.json()["code"]) == (409, "price_refused")
    assert as_root.patch(path, {"currency": "EUR"}).json()["code"] == "price_refused"
    assert PricePlan.objects.get().currency == "USD"


def test_a_version_of_another_plan_is_not_published_here(as_root: Caller, steel: dict[str, Any]) -> None:
    other = as_root.post("/price-plans/", {"name": "Other", "currency": "USD"}).json()["id"]
    answer = as_root.post(f"/price-plans/{other}/publish/", {"version": str(steel["draft_version"].public_id)})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, "#/version")


def test_a_site_with_dependants_is_kept_and_they_are_named(as_root: Caller, steel: dict[str, Any]) -> None:
    refused = as_root.call("DELETE", f"/sites/{steel['site'].public_id}/")
    assert (refused.status_code, refused.json()["code"]) == (409, "place_refused")
    assert all(f"{kind}: " in refused.json()["detail"] for kind in ("zones", "miners", "hosting terms"))
    gone = as_root.call("DELETE", f"/sites/{steel['empty_site'].public_id}/", Idempotency_Key="k")
    again = as_root.call("DELETE", f"/sites/{steel['empty_site'].public_id}/", Idempotency_Key="k")
    assert (gone.status_code, gone.content, again.status_code, again["Idempotency-Replayed"]) == (204, b"", 204, "true")
    assert as_root.get(f"/sites/{steel['empty_site'].public_id}/").status_code == 404
    assert Site.objects.filter(pk=steel["site"].pk).exists()


def make_machines(count: int, root: User, customer: Customer | None = None) -> tuple[Zone, list[Miner]]:
    """Machines of 3.5 kW in the storeroom, and a zone of 10 kW."""
    site = places.create_site(name=f"S{count}", capacity_kw=Decimal(1000), time_zone="UTC", at=NOW)
    zone = places.create_zone(site=site, name="Z", capacity_kw=Decimal(10), at=NOW)
    model, _made = MinerModel.objects.get_or_create(
        name="M", defaults={"manufacturer": "B", "hashrate_ths": 200, "power_w": 3500}
    )
    rows = [Miner(serial=f"X{count}-{number}", model=model) for number in range(count)]
    made = fleet.register_miners(rows, by=root, at=NOW)
    if customer is not None:
        fleet.place_miners(made, spot=Spot(site), by=root, at=NOW)
        fleet.assign_miners(made, customer=customer, since=quarter_hour(NOW), by=root, at=NOW)
    return zone, made


def test_many_are_placed_in_one_request_or_none_is(as_root: Caller, root: User) -> None:
    zone, machines = make_machines(3, root)
    body = {
        "miners": [str(one.public_id) for one in machines],
        "site": str(zone.site.public_id),
        "zone": str(zone.public_id),
    }
    refused = as_root.post("/miners/place/", body)
    assert (refused.status_code, refused.json()["code"]) == (409, "no_capacity")
    assert "0.5 kW" in refused.json()["detail"]
    assert not Miner.objects.filter(site__isnull=False).exists()
    two = as_root.post("/miners/place/", {**body, "miners": body["miners"][:2]})
    assert two.json() == {"miners": body["miners"][:2], "request_id": two["X-Request-ID"]}
    logged = MinerOperation.objects.filter(operation="place").values_list("request_id", flat=True)
    assert list(logged) == [two["X-Request-ID"]] * 2


def test_one_unknown_machine_makes_the_list_wrong(as_root: Caller, root: User) -> None:
    _zone, machines = make_machines(2, root)
    nobody = "0199f3a1-7c1e-7b52-9d3e-2f6a41c07d11"
    mine = str(machines[0].public_id)
    for miners, code in (([mine, nobody], "not_found"), ([mine, mine], "twice"), ([], "empty")):
        answer = as_root.post("/miners/retire/", {"miners": miners, "reason": "x"})
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, code)
    assert not Miner.objects.filter(intent="retired").exists()


def test_slots_follow_the_order_of_the_list(as_root: Caller, root: User) -> None:
    zone, machines = make_machines(2, root)
    rack = places.create_rack(zone=zone, name="R", slots=4, at=NOW)
    last, first = machines[1], machines[0]
    body = {
        "miners": [str(last.public_id), str(first.public_id)], "site": str(zone.site.public_id),
        "zone": str(zone.public_id), "rack": str(rack.public_id), "first_slot": 3,
    }  # fmt: skip
    assert as_root.post("/miners/place/", body).status_code == 200
    assert (last.reload().slot, first.reload().slot) == (3, 4)
    assert as_root.post("/miners/place/", {**body, "rack": None}).status_code == 400


def test_filters_of_machines(as_root: Caller, as_bob: Caller, root: User, customer_a: Customer) -> None:
    _zone, (seen, lost, loose) = make_machines(3, root, customer_a)
    Miner.objects.filter(pk=seen.pk).update(intent="active", health="ok", mac="02:00:00:00:00:01")
    Miner.objects.filter(pk=lost.pk).update(intent="active", health="lost", address="10.0.0.7")
    fleet.take_out_miners([loose], by=root, at=NOW + timedelta(hours=1), reason="x")
    for query, rows in (
        ("status=active", [seen]),
        ("status=offline", [lost]),
        ("status=curtailed", [loose]),
        ("health=lost", [lost]),
        ("intent=active", [lost, seen]),
        (f"site={lost.reload().site.public_id}", [lost, seen]),
        (f"serial={seen.serial.lower()}", [seen]),
        ("mac=0200.0000.0001", [seen]),
        (f"model={seen.model.public_id}", [loose, lost, seen]),
        (f"customer={customer_a.public_id}", [loose, lost, seen]),
    ):
        expected = [str(row.public_id) for row in rows]
        assert ids(as_root, f"/miners/?{query}") == expected, query
        assert ids(as_bob, f"/miners/?{query}") == expected, query
    assert ids(as_root, "/miners/?address=10.0.0.7") == [str(lost.public_id)]
    assert ids(as_root, "/miners/?address=nonsense") == []
    refused = as_bob.get("/miners/?address=10.0.0.7")
    assert (refused.status_code, refused.json()["code"]) == (400, "unknown_parameter")


def test_a_contract_by_key_from_draft_to_its_end(as_root: Caller, as_alice: Caller, customer_a: Customer) -> None:
    body = {"customer": str(customer_a.public_id), "number": "C-9", "title": "Hosting", "starts_on": "2026-11-01"}
    made = as_root.post("/contracts/", body)
    path = made["Location"].removeprefix("/api/v1")
    assert as_alice.get(path).status_code == 404
    assert as_root.post(f"{path}activate/").json()["status"] == "active"
    assert as_root.patch(path, {"currency": "JPY"}).json()["code"] == "contract_refused"
    changed = as_root.patch(path, {"notice_days": 10, "internal_note": "ours"})
    assert (changed.json()["notice_days"], "internal_note" in as_alice.get(path).json()) == (10, False)
    early = as_root.post(f"{path}end/", {"on": "2999-01-01", "reason": "x"})
    assert early.status_code == 400
    noted = as_root.post(f"{path}notice/", {"on": "2026-11-20", "ends_on": "2026-12-24", "reason": "moves"}).json()
    assert (noted["ends_on"], noted["notice_given_on"], noted["renewal_months"]) == ("2026-12-24", "2026-11-20", 0)
    over = as_root.post(f"{path}end/", {"on": "2026-11-25", "reason": "by agreement"})
    assert (over.json()["status"], as_alice.get(path).json()["end_reason"]) == ("ended", "by agreement")


def test_lists_ask_the_same_queries_for_1_and_3_rows(
    as_alice: Caller, as_clerk: Caller, customer_a: Customer, root: User, steel: dict[str, Any]
) -> None:
    for rows in (1, 3):
        make_machines(rows, root, customer_a)
        contracts.activate_contract(
            contracts.create_contract(
                customer=customer_a, number=f"N{rows}", title="x", starts_on=factories.TODAY, by=root, at=NOW
            ),
            by=root, at=NOW,
        )  # fmt: skip
        for name in COLLECTIONS:
            for caller, expected in ((as_alice, CLIENT_QUERIES), (as_clerk, STAFF_QUERIES)):
                caller.get("/me/")
                sql = queries_of(caller, f"/{name}/")
                assert not [text for text in sql if "COUNT(" in text.upper()]
                assert len(sql) == expected, (name, rows, sql)


def test_a_plan_asks_the_same_queries_for_1_and_3_versions(as_root: Caller, steel: dict[str, Any]) -> None:
    path = f"/price-plans/{steel['price_plan'].public_id}/"
    counts = []
    for year in (2030, 2031, 2032):
        as_root.post(f"{path}versions/", {"valid_from": f"{year}-01-01"})
        with CaptureQueriesContext(connection) as caught:
            as_root.get(path)
        counts.append(len(caught))
    assert counts[0] == counts[1] == counts[2]


def test_a_site_names_its_market_by_energy_prices_alone(as_root: Caller, as_bob: Caller, steel: dict[str, Any]) -> None:
    path = f"/sites/{steel['site'].public_id}/"
    rows = {
        kind: PriceSeries.objects.create(code=kind, name=kind, currency="USD", step_minutes=60, kind=kind, unit=unit)
        for kind, unit in (("energy", "MWh"), ("fx", "EUR"))
    }
    energy, rate = (str(rows[kind].public_id) for kind in ("energy", "fx"))
    tag = as_root.get(path)["ETag"]
    refused = as_root.patch(path, {"energy_series": rate}, If_Match=tag)
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (400, "#/energy_series")
    assert as_root.patch(path, {"energy_series": energy}, If_Match=tag).json()["energy_series"] == energy
    assert "energy_series" not in as_bob.get(path).json()
    tag = as_root.get(path)["ETag"]
    assert as_root.patch(path, {"energy_series": None}, If_Match=tag).json()["energy_series"] is None
