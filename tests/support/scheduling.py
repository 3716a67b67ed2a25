"""Which process runs what: the tests of a file stay together, so that what they share is made once.

A plugin (see ``addopts``). Files that take long begin first: one of them at the end would keep one process busy while
the others have nothing left to do.
"""

from typing import Any

from xdist.scheduler import LoadFileScheduling

# Folders whose files share one committed world.
ONE_WORLD = ("tests/isolation/",)
LONG = (
    "tests/isolation/", "tests/e2e/test_layout", "tests/trust/test_tasks", "tests/backup/", "tests/e2e/",
    "tests/api/test_fuzz", "tests/events/test_crash", "tests/trust/", "tests/demo/", "tests/crm/documents/",
)  # fmt: skip


class WholeFiles(LoadFileScheduling):
    """By file, by folder where a folder shares its world; the long ones first."""

    def _split_scope(self, nodeid: str) -> str:
        whole = next((folder for folder in ONE_WORLD if nodeid.startswith(folder)), None)
        return whole or nodeid.split("::", 1)[0]

    def _assign_work_unit(self, node: Any) -> None:
        for start in LONG:
            if found := next((scope for scope in self.workqueue if scope.startswith(start)), None):
                self.workqueue.move_to_end(found, last=False)
                break
        super()._assign_work_unit(node)


def pytest_xdist_make_scheduler(config: Any, log: Any) -> WholeFiles:
    """Ours, however many processes there are."""
    return WholeFiles(config, log)
