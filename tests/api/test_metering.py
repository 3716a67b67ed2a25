"""Usage, demand and readings by key: what holds now, any version by id, and of a machine the time it was one's own."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from crm.models import Customer
from hosting.domain.fleet import quarter_hour
from hosting.models import Telemetry
from tests import factories
from tests.api.client import Caller
from tests.api.conftest import steel_rows
from tests.support.standing import standing

pytestmark = pytest.mark.django_db
NOW = factories.NOW
START = quarter_hour(NOW)


@pytest.fixture
@standing
def steel(customer_a: Customer, root: User) -> dict[str, Any]:
    """Of customer A."""
    return steel_rows(customer_a, root)


def rows(caller: Caller, path: str) -> list[dict[str, Any]]:
    """Of the first page."""
    answer = caller.get(path)
    assert answer.status_code == 200, answer.content
    found: list[dict[str, Any]] = answer.json()["results"]
    return found


def moment(at: Any) -> str:
    """As an address wants it."""
    return str(at.isoformat().replace("+00:00", "Z"))


def series(steel: dict[str, Any], query: str) -> str:
    return f"/miners/{steel['miner'].public_id}/telemetry/?{query}"


def around(**fields: Any) -> str:
    span = {"starts_from": moment(NOW - timedelta(days=1, hours=1)), "starts_before": moment(NOW + timedelta(hours=1))}
    return "&".join(f"{name}={value}" for name, value in {**span, **fields}.items())


def test_a_list_of_usage_shows_what_holds_and_an_id_any_version(as_bob: Caller, steel: dict[str, Any]) -> None:
    found = {row["id"]: row for row in rows(as_bob, "/usage/")}
    now, former = steel["usage_of_terms"], steel["usage_of_former_terms"]
    assert set(found) == {str(now.public_id), str(former.public_id)}
    row = found[str(now.public_id)]
    assert (row["kwh"], row["version"], row["superseded_at"], row["quality"]) == ("2", 2, None, "measured")
    earlier = type(now).objects.get(terms=now.terms, version=1)
    answer = as_bob.get(f"/usage/{earlier.public_id}/")
    assert (answer.status_code, answer.json()["kwh"]) == (200, "1")
    assert answer.json()["superseded_at"] is not None


def test_usage_is_found_by_terms_contract_and_time(as_bob: Caller, steel: dict[str, Any]) -> None:
    terms, contract = steel["terms"].public_id, steel["contract"].public_id
    assert [row["kwh"] for row in rows(as_bob, f"/usage/?terms={terms}")] == ["2"]
    assert len(rows(as_bob, f"/usage/?contract={contract}")) == 2
    assert [row["kwh"] for row in rows(as_bob, f"/usage/?starts_from={moment(START)}")] == ["2"]
    assert [row["kwh"] for row in rows(as_bob, f"/usage/?starts_before={moment(START)}")] == ["1"]
    assert rows(as_bob, "/usage/?quality=missing") == []
    assert as_bob.get("/usage/?starts_from=yesterday").status_code == 400
    assert as_bob.get("/usage/?quality=invented").status_code == 400


def test_usage_is_nobody_elses(as_charlie: Caller, as_root: Caller, steel: dict[str, Any]) -> None:
    assert rows(as_charlie, "/usage/") == []
    assert as_charlie.get(f"/usage/{steel['usage_of_terms'].public_id}/").status_code == 404
    assert len(rows(as_root, "/usage/")) == 3  # of drafted terms too


def test_demand_is_for_staff(as_bob: Caller, as_root: Caller, steel: dict[str, Any]) -> None:
    assert as_bob.get("/demand/").status_code == 404
    (row,) = rows(as_root, f"/demand/?zone={steel['zone'].public_id}")
    assert (row["kwh"], row["kw"], row["quality"]) == ("5", "20", "measured")


def test_a_client_reads_of_a_machine_the_time_it_was_its_own(
    as_bob: Caller, as_root: Caller, as_charlie: Caller, steel: dict[str, Any]
) -> None:
    path = series(steel, around(resolution="raw"))
    told = "%Y-%m-%dT%H:%M:%S.%fZ"
    (own,) = rows(as_bob, path)
    assert (own["starts_at"], own["hashrate_ths"], own["power_w"]) == (f"{NOW:{told}}", 100.0, 3000.0)
    assert own["chip_temp_c"] is None  # nobody said it: not zero
    found = [row["starts_at"] for row in rows(as_root, path)]
    assert found == [f"{NOW - timedelta(days=1):{told}}", f"{NOW:{told}}"]
    assert as_charlie.get(path).status_code == 404
    assert len(rows(as_bob, series(steel, around()))) == 1
    assert len(rows(as_root, series(steel, around()))) == 2
    past = f"resolution=day&starts_from={moment(NOW - timedelta(days=40))}&starts_before={moment(NOW)}"
    assert len(rows(as_root, series(steel, past))) == 2


@pytest.mark.parametrize(
    "query",
    [
        "resolution=hour",
        "starts_from=2026-11-20T00:00:00",
        "starts_from=2026-13-40T00:00:00Z",
        "starts_from=9999-01-01T00:00:00Z",
        f"starts_from={moment(NOW)}&starts_before={moment(NOW)}",
        f"resolution=raw&starts_from={moment(NOW - timedelta(days=3))}&starts_before={moment(NOW)}",
        f"starts_from={moment(NOW - timedelta(days=32))}&starts_before={moment(NOW)}",
        "surprise=1",
    ],
)
def test_a_wrong_span_is_refused_by_name(as_bob: Caller, steel: dict[str, Any], query: str) -> None:
    answer = as_bob.get(series(steel, query))
    assert answer.status_code == 400
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert any(name in answer.content.decode() for name in ("resolution", "starts_from", "starts_before", "surprise"))


def test_a_long_span_comes_in_pages_without_gap_or_double(
    as_bob: Caller, steel: dict[str, Any], customer_a: Customer
) -> None:
    miner = steel["miner"]
    Telemetry.objects.bulk_create(
        Telemetry(
            miner_id=miner.pk, customer_id=customer_a.pk, recorded_at=NOW - timedelta(seconds=20 * number), source=1
        )
        for number in range(1, 1500)
    )  # fmt: skip
    path: str | None = series(steel, around(resolution="raw"))
    seen: list[str] = []
    pages = 0
    while path:
        with CaptureQueriesContext(connection) as asked:
            body = as_bob.get(path).json()
        assert len(asked) < 12
        seen += [row["starts_at"] for row in body["results"]]
        path = body["next"] and body["next"].partition("/api/v1")[2]
        pages += 1
    assert pages == 2
    assert len(seen) == len(set(seen)) == 1500
    assert seen == sorted(seen)
