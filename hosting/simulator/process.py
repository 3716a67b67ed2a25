"""A fleet in a process of its own, for tests and measurements."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

ROOT = Path(__file__).resolve().parents[2]


class FleetDidNotStart(RuntimeError):
    """The process ended before it was ready; the text is what it said."""


class FleetProcess:
    """Ends when told, or with the ``with`` block."""

    def __init__(self, process: "subprocess.Popen[str]", ready: str) -> None:
        self.process, self.ready = process, ready

    def stop(self) -> str:
        """Ask it to stop; what it said last."""
        if self.process.poll() is None:
            self.process.terminate()
        said, _ = self.process.communicate(timeout=30)
        return said

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def start_fleet(arguments: Sequence[str]) -> FleetProcess:
    """Start ``python -m hosting.simulator`` with these arguments and wait until it is ready."""
    process = subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-m", "hosting.simulator", *arguments],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        if line.startswith("READY"):
            return FleetProcess(process, line.strip())
        said.append(line)
    process.wait(30)
    raise FleetDidNotStart("".join(said).strip())
