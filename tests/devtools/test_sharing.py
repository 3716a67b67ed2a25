"""A parallel run of the suite: each test once, a file on one worker, the longest first, who waits has a worker."""

import json
from collections import deque
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.support import sharing
from tests.support.sharing import Clock, Sharing, expected, kept, unit_of, waits

FILES = {
    "tests/crm/test_long.py": 40,
    "tests/crm/test_short.py": 3,
    "tests/api/test_middle.py": 20,
    "tests/isolation/test_a.py": 5,
    "tests/isolation/test_b.py": 5,
    "tests/jobs/test_one.py": 2,
    "tests/devtools/test_two.py": 9,
}
TESTS = [f"{path}::test_it[{number}]" for path, count in FILES.items() for number in range(count)]


class Node:
    """A worker that runs what it was sent, one test behind as pytest's must, until it is told that no more comes."""

    def __init__(self, number: int) -> None:
        self.gateway = SimpleNamespace(id=f"gw{number}")
        self.waiting: deque[int] = deque()
        self.ran: list[str] = []
        self.shutting_down = False

    def send_runtest_some(self, indices: list[int]) -> None:
        self.waiting += indices

    def shutdown(self) -> None:
        self.shutting_down = True

    def step(self, scheduler: Sharing) -> bool:
        if not self.waiting or (len(self.waiting) == 1 and not self.shutting_down):
            return False
        index = self.waiting.popleft()
        self.ran.append(TESTS[index])
        scheduler.mark_test_complete(self, index)
        return True


@pytest.fixture
def nothing_known(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setattr(sharing, "KEPT", tmp_path / "var" / "seconds.json")
    return sharing.KEPT


def shared_out(workers: int) -> list[Node]:
    config: Any = SimpleNamespace(
        getvalue=lambda _name: ["popen"] * workers, option=SimpleNamespace(loadscopereorder=True)
    )
    scheduler = Sharing(config)
    nodes = [Node(number) for number in range(workers)]
    for node in nodes:
        scheduler.add_node(node)  # type: ignore[arg-type]
    for node in nodes:
        scheduler.add_node_collection(node, TESTS)  # type: ignore[arg-type]
    scheduler.schedule()
    while sum(node.step(scheduler) for node in nodes):
        pass
    assert scheduler.tests_finished
    assert not any(node.waiting for node in nodes)
    return nodes


def units(node: Node) -> list[str]:
    return list(dict.fromkeys(map(unit_of, node.ran)))


@pytest.mark.parametrize("workers", [1, 2, 3, 6])
def test_every_test_runs_once_and_a_file_stays_with_its_worker(nothing_known: Path, workers: int) -> None:
    nodes = shared_out(workers)
    assert sorted(test for node in nodes for test in node.ran) == sorted(TESTS)
    owners = [unit for node in nodes for unit in units(node)]
    assert sorted(owners) == sorted({unit_of(test) for test in TESTS})
    assert "tests/isolation" in owners  # both of its files


def test_the_longest_come_first_and_who_waits_has_a_worker_of_its_own(nothing_known: Path) -> None:
    first, second, patient = shared_out(3)
    assert (units(first)[0], units(second)[0]) == ("tests/crm/test_long.py", "tests/api/test_middle.py")
    assert units(patient)[:2] == ["tests/devtools/test_two.py", "tests/jobs/test_one.py"]


def test_what_is_known_of_a_file_counts_more_than_its_tests(nothing_known: Path) -> None:
    nothing_known.parent.mkdir()
    nothing_known.write_text(json.dumps({"tests/crm/test_short.py": 100, "tests/jobs/test_one.py": 50.5}))
    first, _second, patient = shared_out(3)
    assert (units(first)[0], units(patient)[0]) == ("tests/crm/test_short.py", "tests/jobs/test_one.py")
    assert expected("tests/jobs/test_one.py", 2, {}) == 2 * sharing.GUESS_WAITING_S


@pytest.mark.parametrize("text", ["", "{", "[]", "3", '{"a": "b"}', '{"a": null}'])
def test_a_broken_record_is_no_record(nothing_known: Path, text: str) -> None:
    assert kept() == {}
    nothing_known.parent.mkdir()
    nothing_known.write_text(text)
    assert kept() == {}


def test_only_a_whole_run_is_kept(nothing_known: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    for when in ("setup", "call", "teardown"):
        for test in TESTS:
            report: Any = SimpleNamespace(nodeid=test, duration=0.5, when=when)
            clock.pytest_runtest_logreport(report)
    clock.pytest_sessionfinish()
    assert not nothing_known.exists()
    monkeypatch.setattr(sharing, "WHOLE_SUITE", len(TESTS))
    clock.pytest_sessionfinish()
    assert kept()["tests/isolation"] == 15.0
    assert kept().keys() == {unit_of(test) for test in TESTS}


def test_what_is_said_to_wait_is_there() -> None:
    assert [name for name in (*sharing.WAITING, *sharing.TOGETHER) if not (sharing.ROOT / name).exists()] == []
    assert waits("tests/jobs/test_beat.py")
    assert not waits("tests/crm/domain/test_contracts.py")


@pytest.mark.parametrize(
    ("wanted", "dist", "ours"),
    [("1", "load", True), ("1", "worksteal", False), ("", "load", False), ("1", "no", False)],
)
def test_it_is_wished_for_and_another_way_can_be_chosen(
    nothing_known: Path, monkeypatch: pytest.MonkeyPatch, wanted: str, dist: str, ours: bool
) -> None:
    monkeypatch.setenv(sharing.VARIABLE, wanted)
    config: Any = SimpleNamespace(getvalue=lambda name: dist if name == "dist" else ["popen"])
    assert isinstance(sharing.pytest_xdist_make_scheduler(config, None), Sharing) is ours
