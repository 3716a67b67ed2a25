"""An import that is killed in the middle leaves nothing; the next one does all of it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import quote

import pytest
from django.conf import settings
from django.db import connection, transaction

from crm.domain.pipeline_import import ImportWish, import_pipeline
from crm.engine.pipeline_files import read_pipeline
from crm.models import Customer, Deal, Lead, Product
from hashinsight.events.models import OutboxEvent
from tests import factories
from tests.crm.import_files import RECORDS, Files
from tests.support import children

WITHIN = 30.0


def database_url() -> str:
    """This test's database, for another process."""
    one = connection.settings_dict
    login = f"{quote(one['USER'])}:{quote(one['PASSWORD'])}"
    return f"postgresql://{login}@/{one['NAME']}?host={quote(one['HOST'])}&port={one['PORT'] or 5432}"


def importing(folder: Path) -> "subprocess.Popen[bytes]":
    """A child that imports the folder into this test's database."""
    argv = [sys.executable, str(Path(settings.BASE_DIR) / "manage.py"), "import_crm_pipeline", str(folder)]
    env = {**os.environ, "DATABASE_URL": database_url()}
    env["DJANGO_SETTINGS_MODULE"] = os.environ.get("DJANGO_SETTINGS_MODULE", "hashinsight.settings.test")
    return children.start([*argv, "--skip-checks"], env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def asked(question: str, *values: object) -> list[int]:
    """Process ids the server answers with."""
    with connection.cursor() as cursor:
        cursor.execute(question, values)
        return [pid for (pid,) in cursor.fetchall()]


def wait_for(question: str, *values: object, nobody: bool = False) -> list[int]:
    """Ask until somebody (or nobody) is named."""
    deadline = time.monotonic() + WITHIN
    while bool(found := asked(question, *values)) == nobody:
        assert time.monotonic() < deadline, question
        time.sleep(0.05)
    return found


WAITING = "SELECT pid FROM pg_locks WHERE NOT granted AND relation = 'crm_lead'::regclass"
ALIVE = "SELECT pid FROM pg_stat_activity WHERE pid = %s"


@pytest.mark.django_db(transaction=True)
def test_a_killed_import_leaves_nothing_and_the_next_one_does_all(tmp_path: Path) -> None:
    folder = Files().write(tmp_path)
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("LOCK TABLE crm_lead IN SHARE ROW EXCLUSIVE MODE")  # the leads come last
        child = importing(folder)
        try:
            (server,) = wait_for(WAITING)
        finally:
            child.send_signal(signal.SIGKILL)
            output, _nothing = child.communicate(timeout=WITHIN)
        assert child.returncode == -signal.SIGKILL, output
    wait_for(ALIVE, server, nobody=True)
    counts = [model.objects.count() for model in (Product, Customer, Deal, Lead, OutboxEvent)]
    assert counts == [0, 0, 0, 0, 0]
    report = import_pipeline(read_pipeline(folder), ImportWish(at=factories.NOW))
    assert report.totals().created == RECORDS


@pytest.mark.django_db(transaction=True)
def test_two_imports_at_once_make_everything_once(tmp_path: Path) -> None:
    folder = Files().write(tmp_path)
    children = [importing(folder), importing(folder)]
    outputs = [child.communicate(timeout=2 * WITHIN)[0] for child in children]
    assert [child.returncode for child in children] == [0, 0], outputs
    assert [Product.objects.count(), Customer.objects.count(), Deal.objects.count(), Lead.objects.count()] == [
        2,
        3,
        4,
        4,
    ]
