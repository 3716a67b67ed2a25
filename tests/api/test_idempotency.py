"""Idempotency-Key: one effect, one answer, no stuck key."""

import threading
import time
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from accounts.models import ApiKey, User
from crm.models import Activity, Customer, Lead
from hashinsight.common import retention
from hashinsight.common.models import IdempotencyRecord
from tests import factories
from tests.api.calls import STAFF_CALLS, filled
from tests.api.client import Caller
from tests.isolation.tables import snapshot

pytestmark = pytest.mark.django_db


def test_same_call_twice_has_one_effect_and_the_same_bytes(as_root: Caller) -> None:
    first, again = (as_root.post("/leads/", {"title": "Once"}, Idempotency_Key="k") for _call in range(2))
    assert (first.status_code, again.status_code, again.content) == (201, 201, first.content)
    assert (again["Idempotency-Replayed"], again["Location"], again["ETag"]) == (
        "true",
        first["Location"],
        first["ETag"],
    )
    assert "Idempotency-Replayed" not in first
    assert Lead.objects.count() == 1


def test_every_unsafe_call_of_staff_has_one_effect_when_sent_twice(
    as_root: Caller, whole_world: dict[str, str]
) -> None:
    for number, (path, _power, body) in enumerate(STAFF_CALLS):
        url, data = filled(path, body, whole_world)
        with transaction.atomic():
            first = as_root.post(url, data, Idempotency_Key=f"k{number}")
            state = snapshot()
            again = as_root.post(url, data, Idempotency_Key=f"k{number}")
            after = snapshot()
            transaction.set_rollback(True)
        assert 200 <= first.status_code < 300, (path, first.content)
        assert (again.status_code, again.content, again["Idempotency-Replayed"]) == (
            first.status_code,
            first.content,
            "true",
        ), path
        assert after == state, path


@pytest.mark.parametrize(("path", "body"), [("/leads/", {"title": "Other"}), ("/customers/", {"company_name": "Once"})])
def test_another_call_under_the_same_key_is_422(as_root: Caller, path: str, body: dict[str, str]) -> None:
    as_root.post("/leads/", {"title": "Once"}, Idempotency_Key="k")
    answer = as_root.post(path, body, Idempotency_Key="k")
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_mismatch")
    assert (Lead.objects.count(), Customer.objects.count()) == (1, 0)


def test_keys_of_different_users_are_independent(as_root: Caller, as_alice: Caller, customer_a: Customer) -> None:
    body = {"customer": str(customer_a.public_id), "subject": "x"}
    answers = [caller.post("/activities/", body, Idempotency_Key="k") for caller in (as_root, as_alice)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert Activity.objects.filter(subject="x").count() == 2


def test_an_error_gives_the_key_back(as_root: Caller) -> None:
    assert as_root.post("/leads/", {"title": ""}, Idempotency_Key="k").status_code == 400
    assert IdempotencyRecord.objects.count() == 0
    assert as_root.post("/leads/", {"title": "Now"}, Idempotency_Key="k").status_code == 201


def test_a_fault_gives_the_key_back(as_root: Caller, monkeypatch: Any) -> None:
    from crm.domain import leads

    real = leads.create_lead
    monkeypatch.setattr(leads, "create_lead", lambda **kwargs: 1 / 0)
    assert as_root.post("/leads/", {"title": "x"}, Idempotency_Key="k").status_code == 500
    monkeypatch.setattr(leads, "create_lead", real)
    assert as_root.post("/leads/", {"title": "x"}, Idempotency_Key="k").status_code == 201


@pytest.mark.parametrize("key", ["", " ", "a b", "x" * 256, "ü", "a\tb"])
def test_a_key_has_a_form(as_root: Caller, key: str) -> None:
    answer = as_root.post("/leads/", {"title": "x"}, Idempotency_Key=key)
    assert (answer.status_code, answer.json()["code"]) == (400, "idempotency_key_invalid")
    assert Lead.objects.count() == 0


def _claimed(user: User, request: Any, *, until: Any) -> IdempotencyRecord:
    return IdempotencyRecord.objects.create(
        owner=str(user.pk), key="k", fingerprint=request, claimed_until=until, claim_token=uuid.uuid4()
    )


def test_a_running_call_is_409_with_retry_after_and_another_one_422(as_root: Caller) -> None:
    as_root.post("/leads/", {"title": "x"}, Idempotency_Key="k")
    later = timezone.now() + timedelta(seconds=60)
    IdempotencyRecord.objects.update(response_status=None, response_body=None, claimed_until=later)
    answer = as_root.post("/leads/", {"title": "x"}, Idempotency_Key="k")
    assert (answer.status_code, answer.json()["code"]) == (409, "idempotency_in_progress")
    assert int(answer["Retry-After"]) >= 1
    assert as_root.post("/leads/", {"title": "y"}, Idempotency_Key="k").status_code == 422
    assert Lead.objects.count() == 1


def test_the_claim_of_a_dead_process_is_taken_over_when_it_has_expired(as_root: Caller) -> None:
    _claimed(as_root.user, "whatever it was", until=timezone.now() - timedelta(seconds=1))
    assert as_root.post("/leads/", {"title": "x"}, Idempotency_Key="k").status_code == 201
    assert as_root.post("/leads/", {"title": "x"}, Idempotency_Key="k")["Idempotency-Replayed"] == "true"


def test_a_call_that_lost_its_claim_leaves_nothing(as_root: Caller, monkeypatch: Any) -> None:
    from crm.domain import leads

    real = leads.create_lead

    def slow(**kwargs: Any) -> Any:
        IdempotencyRecord.objects.update(claim_token=uuid.uuid4())
        return real(**kwargs)

    monkeypatch.setattr(leads, "create_lead", slow)
    answer = as_root.post("/leads/", {"title": "x"}, Idempotency_Key="k")
    assert (answer.status_code, answer.json()["code"]) == (409, "idempotency_in_progress")
    assert Lead.objects.count() == 0


def test_the_secret_of_a_key_is_not_kept(as_alice: Caller) -> None:
    body = {"name": "Reports", "scopes": ["invoices:read"]}
    first, again = (as_alice.post("/api-keys/", body, Idempotency_Key="k").json() for _call in range(2))
    assert first["secret"].startswith("hi_")
    assert (first["secret_withheld"], again["secret_withheld"], again["secret"]) == (False, True, None)
    assert {**first, "secret": None, "secret_withheld": True} == again
    kept = IdempotencyRecord.objects.get()
    assert first["secret"].removeprefix(f"hi_{first['prefix']}_") not in str(kept.response_body)
    assert ApiKey.objects.filter(name="Reports").count() == 1


def test_old_answers_are_forgotten(as_root: Caller) -> None:
    as_root.post("/leads/", {"title": "x"}, Idempotency_Key="k")
    now = timezone.now()
    assert retention.forget_answers(at=now + timedelta(hours=23)) == 0
    IdempotencyRecord.objects.update(created_at=now - timedelta(hours=25), claimed_until=now - timedelta(hours=25))
    assert as_root.post("/leads/", {"title": "y"}, Idempotency_Key="k").status_code == 201
    IdempotencyRecord.objects.update(created_at=now - timedelta(hours=25), claimed_until=now - timedelta(hours=25))
    assert retention.forget_answers(at=now) == 1


def test_a_get_ignores_the_key(as_root: Caller) -> None:
    assert as_root.get("/leads/", Idempotency_Key="k").status_code == 200
    assert IdempotencyRecord.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_fifty_at_once_have_one_effect() -> None:
    root = factories.UserFactory(is_staff=True, is_superuser=True)
    caller = Caller(root)
    barrier = threading.Barrier(50)
    answers: list[Any] = []

    def call() -> None:
        mine = Caller(None, **caller.headers)
        barrier.wait()
        answer = mine.post("/leads/", {"title": "Once"}, Idempotency_Key="k")
        for _attempt in range(100):
            if answer.status_code != 409:
                break
            time.sleep(0.05)
            answer = mine.post("/leads/", {"title": "Once"}, Idempotency_Key="k")
        answers.append((answer.status_code, answer.content))
        connection.close()

    threads = [threading.Thread(target=call) for _n in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(answers), len(set(answers)), answers[0][0]) == (50, 1, 201)
    assert (Lead.objects.count(), IdempotencyRecord.objects.count()) == (1, 1)
