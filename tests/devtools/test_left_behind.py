"""A run of tests that is killed leaves no process behind, neither its workers nor what the tests started."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from hashinsight.devtools.identity import ProcessIdentity, identify
from hashinsight.devtools.paths import ROOT
from tests.devtools.support import wait_for
from tests.support import children

SMALL_RUN = """
import os, subprocess, sys, time
from pathlib import Path
import pytest
{imports}

@pytest.mark.parametrize("number", [1, 2])
def test_something_long(number):
    started = {start}
    pool = started.stdout.readline().split()
    everybody = [os.getpid(), started.pid, *map(int, pool)]
    Path(__file__).with_name(f"draft-{{number}}").write_text(" ".join(map(str, everybody)))
    Path(__file__).with_name(f"draft-{{number}}").rename(Path(__file__).with_name(f"pids-{{number}}"))
    time.sleep(60)
"""
AS_WE_DO = "children.start(children.python('tests.devtools.pool'), stdout=subprocess.PIPE)"
UNGUARDED = "subprocess.Popen([sys.executable, '-m', 'tests.devtools.pool'], stdout=subprocess.PIPE)"


def _run_and_kill(folder: Path, *, start: str, conftest: str) -> list[ProcessIdentity]:
    """Kill the head of a parallel run in the middle; the family it had then, two workers with three each."""
    (folder / "conftest.py").write_text(conftest)
    imports = "from tests.support import children"
    (folder / "test_small.py").write_text(SMALL_RUN.format(imports=imports, start=start))
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    argv = [sys.executable, "-m", "pytest", "-c", os.devnull, "--rootdir", folder, "-p", "no:cacheprovider"]
    head = children.start([*argv, "-p", "xdist", "-n", "2", folder], cwd=folder, env=env, stdout=subprocess.DEVNULL)
    files = [folder / "pids-1", folder / "pids-2"]
    try:
        wait_for(lambda: head.poll() is not None or all(one.exists() for one in files), seconds=60)
        assert head.poll() is None, "the small run ended by itself"
        family = [identify(int(pid)) for one in files for pid in one.read_text().split()]
        assert len(family) == 8
        assert [one for one in family if not one.is_alive()] == []
    finally:
        head.kill()
        head.wait()
    return family


def test_a_killed_run_leaves_nobody_behind(tmp_path: Path) -> None:
    conftest = "from tests.support.children import pytest_configure\n"
    family = _run_and_kill(tmp_path, start=AS_WE_DO, conftest=conftest)
    wait_for(lambda: not any(one.is_alive() for one in family))


@pytest.mark.parametrize("conftest", ["", "from tests.support.children import pytest_configure\n"])
def test_control_without_our_way_of_starting_somebody_survives(conftest: str, tmp_path: Path) -> None:
    family = _run_and_kill(tmp_path, start=UNGUARDED, conftest=conftest)
    try:
        wait_for(lambda: not family[0].is_alive() or not conftest)
        assert any(one.wait(0.5) is False for one in family)
    finally:
        for one in family:
            one.send(9)


def _own_ways(folder: Path) -> list[str]:
    """Files below a folder that start processes past ``tests.support.children``."""
    return sorted(
        str(path.relative_to(folder))
        for path in folder.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "Popen"
    )


def test_every_test_starts_its_processes_that_way(tmp_path: Path) -> None:
    assert _own_ways(ROOT / "tests") == ["support/children.py"]
    (tmp_path / "planted.py").write_text("import subprocess\nsubprocess.Popen(['sleep', '60'])\n")
    assert _own_ways(tmp_path) == ["planted.py"]
