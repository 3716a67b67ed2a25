"""``./dev manage …``: manage.py with servers up, those of a running ``./dev run`` if there is one."""

import sys

from hashinsight.devtools.environment import child_env
from hashinsight.devtools.paths import ROOT, caller_dir, run_place
from hashinsight.devtools.session import shared_servers
from hashinsight.devtools.signals import Stopper

NEEDS_OWNER = {"migrate", "setup_database", "prepare", "flush", "sqlflush"}


def manage(arguments: list[str]) -> int:
    """Runs where the person stands, so that relative file names mean what they say."""
    stopper = Stopper()
    place = run_place()
    owner = bool(arguments) and arguments[0] in NEEDS_OWNER
    with shared_servers(place, stopper) as session:
        env = child_env(place, session.endpoints, owner=owner)
        return session.call([sys.executable, str(ROOT / "manage.py"), *arguments], env, caller_dir())
