"""The embedded servers: data survive a kill, stale files and left-over processes are no obstacle."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from hashinsight.devtools import database, postgres
from hashinsight.devtools.console import Refusal
from hashinsight.devtools.environment import Endpoints
from hashinsight.devtools.home import LONGEST_SOCKET, SOCKET_NAME, find_home
from hashinsight.devtools.local_secrets import load_or_create
from hashinsight.devtools.paths import Place
from hashinsight.devtools.processes import Keeper, spawn
from hashinsight.devtools.services import stop_services
from tests.devtools.support import ask_valkey, isolate, roomy_folder, servers_are_back, start, wait_for
from tests.support import children


def rows(url: str, query: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url, autocommit=True) as connection:
        return connection.execute(query).fetchall()  # type: ignore[arg-type]


def do(url: str, statement: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def running() -> Iterator[tuple[Place, Endpoints]]:
    """One pair of servers for the tests that only ask."""
    with roomy_folder() as folder, pytest.MonkeyPatch.context() as patch:
        isolate(folder, patch)
        place = Place("unit", folder / "var")
        keeper = Keeper(place)
        yield place, start(place, keeper)
        stop_services(keeper)


def test_data_survive_a_kill_of_both_servers(place: Place, keeper: Keeper) -> None:
    endpoints = start(place, keeper, throw_away=False)
    do(endpoints.owner_url, "CREATE TABLE kept AS SELECT generate_series(1, 1000) AS number")
    assert ask_valkey(endpoints, "RPUSH queue " + " ".join(map(str, range(100)))) == ":100"

    for name in ("postgres", "valkey"):
        running = keeper.find(name)
        assert running
        os.kill(running.process.pid, signal.SIGKILL)
        wait_for(running.has_ended)
    wait_for(lambda: servers_are_back(place, keeper))

    assert rows(endpoints.owner_url, "SELECT count(*) FROM kept") == [(1000,)]
    assert ask_valkey(endpoints, "LLEN queue") == ":100"


def test_servers_listen_on_no_network(running: tuple[Place, Endpoints]) -> None:
    endpoints = running[1]

    assert rows(endpoints.owner_url, "SHOW listen_addresses") == [("",)]
    assert ask_valkey(endpoints, "CONFIG GET port").split() == ["*2", "$4", "port", "$1", "0"]
    assert ask_valkey(endpoints, "CONFIG GET appendonly").split()[-1] == "yes"


def test_roles_and_memberships(running: tuple[Place, Endpoints]) -> None:
    url = running[1].owner_url

    logins = rows(
        url, "SELECT rolname, rolcanlogin, rolcreatedb, rolsuper FROM pg_roles WHERE rolname ~ '^hash' ORDER BY 1"
    )
    members = rows(
        url,
        "SELECT g.rolname, m.rolname FROM pg_auth_members a JOIN pg_roles g ON g.oid = a.roleid"
        " JOIN pg_roles m ON m.oid = a.member WHERE g.rolname ~ '^hash' ORDER BY 1, 2",
    )

    assert logins == [
        ("hashinsight_app", True, False, False),
        ("hashinsight_backup", True, False, False),
        ("hashinsight_client", False, False, False),
        ("hashinsight_ingest", True, False, False),
        ("hashinsight_owner", True, True, False),
        ("hashinsight_staff", False, False, False),
    ]
    assert members == [
        ("hashinsight_client", "hashinsight_app"),
        ("hashinsight_client", "hashinsight_owner"),
        ("hashinsight_staff", "hashinsight_app"),
        ("hashinsight_staff", "hashinsight_ingest"),
        ("hashinsight_staff", "hashinsight_owner"),
    ]
    assert rows(url, "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'hashinsight'") == [
        (database.OWNER,)
    ]


def test_nobody_enters_without_the_password(running: tuple[Place, Endpoints]) -> None:
    url = running[1].app_url
    password = url.partition(f"{database.APP}:")[2].partition("@")[0]

    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(url.replace(password, "wrong"))


def test_stale_pid_file_of_a_stranger_is_no_obstacle(place: Place, keeper: Keeper) -> None:
    start(place, keeper)
    stop_services(keeper)
    home = find_home(place)
    stranger = children.start(["sleep", "60"], user=home.uid)
    try:
        pid_file = home.postgres_data / "postmaster.pid"
        pid_file.write_text(f"{stranger.pid}\n{home.postgres_data}\n1\n5432\n{home.sockets}\n\n")

        url = start(place, keeper).owner_url

        assert rows(url, "SELECT 1") == [(1,)]
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_left_over_server_is_ended_before_the_next_starts(
    place: Place, keeper: Keeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "PATIENCE", 0.5)
    url = start(place, keeper).owner_url
    do(url, "CREATE TABLE kept (number int)")
    stop_services(keeper)
    home = find_home(place)
    home.sockets.mkdir(exist_ok=True)
    orphan = spawn(postgres.postgres_program(home, place))  # known to no supervisor
    wait_for(lambda: postgres.is_ready(home, orphan))

    start(place, keeper)

    assert orphan.has_ended()
    assert rows(url, "SELECT count(*) FROM kept") == [(0,)]


def test_lost_secrets_do_not_lock_us_out(place: Place, keeper: Keeper) -> None:
    do(start(place, keeper).owner_url, "CREATE TABLE kept (number int)")
    stop_services(keeper)
    place.secrets.unlink()

    url = start(place, keeper).owner_url

    assert rows(url, "SELECT count(*) FROM kept") == [(0,)]


def test_interrupted_initdb_is_begun_again(place: Place) -> None:
    draft = find_home(place).data / "postgres.draft"
    draft.mkdir()
    (draft / "PG_VERSION").write_text("18\n")

    postgres.prepare_cluster(find_home(place), load_or_create(place.secrets), throw_away=True)

    assert (draft.with_name("postgres") / "hashinsight.conf").exists()
    assert not draft.exists()


def test_cluster_of_another_version_is_refused_with_its_name(place: Place) -> None:
    home = find_home(place)
    home.postgres_data.mkdir()
    (home.postgres_data / "PG_VERSION").write_text("14\n")

    with pytest.raises(Refusal, match="made by PostgreSQL 14"):
        postgres.prepare_cluster(home, None, throw_away=False)  # type: ignore[arg-type]


def test_long_path_with_blanks(folder: Path) -> None:
    deep = folder / ("a folder with blanks " + "x" * 60) / ("y" * 60)
    deep.mkdir(parents=True)
    place = Place("unit", deep / "var")
    place.make()
    keeper = Keeper(place)
    try:
        endpoints = start(place, keeper)
        sockets = find_home(place).sockets

        assert rows(endpoints.owner_url, "SELECT 1") == [(1,)]
        assert ask_valkey(endpoints, "PING") == "+PONG"
        assert len(str(sockets / SOCKET_NAME)) <= LONGEST_SOCKET
        assert sockets.stat().st_mode & 0o777 == 0o700
    finally:
        stop_services(keeper)
    assert not sockets.exists()
