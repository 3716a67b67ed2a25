"""``./dev test``: the suite on servers of its own, kept between runs, never those of ``./dev run``."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hashinsight.devtools.console import Refusal, say
from hashinsight.devtools.environment import child_env
from hashinsight.devtools.locks import take_ownership
from hashinsight.devtools.paths import ROOT, caller_dir, test_place
from hashinsight.devtools.session import Session, own_servers
from hashinsight.devtools.signals import Stopper

SETTINGS = "hashinsight.settings.test"
SLOTS = 8
ONE_PROCESS = (
    "-n",
    "--numprocesses",
    "--pdb",
    "--trace",
    "--collect-only",
    "--co",
    "--help",
    "-h",
    "--version",
)


@contextmanager
def test_servers(stopper: Stopper) -> Iterator[Session]:
    """The first free set of test servers, so that two runs at once do not disturb each other."""
    for slot in range(1, SLOTS + 1):
        place = test_place(slot)
        place.make()
        if lock := take_ownership(place):
            with own_servers(place, stopper, lock, kind="test", throw_away=True) as session:
                yield session
            return
    raise Refusal(f"{SLOTS} test runs are active at the same time; wait for one to end")


def test_env(session: Session) -> dict[str, str]:
    """The owner's login may create the test databases; the app's is there for tests of the wall."""
    env = child_env(session.place, session.endpoints, owner=True, settings=SETTINGS)
    env["DJANGO_SETTINGS_MODULE"] = os.environ.get("DJANGO_SETTINGS_MODULE", SETTINGS)
    env["DATABASE_APP_URL"] = session.endpoints.app_url
    env.pop("PYTHONDONTWRITEBYTECODE", None)  # dozens of processes would each compile the whole product
    return env


def test(arguments: list[str]) -> int:
    stopper = Stopper()
    nightly = "--nightly" in arguments
    chosen = [seen_from_root(one) for one in arguments if one != "--nightly"]
    if not any(one.startswith(ONE_PROCESS) for one in chosen):
        # Who is through takes half of what the other has left: the long tests of the end stood with one of them alone.
        chosen = ["-n", "2", "--dist", "worksteal", *chosen]
    say("Starting the test servers")
    with test_servers(stopper) as session:
        env = test_env(session)
        if nightly:
            env["HASHINSIGHT_NIGHTLY"] = "1"
        return session.call([sys.executable, "-m", "pytest", *chosen], env, ROOT)


def seen_from_root(argument: str) -> str:
    """A test file named relative to where the person stands still means that file."""
    path, colons, rest = argument.partition("::")
    here = caller_dir()
    if path.startswith("-") or here == ROOT or not path or not (here / path).exists():
        return argument
    return f"{Path(here / path).resolve()}{colons}{rest}"
