"""Edge devices among the tenants: each knows the machines of its own place, and its token opens nothing else."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.db import transaction
from django.test import Client
from django.utils import timezone

from hosting.domain import edge
from hosting.domain.meters.keeping import create_meter
from hosting.models import EdgeBatch, EdgeDevice, EdgeToken, MeterReading, Miner, QuarantinedReading, Telemetry
from tests.hosting.ingest.conftest import PUBLIC_KEY, Doors
from tests.isolation.world import NOBODY, Tenant, World

EDGE = {
    "batches": "POST", "lease": "POST", "machines": "GET", "meter-readings": "POST", "meters": "GET", "rotate": "POST",
}  # fmt: skip


@pytest.fixture(autouse=True)
def _taken_back(world: World) -> Iterator[None]:
    """The world is committed; what is added here goes again."""
    cache.clear()
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def device_at(tenant: Tenant) -> Doors:
    """A device at the site of a tenant, whose machines have addresses."""
    now = timezone.now()
    site = tenant.rows["site"]
    _device, code = edge.register_device(
        serial=f"E-{tenant.name}", name=f"E-{tenant.name}", site=site, by=tenant.root, at=now
    )
    _device, token = edge.enrol(code, public_key=PUBLIC_KEY, at=now)
    for place, miner in enumerate(Miner.objects.filter(site=site).order_by("pk"), 1):
        Miner.objects.filter(pk=miner.pk).update(address=f"10.0.{ord(tenant.name)}.{place}")
    return Doors(token)


def batch(batch_id: str, machine: str) -> dict[str, Any]:
    """One reading."""
    moment = (timezone.now() - timedelta(minutes=1)).isoformat()
    return {"batch_id": batch_id, "readings": [{"machine": machine, "recorded_at": moment, "power_w": 3000}]}


def test_a_device_is_told_of_the_machines_of_its_own_site(world: World) -> None:
    mine, other = world.attacker, world.foreign[0]
    doors = device_at(mine)
    device_at(other)
    told = doors.send("machines", method="GET")
    there = Miner.objects.filter(site=mine.rows["site"]).values_list("public_id", flat=True)
    assert {row["id"] for row in told.json()["machines"]} == {str(one) for one in there}
    for kind in ("miner", "other miner", "house miner", "site"):
        assert other.id(kind) not in told.content.decode()


def test_a_device_writes_nothing_about_a_machine_of_another_site(world: World) -> None:
    mine, other = world.attacker, world.foreign[0]
    doors = device_at(mine)
    foreign = doors.send("batches", batch("b", other.id("miner"))).json()
    nobody = doors.send("batches", batch("c", NOBODY)).json()
    own = doors.send("batches", batch("d", mine.id("miner"))).json()
    told_alike = ("stored", "duplicates", "quarantined", "doubts", "clock_skewed")
    assert {name: foreign[name] for name in told_alike} == {name: nobody[name] for name in told_alike}
    assert (foreign["stored"], foreign["quarantined"], own["stored"]) == (0, 1, 1)
    written = Telemetry.objects.filter(recorded_at__gte=_lately())
    assert set(written.values_list("miner_id", flat=True)) == {mine.rows["miner"].pk}
    assert QuarantinedReading.objects.filter(batch__in=EdgeBatch.objects.all()).count() == 2


def test_a_device_reads_and_writes_nothing_of_meters_that_it_does_not_read(world: World) -> None:
    mine, other = world.attacker, world.foreign[0]
    doors = device_at(mine)
    device = EdgeDevice.objects.get(serial=f"E-{mine.name}")
    own = create_meter(
        site=mine.rows["site"], name="Own", feed="edge", device=device, valid_from=date(2020, 1, 1), at=timezone.now()
    )
    told = doors.send("meters", method="GET")
    assert [row["id"] for row in told.json()["meters"]] == [str(own.public_id)]
    before = MeterReading.objects.count()
    moment = (timezone.now() - timedelta(minutes=1)).isoformat()

    def sent(name: str, meter: str) -> dict[str, Any]:
        body = {"batch_id": name, "readings": [{"meter": meter, "recorded_at": moment, "power_kw": 1}]}
        said: dict[str, Any] = doors.send("meter-readings", body).json()
        return {key: said[key] for key in ("stored", "duplicates", "quarantined", "doubts")}

    nobody = sent("a", NOBODY)
    assert sent("b", other.id("meter")) == sent("c", mine.id("meter")) == nobody
    assert (nobody["stored"], MeterReading.objects.count()) == (0, before)
    assert sent("d", str(own.public_id))["stored"] == 1


def _lately() -> Any:
    return timezone.now() - timedelta(minutes=10)


@pytest.mark.parametrize("who", ["customer_admin caller", "customer_viewer caller", "root"])
def test_no_key_of_a_person_opens_a_door_of_devices(world: World, who: str) -> None:
    caller = world.root if who == "root" else world.attacker.rows[who]
    before = EdgeToken.objects.count(), EdgeBatch.objects.count()
    for path, method in EDGE.items():
        body = None if method == "GET" else batch("b", world.attacker.id("miner"))
        answer = Doors(caller.secret).send(path, body, method=method)
        assert (answer.status_code, answer.json()["code"]) == (401, "invalid_token")
    assert (EdgeToken.objects.count(), EdgeBatch.objects.count()) == before


def test_the_token_of_a_device_opens_no_other_door(world: World, spec: dict[str, Any]) -> None:
    doors = device_at(world.attacker)
    bearer = {"Authorization": f"Bearer {doors.token}"}
    wrong = []
    for path, operations in spec["paths"].items():
        if path.startswith("/api/v1/edge/"):
            continue
        for verb in operations:
            cache.clear()  # strangers are counted
            url = path.replace("{id}", world.attacker.id("miner"))
            answer = Client(raise_request_exception=False).generic(
                verb.upper(), url, b"{}", content_type="application/json", headers=bearer
            )
            if answer.status_code != 401:
                wrong.append((verb, path, answer.status_code))
    assert wrong == []
    assert doors.send("machines", method="GET").status_code == 200
