"""Who owns a place's servers, and who only uses them: two file locks that vanish with their process."""

import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hashinsight.devtools.identity import ProcessIdentity, identify
from hashinsight.devtools.local_secrets import write_private
from hashinsight.devtools.paths import Place


class FileLock:
    """An advisory lock on a file, given back when the process ends in whatever way."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)

    def take(self, *, shared: bool = False, wait: bool = False) -> bool:
        mode = (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | (0 if wait else fcntl.LOCK_NB)
        try:
            fcntl.flock(self.handle, mode)
        except BlockingIOError:
            return False
        return True

    def release(self) -> None:
        if self.handle >= 0:
            os.close(self.handle)
            self.handle = -1


def take_ownership(place: Place) -> FileLock | None:
    """The right to start this place's servers, or None while another process has it."""
    lock = FileLock(place.lock)
    if lock.take():
        return lock
    lock.release()
    return None


def write_state(place: Place, **values: Any) -> None:
    """Tell other commands who runs here and how to reach the servers."""
    me = identify(os.getpid())
    write_private(place.state, json.dumps({"pid": me.pid, "started": me.started, **values}, indent=2))


def read_state(place: Place) -> dict[str, Any] | None:
    """What the living owner wrote, or None."""
    try:
        state = json.loads(place.state.read_text())
    except (OSError, ValueError):
        return None
    return state if isinstance(state, dict) and owner_of(state).is_alive() else None


def owner_of(state: dict[str, Any]) -> ProcessIdentity:
    return ProcessIdentity(int(state.get("pid", 0)), str(state.get("started", "")))


def clear_state(place: Place) -> None:
    place.state.unlink(missing_ok=True)


@contextmanager
def as_guest(place: Place) -> Iterator[dict[str, Any] | None]:
    """Use the servers another command started; it waits for its guests before it stops them."""
    lock = FileLock(place.run / "guests.lock")
    lock.take(shared=True, wait=True)
    try:
        state = read_state(place)  # read again under the lock: the owner may be closing
        yield state if state and state.get("servers_ready") else None
    finally:
        lock.release()


def wait_for_guests(place: Place, notice: Callable[[], None], impatient: Callable[[], bool]) -> None:
    """Called after ``clear_state``: nobody new comes in, those inside may finish."""
    lock = FileLock(place.run / "guests.lock")
    noticed = False
    while not lock.take() and not impatient():
        if not noticed:
            notice()
            noticed = True
        time.sleep(0.1)
    lock.release()
