"""The door of signed webhooks: who comes in, what is taken, and what each answer says."""

import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts.models import User
from curtailment.domain.dispatch import programmes
from curtailment.models import Dispatch, DispatchMessage, Programme
from hashinsight.notify.engine import signing
from tests.curtailment.programme import hours, let_act, make_programme, post
from tests.curtailment.site import Ground

pytestmark = pytest.mark.django_db


def body(**fields: Any) -> dict[str, Any]:
    """An hour, from an hour on."""
    now = timezone.now()
    return {"dispatch": "D-1", "starts_at": now + hours(1), "ends_at": now + hours(2), "kw": "7", **fields}


def test_a_signed_message_is_taken(programme: Programme) -> None:
    answer = post(programme, body(sequence=1, reason="Peak"))
    assert answer.status_code == 201, answer.content
    said = answer.json()
    assert (said["outcome"], said["repeated"], said["marks"]) == ("applied", False, [])
    assert (said["dispatch"]["state"], said["dispatch"]["kw"], said["dispatch"]["revision"]) == ("accepted", "7.000", 1)
    row = Dispatch.objects.get()
    assert (row.source, row.reason, str(row.public_id)) == ("webhook", "Peak", said["dispatch"]["dispatch_id"])
    assert answer["Cache-Control"] == "no-store"


def test_the_same_message_again_gets_the_same_answer(programme: Programme) -> None:
    said = body()
    first, again = (post(programme, said, message_id="m") for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == {**first.json(), "repeated": True}
    other = post(programme, body(kw="8"), message_id="m")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_mismatch")
    assert DispatchMessage.objects.count() == 1


def test_a_refused_one_too(programme: Programme) -> None:
    said = body(authorised=False)
    for _ in range(2):
        answer = post(programme, said, message_id="m")
        assert (answer.status_code, answer.json()["code"]) == (409, "not_authorised")
    assert (Dispatch.objects.get().state, DispatchMessage.objects.count()) == ("refused", 1)


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"dispatch": ""}, 400, "invalid"),
        ({"dispatch": "a\u202eb"}, 400, "invalid"),
        ({"what": 1}, 400, "invalid"),
        ({"kw": "lots"}, 400, "invalid"),
        ({"kw": -1}, 400, "invalid"),
        ({"kw": "NaN"}, 400, "invalid"),
        ({"kw": 1e300}, 400, "invalid"),
        ({"kw": True}, 400, "invalid"),
        ({"starts_at": "soon"}, 400, "invalid"),
        ({"starts_at": "2026-11-29T17:00:00"}, 400, "invalid"),
        ({"sequence": -1}, 400, "invalid"),
        ({"sequence": 2**70}, 400, "invalid"),
        ({"goal": "up"}, 400, "invalid"),
        ({"action": "update"}, 400, "invalid"),
        ({"open_ended": True}, 400, "invalid"),
        ({"test": "yes"}, 400, "invalid"),
        ({"ends_at": None}, 409, "no_end"),
        ({"ends_at": None, "open_ended": True}, 409, "open_ended"),
        ({"ends_at": "2026-01-01T00:00:00Z", "starts_at": "2025-12-31T00:00:00Z"}, 409, "over_already"),
        ({"kw": 15}, 409, "more_than_committed"),
        ({"site": "Elsewhere"}, 409, "unknown_site"),
        ({"sent_at": "2026-01-01T00:00:00Z"}, 409, "clock_skewed"),
    ],
)
def test_what_is_wrong_is_said(programme: Programme, change: dict[str, Any], status: int, code: str) -> None:
    answer = post(programme, body(**change))
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.content
    if status == 400:
        assert next(iter(change)) in answer.json()["errors"][0]["pointer"]
        assert not DispatchMessage.objects.exists()


@pytest.mark.parametrize("raw", [b" ", b"[]", b"{", b'{"dispatch": "a", "dispatch": "b"}', b"\xff", b'{"kw": NaN}'])
def test_what_is_no_object_is_refused(programme: Programme, raw: bytes) -> None:
    assert post(programme, raw).status_code == 400


def test_a_long_body_is_not_read(programme: Programme) -> None:
    assert post(programme, json.dumps({"reason": "x" * 70_000}).encode()).status_code == 413


def test_other_kinds_of_body_are_refused(programme: Programme) -> None:
    assert post(programme, body(), **{"Content-Encoding": "gzip"}).status_code == 415


# --- who comes in ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("header", ["webhook-id", "webhook-timestamp", "webhook-signature"])
@pytest.mark.parametrize("value", ["", "x", "v1,", "v1,AAAA", "0", "9" * 30, "é"])
def test_a_tampered_header_opens_nothing(programme: Programme, header: str, value: str) -> None:
    answer = post(programme, body(), **{header: value})
    assert (answer.status_code, answer.json()["code"]) == (401, "signature_invalid"), answer.content
    assert not DispatchMessage.objects.exists()


def test_a_tampered_body_opens_nothing(programme: Programme) -> None:
    raw = json.dumps(body(), default=str).encode()
    moment = int(timezone.now().timestamp())
    signed = signing.headers([programme.reveal_secret()], message_id="m", timestamp=moment, body=raw)
    for changed in (raw.replace(b'"7"', b'"14"'), raw + b" ", raw[:-1]):
        cache.clear()
        answer = Client().post(
            f"/api/v1/dispatches/{programme.public_id}/", changed, content_type="application/json", headers=signed
        )
        assert (answer.status_code, answer.json()["code"]) == (401, "signature_invalid")


def test_a_copy_of_an_old_message_opens_nothing(programme: Programme) -> None:
    now = timezone.now()
    for moment in (now - timedelta(minutes=6), now + timedelta(minutes=6)):
        answer = post(programme, body(), at=moment)
        assert (answer.status_code, answer.json()["code"]) == (401, "signature_expired")
    assert post(programme, body(), at=now - timedelta(minutes=4)).status_code == 201


def test_the_secret_of_another_programme_opens_nothing(programme: Programme, ground: Ground, root: User) -> None:
    other = make_programme(root, ground.site, name="Other")
    assert post(programme, body(), secret=other.reveal_secret()).status_code == 401


def test_an_unknown_programme_a_wrong_secret_and_one_switched_off_look_alike(programme: Programme) -> None:
    wrong = signing.new_secret(b"x" * 32)
    secret = programme.reveal_secret()
    answers = [post(programme, body(), secret=wrong)]
    Programme.objects.update(is_active=False)
    answers.append(post(programme, body(), secret=secret))
    programme.public_id = "0199f3d2-1a10-7d20-8b30-4c5d6e7f8a01"
    answers.append(post(programme, body(), secret=secret))
    told = [(one.status_code, one.json()["code"], one.json()["detail"]) for one in answers]
    assert len(set(told)) == 1
    assert told[0][0] == 401


def test_two_secrets_live_side_by_side_until_the_old_one_ends(programme: Programme, root: User) -> None:
    old = programme.reveal_secret()
    now = timezone.now()
    changed = programmes.rotate_secret(programme, by=root, at=now, overlap=timedelta(hours=1))
    assert changed.reveal_secret() != old
    assert post(changed, body(dispatch="A"), secret=old).status_code == 201
    assert post(changed, body(dispatch="B")).status_code == 201
    Programme.objects.update(previous_secret_until=now - timedelta(seconds=1))
    assert post(changed, body(dispatch="C"), secret=old).status_code == 401
    with pytest.raises(programmes.ProgrammeRefused):
        programmes.rotate_secret(programme, by=root, at=now, overlap=timedelta(days=8))


def test_calls_are_counted_by_programme(programme: Programme) -> None:
    cache.clear()
    raw = json.dumps(body(), default=str).encode()
    moment = int(timezone.now().timestamp())
    signed = signing.headers([programme.reveal_secret()], message_id="m", timestamp=moment, body=raw)
    path = f"/api/v1/dispatches/{programme.public_id}/"
    codes = [Client().post(path, raw, content_type="application/json", headers=signed).status_code for _ in range(125)]
    assert codes[0] == 201
    assert codes.count(200) >= 59, "sixty in a minute, and the minute may turn meanwhile"
    assert 429 in codes


def test_other_methods_are_not_known(programme: Programme) -> None:
    for method in ("get", "put", "patch", "delete"):
        answer = getattr(Client(), method)(f"/api/v1/dispatches/{programme.public_id}/")
        assert answer.status_code in (401, 405, 415)


# --- at the same time -----------------------------------------------------------------------------------------------
@pytest.mark.django_db(transaction=True)
def test_the_same_message_ten_times_at_once_has_one_effect(ground: Ground, root: User) -> None:
    let_act(ground.site, root)
    programme = make_programme(root, ground.site)
    said = body()
    codes: list[int] = []

    def send() -> None:
        try:
            codes.append(post(programme, said, message_id="m").status_code)
        finally:
            connection.close()

    threads = [threading.Thread(target=send) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(codes) == [200] * 9 + [201]
    assert (Dispatch.objects.count(), DispatchMessage.objects.count()) == (1, 1)


@pytest.fixture(autouse=True)
def _no_counts() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()
