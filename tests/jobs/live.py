"""What tests with real worker processes share."""

import os
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.db import connection

# The suite's broker has 16 databases; tests running beside us on another worker use another one.
BROKER_DATABASE = 8 + int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 8


def database_url() -> str:
    """The database of this test, for another process."""
    login = connection.settings_dict
    credentials = f"{quote(str(login['USER']), safe='')}:{quote(str(login['PASSWORD']), safe='')}"
    return f"postgresql://{credentials}@/{login['NAME']}?host={login['HOST']}&port={login['PORT'] or 5432}"


def worker_env(broker_url: str) -> dict[str, str]:
    """The environment of a worker that shares database, broker and secrets with the test."""
    return {
        **os.environ,
        "DATABASE_URL": database_url(),
        "CELERY_BROKER_URL": broker_url,
        "SECRET_KEY": settings.SECRET_KEY,
        "API_KEY_PEPPER": settings.API_KEY_PEPPER,
        "DJANGO_SETTINGS_MODULE": "hashinsight.settings.test",
    }


def wait_for(condition: Callable[[], Any], seconds: float, what: str) -> Any:
    """What the condition answers as soon as it is true; looked at 50 times a second."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.02)
    raise AssertionError(f"waited {seconds} s in vain: {what}")
