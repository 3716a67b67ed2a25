"""``./dev bench NAME``: one measurement of ``tests/bench`` on servers of its own, with safe settings."""

import sys
from pathlib import Path

from hashinsight.devtools.console import Refusal, announce, say
from hashinsight.devtools.environment import child_env
from hashinsight.devtools.locks import take_ownership
from hashinsight.devtools.paths import ROOT, bench_place, var_dir
from hashinsight.devtools.prepare import Demo, Preparation
from hashinsight.devtools.session import Session, own_servers
from hashinsight.devtools.signals import Stopper


def names() -> dict[str, str]:
    """Every bench with the first line of its docstring."""
    found = {}
    for path in sorted((ROOT / "tests" / "bench").glob("*.py")):
        if not path.name.startswith(("_", "conftest", "test_")):
            found[path.stem] = _first_line(path)
    return found


def _first_line(path: Path) -> str:
    lines = path.read_text(encoding="utf-8").splitlines() or [""]
    return lines[0].strip().strip('"').strip() if lines[0].startswith('"""') else ""


def bench(arguments: list[str]) -> int:
    known = names()
    if not arguments or arguments[0] in {"--list", "-h", "--help"}:
        for name, text in known.items():
            announce(f"{name:20} {text}")
        return 0
    if arguments[0] not in known:
        raise Refusal(f"there is no bench '{arguments[0]}'; there are: {', '.join(known) or 'none'}")
    stopper = Stopper()
    place = bench_place()
    place.make()
    lock = take_ownership(place)
    if lock is None:
        raise Refusal("another ./dev bench is running; two at once would measure each other")
    say("Starting the servers of the bench")
    with own_servers(place, stopper, lock, kind="bench", throw_away=False) as session:
        bring_up_to_date(session)
        env = child_env(place, session.endpoints)
        env["DATABASE_OWNER_URL"] = session.endpoints.owner_url
        env["HASHINSIGHT_BENCH_DIR"] = str(var_dir() / "bench")
        return session.call([sys.executable, "-m", f"tests.bench.{arguments[0]}", *arguments[1:]], env, ROOT)


def bring_up_to_date(session: Session) -> None:
    """The tables of today's code, no demo; nothing when that is so already."""
    preparation = Preparation(session.place, session.endpoints, Demo(wanted=False))
    if session.keeper and not preparation.known:
        preparation.start(session.keeper)
        preparation.wait(session.keeper, session.stopper.check)
