"""Edge devices at their doors: enrolling, pushing once, being believed only about their own machines."""

import gzip
import hashlib
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.utils import timezone

from accounts.domain import keys
from accounts.models import User
from hashinsight.events.models import OutboxEvent
from hosting.domain import edge, fleet
from hosting.domain.edge import EdgeRefused
from hosting.domain.fleet import Spot
from hosting.domain.places import create_site, create_zone
from hosting.engine.ingest.columns import REPORTED, Columns
from hosting.engine.ingest.spans import microseconds
from hosting.engine.ingest.wire import LARGEST, MEDIA_TYPE, write_columns
from hosting.enums import EdgeStatus
from hosting.models import EdgeBatch, EdgeDevice, EdgeToken, Miner, QuarantinedReading, Telemetry, Zone
from tests.hosting.ingest.conftest import PUBLIC_KEY, Doors

Placed = Callable[..., list[Miner]]
pytestmark = pytest.mark.django_db


def reading(miner: Any, at: datetime, **figures: Any) -> dict[str, Any]:
    """One reading as JSON says it."""
    said = {"state": "mining", "hashrate_ths": 200.5, "power_w": 3500, "power_source": "reported"}
    return {"machine": str(getattr(miner, "public_id", miner)), "recorded_at": at.isoformat(), **said, **figures}


def columns_body(batch_id: str, miners: list[Miner], at: datetime, **figures: float) -> bytes:
    """One reading of each as columns say it."""
    count = len(miners)
    values = {"hashrate_ths": 200.5, "power_w": 3500.0, **figures}
    return write_columns(
        batch_id,
        [str(miner.public_id) for miner in miners],
        np.arange(count),
        Columns(
            np.zeros(count, np.int64), np.full(count, microseconds(at)), np.ones(count, np.uint8),
            np.full(count, REPORTED, np.uint8), {name: np.full(count, value) for name, value in values.items()},
        ),
    )  # fmt: skip


def test_a_code_opens_once_and_a_token_of_before_ends_when_a_new_code_is_used(zone: Zone, root: User) -> None:
    made, code = edge.register_device(serial="E-9", name="Edge 9", site=zone.site, by=root, at=timezone.now())
    doors = Doors("")
    said = {"code": code.lower(), "public_key": PUBLIC_KEY, "software_version": "1.0"}
    first = doors.send("enrol", said)
    assert first.status_code == 201
    assert made.reload().status == EdgeStatus.ACTIVE
    again = doors.send("enrol", said)
    assert (again.status_code, again.json()["code"]) == (409, "code_refused")
    assert EdgeToken.objects.filter(digest__contains=first.json()["token"]).count() == 0
    assert Doors(first.json()["token"]).send("machines", method="GET").status_code == 200
    second = doors.send("enrol", {**said, "code": edge.give_code(made, by=root, at=timezone.now())}).json()
    assert Doors(first.json()["token"]).send("machines", method="GET").status_code == 401
    assert Doors(second["token"]).send("machines", method="GET").status_code == 200


def test_an_old_code_and_a_public_key_that_is_none_are_refused(zone: Zone, root: User) -> None:
    long_ago = timezone.now() - timedelta(hours=25)
    _made, code = edge.register_device(serial="E-9", name="Edge 9", site=zone.site, by=root, at=long_ago)
    doors = Doors("")
    assert doors.send("enrol", {"code": code, "public_key": PUBLIC_KEY}).json()["code"] == "code_refused"
    assert doors.send("enrol", {"code": code, "public_key": "AAAA"}).json()["code"] == "public_key_invalid"


def test_of_a_rotation_two_tokens_live_and_never_three(device: EdgeDevice, doors: Doors) -> None:
    tokens = [doors.token]
    for _turn in range(2):
        answer = Doors(tokens[-1]).send("rotate")
        assert answer.status_code == 201
        tokens.append(answer.json()["token"])
    opened = [Doors(token).send("machines", method="GET").status_code for token in tokens]
    assert opened == [401, 200, 200]


@pytest.mark.parametrize(("hours", "opened"), [(0, [401, 401, 200]), (2, [401, 200, 200])])
def test_a_token_of_the_back_office_ends_those_of_before_at_once_or_after_its_grace(
    hours: int, opened: list[int], device: EdgeDevice, doors: Doors, root: User
) -> None:
    now = timezone.now()
    edge.rotate_token(edge.caller_by(doors.token, at=now), at=now - timedelta(hours=3))
    newest = edge._new_token(device, now)
    token = edge.replace_token(device, grace=timedelta(hours=hours), by=root, at=now)
    tokens = [doors.token, newest, token]
    assert [Doors(one).send("machines", method="GET").status_code for one in tokens] == opened
    live = EdgeToken.objects.get(prefix=newest.split("_")[1])
    assert (live.expires_at, live.revoked_at) == ((None, now) if hours == 0 else (now + timedelta(hours=2), None))
    event = OutboxEvent.objects.filter(kind="edge_device.token_rotated").latest("pk")
    assert (event.aggregate_id, event.user_id) == (str(device.public_id), root.pk)
    assert token not in str(event.payload)
    assert device.reload().public_key == PUBLIC_KEY


def test_a_grace_lets_no_token_live_longer_than_it_would_have(device: EdgeDevice, doors: Doors, root: User) -> None:
    now = timezone.now()
    EdgeToken.objects.filter(prefix=doors.token.split("_")[1]).update(expires_at=now + timedelta(hours=1))
    edge.replace_token(device, grace=timedelta(hours=24), by=root, at=now)
    assert EdgeToken.objects.get(prefix=doors.token.split("_")[1]).expires_at == now + timedelta(hours=1)


@pytest.mark.parametrize("hours", [-1, 169])
def test_a_grace_that_makes_no_sense_is_refused(hours: int, device: EdgeDevice, root: User) -> None:
    with pytest.raises(EdgeRefused, match="0 to 168"):
        edge.replace_token(device, grace=timedelta(hours=hours), by=root, at=timezone.now())


def test_there_is_no_token_for_a_device_that_waits_or_is_revoked(zone: Zone, device: EdgeDevice, root: User) -> None:
    now = timezone.now()
    waiting, _code = edge.register_device(serial="E-9", name="Edge 9", site=zone.site, by=root, at=now)
    revoked = edge.revoke_device(device, by=root, at=now)
    for refused in (waiting, revoked):
        with pytest.raises(EdgeRefused):
            edge.replace_token(refused, grace=timedelta(0), by=root, at=now)
    assert EdgeToken.objects.filter(revoked_at=None).count() == 0


def test_the_page_shows_a_new_token_once_and_a_second_click_makes_none(
    device: EdgeDevice, doors: Doors, root: User, client: Client
) -> None:
    client.force_login(root)
    url = f"/admin/hosting/edgedevice/{device.pk}/token/"
    data = {"hours": "0", "seen": client.get(url).context["seen"]}
    answer = client.post(url, data)
    (token,) = re.findall(r"hie_[A-Za-z0-9]{8}_[A-Za-z0-9_-]{43}", answer.content.decode())
    assert answer.status_code == 200
    assert answer["Cache-Control"].startswith("no-store")
    assert Doors(token).send("machines", method="GET").status_code == 200
    assert doors.send("machines", method="GET").status_code == 401
    again = client.post(url, data)
    assert again.status_code == 409
    assert "Something changed" in again.content.decode()
    assert Doors(token).send("machines", method="GET").status_code == 200
    assert token not in client.get(url).content.decode()
    row = EdgeToken.pgh_event_model.objects.filter(pgh_label="insert").latest("pgh_id")
    assert row.pgh_context.metadata["actor"] == str(root.pk)
    assert LogEntry.objects.filter(object_id=str(device.pk), user=root).exists()


def test_only_those_who_may_give_codes_find_the_page(device: EdgeDevice, client: Client, clerk: User) -> None:
    client.force_login(clerk)
    assert client.get(f"/admin/hosting/edgedevice/{device.pk}/token/").status_code == 403


def test_a_revoked_device_is_refused_from_the_next_call_on(device: EdgeDevice, doors: Doors, root: User) -> None:
    assert doors.send("machines", method="GET").status_code == 200
    edge.revoke_device(device, by=root, at=timezone.now())
    for path, method in (("machines", "GET"), ("batches", "POST"), ("rotate", "POST")):
        assert doors.send(path, {}, method=method).status_code == 401


def test_a_device_opens_no_door_but_its_own_and_a_person_none_of_them(doors: Doors, root: User) -> None:
    bearer = {"Authorization": f"Bearer {doors.token}"}
    for path in ("me", "miners", "customers", "sites"):
        assert Client().get(f"/api/v1/{path}/", headers=bearer).status_code == 401
    _key, secret = keys.create_key(
        root, name="x", scopes=["customers:read"], expires_at=None, by=root, at=timezone.now()
    )
    for path, method in (("machines", "GET"), ("batches", "POST"), ("rotate", "POST")):
        assert Doors(secret).send(path, {}, method=method).status_code == 401
    assert Client().get("/api/v1/edge/machines/").status_code == 401


def test_the_machines_to_read_are_those_of_its_zone_with_an_address(
    placed: Placed, machines: Placed, doors: Doors, zone: Zone, root: User
) -> None:
    here, _no_address = placed(2)
    (elsewhere,) = machines(1, 10)
    other = create_zone(site=zone.site, name="Hall 2", capacity_kw=100, at=timezone.now())
    fleet.place_miners([elsewhere], spot=Spot(zone.site, other), by=root, at=timezone.now())
    Miner.objects.filter(pk=here.pk).update(address="10.0.0.1")
    Miner.objects.filter(pk=elsewhere.pk).update(address="10.0.0.2")
    said = doors.send("machines", method="GET").json()
    assert said == {
        "interval_s": 300,
        "machines": [
            {"id": str(here.public_id), "serial": here.serial, "address": "10.0.0.1", "port": 4028, "credentials": None}
        ],
    }


@pytest.mark.parametrize("form", ["json", "columns", "gzip"])
def test_a_batch_is_stored_once_however_often_it_is_sent(placed: Placed, doors: Doors, form: str) -> None:
    made, at = placed(3), timezone.now() - timedelta(minutes=2)
    body = {"batch_id": "b-1", "readings": [reading(miner, at) for miner in made]}
    if form == "json":
        answers = [doors.send("batches", body) for _twice in range(2)]
    elif form == "columns":
        answers = [doors.send("batches", columns_body("b-1", made, at), kind=MEDIA_TYPE) for _twice in range(2)]
    else:
        raw = gzip.compress(columns_body("b-1", made, at))
        answers = [doors.send("batches", raw, kind=MEDIA_TYPE, Content_Encoding="gzip") for _twice in range(2)]
    assert [answer.status_code for answer in answers] == [201, 200]
    first, second = (answer.json() for answer in answers)
    assert (first["stored"], first["duplicates"], first["quarantined"], first["doubts"]) == (3, 0, 0, [])
    assert second == {**first, "repeated": True}
    rows = Telemetry.objects.order_by("miner_id").values_list("miner_id", "recorded_at", "power_w", "hashrate_ths")
    assert list(rows) == [(miner.pk, at, 3500.0, 200.5) for miner in made]
    assert EdgeBatch.objects.get().stored == 3


def test_the_same_id_with_other_contents_is_refused(placed: Placed, doors: Doors) -> None:
    (miner,), at = placed(1), timezone.now()
    doors.send("batches", {"batch_id": "b-1", "readings": [reading(miner, at)]})
    other = doors.send("batches", {"batch_id": "b-1", "readings": [reading(miner, at, power_w=1)]})
    assert (other.status_code, other.json()["code"]) == (409, "batch_differs")
    assert Telemetry.objects.get().power_w == 3500


def test_a_machine_that_stood_elsewhere_is_unknown_and_its_neighbours_are_stored(
    placed: Placed, machines: Placed, doors: Doors, zone: Zone, root: User
) -> None:
    here, moved = placed(2)
    (foreign,) = machines(1, 10)
    now = timezone.now()
    other = create_site(name="Elsewhere", capacity_kw=1000, time_zone="UTC", at=now)
    fleet.place_miners([foreign], spot=Spot(other), by=root, at=now - timedelta(days=7))
    fleet.place_miners([moved], spot=Spot(other), by=root, at=now - timedelta(hours=1))
    early, late = now - timedelta(hours=2), now - timedelta(minutes=1)
    answer = doors.send(
        "batches",
        {
            "batch_id": "b-1",
            "readings": [
                reading(here, late), reading(moved, late), reading(moved, early), reading(foreign, late),
                reading("nobody", late), reading("00000000-0000-0000-0000-000000000000", late), 7,
            ],
        },
    ).json()  # fmt: skip
    assert (answer["stored"], answer["quarantined"]) == (2, 5)
    stored = Telemetry.objects.order_by("miner_id").values_list("miner_id", "recorded_at")
    assert list(stored) == [(here.pk, late), (moved.pk, early)]
    kept = QuarantinedReading.objects.order_by("place").values_list("place", "reason", "machine")
    assert list(kept) == [
        (1, "unknown_machine", str(moved.public_id)),
        (3, "unknown_machine", str(foreign.public_id)),
        (4, "unknown_machine", "nobody"),
        (5, "unknown_machine", "00000000-0000-0000-0000-000000000000"),
        (6, "not_a_reading", ""),
    ]


def test_one_bad_figure_costs_that_figure_and_is_kept_with_its_reason(placed: Placed, doors: Doors) -> None:
    (miner,), at = placed(1), timezone.now()
    said = reading(miner, at, power_w="3500", chip_temp_c=1e9, state="dancing", shares_accepted=True, uptime_s=10**400)
    answer = doors.send("batches", {"batch_id": "b-1", "readings": [said]}).json()
    assert (answer["stored"], answer["quarantined"]) == (1, 0)
    assert {(one["figure"], one["reason"]) for one in answer["doubts"]} == {
        ("power_w", "not_a_number"), ("chip_temp_c", "out_of_range"), ("state", "unknown_code"),
        ("shares_accepted", "not_a_number"), ("uptime_s", "out_of_range"),
    }  # fmt: skip
    row = Telemetry.objects.get()
    assert (row.power_w, row.chip_temp_c, row.state, row.hashrate_ths) == (None, None, None, 200.5)
    assert QuarantinedReading.objects.get(figure="power_w").value == "3500"


def test_a_clock_that_is_wrong_is_marked_on_each_reading(placed: Placed, doors: Doors) -> None:
    (miner,), now = placed(1), timezone.now()
    for batch_id, sent, wrong in (("b-1", now, False), ("b-2", now - timedelta(minutes=2), True)):
        body = {"batch_id": batch_id, "readings": [reading(miner, sent)]}
        answer = doors.send("batches", body, X_Sent_At=sent.isoformat()).json()
        assert answer["clock_skewed"] is wrong
    assert list(Telemetry.objects.order_by("recorded_at").values_list("clock_skewed", flat=True)) == [True, False]


def test_days_of_outage_are_made_good(placed: Placed, doors: Doors) -> None:
    made, now = placed(2), timezone.now()
    readings = [reading(miner, now - timedelta(hours=12 * n)) for n in range(10) for miner in made]
    answer = doors.send("batches", {"batch_id": "late", "readings": readings}).json()
    assert (answer["stored"], Telemetry.objects.count()) == (20, 20)


@pytest.mark.parametrize(
    ("body", "headers", "status", "code"),
    [
        (b"{", {}, 400, "malformed_json"),
        (b"[" * 100_000, {}, 400, "malformed_json"),
        (b"[]", {}, 400, "not_an_object"),
        (b'{"batch_id": "b"}', {}, 400, "no_readings"),
        (b'{"readings": []}', {}, 400, "no_batch_id"),
        (b"x" * (LARGEST + 1), {}, 413, "body_too_large"),
        (b"nothing", {"Content-Encoding": "gzip"}, 400, "not_gzip"),
        (b"{}", {"Content-Encoding": "br"}, 415, "unsupported_media_type"),
        (gzip.compress(b" " * (LARGEST + 1)), {"Content-Encoding": "gzip"}, 413, "body_too_large"),
        (b'{"batch_id": "b", "readings": []}', {"X-Sent-At": "yesterday"}, 400, "invalid_header"),
    ],
)  # fmt: skip
def test_a_batch_that_cannot_be_read_is_refused_in_words(
    doors: Doors, body: bytes, headers: dict[str, str], status: int, code: str
) -> None:
    answer = doors.send("batches", body, **headers)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer["Content-Type"] == "application/problem+json"


def test_more_machines_than_allowed_are_refused(doors: Doors) -> None:
    at = timezone.now()
    readings = [{"machine": f"m{n}", "recorded_at": at.isoformat()} for n in range(5001)]
    answer = doors.send("batches", {"batch_id": "b", "readings": readings})
    assert (answer.status_code, answer.json()["code"]) == (400, "too_many_machines")


def test_sixty_calls_a_minute_and_no_more(doors: Doors) -> None:
    answers = [doors.send("machines", method="GET").status_code for _call in range(61)]
    assert set(answers[:60]) == {200}
    assert answers[60] == 429


def test_the_secrets_are_kept_as_hashes_only(device: EdgeDevice, doors: Doors) -> None:
    row = EdgeToken.objects.get(prefix=doors.token.split("_")[1])
    assert row.digest == keys.digest_of(doors.token)
    assert row.digest != hashlib.sha256(doors.token.encode()).hexdigest()
