"""The database that the suite starts from is the one that ``migrate`` makes."""

import os
import re
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.db import connection

from tests.support import database

MOMENT = re.compile(r"'20\d\d-\d\d-\d\d \d\d:\d\d:\d\d[^']*'")


def dumped(name: str) -> list[str]:
    """All that is in a database, statement by statement; moments and random ids aside."""
    url = urlsplit(os.environ["BACKUP_DATABASE_URL"])._replace(path=f"/{name}").geturl()  # which sees every row
    program = Path(os.environ["HASHINSIGHT_PG_BIN"]) / "pg_dump"
    done = subprocess.run([program, "--inserts", f"--dbname={url}"], capture_output=True, text=True, check=True)
    lines = [MOMENT.sub("moment", line) for line in done.stdout.splitlines()]
    return [line for line in lines if not line.startswith(("--", "\\restrict", "\\unrestrict"))]


def test_nightly_the_quick_way_makes_the_same_database(
    django_db_setup: None, django_db_blocker: Any, nightly: bool
) -> None:
    if not nightly:
        pytest.skip("migrates twice: runs with --nightly")
    with django_db_blocker.unblock():
        database.become_owner()
        made = []
        with connection._nodb_cursor() as cursor:
            for quickly in (False, True):
                name = f"compared_{os.getpid()}"
                try:
                    database._build_template(cursor, name, quickly=quickly)
                    made.append(dumped(name))
                finally:
                    cursor.execute(f'DROP DATABASE IF EXISTS "{name}"')
    assert len(made[0]) > 1000
    assert made[0] == made[1]
