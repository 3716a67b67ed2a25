"""Plans and events of curtailment by key: a client sees what was done to its machines and why, and nobody else's."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from crm.models import Customer
from curtailment.api import views
from curtailment.models import CurtailmentPlanMiner, EventMachine
from hosting.domain import fleet
from hosting.domain.fleet import quarter_hour
from tests import factories
from tests.api.client import Caller
from tests.api.conftest import steel_rows
from tests.api.test_metering import rows
from tests.support.standing import standing

pytestmark = pytest.mark.django_db
NOW = factories.NOW


@pytest.fixture
@standing
def steel(customer_a: Customer, root: User) -> dict[str, Any]:
    """Of customer A."""
    return steel_rows(customer_a, root)


def test_a_client_sees_the_plans_of_its_machines_and_counts_only_these(as_bob: Caller, steel: dict[str, Any]) -> None:
    plan = steel["plan"]
    CurtailmentPlanMiner.objects.filter(plan=plan).update(result="off")
    (row,) = rows(as_bob, "/curtailment-plans/")
    assert (row["id"], row["reason"], row["machines"], row["machines_off"], row["machines_in_reserve"]) == (
        str(plan.public_id), plan.reason, 1, 1, 0,
    )  # fmt: skip
    assert not {"target_kw", "number", "goal_kw", "miners_affected"} & set(row)
    assert as_bob.get(f"/curtailment-plans/{plan.public_id}/").json() == row
    assert as_bob.get(f"/curtailment-plans/{steel['house_plan'].public_id}/").status_code == 404


def test_staff_see_all_plans(as_root: Caller, steel: dict[str, Any]) -> None:
    found = {row["id"]: row for row in rows(as_root, "/curtailment-plans/")}
    assert set(found) == {str(steel[name].public_id) for name in ("plan", "house_plan")}
    row = found[str(steel["plan"].public_id)]
    assert (row["machines"], row["machines_in_reserve"], row["goal_kw"]) == (0, 2, "1")


def test_a_client_reads_what_an_event_did_to_its_machines(as_bob: Caller, steel: dict[str, Any]) -> None:
    share = steel["event"]
    (row,) = rows(as_bob, "/curtailment-events/")
    assert (row["id"], row["customer"], row["reason"], row["status"], row["forgone_btc"]) == (
        str(share.public_id), str(steel["customer"].public_id), share.reason, "running", None,
    )  # fmt: skip
    assert not {"event", "number", "avoided_cost"} & set(row)
    address = f"/curtailment-events/{share.public_id}"
    machines = as_bob.get(f"{address}/machines/").json()
    (machine,) = machines["results"]
    assert (machine["miner"], machine["baseline_w"], machines["next"]) == (str(steel["sick_miner"].public_id), 1, None)
    table = as_bob.get(f"{address}/csv/").content.decode()
    assert steel["sick_miner"].serial in table
    assert len(table.splitlines()) == 2
    answer = as_bob.get(f"{address}/pdf/")
    assert (answer.status_code, answer["Content-Type"], answer.content[:5]) == (200, "application/pdf", b"%PDF-")
    for ending in ("", "machines/", "csv/", "pdf/"):
        assert as_bob.get(f"/curtailment-events/{steel['house_event'].public_id}/{ending}").status_code == 404


def test_it_is_nobody_elses(as_charlie: Caller, as_bob: Caller, steel: dict[str, Any]) -> None:
    for name in ("curtailment-plans", "curtailment-events"):
        assert rows(as_charlie, f"/{name}/") == []
        assert as_bob.post(f"/{name}/", {}).status_code == 405
    share = steel["event"].public_id
    for ending in ("", "machines/", "csv/", "pdf/"):
        assert as_charlie.get(f"/curtailment-events/{share}/{ending}").status_code == 404


def test_a_former_owner_keeps_its_proof_without_the_machine(as_bob: Caller, steel: dict[str, Any], root: User) -> None:
    heir = factories.CustomerFactory()
    later = quarter_hour(NOW + timedelta(hours=1))
    fleet.assign_miners([steel["sick_miner"].reload()], customer=heir, since=later, by=root, at=later)
    address = f"/curtailment-events/{steel['event'].public_id}"
    (machine,) = as_bob.get(f"{address}/machines/").json()["results"]
    assert machine["miner"] is None
    assert steel["sick_miner"].serial in as_bob.get(f"{address}/csv/").content.decode()
    assert as_bob.get(f"{address}/pdf/").status_code == 200


def test_machines_come_in_pages(as_root: Caller, steel: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    share = steel["event"]
    first = EventMachine.objects.get(share=share)
    for minute in (1, 2):
        moment = first.told_at + timedelta(minutes=minute)
        EventMachine.objects.create(
            event=first.event, share=share, miner=first.miner, customer=first.customer, told_at=moment, off_at=moment,
            back_at=first.back_at, baseline_w=1, baseline_ths=1,
        )  # fmt: skip
    monkeypatch.setattr(views, "PAGE", 2)
    page = as_root.get(f"/curtailment-events/{share.public_id}/machines/").json()
    assert len(page["results"]) == 2
    second = as_root.get(page["next"].partition("/api/v1")[2]).json()
    assert (len(second["results"]), second["next"]) == (1, None)
    for wrong in ("x", str(share.public_id)):
        answer = as_root.get(f"/curtailment-events/{share.public_id}/machines/?after={wrong}")
        assert answer.status_code == 400


def test_queries_do_not_grow_with_rows(as_root: Caller, steel: dict[str, Any]) -> None:
    asked = []
    rows(as_root, "/curtailment-plans/")  # the first call notes the key's use
    for size in (1, 2):
        for name in ("curtailment-plans", "curtailment-events"):
            with CaptureQueriesContext(connection) as queries:
                rows(as_root, f"/{name}/?page_size={size}")
            asked.append(len(queries))
    assert asked[:2] == asked[2:]
