"""``./dev test --by-file``: whole files to each worker, the longest first, and one begins with those that wait.

What a file makes for its tests is made once, by one worker, and so is the world of the isolation tests. Tests that
start processes wait for them more than they work, so one worker of three begins with those while the others work; who
has none left of its own kind takes of the other. How long a file took is kept in ``var`` by each run of the whole
suite; of a file that never ran here it is guessed.

A plugin (see ``addopts``); in every parallel run it has the template of the databases made while the workers collect.
"""

import json
import os
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

from tests.support import children

ROOT = Path(__file__).resolve().parents[2]
VARIABLE = "HASHINSIGHT_BY_FILE"
KEPT = ROOT / "var" / "seconds-of-tests.json"
WHOLE_SUITE = 1_000  # fewer tests were a choice of somebody, and say nothing of a whole file
TOGETHER = ("tests/isolation",)  # one world for all of their files
WAITING = (
    "tests/backup/", "tests/crm/test_import_killed.py", "tests/curtailment/test_lease_live.py",
    "tests/curtailment/test_loopback.py", "tests/devtools/", "tests/e2e/", "tests/events/test_crash.py",
    "tests/events/test_relay_process.py", "tests/health/test_graceful_stop.py", "tests/hosting/ingest/",
    "tests/jobs/", "tests/trust/", "tests/upgrade/",
)  # fmt: skip
GUESS_S, GUESS_WAITING_S = 0.15, 1.0  # of one test


def unit_of(nodeid: str) -> str:
    """What one worker runs from beginning to end: a file, or a folder with one world."""
    path = nodeid.partition("::")[0]
    return next((folder for folder in TOGETHER if path.startswith(f"{folder}/")), path)


def waits(unit: str) -> bool:
    """Whether its tests wait for processes most of the time."""
    return unit.startswith(WAITING)


def expected(unit: str, tests: int, known: dict[str, float]) -> float:
    """Seconds it will take."""
    return known.get(unit, tests * (GUESS_WAITING_S if waits(unit) else GUESS_S))


class Sharing(LoadScopeScheduling):
    """By units, see above."""

    def __init__(self, config: pytest.Config, log: Any = None) -> None:
        super().__init__(config, log)
        self.known = kept()

    def _split_scope(self, nodeid: str) -> str:
        return unit_of(nodeid)

    def _assign_work_unit(self, node: Any) -> None:
        self.workqueue.move_to_end(self._next_for(node), last=False)
        super()._assign_work_unit(node)

    def _next_for(self, node: Any) -> str:
        """The longest of its own kind, else of any."""
        patient = len(self.nodes) > 2 and node is self.nodes[-1]
        own = [unit for unit in self.workqueue if waits(unit) == patient] or list(self.workqueue)
        return max(own, key=lambda unit: expected(unit, len(self.workqueue[unit]), self.known))

    def mark_test_complete(self, node: Any, item_index: int, duration: float = 0) -> None:
        """A unit that is done is not counted again with each test."""
        unit = unit_of(self.registered_collections[node][item_index])
        super().mark_test_complete(node, item_index, duration)
        if all(self.assigned_work[node].get(unit, {"": False}).values()):
            del self.assigned_work[node][unit]


def kept() -> dict[str, float]:
    """What the last whole run took, by units."""
    try:
        return {str(unit): float(seconds) for unit, seconds in json.loads(KEPT.read_text()).items()}
    except (OSError, ValueError, AttributeError, TypeError):
        return {}


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Sharing | None:
    """Instead of xdist's ``load``, which gives each worker some tests of every file."""
    return Sharing(config, log) if os.environ.get(VARIABLE) and config.getvalue("dist") == "load" else None


class Clock:
    """Adds up what each unit takes; in the head of a parallel run, which hears of every test."""

    def __init__(self) -> None:
        self.seconds: Counter[str] = Counter()
        self.tests = 0

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.seconds[unit_of(report.nodeid)] += report.duration
        self.tests += report.when == "call"

    def pytest_sessionfinish(self) -> None:
        if self.tests < WHOLE_SUITE:
            return
        KEPT.parent.mkdir(exist_ok=True)
        draft = KEPT.with_suffix(".draft")
        draft.write_text(json.dumps({unit: round(seconds, 2) for unit, seconds in sorted(self.seconds.items())}))
        draft.replace(KEPT)


class Template:
    """Made by a process of its own while the workers collect; they wait for it, or make it themselves."""

    def __init__(self) -> None:
        self.process = children.start(
            children.python("tests.support.template"), cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def pytest_unconfigure(self) -> None:
        """A run that ends before it waits for nobody."""
        self.process.kill()
        self.process.wait()


def pytest_configure(config: pytest.Config) -> None:
    """Not in a worker, which hears of its own tests only."""
    if not hasattr(config, "workerinput") and getattr(config.option, "numprocesses", None):
        config.pluginmanager.register(Clock(), "clock of the units")
        config.pluginmanager.register(Template(), "template of the databases")
