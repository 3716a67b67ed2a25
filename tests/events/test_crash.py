"""T1 for events: relays and publishers are killed at any moment; nothing lost, doubled, orphaned or out of order."""

import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.db import connection

from hashinsight.devtools.paths import Place
from hashinsight.devtools.prepare import Demo, Preparation
from hashinsight.devtools.processes import Keeper
from tests.devtools import support
from tests.jobs import live
from tests.support import children, database

pytestmark = pytest.mark.django_db(transaction=True)
SEED = int(os.environ.get("HASHINSIGHT_SEED", "20261120"))
SMALL = {"each": 12, "kills": 8, "pause": (0.05, 0.3)}  # 300 events
LARGE = {"each": 125, "kills": 80, "pause": (0.05, 0.6)}  # 3,000 events
TABLES = """
DROP TABLE IF EXISTS storm_fact, storm_effect;
CREATE TABLE storm_fact (aggregate text, number int, PRIMARY KEY (aggregate, number));
CREATE TABLE storm_effect (place bigint GENERATED ALWAYS AS IDENTITY, event_id uuid, aggregate text, number int);
GRANT ALL ON storm_fact, storm_effect TO PUBLIC;
"""
VERDICT = """
SELECT (SELECT count(*) FROM storm_fact) AS facts,
       (SELECT count(*) FROM storm_fact f WHERE NOT EXISTS (SELECT 1 FROM events_outboxevent o
          WHERE o.aggregate_id = f.aggregate AND o.payload->>'number' = f.number::text)) AS facts_without_event,
       (SELECT count(*) FROM events_outboxevent o WHERE o.kind = 'test.stormed' AND NOT EXISTS (SELECT 1
          FROM storm_fact f WHERE f.aggregate = o.aggregate_id AND f.number::text = o.payload->>'number'))
          AS events_without_fact,
       (SELECT count(*) FROM events_outboxevent o WHERE o.kind = 'test.stormed' AND NOT EXISTS (SELECT 1
          FROM storm_effect e WHERE e.event_id = o.event_id)) AS lost,
       (SELECT count(*) - count(DISTINCT event_id) FROM storm_effect) AS doubled,
       (SELECT count(*) FROM (SELECT number < lag(number) OVER (PARTITION BY aggregate ORDER BY place) AS bad
          FROM storm_effect) looked WHERE bad) AS out_of_order,
       (SELECT count(*) FROM events_outboxevent WHERE status <> 'processed') AS unfinished
"""
CLEAN = {
    "facts_without_event": 0,
    "events_without_fact": 0,
    "lost": 0,
    "doubled": 0,
    "out_of_order": 0,
    "unfinished": 0,
}


@pytest.fixture
def storm_url() -> Iterator[str]:
    """The suite's database with two tables more."""
    with database.owner_login(), connection.cursor() as cursor:
        cursor.execute(TABLES)
    yield live.database_url()
    with database.owner_login(), connection.cursor() as cursor:
        cursor.execute("DROP TABLE storm_fact, storm_effect")


def storm(url: str, tmp_path: Path, **changes: Any) -> dict[str, Any]:
    """Live through it; what the tables say afterwards, beside what was done."""
    plan = {
        "seed": SEED, "relays": 2, "publishers": 2, "aggregates": 12, "failing": 0.05, "inbox": True,
        "one_transaction": True, "again": True, "patience": 300, **SMALL, **changes,
    }  # fmt: skip
    env = {
        **os.environ, "DATABASE_URL": url, "SECRET_KEY": settings.SECRET_KEY, "API_KEY_PEPPER": settings.API_KEY_PEPPER,
        "DJANGO_SETTINGS_MODULE": "hashinsight.settings.test", "EVENT_BATCH": "20", "EVENT_BACKOFF_SECONDS": "1",
        "EVENT_MAX_ATTEMPTS": "1000", "EVENT_LONGEST_BACKOFF_SECONDS": "1",
    }  # fmt: skip
    with (tmp_path / "nursery.log").open("wb") as log:
        process = children.start(
            children.python("tests.events.nursery", json.dumps(plan)),
            env=env, cwd=settings.BASE_DIR, stdout=subprocess.PIPE, stderr=log,
        )  # fmt: skip
    out, _ = process.communicate(timeout=900)
    assert process.returncode == 0, (tmp_path / "nursery.log").read_text()[-4000:]
    done: dict[str, Any] = json.loads(out.splitlines()[-1])
    print(f"seed {SEED}: {done}")
    return {**done, **verdict(url)}


def verdict(url: str) -> dict[str, int]:
    with psycopg.connect(url) as asking:
        cursor = asking.execute(VERDICT)
        names = [column.name for column in cursor.description or ()]
        return dict(zip(names, cursor.fetchone() or (), strict=True))


def judged(found: dict[str, Any]) -> dict[str, Any]:
    return {name: found[name] for name in CLEAN}


def test_kills_lose_double_orphan_and_shuffle_nothing(storm_url: str, tmp_path: Path, nightly: bool) -> None:
    size = LARGE if nightly else SMALL
    found = storm(storm_url, tmp_path, **size)
    assert judged(found) == CLEAN
    assert (sum(found["kills"].values()), found["facts"]) == (size["kills"], 2 * 12 * int(str(size["each"])))
    assert set(found["exit_codes"]) == {0}, "SIGTERM lets a relay end in good order"
    assert found["calm_seconds"] < 120


def test_control_without_the_inbox_effects_are_doubled(storm_url: str, tmp_path: Path) -> None:
    found = storm(storm_url, tmp_path, inbox=False, kills=2)
    assert found["doubled"] > 0
    assert found["lost"] == 0


def test_control_an_event_in_a_second_transaction_leaves_orphans(storm_url: str, tmp_path: Path) -> None:
    found = storm(storm_url, tmp_path, one_transaction=False, relays=0, again=False, kills=10, patience=30, each=24)
    assert found["facts_without_event"] > 0


def test_relays_whose_sessions_are_cut_come_back(storm_url: str, tmp_path: Path) -> None:
    """The small case of a database that goes away."""
    over = threading.Event()

    def cut() -> None:
        while not over.wait(0.7):
            with psycopg.connect(storm_url, autocommit=True) as asking:
                asking.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
                    " AND pid <> pg_backend_pid() AND query LIKE '%events_%'"
                )

    thread = threading.Thread(target=cut)
    thread.start()
    timer = threading.Timer(5, over.set)
    timer.start()
    try:
        found = storm(storm_url, tmp_path, kills=2)
    finally:
        over.set()
        timer.cancel()
        thread.join()
    assert judged(found) == CLEAN


@pytest.fixture
def own_server(nightly: bool, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Keeper, str]]:
    """A PostgreSQL of this test alone, durable as in production, migrated."""
    if not nightly:
        pytest.skip("stops PostgreSQL ten times: runs with --nightly")
    with support.roomy_folder() as folder, monkeypatch.context() as patch:
        support.isolate(folder, patch)
        place = Place("unit", folder / "place")
        keeper = Keeper(place)
        try:
            endpoints = support.start(place, keeper, throw_away=False)
            preparation = Preparation(place, endpoints, Demo(wanted=False))
            preparation.start(keeper)
            preparation.wait(keeper, lambda: None)
            with psycopg.connect(endpoints.owner_url, autocommit=True) as owner:
                owner.execute(TABLES)
            yield keeper, endpoints.app_url
        finally:
            keeper.stop(["prepare", "valkey", "postgres"], 10.0)


def test_nightly_a_database_that_dies_ten_times_loses_nothing(own_server: tuple[Keeper, str], tmp_path: Path) -> None:
    """``pg_ctl -m immediate`` while relays and publishers are killed as well."""
    keeper, url = own_server
    over, found = threading.Event(), {}

    def live_through() -> None:
        try:
            found.update(storm(url, tmp_path, each=600, kills=30, pause=(0.1, 0.8), patience=600))
        finally:
            over.set()

    # The nursery's death signal is bound to the thread that starts it, so this one stays until it has ended.
    thread = threading.Thread(target=live_through)
    thread.start()
    stopped = 0
    while not over.wait(2.0):
        one = keeper.find("postgres")
        assert one is not None
        if stopped < 10:
            one.signal(signal.SIGQUIT)
            stopped += 1
            live.wait_for(one.has_ended, 20, "PostgreSQL has gone")
        live.wait_for(lambda: support.servers_are_back(keeper.place, keeper), 60, "PostgreSQL is back")
        time.sleep(0.1)
    thread.join()
    assert stopped == 10
    assert judged(found) == CLEAN
