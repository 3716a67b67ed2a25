"""Locks with a fencing token: who may take them over, and that an old version can do nothing any more."""

import time

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from hashinsight.jobs.domain import locks
from hashinsight.jobs.models import SchedulerLock
from tests.trust.threads import in_threads

pytestmark = pytest.mark.django_db


def _expire(key: str = "x") -> None:
    SchedulerLock.objects.filter(lock_key=key).update(expires_at="2020-01-01T00:00Z")


def test_a_held_lock_is_not_given_to_a_second() -> None:
    assert [locks.take_lock("x", seconds=30), locks.take_lock("x", seconds=30)] == [1, None]
    assert locks.is_held("x") is True


def test_after_its_end_it_passes_on_with_a_higher_version() -> None:
    first = locks.take_lock("x", seconds=30)
    _expire()
    assert locks.is_held("x") is False
    second = locks.take_lock("x", seconds=30)
    assert (first, second) == (1, 2)
    assert locks.prolong_lock("x", token=1, seconds=30) is False
    assert locks.give_back_lock("x", token=1) is False
    assert locks.is_held("x") is True, "the old holder cannot end what is not his"


def test_an_expired_lock_nobody_took_is_prolonged_by_its_holder() -> None:
    locks.take_lock("x", seconds=30)
    _expire()
    assert locks.prolong_lock("x", token=1, seconds=30) is True
    assert locks.take_lock("x", seconds=30) is None


def test_given_back_it_is_free_at_once_and_its_version_goes_on() -> None:
    locks.take_lock("x", seconds=30)
    assert locks.give_back_lock("x", token=1) is True
    assert locks.take_lock("x", seconds=30) == 2


def test_the_fence_lets_the_newest_version_pass_only() -> None:
    locks.take_lock("x", seconds=30)
    with transaction.atomic():
        locks.fence("x", token=1, seconds=30)
    _expire()
    locks.take_lock("x", seconds=30)
    for token in (1, 3):
        with pytest.raises(locks.StaleLock), transaction.atomic():
            locks.fence("x", token=token, seconds=30)


@pytest.mark.django_db(transaction=True)
def test_a_fence_outside_of_a_transaction_is_refused() -> None:
    locks.take_lock("x", seconds=30)
    with pytest.raises(DatabaseError, match="guards nothing"):
        locks.fence("x", token=1, seconds=30)


@pytest.mark.django_db(transaction=True)
def test_nobody_takes_the_lock_between_the_fence_and_the_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks, "PATIENCE_MS", 100)
    locks.take_lock("x", seconds=0.01)
    time.sleep(0.05)

    with transaction.atomic():
        locks.fence("x", token=1, seconds=30)
        found = in_threads(lambda _: locks.take_lock("x", seconds=30), 1)
    assert [type(one).__name__ for one in found] == ["OperationalError"], "the taker waited, then gave up"
    assert locks.take_lock("x", seconds=30) == 2


@pytest.mark.django_db(transaction=True)
def test_one_of_eight_gets_it() -> None:
    found = in_threads(lambda _: locks.take_lock("x", seconds=30), 8)
    assert sorted(found, key=str) == [1, *[None] * 7]


@pytest.mark.django_db(transaction=True)
def test_a_session_that_sleeps_behind_the_fence_is_ended_by_the_server() -> None:
    locks.take_lock("x", seconds=0.2)

    @transaction.atomic
    def sleeper() -> None:
        locks.fence("x", token=1, seconds=0.2)
        time.sleep(0.6)
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")

    with pytest.raises(DatabaseError):
        sleeper()
    connection.close()
    assert locks.take_lock("x", seconds=30) == 2


@pytest.mark.parametrize("change", ["lock_version = 1", "holder = 'me'", "lock_version = 1, holder = 'me'"])
def test_the_database_refuses_to_turn_a_version_back_or_to_pass_one_on(change: str) -> None:
    locks.take_lock("x", seconds=30)
    _expire()
    locks.take_lock("x", seconds=30)
    with pytest.raises(IntegrityError, match="higher version"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"UPDATE jobs_schedulerlock SET {change}")


def test_the_database_refuses_to_delete_a_lock() -> None:
    locks.take_lock("x", seconds=30)
    with pytest.raises(IntegrityError, match="stay"), transaction.atomic():
        SchedulerLock.objects.all().delete()
