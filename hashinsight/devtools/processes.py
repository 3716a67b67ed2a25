"""Child processes: started so that they cannot outlive us, restarted when they die, stopped in stages."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from hashinsight.devtools import child
from hashinsight.devtools.console import detail, say
from hashinsight.devtools.identity import ProcessIdentity, identify
from hashinsight.devtools.local_secrets import write_private
from hashinsight.devtools.paths import ROOT, Place

LOG_LIMIT = 20 * 1024 * 1024
RESTART_DELAYS = (0.3, 1.0, 2.0, 5.0, 10.0, 15.0)
STEADY_AFTER = 30.0


@dataclass(frozen=True)
class Program:
    """How one process is started and how it wants to be stopped."""

    name: str
    argv: list[str]
    env: dict[str, str]
    log: Path
    cwd: Path = Path("/")
    uid: int | None = None
    gid: int | None = None
    nice: int = 0
    stop_signals: tuple[int, ...] = (signal.SIGTERM,)
    death_signal: int = signal.SIGKILL
    before: Callable[[], None] | None = None


@dataclass
class Running:
    """One started program and its fortune."""

    program: Program
    process: "subprocess.Popen[bytes]"
    identity: ProcessIdentity
    since: float
    failures: int = 0
    restart_at: float = 0.0
    stopping: bool = False

    def has_ended(self) -> bool:
        """Notice the end; what is left of its process group ends with it."""
        if self.process.returncode is not None:
            return True
        with suppress(ChildProcessError):
            if os.waitid(os.P_PID, self.process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
                return False
        self.signal_group(signal.SIGKILL)  # while the unreaped head still reserves the group's number
        self.process.wait()
        return True

    def signal(self, number: int) -> None:
        if self.process.returncode is None:
            self.process.send_signal(number)

    def signal_group(self, number: int) -> None:
        if self.process.returncode is None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, number)


def python_program(
    name: str, module: str, arguments: list[str], env: dict[str, str], place: Place, nice: int = 0
) -> Program:
    """A Python module of the product, run so that its own children end with it."""
    argv = [sys.executable, child.__file__, module, *arguments]
    return Program(name, argv, env, place.logs / f"{name}.log", cwd=ROOT, nice=nice)


def spawn(program: Program) -> Running:
    """Start a program in a session of its own; call from the main thread only (see ``child``)."""
    if program.before:
        program.before()
    rotate(program.log)
    parent = os.getpid()

    def prepare() -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, [])
        if program.nice:
            os.nice(program.nice)
        child.end_with_parent(parent, program.death_signal)  # after the change of user, which clears it

    with open(program.log, "ab") as log:
        process = subprocess.Popen(
            program.argv,
            env=program.env,
            cwd=program.cwd,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            user=program.uid,
            group=program.gid,
            extra_groups=[] if program.uid is not None else None,
            start_new_session=True,
            preexec_fn=prepare,
        )
    return Running(program, process, identify(process.pid), time.monotonic())


def rotate(log: Path) -> None:
    if log.exists() and log.stat().st_size > LOG_LIMIT:
        log.replace(log.with_suffix(".log.1"))


def last_lines(log: Path, count: int = 8) -> list[str]:
    """The end of a log, for the console when something goes wrong."""
    try:
        with open(log, "rb") as handle:
            handle.seek(max(0, log.stat().st_size - 16_384))
            return handle.read().decode(errors="replace").splitlines()[-count:]
    except OSError:
        return []


@dataclass
class Keeper:
    """Keeps programs running until told to stop, and remembers them for the next start."""

    place: Place
    running: list[Running] = field(default_factory=list)
    hurry: bool = False
    sockets: Path | None = None

    def start(self, program: Program) -> Running:
        started = spawn(program)
        self.running.append(started)
        self._remember()
        return started

    def find(self, name: str) -> Running | None:
        return next((one for one in self.running if one.program.name == name), None)

    def tick(self) -> None:
        """Look after everything once: notice deaths, restart what is due."""
        now = time.monotonic()
        for one in self.running:
            if one.stopping or not one.has_ended():
                continue
            if not one.restart_at:
                self._plan_restart(one, now)
            elif now >= one.restart_at:
                self._restart(one)

    def _plan_restart(self, one: Running, now: float) -> None:
        if now - one.since > STEADY_AFTER:
            one.failures = 0
        delay = RESTART_DELAYS[min(one.failures, len(RESTART_DELAYS) - 1)]
        one.failures += 1
        one.restart_at = now + delay
        say(f"{one.program.name} ended ({describe_exit(one.process.returncode)}); starting it again")
        if one.failures == 2:
            for line in last_lines(one.program.log, 3):
                detail(line[:200])

    def _restart(self, one: Running) -> None:
        try:
            fresh = spawn(one.program)
        except OSError as error:
            say(f"{one.program.name} cannot be started: {error}")
            one.restart_at = time.monotonic() + RESTART_DELAYS[-1]
            return
        one.process, one.identity, one.since, one.restart_at = fresh.process, fresh.identity, fresh.since, 0.0
        self._remember()

    def stop(self, names: Iterable[str], seconds: float) -> None:
        """Stop these together: politely, then less so, then for good; returns when all have ended."""
        chosen = [one for name in names if (one := self.find(name))]
        for one in chosen:
            one.stopping = True
            one.signal(one.program.stop_signals[0])
        begin = time.monotonic()
        firm = False
        while waiting := [one for one in chosen if not one.has_ended()]:
            spent = time.monotonic() - begin
            allowed = min(seconds, 1.0) if self.hurry else seconds
            if not firm and (self.hurry or spent > allowed * 0.7):
                firm = True
                for one in waiting:
                    if len(one.program.stop_signals) > 1:
                        one.signal(one.program.stop_signals[-1])
            if spent > allowed:
                for one in waiting:
                    one.signal_group(signal.SIGKILL)
            time.sleep(0.02)
        self.running = [one for one in self.running if one not in chosen]
        self._remember()

    def _remember(self) -> None:
        entries = [[one.identity.pid, one.identity.started, one.program.name] for one in self.running]
        write_private(self.place.children, json.dumps(entries))


def describe_exit(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"killed by signal {-code}"


def clear_survivors(place: Place, seconds: float = 8.0) -> None:
    """Wait for children of a supervisor that was killed; they are on their way out, else they are ended."""
    try:
        entries = json.loads(place.children.read_text())
        left = [ProcessIdentity(int(pid), str(started)) for pid, started, _name in entries]
    except (OSError, ValueError):
        return
    deadline = time.monotonic() + seconds
    for one in left:
        if not one.wait(max(0.0, deadline - time.monotonic())):
            one.send(signal.SIGKILL)
            one.wait(2.0)
    place.children.unlink(missing_ok=True)
