"""The pool of the web service: its share per process, and sessions that leave nothing behind."""

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
from django.conf import settings
from django.db import connection as suite
from django.db.backends.postgresql.base import DatabaseWrapper

from hashinsight.pool import web_pool, with_pool
from tests.jobs.live import database_url

pytestmark = pytest.mark.django_db(transaction=True)
LEAVE = ("SET ROLE hashinsight_client", "SET app.left_behind = 'secret'", "SET timezone = 'Asia/Tokyo'",
         "CREATE TEMP TABLE left_behind (x int)", "SELECT pg_advisory_lock(4711)")  # fmt: skip
LOOK = """
SELECT current_user = session_user, coalesce(current_setting('app.left_behind', true), ''), current_setting('timezone'),
       to_regclass('pg_temp.left_behind') IS NULL,
       NOT EXISTS (SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND objid = 4711)
"""


@pytest.mark.parametrize(("processes", "least", "most"), [(1, 10, 30), (2, 5, 15), (3, 3, 10), (30, 1, 1), (64, 1, 1)])
def test_each_process_has_its_share(processes: int, least: int, most: int) -> None:
    options = web_pool(size=10, overflow=20, processes=processes)
    assert (options["min_size"], options["max_size"], options["max_lifetime"]) == (least, most, 300)
    assert most * processes <= 30 or processes > 30


def _pooled(reset: bool) -> DatabaseWrapper:
    options = web_pool(size=1, overflow=0, processes=1)
    if not reset:
        del options["reset"]
    base = {**suite.settings_dict, "OPTIONS": {}, "CONN_HEALTH_CHECKS": True}
    return DatabaseWrapper(with_pool(base, options), alias="default")


@pytest.fixture
def line(request: pytest.FixtureRequest) -> Iterator[DatabaseWrapper]:
    wrapper = _pooled(request.param)
    yield wrapper
    wrapper.close()
    wrapper.close_pool()


def _after_a_bad_guest(line: DatabaseWrapper) -> tuple[object, ...]:
    with line.cursor() as cursor:
        for statement in LEAVE:
            cursor.execute("RESET ROLE" if "TEMP" in statement else "SELECT 1")
            cursor.execute(statement)
        cursor.execute("SET ROLE hashinsight_client")
    line.close()  # back to the pool of one connection: the next guest gets the same session
    with line.cursor() as cursor:
        cursor.execute(LOOK)
        return tuple(cursor.fetchone())


@pytest.mark.parametrize("line", [True], indirect=True)
def test_the_next_request_inherits_nothing(line: DatabaseWrapper) -> None:
    assert _after_a_bad_guest(line) == (True, "", "UTC", True, True)


@pytest.mark.parametrize("line", [False], indirect=True)
def test_control_without_the_reset_it_inherits_all(line: DatabaseWrapper) -> None:
    assert _after_a_bad_guest(line) == (False, "secret", "Asia/Tokyo", False, False)


@pytest.mark.parametrize("line", [True], indirect=True)
def test_a_connection_that_died_is_noticed_before_it_is_used(line: DatabaseWrapper) -> None:
    with line.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        pid = cursor.fetchone()[0]
    line.close()
    with suite.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [pid])
    with line.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        assert cursor.fetchone()[0] != pid


@pytest.mark.parametrize(("role", "pooled"), [("web", True), ("", False)])
def test_only_the_web_service_has_a_pool(role: str, pooled: bool) -> None:
    """A fresh process each, for settings are read once."""
    show = "from django.conf import settings as s; d = s.DATABASES['default'];"
    show += "print(bool(d['OPTIONS'].get('pool')), d['CONN_MAX_AGE'])"
    code = f"import hashinsight.wsgi; {show}" if role else show
    env = {**os.environ, "DATABASE_URL": database_url(), "DJANGO_SETTINGS_MODULE": "hashinsight.settings.test"}
    env.pop("HASHINSIGHT_ROLE", None)
    done = subprocess.run(
        [sys.executable, "-c", code], env=env, cwd=settings.BASE_DIR, capture_output=True, text=True, check=True
    )
    assert done.stdout.split()[-2:] == [str(pooled), "0" if pooled else "60"]
