"""Which process is which: a process id alone may belong to a stranger after a while."""

import os
import select
import signal
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class ProcessIdentity:
    """A process id together with the moment it started; the pair is never given out twice."""

    pid: int
    started: str

    def is_alive(self) -> bool:
        return self.started != "" and start_of(self.pid) == self.started

    def send(self, number: int) -> bool:
        """Signal exactly this process, never one that took over its id; False when it is gone."""
        try:
            handle = os.pidfd_open(self.pid)
        except OSError:
            return False
        try:
            if not self.is_alive():
                return False
            signal.pidfd_send_signal(handle, number)
            return True
        except ProcessLookupError:
            return False
        finally:
            os.close(handle)

    def wait(self, seconds: float) -> bool:
        """True when the process has ended within that time."""
        try:
            handle = os.pidfd_open(self.pid)
        except OSError:
            return True
        try:
            if not self.is_alive():
                return True
            return bool(select.select([handle], [], [], seconds)[0])
        finally:
            os.close(handle)


def identify(pid: int) -> ProcessIdentity:
    return ProcessIdentity(pid, start_of(pid))


def start_of(pid: int) -> str:
    """Start of a living process as ``boot id:clock ticks``; empty when there is none (or only a zombie)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    if fields[0] in {"Z", "X"}:
        return ""
    return f"{_boot_id()}:{fields[19]}"


def _boot_id() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""
