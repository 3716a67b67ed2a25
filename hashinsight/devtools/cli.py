"""The commands of ``./dev``."""

from collections.abc import Callable

from hashinsight.devtools import bench, checks, manage, reset, sbom, supervisor, testing
from hashinsight.devtools.console import Refusal, announce, say
from hashinsight.devtools.signals import Interrupted

USAGE = """\
./dev run [--port N] [--no-demo | --sample FOLDER]
                      start everything; prints READY and the address; Ctrl-C stops it
./dev test [ARGS]     the tests, on servers of their own (ARGS go to pytest; --nightly: the long settings)
./dev check [NAME]    style, types, imports, migrations, API file, architecture (--list names them)
./dev bench [NAME]    a measurement; writes var/bench/NAME.json (without NAME: lists them)
./dev manage ARGS     manage.py with the servers up
./dev sbom [FILE]     the list of all packages a server is made of (CycloneDX); further arguments: optional parts
./dev stop            stop a running ./dev run
./dev reset [--yes]   stop, and delete all local data
./dev help            this text

DATABASE_URL, CELERY_BROKER_URL  use these servers instead of embedded ones (DATABASE_OWNER_URL: for migrations)
HASHINSIGHT_PG_BIN               use these PostgreSQL programs, for example /usr/lib/postgresql/15/bin
"""

COMMANDS: dict[str, Callable[[list[str]], int]] = {
    "run": supervisor.run,
    "test": testing.test,
    "check": checks.check,
    "bench": bench.bench,
    "manage": manage.manage,
    "sbom": sbom.sbom,
    "stop": supervisor.stop,
    "reset": reset.reset,
}


def main(arguments: list[str]) -> int:
    """Dispatch; a refusal is one clear line and exit code 1."""
    if not arguments or arguments[0] in {"help", "-h", "--help"}:
        announce(USAGE.rstrip())
        return 0
    command = COMMANDS.get(arguments[0])
    if command is None:
        say(f"./dev {arguments[0]}: there is no such command\n\n{USAGE}")
        return 2
    try:
        return command(arguments[1:])
    except Refusal as refusal:
        say(f"./dev {arguments[0]}: {refusal}")
        return 1
    except PermissionError as error:
        say(f"./dev {arguments[0]}: {error.filename}: {error.strerror}; does it belong to another user?")
        return 1
    except (Interrupted, KeyboardInterrupt):
        return 130
