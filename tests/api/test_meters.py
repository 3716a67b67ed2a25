"""Meters and their readings by key: for staff, found by place and time, pushed once; a client hears of none."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import User
from crm.models import Customer
from hosting.models import MeterReading, QuarantinedReading
from tests.api.client import Caller
from tests.api.conftest import steel_rows

pytestmark = pytest.mark.django_db


@pytest.fixture
def steel(customer_a: Customer, root: User) -> dict[str, Any]:
    """A site with a meter."""
    return steel_rows(customer_a, root)


def rows(caller: Caller, path: str) -> list[dict[str, Any]]:
    answer = caller.get(path)
    assert answer.status_code == 200, answer.content
    found: list[dict[str, Any]] = answer.json()["results"]
    return found


def test_meters_are_for_staff(as_bob: Caller, as_root: Caller, steel: dict[str, Any]) -> None:
    for path in ("meters", "meter-readings"):
        assert as_bob.get(f"/{path}/").status_code == 404
    assert as_bob.get(f"/meters/{steel['meter'].public_id}/").status_code == 404
    (row,) = rows(as_root, f"/meters/?zone={steel['zone'].public_id}&measures=zone&feed=api")
    assert (row["id"], row["ratio"], row["most_kw"]) == (str(steel["meter"].public_id), "1", None)
    assert rows(as_root, "/meters/?measures=site") == []


def test_readings_are_found_by_meter_site_and_time(as_root: Caller, steel: dict[str, Any]) -> None:
    meter, reading = steel["meter"], steel["meter_reading"]
    moment = reading.recorded_at.isoformat().replace("+00:00", "Z")
    (row,) = rows(as_root, f"/meter-readings/?meter={meter.public_id}&recorded_from={moment}")
    assert (row["power_kw"], row["register_kwh"], row["source"]) == ("20", None, "file")
    assert len(rows(as_root, f"/meter-readings/?site={meter.site.public_id}")) == 1
    assert rows(as_root, f"/meter-readings/?recorded_before={moment}") == []
    assert as_root.get(f"/meter-readings/{reading.public_id}/").json()["id"] == str(reading.public_id)


def test_a_page_of_readings_goes_on_where_it_ended(as_root: Caller, steel: dict[str, Any]) -> None:
    first = steel["meter_reading"].recorded_at
    MeterReading.objects.bulk_create(
        MeterReading(meter=steel["meter"], recorded_at=first + timedelta(minutes=n), power_kw=n, ratio=1, source=2)
        for n in range(1, 5)
    )
    path, seen = "/meter-readings/?page_size=2", []
    while path:
        page = as_root.get(path).json()
        seen += [row["power_kw"] for row in page["results"]]
        path = page["next"].partition("/api/v1")[2] if page["next"] else ""
    assert seen == ["4", "3", "2", "1", "20"]


def test_a_program_pushes_readings_once_and_hears_what_was_put_aside(as_root: Caller, steel: dict[str, Any]) -> None:
    meter = steel["meter"]
    now = timezone.now().replace(microsecond=0)
    said = [
        {"recorded_at": (now - timedelta(minutes=2)).isoformat(), "power_kw": "12.5", "register_kwh": "100.25"},
        {"recorded_at": (now - timedelta(minutes=1)).isoformat(), "power_kw": "-1"},
        {"recorded_at": now.isoformat()},
    ]
    first = as_root.post(f"/meters/{meter.public_id}/readings/", {"readings": said}).json()
    assert (first["readings"], first["stored"], first["quarantined"]) == (3, 1, 2)
    assert {one["reason"] for one in first["doubts"]} == {"negative", "not_a_reading"}
    again = as_root.post(f"/meters/{meter.public_id}/readings/", {"readings": said[:1]}).json()
    assert (again["stored"], again["duplicates"]) == (0, 1)
    row = MeterReading.objects.get(meter=meter, source=2)
    assert (row.power_kw, row.register_kwh) == (Decimal("12.5"), Decimal("100.25"))
    assert QuarantinedReading.objects.filter(meter=meter, batch=None).count() == 2


def test_pushing_is_refused_without_the_power_for_other_meters_and_for_nonsense(
    as_root: Caller, as_clerk: Caller, as_bob: Caller, steel: dict[str, Any]
) -> None:
    meter = steel["meter"]
    path, said = f"/meters/{meter.public_id}/readings/", {"readings": [{"recorded_at": "2026-11-20T10:00:00Z"}]}
    assert (as_clerk.post(path, said).status_code, as_bob.post(path, said).status_code) == (403, 404)
    for wrong in ({}, {"readings": 5}, {"readings": [{}]}, {"readings": [{"recorded_at": "x", "power_kw": 1}]},
                  {"readings": [{"recorded_at": "2026-11-20T10:00:00Z", "power_kw": "NaN"}]}):  # fmt: skip
        assert as_root.post(path, wrong).status_code == 400
    type(meter).objects.filter(pk=meter.pk).update(feed="file")
    answer = as_root.post(path, said)
    assert (answer.status_code, answer.json()["code"]) == (409, "meter_refused")
