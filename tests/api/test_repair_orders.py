"""Repair orders by key: a client sees when its machines were not billed, and nothing that was meant for us."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from crm.models import Customer
from hosting.domain import fleet, repairs
from hosting.domain.fleet import quarter_hour
from hosting.models import RepairOrder
from tests import factories
from tests.api.client import Caller
from tests.api.conftest import steel_rows
from tests.api.test_metering import moment, rows
from tests.support.standing import standing

pytestmark = pytest.mark.django_db
NOW = factories.NOW
START = quarter_hour(NOW)


@pytest.fixture
@standing
def steel(customer_a: Customer, root: User) -> dict[str, Any]:
    """Of customer A."""
    return steel_rows(customer_a, root)


def test_a_client_sees_when_its_machine_was_not_billed(as_bob: Caller, steel: dict[str, Any]) -> None:
    found = {row["id"]: row for row in rows(as_bob, "/repair-orders/")}
    going_on, over = steel["repair"], steel["former_repair"]
    assert set(found) == {str(going_on.public_id), str(over.public_id)}
    row = found[str(going_on.public_id)]
    assert {**row, "created_at": 0, "updated_at": 0} == {
        "id": str(going_on.public_id), "miner": str(steel["sick_miner"].public_id),
        "customer": str(steel["customer"].public_id), "ticket": str(steel["ticket"].public_id), "kind": "on_site",
        "status": "open", "pauses_billing": True, "paused_from": f"{START:%Y-%m-%dT%H:%M:%S.%fZ}", "paused_to": None,
        "finished_at": None, "created_at": 0, "updated_at": 0,
    }  # fmt: skip
    assert found[str(over.public_id)]["ticket"] is None  # it is about a ticket among us
    assert as_bob.get(f"/repair-orders/{over.public_id}/").json() == found[str(over.public_id)]


def test_staff_see_all_of_it(as_root: Caller, as_clerk: Caller, steel: dict[str, Any]) -> None:
    found = {row["id"]: row for row in rows(as_root, "/repair-orders/")}
    assert len(found) == 3
    row = found[str(steel["former_repair"].public_id)]
    assert (row["number"], row["outcome"], row["ticket"]) == (
        steel["former_repair"].number, steel["former_repair"].outcome, str(steel["hidden_ticket"].public_id),
    )  # fmt: skip
    assert found[str(steel["house_repair"].public_id)]["customer"] is None


def test_they_are_nobody_elses_and_nobody_writes_them(
    as_alice: Caller, as_charlie: Caller, steel: dict[str, Any]
) -> None:
    path = f"/repair-orders/{steel['repair'].public_id}/"
    assert rows(as_charlie, "/repair-orders/") == []
    assert as_charlie.get(path).status_code == 404
    assert [as_alice.call(verb, path, {}).status_code for verb in ("PATCH", "DELETE")] == [405, 405]
    assert as_alice.post("/repair-orders/", {}).status_code == 405


def test_a_machine_that_was_sold_is_not_named_any_more(
    as_bob: Caller, as_charlie: Caller, root: User, customer_b: Customer, steel: dict[str, Any]
) -> None:
    later = START + timedelta(hours=1)
    repairs.finish_repair(steel["repair"], to="returned", outcome="x", by=root, at=later)
    fleet.assign_miners([steel["sick_miner"]], customer=customer_b, since=later, by=root, at=later)
    found = rows(as_bob, "/repair-orders/")
    assert [row["miner"] for row in found] == [None, None]
    assert {row["paused_to"] for row in found if row["paused_to"]} >= {f"{later:%Y-%m-%dT%H:%M:%S.%fZ}"}
    assert rows(as_charlie, "/repair-orders/") == []  # it began before it was B's


def test_orders_are_found_by_machine_ticket_state_and_time(as_bob: Caller, steel: dict[str, Any]) -> None:
    order = str(steel["repair"].public_id)

    def found(query: str) -> list[str]:
        return [row["id"] for row in rows(as_bob, f"/repair-orders/?{query}")]

    assert len(found(f"miner={steel['sick_miner'].public_id}")) == 2
    assert found(f"ticket={steel['ticket'].public_id}") == [order]
    assert found(f"ticket={steel['hidden_ticket'].public_id}") == []
    assert found("status=open") == [order]
    assert found("kind=rma") == []
    assert order in found(f"not_billed_at={moment(NOW)}")
    assert found(f"not_billed_at={moment(START - timedelta(seconds=1))}") == []
    assert found(f"not_billed_at={moment(START + timedelta(days=9))}") == [order]
    assert found(f"created_before={moment(NOW)}") == []
    assert as_bob.get("/repair-orders/?status=lost").status_code == 400
    assert as_bob.get("/repair-orders/?number=1").status_code == 400


def test_a_cancelled_order_left_nothing_out(as_bob: Caller, root: User, steel: dict[str, Any]) -> None:
    repairs.finish_repair(steel["repair"], to="cancelled", outcome="x", by=root, at=START + timedelta(hours=2))
    assert (
        str(steel["repair"].public_id)
        not in as_bob.get(f"/repair-orders/?not_billed_at={moment(START)}").content.decode()
    )


def test_a_longer_list_asks_no_more(as_bob: Caller, root: User, steel: dict[str, Any]) -> None:
    def asked() -> int:
        with CaptureQueriesContext(connection) as queries:
            rows(as_bob, "/repair-orders/")
        return len(queries)

    asked()  # the first call of a key is noted
    before = asked()
    repairs.finish_repair(steel["repair"], to="returned", outcome="x", by=root, at=NOW)
    repairs.order_repair(steel["sick_miner"].reload(), reason="again", by=root, at=NOW + timedelta(hours=1))
    assert asked() == before
    assert RepairOrder.objects.filter(customer=steel["customer"]).count() == 3
