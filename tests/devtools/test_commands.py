"""The commands around the servers: who owns them, what is refused, what is deleted."""

import ast
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from hashinsight.devtools import checks, cli, reset, supervisor, testing
from hashinsight.devtools.console import Refusal
from hashinsight.devtools.locks import FileLock, as_guest, clear_state, take_ownership, wait_for_guests, write_state
from hashinsight.devtools.paths import ROOT, Place, run_place
from hashinsight.devtools.product import choose_port
from tests.devtools.support import wait_for
from tests.support import children


def test_help_needs_no_package_at_all() -> None:
    start = ROOT / "hashinsight" / "devtools" / "__main__.py"
    done = subprocess.run([sys.executable, "-S", "-I", start, "help"], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("./dev run")


def test_devtools_import_the_standard_library_only() -> None:
    foreign = set()
    for path in (ROOT / "hashinsight" / "devtools").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            own = "hashinsight.devtools"
            foreign |= {
                name for name in names if name.split(".")[0] not in sys.stdlib_module_names and not name.startswith(own)
            }

    assert foreign == set()


def test_the_shell_part_runs_from_any_folder(folder: Path) -> None:
    done = subprocess.run([ROOT / "dev", "help"], cwd=folder, capture_output=True, text=True, check=False)

    assert done.returncode == 0
    assert "./dev test" in done.stdout


def test_unknown_command_is_refused_with_the_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["frobnicate"]) == 2
    assert "there is no such command" in capsys.readouterr().err


def test_a_busy_port_is_refused_and_the_way_out_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()

        with pytest.raises(Refusal, match="--port"):
            choose_port(taken.getsockname()[1])


def test_a_second_run_names_the_first(place: Place) -> None:
    lock = take_ownership(place)
    assert lock
    write_state(place, kind="run", url="http://127.0.0.1:8765")
    script = "import sys; from hashinsight.devtools.cli import main; sys.exit(main(['run']))"

    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)

    lock.release()
    assert done.returncode == 1
    assert "already running" in done.stderr
    assert "http://127.0.0.1:8765" in done.stderr


def test_the_owner_waits_for_its_guests(place: Place) -> None:
    write_state(place, servers_ready=True, endpoints={})
    seen: list[str] = []
    with as_guest(place) as state:
        assert state
        clear_state(place)
        wait_for_guests(place, lambda: seen.append("waiting"), lambda: bool(seen))
        with as_guest(place) as late:
            assert late is None
    wait_for_guests(place, lambda: seen.append("again"), lambda: False)
    assert seen == ["waiting"]


def test_ownership_ends_with_its_process(place: Place) -> None:
    script = (
        "import sys, time; from pathlib import Path; from hashinsight.devtools.locks import FileLock\n"
        "print(FileLock(Path(sys.argv[1])).take(), flush=True); time.sleep(60)"
    )
    holder = children.start([sys.executable, "-c", script, place.lock], cwd=ROOT, stdout=subprocess.PIPE)
    assert holder.stdout
    assert holder.stdout.readline() == b"True\n"
    assert take_ownership(place) is None

    holder.kill()
    holder.wait()
    holder.stdout.close()

    lock = FileLock(place.lock)
    wait_for(lock.take)
    lock.release()


def test_reset_keeps_what_is_not_ours(folder: Path) -> None:
    place = run_place()
    place.make()
    (place.root / "letters.txt").write_text("private")
    (place.root / "secrets.json").write_text("{}")
    (place.data / "postgres").mkdir(parents=True)

    assert reset.reset(["--yes"]) == 0
    assert [path.name for path in place.root.iterdir()] == ["letters.txt"]


def test_reset_asks_first_and_refuses_without_a_terminal(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", open(os.devnull))  # noqa: SIM115

    with pytest.raises(Refusal, match="--yes"):
        reset.reset([])
    assert place.root.exists()


def test_reset_refuses_while_tests_run(place: Place) -> None:
    busy = testing.test_place(2)
    busy.make()
    lock = take_ownership(busy)
    assert lock

    with pytest.raises(Refusal, match="in use"):
        reset.reset(["--yes"])

    lock.release()
    assert busy.root.exists()


def test_an_unknown_check_is_refused() -> None:
    with pytest.raises(Refusal, match="there is no check spelling"):
        checks.check(["spelling"])


def test_run_refuses_a_missing_sample_folder(folder: Path) -> None:
    with pytest.raises(Refusal, match="no such folder"):
        supervisor._demo(supervisor._parse(["--sample", str(folder / "nowhere")]))


def test_test_files_named_from_a_subfolder_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HASHINSIGHT_CALLER_DIR", str(Path(__file__).parent))

    assert testing.seen_from_root("test_home.py::test_x") == f"{Path(__file__).parent / 'test_home.py'}::test_x"
    assert testing.seen_from_root("-x") == "-x"
    assert testing.seen_from_root("tests/crm") == "tests/crm"
