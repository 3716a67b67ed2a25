"""PostgreSQL and Valkey up, roles and database made: what every command stands on."""

import shutil
import time
from collections.abc import Callable

from hashinsight.devtools import database, local_secrets, postgres, valkey
from hashinsight.devtools.console import Refusal
from hashinsight.devtools.environment import Endpoints, cache_beside, external_broker, external_database
from hashinsight.devtools.home import ServerHome, ensure_private_dir, find_home
from hashinsight.devtools.local_secrets import LocalSecrets
from hashinsight.devtools.paths import Place
from hashinsight.devtools.processes import Keeper, Program, Running, clear_survivors

GIVE_UP_AFTER = 5


def start_services(place: Place, keeper: Keeper, *, throw_away: bool, check: Callable[[], None]) -> Endpoints:
    """Start what is not given from outside; ``check`` raises when the person wants to stop."""
    place.make()
    clear_survivors(place)
    given, broker = external_database(), external_broker()
    secrets = local_secrets.load_or_create(place.secrets)
    if given and broker:
        return Endpoints(given[0], given[1], broker, cache_beside(broker))
    home = find_home(place)
    keeper.sockets = home.sockets
    _start_both(place, keeper, home, secrets, with_postgres=not given, with_valkey=not broker, throw_away=throw_away)
    if not broker:
        _wait(
            keeper,
            "valkey",
            lambda _: valkey.is_ready(home.valkey_socket),
            lambda: valkey.why_not(place),
            check,
        )
        broker = f"redis+socket://{home.valkey_socket}?virtual_host=0"
    if not given:
        _wait(
            keeper,
            "postgres",
            lambda one: postgres.is_ready(home, one),
            lambda: postgres.why_not(place),
            check,
        )
        database.prepare_roles(home, secrets)
        given = (
            database.login_url(home, database.OWNER, secrets.owner_password),
            database.login_url(home, database.APP, secrets.app_password),
        )
        return _own_endpoints(home, secrets, given, broker)
    return Endpoints(given[0], given[1], broker, cache_beside(broker))


def _own_endpoints(home: ServerHome, secrets: LocalSecrets, urls: tuple[str, str], broker: str) -> Endpoints:
    """Of our own PostgreSQL: also how backups reach it."""
    return Endpoints(
        urls[0],
        urls[1],
        broker,
        cache_beside(broker),
        backup_url=database.login_url(home, database.BACKUP, secrets.backup_password),
        wal_archive=str(postgres.wal_archive(home)) if postgres.archives() else "",
        pg_bin=str(home.pg_bin),
    )


def _start_both(
    place: Place,
    keeper: Keeper,
    home: ServerHome,
    secrets: LocalSecrets,
    *,
    with_postgres: bool,
    with_valkey: bool,
    throw_away: bool,
) -> None:
    if with_valkey:
        ensure_private_dir(home.valkey_data, *_owner(home))
        _launch(keeper, valkey.valkey_program(home, place))
    if with_postgres:
        postgres.prepare_cluster(home, secrets, throw_away=throw_away)
        _launch(keeper, postgres.postgres_program(home, place))


def _owner(home: ServerHome) -> tuple[int, int | None]:
    return (home.data.stat().st_uid, None) if home.uid is None else (home.uid, home.gid)


def _launch(keeper: Keeper, program: Program) -> None:
    try:
        keeper.start(program)
    except OSError as error:
        raise Refusal(f"{program.name} cannot be started: {error}") from error


def _wait(
    keeper: Keeper,
    name: str,
    ready: Callable[[Running], bool],
    why_not: Callable[[], str],
    check: Callable[[], None],
    seconds: float = 60.0,
) -> None:
    """A server that recovers after a crash may need a moment, or a second start while old memory is still held."""
    deadline = time.monotonic() + seconds
    while True:
        check()
        keeper.tick()
        one = keeper.find(name)
        if one and not one.has_ended() and ready(one):
            return
        if one is None or one.failures >= GIVE_UP_AFTER or time.monotonic() > deadline:
            raise Refusal(why_not())
        time.sleep(0.02)


def stop_services(keeper: Keeper) -> None:
    """The broker first, so that nothing new is handed out, then the database; no trace stays outside var/."""
    keeper.stop(["valkey"], 4.0)
    keeper.stop(["postgres"], 8.0)
    if keeper.sockets and not keeper.sockets.is_relative_to(keeper.place.root):
        shutil.rmtree(keeper.sockets, ignore_errors=True)
