"""``./dev check``: what must hold before a change is shared. The list is data; all of it runs, two at a time."""

import secrets
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from hashinsight.devtools.advisories import NOTICE
from hashinsight.devtools.console import Refusal, announce, detail, say
from hashinsight.devtools.paths import ROOT
from hashinsight.devtools.session import Session
from hashinsight.devtools.signals import Stopper
from hashinsight.devtools.testing import test_env, test_servers

AT_ONCE = 2
SHOWN_LINES = 60


@dataclass(frozen=True)
class Check:
    """One question to the code; ``settings`` says under which the product is loaded."""

    name: str
    text: str
    arguments: tuple[str, ...]  # of Python, started in the project's folder
    settings: str = "test"


MANAGE = "manage.py"
LINT_IMPORTS = "from importlinter.cli import lint_imports_command; lint_imports_command()"
# The linter asks for the SQL of each migration; making one class anew at each step gives the same SQL sooner.
LINT_MIGRATIONS = """
from django.core.management import execute_from_command_line
from hashinsight.common.migrating import one_class_at_a_time
with one_class_at_a_time():
    execute_from_command_line(
        ["manage.py", "lintmigrations", "--project-root-path", ".", "--no-cache", "--quiet", "ok", "ignore"]
    )
"""

# Long ones first, so that the short ones fill the gaps.
CHECKS = (
    Check("types", "mypy, strict in domain and engine", ("-m", "mypy")),
    Check(
        "architecture",
        "the rules of the house",
        ("-m", "pytest", "tests/architecture", "-q", "-p", "no:cacheprovider"),
    ),
    Check(
        "deploy",
        "Django's checks under production settings",
        (MANAGE, "check", "--deploy", "--fail-level", "WARNING"),
        "production",
    ),
    Check(
        "migrations",
        "no model change without its migration",
        (MANAGE, "makemigrations", "--check", "--dry-run"),
    ),
    Check("migration-linter", "migrations a running system survives", ("-c", LINT_MIGRATIONS)),
    Check("api-file", "the OpenAPI file is what the code says", (MANAGE, "export_schema", "--check")),
    Check("advisories", "no known weakness in the pinned packages", ("-m", "hashinsight.devtools.advisories")),
    Check("imports", "who may import whom", ("-c", LINT_IMPORTS, "--no-cache")),
    Check("ruff", "style and likely mistakes", ("-m", "ruff", "check", ".")),
    Check("format", "one format", ("-m", "ruff", "format", "--check", ".")),
)


@dataclass
class Started:
    check: Check
    process: "subprocess.Popen[bytes]"
    log: Path
    begin: float
    seconds: float = 0.0

    @property
    def passed(self) -> bool:
        return self.process.returncode == 0


def check(arguments: list[str]) -> int:
    """Run all, or those named; 1 when any failed."""
    if arguments == ["--list"]:
        for known in CHECKS:
            announce(f"{known.name:18} {known.text}")
        return 0
    chosen = _choose(arguments)
    stopper = Stopper()
    say(f"Running {len(chosen)} checks")
    with test_servers(stopper) as session:
        done = _run_all(chosen, session, stopper)
    for one in done:
        if not one.passed:
            _show(one)
    return _report(done)


def _report(done: list[Started]) -> int:
    """The table, in the order of the list, and one line that says it all."""
    for one in sorted(done, key=lambda started: CHECKS.index(started.check)):
        announce(f"{'PASS' if one.passed else 'FAIL'}  {one.check.name:18} {one.seconds:6.1f} s  {one.check.text}")
    for one in done:
        for line in one.log.read_text(errors="replace").splitlines():
            if line.startswith(NOTICE):
                announce(line)
    failed = [one.check.name for one in done if not one.passed]
    if failed:
        announce(f"{len(failed)} of {len(done)} checks failed: {', '.join(failed)}")
        return 1
    announce(f"All {len(done)} checks passed")
    return 0


def _choose(names: list[str]) -> list[Check]:
    known = {one.name: one for one in CHECKS}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise Refusal(f"there is no check {', '.join(unknown)}; there are: {', '.join(known)}")
    return [one for one in CHECKS if not names or one.name in names]


def _run_all(chosen: list[Check], session: Session, stopper: Stopper) -> list[Started]:
    waiting = list(chosen)
    active: list[Started] = []
    done: list[Started] = []
    try:
        while waiting or active:
            stopper.check()
            if session.keeper:
                session.keeper.tick()
            while waiting and len(active) < AT_ONCE:
                active.append(_start(waiting.pop(0), session))
            for one in [started for started in active if started.process.poll() is not None]:
                one.seconds = time.monotonic() - one.begin
                detail(f"{'passed' if one.passed else 'FAILED'}: {one.check.name} ({one.seconds:.1f} s)")
                active.remove(one)
                done.append(one)
            time.sleep(0.03)
    finally:
        for one in active:
            one.process.send_signal(signal.SIGTERM)
            one.process.wait()
    return done


def _start(one: Check, session: Session) -> Started:
    env = production_env(session) if one.settings == "production" else test_env(session)
    log = session.place.logs / f"check-{one.name}.log"
    with open(log, "wb") as output:
        process = subprocess.Popen(
            [sys.executable, *one.arguments],
            env=env,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    return Started(one, process, log, time.monotonic())


def production_env(session: Session) -> dict[str, str]:
    """What a server would have, with values thrown away afterwards."""
    env = test_env(session)
    env.update(
        DJANGO_SETTINGS_MODULE="hashinsight.settings.production",
        DATABASE_URL=session.endpoints.app_url,
        SECRET_KEY=secrets.token_urlsafe(64),
        API_KEY_PEPPER=secrets.token_urlsafe(48),
        ALLOWED_HOSTS="hashinsight.example",
        BASE_URL="https://hashinsight.example",
        EMAIL_URL="smtp://user:password@mail.hashinsight.example:587",
        DEFAULT_FROM_EMAIL="billing@hashinsight.example",
    )
    return env


def _show(one: Started) -> None:
    lines = one.log.read_text(errors="replace").splitlines()
    say(f"{one.check.name} failed:")
    if len(lines) > SHOWN_LINES:
        detail(f"({len(lines) - SHOWN_LINES} lines before this one are in {one.log})")
    for line in lines[-SHOWN_LINES:]:
        detail(line)
