"""What must hold when two requests meet, and when the request around a record is rolled back."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction

from accounts.domain.keys import MOST_LIVE_KEYS, KeyRefused, create_key, live_keys, rotate_key, touch_key
from accounts.domain.records import record_login_attempt
from accounts.domain.roles import sync_roles
from accounts.domain.users import create_user, set_groups
from accounts.enums import LoginOutcome
from accounts.models import ApiKey, LoginRecord, User
from hashinsight.common.errors import DomainError

pytestmark = pytest.mark.django_db(transaction=True)

AT = datetime(2026, 11, 20, 12, tzinfo=UTC)


def at_once(*calls: Callable[[], Any]) -> list[Any]:
    """Run all at the same moment, each on a connection of its own; results and refusals in order."""
    barrier = threading.Barrier(len(calls))
    results: list[Any] = [None] * len(calls)

    def run(place: int, call: Callable[[], Any]) -> None:
        try:
            barrier.wait(timeout=10)
            results[place] = call()
        except DomainError as refusal:
            results[place] = refusal
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(place, call)) for place, call in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    return results


@pytest.fixture
def emil() -> User:
    return create_user("emil@delta.example", by=None, at=AT, verified=True)


def new_key(user: User) -> ApiKey:
    return create_key(user, name="K", scopes=["deals:read"], expires_at=None, by=None, at=AT)[0]


def test_record_survives_the_rollback_around_it(settings: Any) -> None:
    settings.CLIENT_SCOPE_DURABLE = True
    with transaction.atomic():
        create_user("lost@delta.example", by=None, at=AT)
        record = record_login_attempt(email="who@x.example", outcome=LoginOutcome.FAILED, at=AT)
        transaction.set_rollback(True)

    assert LoginRecord.objects.get().pk == record.pk
    assert not User.objects.filter(email="lost@delta.example").exists()


def test_two_requests_do_not_pass_the_limit_of_keys_together(emil: User) -> None:
    for _count in range(MOST_LIVE_KEYS - 1):
        new_key(emil)

    results = at_once(*[lambda: new_key(emil)] * 4)

    assert live_keys(emil, AT).count() == MOST_LIVE_KEYS
    assert sum(isinstance(result, KeyRefused) for result in results) == 3


def test_a_key_rotates_once_even_at_once(emil: User) -> None:
    key = new_key(emil)

    results = at_once(*[lambda: rotate_key(key, by=None, at=AT)] * 4)

    assert ApiKey.objects.filter(rotated_from=key).count() == 1
    assert sum(isinstance(result, KeyRefused) for result in results) == 3


def test_first_use_of_a_day_is_one(emil: User) -> None:
    key = new_key(emil)
    copies = [ApiKey.objects.get(pk=key.pk) for _count in range(4)]

    results = at_once(*[lambda copy=copy: touch_key(copy, ip=None, at=AT + timedelta(hours=1)) for copy in copies])

    assert sorted(results) == [False, False, False, True]


def test_two_owners_cannot_unmake_each_other() -> None:
    sync_roles()
    owners = [
        set_groups(create_user(f"o{n}@h.example", by=None, at=AT), groups=["owner"], by=None, at=AT) for n in (1, 2)
    ]

    results = at_once(
        lambda: set_groups(owners[0], groups=[], by=owners[1], at=AT),
        lambda: set_groups(owners[1], groups=[], by=owners[0], at=AT),
    )

    assert User.objects.filter(groups__name="owner").count() == 1
    assert sum(isinstance(result, DomainError) for result in results) == 1
