"""T15: the version before this one goes on working on the schema of this one, so that an update needs no pause.

Its code comes from the history of this repository and runs as the application's login on a migrated database. It
runs with the packages of this version, which is what the lists of both have in common.
"""

import io
import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection

from tests.jobs import live
from tests.support import database

pytestmark = pytest.mark.django_db(transaction=True)
HERE = Path(__file__).parent
RELEASE = HERE / "previous_release.txt"


def previous_release() -> str:
    """The commit."""
    [commit] = [line for line in RELEASE.read_text(encoding="ascii").split("\n") if line and not line.startswith("#")]
    return commit


def unpacked(folder: Path) -> Path:
    """The code of the version before; skips loudly where there is no history."""
    root = settings.BASE_DIR
    done = subprocess.run(["git", "-C", root, "archive", previous_release()], capture_output=True, check=False)
    if done.returncode != 0:
        pytest.skip(
            f"LOUD: the version before ({previous_release()[:9]}) is not in the history here; NOTHING was tried"
        )
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        archive.extractall(folder, **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))  # from 3.11.4 on
    return folder


def day_of_work(folder: Path) -> dict[str, str]:
    """What went wrong, step by step."""
    env = {
        **os.environ, "DATABASE_URL": live.database_url(), "DJANGO_SETTINGS_MODULE": "hashinsight.settings.test",
        "SECRET_KEY": settings.SECRET_KEY, "API_KEY_PEPPER": settings.API_KEY_PEPPER, "PYTHONPATH": str(folder),
        "CELERY_BROKER_URL": "memory://", "HASHINSIGHT_VAR": str(folder / "var"),
    }  # fmt: skip
    script = (HERE / "day_of_work.py").read_text(encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=folder, env=env, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
    assert len(found) == 8
    return {step: trouble for step, trouble in found.items() if trouble}


def test_the_commit_is_named_and_in_the_history(tmp_path: Path) -> None:
    folder = unpacked(tmp_path)
    assert (folder / "manage.py").exists()
    assert (folder / "crm" / "migrations" / "0001_initial.py").exists()


def test_nightly_the_version_before_works_on_this_schema(tmp_path: Path, nightly: bool) -> None:
    if not nightly:
        pytest.skip("takes a minute: runs with --nightly")
    assert day_of_work(unpacked(tmp_path)) == {}


@pytest.fixture
def a_column_gone() -> Any:
    """What a careless migration would do."""
    with database.owner_login(), connection.cursor() as cursor:
        cursor.execute("ALTER TABLE crm_lead RENAME COLUMN company TO organisation")
    yield
    with database.owner_login(), connection.cursor() as cursor:
        cursor.execute("ALTER TABLE crm_lead RENAME COLUMN organisation TO company")


def test_nightly_control_a_renamed_column_is_found(tmp_path: Path, nightly: bool, a_column_gone: None) -> None:
    if not nightly:
        pytest.skip("takes a minute: runs with --nightly")
    found = day_of_work(unpacked(tmp_path))
    assert {"invoice", "lists"} <= found.keys()
    assert "company" in found["invoice"]
