"""``./dev reset``: stop, then delete what ``./dev`` made in var/ (and, as root, beside it)."""

import os
import shutil
import sys
from contextlib import suppress
from pathlib import Path

from hashinsight.devtools.console import Refusal, say
from hashinsight.devtools.environment import external_database
from hashinsight.devtools.home import state_base
from hashinsight.devtools.locks import FileLock, take_ownership
from hashinsight.devtools.paths import ROOT, Place, bench_place, run_place, test_place, var_dir
from hashinsight.devtools.supervisor import stop_place
from hashinsight.devtools.testing import SLOTS

OURS = ("bench", "cache", "data", "fonts", "home", "log", "media", "outbox", "run", "static", "test")
OUR_FILES = ("bootstrap.lock", "demo-credentials.json", "secrets.json", "servers-are-in")


def reset(arguments: list[str]) -> int:
    if set(arguments) - {"--yes", "-y"}:
        raise Refusal("./dev reset takes --yes and nothing else")
    var = var_dir()
    if not var.exists():
        say("There is nothing to delete")
        return 0
    if not arguments and not _agreed(var):
        say("Nothing was deleted")
        return 1
    stop_place(run_place())
    locks = _take_all()
    for place in _places():
        _remove_moved(place)
    for entry in _what_to_delete(var):
        _remove(entry)
    for lock in locks:
        lock.release()
    say(f"Deleted the data in {var}")
    if external_database():
        say("DATABASE_URL is set: that database is not ours and was left as it is")
    return 0


def _agreed(var: Path) -> bool:
    if not sys.stdin.isatty():
        raise Refusal("this deletes all local data; say ./dev reset --yes when nobody can be asked")
    answer = input(f"Delete the local database, files and settings in {var}? [y/N] ")
    return answer.strip().lower() in {"y", "yes"}


def _places() -> list[Place]:
    every = [run_place(), bench_place(), *(test_place(slot) for slot in range(1, SLOTS + 1))]
    return [place for place in every if place.root.exists()]


def _take_all() -> list[FileLock]:
    """Nobody may be at work in what is about to vanish."""
    locks = []
    for place in _places():
        lock = take_ownership(place)
        if lock is None:
            raise Refusal(f"{place.root} is in use ({place.name}); wait for that command to end, then try again")
        locks.append(lock)
    return locks


def _remove_moved(place: Place) -> None:
    """Data that had to lie outside; only a folder of the kind ``./dev`` makes is believed."""
    pointer = place.root / "servers-are-in"
    if pointer.exists():
        folder = Path(pointer.read_text().strip())
        if folder.parent == state_base():
            _remove(folder)
            with suppress(OSError):  # other checkouts may have theirs there
                state_base().rmdir()


def _what_to_delete(var: Path) -> list[Path]:
    """All of our own var/; of a folder chosen by HASHINSIGHT_VAR only what carries our names."""
    if var == ROOT / "var":
        return list(var.iterdir())
    return [var / name for name in (*OURS, *OUR_FILES) if (var / name).exists()]


def _remove(path: Path) -> None:
    try:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            os.unlink(path)
    except FileNotFoundError:
        pass
    except PermissionError as error:
        raise Refusal(f"cannot delete {path}: {error.strerror}; it belongs to another user") from error
