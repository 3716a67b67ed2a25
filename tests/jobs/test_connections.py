"""A worker keeps its database connection between tasks, and gets over one that died."""

from collections.abc import Iterator

import pytest
from celery import shared_task
from django.db import connection

from hashinsight.celery import app


@shared_task(name="tests.which_backend")
def which_backend() -> int:
    """The server process that answers."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return int(cursor.fetchone()[0])


@pytest.fixture
def fresh_connection() -> Iterator[None]:
    connection.close()
    yield
    connection.close()


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("fresh_connection")
def test_tasks_share_a_connection() -> None:
    assert len({which_backend() for _ in range(3)}) == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("fresh_connection")
def test_a_connection_that_died_is_replaced_before_the_next_task() -> None:
    first = which_backend()
    assert connection.connection is not None
    connection.connection.close()  # as a restarted server does, unseen by Django

    second = which_backend()

    assert second != first


@pytest.mark.django_db
def test_a_task_called_inside_a_transaction_leaves_its_connection_alone() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        mine = cursor.fetchone()[0]
    assert which_backend() == mine


def test_celery_does_not_close_what_the_task_looks_after() -> None:
    assert app.conf.get("CELERY_DB_REUSE_MAX") == 10_000
