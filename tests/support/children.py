"""Processes that tests start: each ends with the run, also when the run is killed and can tidy up nothing."""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from functools import partial
from typing import Any

import pytest

from hashinsight.devtools import child


def start(argv: Sequence[Any], **options: Any) -> "subprocess.Popen[Any]":
    """``subprocess.Popen`` whose process the kernel kills when this one ends. Call it from the main thread only."""
    return subprocess.Popen(argv, preexec_fn=partial(child.end_with_parent, os.getpid(), signal.SIGKILL), **options)


def pytest_configure(config: pytest.Config) -> None:
    """A worker of a parallel run ends with the run; alone it would go on until it next has something to say."""
    if hasattr(config, "workerinput"):
        child.end_with_parent(os.getppid(), signal.SIGKILL)


def python(module: str, *arguments: str) -> list[str]:
    """``python -m module``, whose own children end with it as well."""
    return [sys.executable, child.__file__, module, *arguments]
