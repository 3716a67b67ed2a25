"""Children: restarted when they die, stopped in order, never left behind and never mixed up with strangers."""

import json
import os
import signal
import subprocess
import sys
import time

from hashinsight.devtools.identity import ProcessIdentity, identify, start_of
from hashinsight.devtools.locks import write_state
from hashinsight.devtools.paths import ROOT, Place
from hashinsight.devtools.processes import Keeper, clear_survivors, last_lines
from hashinsight.devtools.supervisor import stop_place
from tests.devtools.support import log_of, python, wait_for
from tests.support import children

SLEEP = "import time; print('up', flush=True); time.sleep(60)"
STUBBORN = "import signal, time; signal.signal(15, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"


def test_a_dead_child_is_started_again(place: Place, keeper: Keeper) -> None:
    running = keeper.start(python(place, "one", SLEEP))
    first = running.identity
    os.kill(first.pid, signal.SIGKILL)

    def is_back() -> bool:
        keeper.tick()
        return running.identity != first and running.identity.is_alive()

    wait_for(is_back)
    assert running.failures == 1


def test_restarts_of_a_hopeless_child_slow_down(place: Place, keeper: Keeper) -> None:
    running = keeper.start(python(place, "broken", "print('cannot'); raise SystemExit(3)"))

    def failed_three_times() -> bool:
        keeper.tick()
        return running.failures == 3

    wait_for(failed_three_times)
    assert running.restart_at - time.monotonic() > 1.5
    assert last_lines(place.logs / "broken.log", 1) == ["cannot"]


def test_stop_ends_stubborn_children_and_their_children(place: Place, keeper: Keeper) -> None:
    family = (
        f"import subprocess, sys; p = subprocess.Popen([sys.executable, '-c', {STUBBORN!r}])\n"
        "print(p.pid, flush=True); p.wait()"
    )
    keeper.start(python(place, "family", family))
    wait_for(lambda: "up" in log_of(place, "family"))
    grandchild = identify(int(log_of(place, "family").split()[0]))

    keeper.stop(["family"], 0.5)

    assert keeper.running == []
    wait_for(lambda: not grandchild.is_alive())


def test_a_second_request_hurries(place: Place, keeper: Keeper) -> None:
    keeper.start(python(place, "slow", STUBBORN))
    wait_for(lambda: "up" in log_of(place, "slow"))
    keeper.hurry = True
    begin = time.monotonic()

    keeper.stop(["slow"], 30.0)

    assert time.monotonic() - begin < 10.0


SUPERVISOR = """
import sys, time
from pathlib import Path
from hashinsight.devtools.paths import Place
from hashinsight.devtools.processes import Keeper, python_program
from hashinsight.devtools.services import start_services
place = Place("unit", Path(sys.argv[1]))
keeper = Keeper(place)
start_services(place, keeper, throw_away=True, check=lambda: None)
env = {"PYTHONPATH": sys.argv[2], "PATH": "/usr/bin:/bin"}
keeper.start(python_program("pool", "tests.devtools.pool", [], env, place))
while "pool is up" not in (place.logs / "pool.log").read_text():
    time.sleep(0.02)
print("started", flush=True)
time.sleep(60)
"""


def test_a_killed_supervisor_leaves_nobody_behind(place: Place) -> None:
    argv = [sys.executable, "-c", SUPERVISOR, str(place.root), str(ROOT)]
    supervisor = children.start(argv, stdout=subprocess.PIPE, cwd=ROOT)
    assert supervisor.stdout
    assert supervisor.stdout.readline() == b"started\n"
    entries = json.loads(place.children.read_text())
    family = [ProcessIdentity(pid, started) for pid, started, _name in entries]
    family += [identify(int(word)) for word in log_of(place, "pool").split("\n")[0].split()]
    assert len(family) == 5
    assert [one for one in family if not one.is_alive()] == []

    supervisor.kill()
    supervisor.wait()
    supervisor.stdout.close()

    wait_for(lambda: not any(one.is_alive() for one in family))
    clear_survivors(place)
    assert not place.children.exists()


def test_a_child_whose_parent_died_before_it_looked_ends() -> None:
    code = "from hashinsight.devtools.child import end_with_parent; end_with_parent(1, 9)"

    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 1


def test_a_recycled_process_id_is_never_signalled() -> None:
    stranger = children.start(["sleep", "60"])
    try:
        start = start_of(stranger.pid)
        recycled = ProcessIdentity(stranger.pid, start.rpartition(":")[0] + ":1")

        assert recycled.send(signal.SIGKILL) is False
        assert recycled.wait(0.1) is True
        assert stranger.poll() is None
        assert ProcessIdentity(stranger.pid, start).send(signal.SIGKILL) is True
    finally:
        stranger.kill()
        assert stranger.wait() == -signal.SIGKILL


def test_stop_leaves_a_stranger_with_the_old_number_alone(place: Place) -> None:
    stranger = children.start(["sleep", "60"])
    try:
        write_state(place, kind="run", url="http://127.0.0.1:8000")
        state = json.loads(place.state.read_text())
        place.state.write_text(json.dumps({**state, "pid": stranger.pid}))
        place.children.write_text(json.dumps([[stranger.pid, state["started"], "web"]]))

        assert stop_place(place) is False
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_survivors_that_do_not_go_are_ended(place: Place) -> None:
    left = children.start([sys.executable, "-c", STUBBORN], stdout=subprocess.PIPE)
    assert left.stdout
    left.stdout.readline()
    one = identify(left.pid)
    place.children.write_text(json.dumps([[one.pid, one.started, "worker"]]))

    clear_survivors(place, seconds=0.1)

    assert left.wait(5) == -signal.SIGKILL
    left.stdout.close()
