"""The way into the API: which keys open, what the others are told, and what is recorded."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.test import RequestFactory
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from accounts.api.authentication import FAILURES_RECORDED_PER_MINUTE, ApiKeyAuthentication
from accounts.domain.grants import grant_access, revoke_access
from accounts.domain.keys import create_key, revoke_key, rotate_key
from accounts.domain.users import deactivate_user
from accounts.models import ApiKey, LoginRecord, User
from tests.support.standing import standing

AT = datetime(2026, 11, 20, 12, tzinfo=UTC)
Key = tuple[ApiKey, str]


@pytest.fixture(autouse=True)
def clock() -> Any:
    with time_machine.travel(AT, tick=False) as traveller:
        yield traveller


@pytest.fixture
@standing
def key(dora: User) -> Key:
    """A key of dora's, good for ten days."""
    return create_key(dora, name="Reader", scopes=["deals:read"], expires_at=AT + timedelta(days=10), by=dora, at=AT)


def authenticate(header: str | None, *, ip: str = "192.0.2.4") -> Any:
    extra = {} if header is None else {"HTTP_AUTHORIZATION": header}
    plain = RequestFactory().get("/api/v1/me/", REMOTE_ADDR=ip, HTTP_USER_AGENT="Program/2", **extra)
    return ApiKeyAuthentication().authenticate(Request(plain))


def refusal(secret: str, **kwargs: Any) -> str:
    with pytest.raises(AuthenticationFailed) as caught:
        authenticate(f"Bearer {secret}", **kwargs)
    return str(caught.value.get_codes())


def records() -> list[tuple[str, str, str]]:
    return list(LoginRecord.objects.order_by("pk").values_list("email", "method", "outcome"))


@pytest.mark.parametrize("word", ["Bearer", "bearer", "BEARER"])
def test_right_key_opens(key: Key, dora: User, word: str) -> None:
    user, used = authenticate(f"{word} {key[1]}")

    assert (user, used) == (dora, key[0])
    used.refresh_from_db()
    assert (used.last_used_at, used.last_used_ip) == (AT, "192.0.2.4")


@pytest.mark.parametrize("header", [None, "", "Basic ZG9yYTpwdw==", "Token abc"])
def test_without_a_bearer_token_nobody_is_refused(db: None, header: str | None) -> None:
    assert authenticate(header) is None
    assert records() == []


def test_first_use_of_a_day_leaves_a_record(key: Key, dora: User, clock: Any) -> None:
    for hours in (0, 1, 11, 12, 13):
        clock.move_to(AT + timedelta(hours=hours))
        authenticate(f"Bearer {key[1]}")

    assert records() == [("dora@delta.example", "api_key", "success")] * 2
    record = LoginRecord.objects.first()
    assert record is not None
    assert (record.user_id, record.ip_address, record.user_agent) == (dora.pk, "192.0.2.4", "Program/2")


def test_wrong_secret_of_a_known_key(key: Key) -> None:
    wrong = key[1][:-3] + ("aaa" if key[1][-3:] != "aaa" else "bbb")

    assert refusal(wrong) == "invalid_key"
    assert records() == [(f"hi_{key[0].prefix}…", "api_key", "failed")]
    assert ApiKey.objects.get().last_used_at is None


@pytest.mark.parametrize("text", ["", "x", "hi_12345678_" + "a" * 43, "hi_12345678_" + "a" * 5000, "h\x00i", "ключ"])
def test_unknown_and_malformed_keys(db: None, text: str) -> None:
    assert refusal(text.encode().decode("latin-1")) == "invalid_key"
    assert [record[1:] for record in records()] == [("api_key", "failed")]


def test_no_part_of_a_wrong_secret_is_recorded(db: None) -> None:
    refusal("hi_12345678_" + "s3cr3t" * 7 + "a")

    assert records() == [("hi_12345678…", "api_key", "failed")]


def test_expired_key(key: Key, clock: Any) -> None:
    clock.move_to(AT + timedelta(days=10))

    assert refusal(key[1]) == "key_expired"
    assert records() == [("dora@delta.example", "api_key", "failed")]


def test_revoked_key(key: Key) -> None:
    revoke_key(key[0], by=None, at=AT)

    assert refusal(key[1]) == "key_revoked"
    assert records() == [("dora@delta.example", "api_key", "failed")]


def test_key_of_an_inactive_user(key: Key, dora: User) -> None:
    deactivate_user(dora, at=AT, by=None)

    assert refusal(key[1]) == "no_access"
    assert records() == [("dora@delta.example", "api_key", "failed")]


def test_key_of_a_user_whose_access_has_ended_or_not_begun(key: Key, dora: User) -> None:
    revoke_access(dora, by=None, at=AT)
    ended = refusal(key[1])
    grant_access(dora, days=5, by=None, at=AT, starts_at=AT + timedelta(hours=1))
    to_come = refusal(key[1])
    grant_access(dora, days=5, by=None, at=AT)

    assert (ended, to_come) == ("no_access", "no_access")
    assert authenticate(f"Bearer {key[1]}")[0] == dora
    assert [outcome for *_rest, outcome in records()] == ["no_access", "no_access", "success"]


def test_both_keys_open_during_a_rotation_and_one_afterwards(key: Key, dora: User, clock: Any) -> None:
    _successor, new = rotate_key(key[0], by=dora, at=AT)
    both = [authenticate(f"Bearer {secret}")[0] for secret in (key[1], new)]
    clock.move_to(AT + timedelta(hours=24))

    assert both == [dora, dora]
    assert refusal(key[1]) == "key_expired"
    assert authenticate(f"Bearer {new}")[0] == dora


def test_failures_cannot_flood_the_table(db: None, clock: Any) -> None:
    for _count in range(FAILURES_RECORDED_PER_MINUTE + 15):
        refusal("wrong")
    refusal("wrong", ip="192.0.2.99")
    clock.move_to(AT + timedelta(minutes=1))
    refusal("wrong")

    assert LoginRecord.objects.filter(ip_address="192.0.2.4").count() == FAILURES_RECORDED_PER_MINUTE + 1
    assert LoginRecord.objects.filter(ip_address="192.0.2.99").count() == 1


def test_the_answer_says_how_to_do_it_right(db: None) -> None:
    header = ApiKeyAuthentication().authenticate_header(Request(RequestFactory().get("/")))

    assert header == 'Bearer realm="HashInsight API"'


def test_a_known_key_costs_two_queries_and_then_one(key: Key, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(3):  # the key with its user and access, the use, the first record of the day
        authenticate(f"Bearer {key[1]}")
    with django_assert_num_queries(2):
        authenticate(f"Bearer {key[1]}")
