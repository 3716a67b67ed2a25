"""The template of the test databases, made while the workers of a parallel run collect. A plugin (see ``addopts``)."""

import subprocess
from pathlib import Path

import pytest

from tests.support import children

ROOT = Path(__file__).resolve().parents[2]


class Template:
    """Made by a process of its own; the workers wait for it, or make it themselves."""

    def __init__(self) -> None:
        self.process = children.start(
            children.python("tests.support.template"), cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def pytest_unconfigure(self) -> None:
        """A run that ends before it waits for nobody."""
        self.process.kill()
        self.process.wait()


def pytest_configure(config: pytest.Config) -> None:
    """Not in a worker: once is enough."""
    if not hasattr(config, "workerinput") and getattr(config.option, "numprocesses", None):
        config.pluginmanager.register(Template(), "template of the databases")
