"""Runs ``python -m MODULE …`` so that the whole family of processes ends with its head.

The kernel ends a direct child when its parent dies (see ``processes``), but not the children's children: pool
processes of a worker would go on without anybody to stop them. Here each fork asks for the same treatment.
Started as a file, uses the standard library only.
"""

import ctypes
import os
import runpy
import signal
import sys
import threading
from pathlib import Path

PR_SET_PDEATHSIG = 1


def end_with_parent(parent: int, number: int) -> None:
    """Ask the kernel for a signal when the parent ends; end here if it has ended already."""
    _libc.prctl(PR_SET_PDEATHSIG, number, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def guard_forks() -> None:
    """The signal comes when the forking *thread* ends, so forks from other threads are left alone."""
    forking: dict[str, int] = {}

    def before() -> None:
        in_main = threading.current_thread() is threading.main_thread()
        forking["parent"] = os.getpid() if in_main else 0

    def after_in_child() -> None:
        if forking.get("parent"):
            end_with_parent(forking["parent"], signal.SIGKILL)

    os.register_at_fork(before=before, after_in_child=after_in_child)


_libc = ctypes.CDLL(None)

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parents[2])
    del sys.argv[0]
    guard_forks()
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
