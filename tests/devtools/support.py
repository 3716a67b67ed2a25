"""Small tools of these tests."""

import shutil
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hashinsight.devtools import postgres, valkey
from hashinsight.devtools.environment import Endpoints
from hashinsight.devtools.home import ServerHome, find_home
from hashinsight.devtools.paths import Place
from hashinsight.devtools.processes import Keeper, Program
from hashinsight.devtools.services import start_services


def wait_for(condition: Callable[[], object], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


@contextmanager
def roomy_folder() -> Iterator[Path]:
    """Unlike tmp_path, other accounts may pass through: as root the servers run as one of those."""
    path = Path(tempfile.mkdtemp(prefix="hi-t-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path, ignore_errors=True)


def isolate(folder: Path, patch: pytest.MonkeyPatch) -> None:
    """The suite itself has DATABASE_URL set; here the embedded servers are the subject."""
    for name in ("DATABASE_URL", "DATABASE_OWNER_URL", "CELERY_BROKER_URL", "CACHE_URL", "XDG_RUNTIME_DIR"):
        patch.delenv(name, raising=False)
    patch.setenv("HASHINSIGHT_VAR", str(folder / "var"))
    patch.setenv("HASHINSIGHT_STATE_DIR", str(folder / "state"))


def start(place: Place, keeper: Keeper, *, throw_away: bool = True) -> Endpoints:
    return start_services(place, keeper, throw_away=throw_away, check=lambda: None)


def servers_are_back(place: Place, keeper: Keeper) -> bool:
    """One look of the supervisor; True when both answer."""
    keeper.tick()
    home: ServerHome = find_home(place)
    database, broker = keeper.find("postgres"), keeper.find("valkey")
    assert database
    assert broker
    alive = not database.has_ended() and not broker.has_ended()
    return alive and postgres.is_ready(home, database) and valkey.is_ready(home.valkey_socket)


def ask_valkey(endpoints: Endpoints, command: str) -> str:
    path = endpoints.broker_url.removeprefix("redis+socket://").partition("?")[0]
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)
        connection.sendall(command.encode() + b"\r\n")
        return connection.recv(4096).decode().strip()


def python(place: Place, name: str, code: str, *, stop_signals: tuple[int, ...] = (15,)) -> Program:
    """A program that runs these lines."""
    argv = [sys.executable, "-c", code]
    return Program(name, argv, {"PATH": "/usr/bin:/bin"}, place.logs / f"{name}.log", stop_signals=stop_signals)


def log_of(place: Place, name: str) -> str:
    path: Path = place.logs / f"{name}.log"
    return path.read_text() if path.exists() else ""
