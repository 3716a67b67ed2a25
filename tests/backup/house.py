"""A whole product on servers of its own, with the log archived: what backups and restores are tried on."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from django.db import connection

from hashinsight.backup.clients.scratch import ScratchServer
from hashinsight.devtools import database, local_secrets
from hashinsight.devtools.environment import Endpoints, child_env
from hashinsight.devtools.home import find_home
from hashinsight.devtools.paths import ROOT, Place
from hashinsight.devtools.processes import Keeper
from hashinsight.devtools.services import stop_services
from tests.devtools.support import isolate, roomy_folder, start

# What the suite's own environment says about its servers, and what is not for this house.
OURS = (
    "DJANGO_SETTINGS_MODULE",
    "DATABASE_APP_URL",
    "SECRET_KEY",
    "API_KEY_PEPPER",
    "HASHINSIGHT_PG_BIN",
    "BACKUP_DATABASE_URL",
    "BACKUP_WAL_DIR",
)


# The real claim, the real handing over; only the last step, the mail server, is replaced by a list.
WORKER = """
import io, json
from django.core.management import call_command
from django.utils import timezone
from hashinsight.jobs import registry, tasks
from hashinsight.jobs.domain import work
sent = []
def send(payload, finish):
    if finish():
        sent.append(str(payload))
registry.register_handler("crm.send_invoice_email", send)
def work_off():
    for row in list(work.DueWork.objects.values_list("pk", flat=True)):
        tasks.perform(row)
    for row in work.open_work(queue=None, at=timezone.now(), limit=10_000):
        tasks.perform(row.pk)
    return list(sent)
def command(*words):
    said = io.StringIO()
    call_command(*words, stdout=said)
    return said.getvalue()
"""


@dataclass
class House:
    """Servers with a migrated database, and commands run on it as a person would."""

    folder: Path
    endpoints: Endpoints
    env: dict[str, str]
    superuser: str
    backup: str = ""

    @property
    def shelf(self) -> Path:
        """Where its backups lie."""
        return Path(self.env["HASHINSIGHT_VAR"]) / "backups"

    def worker_does(self, url: str) -> list[str]:
        """A worker looks through everything that waits in that database: what it would have sent outside."""
        done: list[str] = self.told("print(json.dumps(work_off()))", url)
        return done

    def told(self, story: str, url: str) -> Any:
        """The worker, and commands between its rounds, in one process on that database; what it printed as JSON."""
        script = f"{WORKER}\n{story}"
        return json.loads(self.well("shell", "-v", "0", "-c", script, DATABASE_URL=url).strip().splitlines()[-1])

    def manage(self, *arguments: str, **extra: str) -> "subprocess.CompletedProcess[str]":
        """``manage.py …`` as the application; the result whatever it is."""
        return subprocess.run(
            [sys.executable, "-W", "ignore", "manage.py", *arguments],
            env={**self.env, **extra}, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300,
        )  # fmt: skip

    def well(self, *arguments: str, **extra: str) -> str:
        """The same, which must succeed; what it printed."""
        done = self.manage(*arguments, **extra)
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout

    def sql(self, statement: str, url: str = "") -> list[tuple[Any, ...]]:
        """As the owner of the tables."""
        with psycopg.connect(url or self.endpoints.owner_url, autocommit=True) as connection:
            cursor = connection.execute(statement)  # type: ignore[arg-type]
            return cursor.fetchall() if cursor.description else []


@contextmanager
def open_house(*, archive: bool) -> Iterator[House]:
    """Start, migrate, hand over, stop."""
    source = os.environ.get("BACKUP_DATABASE_URL", "")
    with roomy_folder() as folder, pytest.MonkeyPatch.context() as patch:
        isolate(folder, patch)
        for name in OURS:
            patch.delenv(name, raising=False)
        patch.setenv("HASHINSIGHT_ARCHIVE_WAL", "1" if archive else "")
        place = Place("house", folder / "var")
        keeper = Keeper(place)
        try:
            endpoints = start(place, keeper)
            env = child_env(place, endpoints) | {"HASHINSIGHT_STATE_DIR": os.environ["HASHINSIGHT_STATE_DIR"]}
            house = House(folder, endpoints, env, superuser_url(place))
            _fill(house, place, source)
            yield house
        finally:
            keeper.hurry = True
            stop_services(keeper)


def _fill(house: House, place: Place, source: str) -> None:
    """The migrated database of the suite, copied; migrating anew would take ten times as long."""
    if not source:
        house.well("migrate", "--verbosity", "0", DATABASE_URL=house.endpoints.owner_url)
        return
    dump = house.folder / "suite.dump"
    name = str(connection.settings_dict["NAME"])
    bin_folder = Path(house.endpoints.pg_bin)
    url = urlsplit(source)._replace(path=f"/{name}").geturl()
    for argv in (
        [bin_folder / "pg_dump", "--format=custom", "--compress=0", f"--file={dump}", f"--dbname={url}"],
        [bin_folder / "pg_restore", "--exit-on-error", f"--dbname={superuser_url(place)}", dump],
    ):
        subprocess.run([str(word) for word in argv], check=True, capture_output=True, timeout=300)


def superuser_url(place: Place) -> str:
    """For what only an administrator may do."""
    home = find_home(place)
    secrets = local_secrets.load_or_create(place.secrets)
    return database.login_url(home, database.SUPERUSER, secrets.superuser_password)


@contextmanager
def served(data: Path) -> Iterator[ScratchServer]:
    """The restored folder, served as it will be: by a server that knows nothing of the restore."""
    with ScratchServer(data) as server:
        yield server
