"""A command that needs servers for as long as it runs: own ones, or those of a running ``./dev run``."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from hashinsight.devtools import child
from hashinsight.devtools.console import say
from hashinsight.devtools.environment import Endpoints
from hashinsight.devtools.locks import (
    FileLock,
    as_guest,
    clear_state,
    read_state,
    take_ownership,
    wait_for_guests,
    write_state,
)
from hashinsight.devtools.paths import Place
from hashinsight.devtools.processes import Keeper
from hashinsight.devtools.services import start_services, stop_services
from hashinsight.devtools.signals import Stopper


class Session:
    """Servers that answer, and a way to run one command in the foreground while they are looked after."""

    def __init__(self, place: Place, endpoints: Endpoints, stopper: Stopper, keeper: Keeper | None) -> None:
        self.place = place
        self.endpoints = endpoints
        self.stopper = stopper
        self.keeper = keeper

    def call(self, argv: list[str], env: dict[str, str], cwd: Path | None = None) -> int:
        """Run a command with our terminal; a Ctrl-C reaches it directly, other signals are passed on."""
        ends_with_us = partial(child.end_with_parent, os.getpid(), signal.SIGTERM)
        process = subprocess.Popen(argv, env=env, cwd=cwd, preexec_fn=ends_with_us)

        def pass_on(number: int) -> None:
            if number != signal.SIGINT or len(self.stopper.requests) > 2 or not os.isatty(0):
                process.send_signal(number)

        self.stopper.on_request = pass_on
        try:
            while process.poll() is None:
                if self.keeper:
                    self.keeper.tick()
                time.sleep(0.03)
        finally:
            self.stopper.on_request = None
        code = process.returncode
        return 128 - code if code < 0 else code


@contextmanager
def own_servers(place: Place, stopper: Stopper, lock: FileLock, *, kind: str, throw_away: bool) -> Iterator[Session]:
    """Start this place's servers and stop them at the end, whatever happens."""
    place.make()
    keeper = Keeper(place)
    stopping: Callable[[int], None] = lambda _: setattr(keeper, "hurry", True)  # noqa: E731
    try:
        write_state(place, kind=kind, servers_ready=False)
        endpoints = start_services(place, keeper, throw_away=throw_away, check=stopper.check)
        write_state(place, kind=kind, servers_ready=True, endpoints=endpoints.as_dict())
        yield Session(place, endpoints, stopper, keeper)
    finally:
        clear_state(place)
        notice = "another ./dev manage still uses the servers; waiting for it"
        wait_for_guests(place, lambda: say(notice), lambda: bool(stopper.requests))
        stopper.on_request = stopping
        stop_services(keeper)
        lock.release()


@contextmanager
def shared_servers(place: Place, stopper: Stopper) -> Iterator[Session]:
    """The servers of whoever runs them already, else our own for the time of one command."""
    place.make()
    while True:
        stopper.check()
        lock = take_ownership(place)
        if lock:
            with own_servers(place, stopper, lock, kind="manage", throw_away=False) as session:
                yield session
            return
        with as_guest(place) as state:
            if state:
                yield Session(place, Endpoints(**state["endpoints"]), stopper, None)
                return
        if read_state(place) is None:
            time.sleep(0.05)
        time.sleep(0.1)
