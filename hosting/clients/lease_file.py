"""What a device remembers of its leases, in two files that take turns: whichever is whole and newer counts.

A file is written beside, synced, and put in the place of the older one; a kill or a power cut at any moment leaves at
least one of them whole. A file that was cut off or meddled with is known by its digest, and the other one counts.
"""

import contextlib
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hosting.engine.leasing.document import canonical, digest
from hosting.engine.leasing.memory import Memory, from_json, to_json

SLOTS = ("lease.a.json", "lease.b.json")
_BOOT = Path("/proc/sys/kernel/random/boot_id")


def boot_clock() -> float:
    """Seconds since the machine was started, asleep or not; no setting of the time moves it."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def boot_name() -> str:
    """Of this start of the machine."""
    try:
        return _BOOT.read_text("ascii").strip()
    except OSError:
        return f"about {round((time.time() - boot_clock()) / 600)}"


class LeaseFile:
    """In a folder of the collector, for its owner only."""

    def __init__(
        self, folder: Path, *, clock: Callable[[], float] = boot_clock, wall: Callable[[], float] = time.time,
        boot: str | None = None,
    ) -> None:  # fmt: skip
        self._folder, self._clock, self._wall = folder, clock, wall
        self._boot = boot_name() if boot is None else boot
        self._serial, self._next = 0, SLOTS[0]

    def load(self) -> tuple[Memory, list[str]]:
        """The newest that is whole, and what is wrong with the others; an empty memory where there is none."""
        found: list[tuple[int, str, Memory]] = []
        wrong: list[str] = []
        for slot in SLOTS:
            try:
                serial, said = _read(self._folder / slot)
                memory = from_json(said, boot=self._boot, now=self._clock(), wall=self._wall())
                found.append((serial, slot, memory))
            except FileNotFoundError:
                continue
            except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
                wrong.append(f"{slot} is not whole ({type(error).__name__}), the other one counts")
        if not found:
            return Memory(), wrong
        self._serial, newest, memory = max(found, key=lambda one: one[:2])
        self._next = SLOTS[1 - SLOTS.index(newest)]
        return memory, wrong

    def keep(self, memory: Memory) -> None:
        """On the disk when this returns."""
        body = json.dumps(to_json(memory, boot=self._boot, now=self._clock(), wall=self._wall()))
        serial = self._serial + 1
        raw = canonical({"serial": serial, "digest": digest(f"{serial} {body}".encode()), "body": body})
        fresh = self._folder / f"{self._next}.new"
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._folder / self._next)
        _sync(self._folder)
        self._serial, self._next = serial, SLOTS[1 - SLOTS.index(self._next)]


def _read(path: Path) -> tuple[int, Any]:
    said = json.loads(path.read_bytes())
    serial, body = said["serial"], said["body"]
    if digest(f"{serial} {body}".encode()) != said["digest"]:
        raise ValueError("the digest is another")
    return int(serial), json.loads(body)


def _sync(folder: Path) -> None:
    """The name is on the disk as well; where folders cannot be synced, the system does it sooner or later."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
