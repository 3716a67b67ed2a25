"""``./dev run``: servers, preparation, web, workers, beat and relay in the foreground, until told to stop."""

import argparse
import signal
import sys
import time
from pathlib import Path

from hashinsight.devtools.console import Refusal, announce, detail, say
from hashinsight.devtools.environment import Endpoints
from hashinsight.devtools.locks import (
    FileLock,
    clear_state,
    owner_of,
    read_state,
    take_ownership,
    write_state,
)
from hashinsight.devtools.paths import Place, caller_dir, run_place
from hashinsight.devtools.prepare import Demo, Preparation
from hashinsight.devtools.processes import Keeper, Program, clear_survivors, last_lines
from hashinsight.devtools.product import (
    answers_ready,
    choose_port,
    fleet_program,
    meter_program,
    product_programs,
    with_port,
)
from hashinsight.devtools.services import GIVE_UP_AFTER, start_services, stop_services
from hashinsight.devtools.signals import Interrupted, Stopper

READY_WITHIN = 180.0
DISPENSABLE = {"fleet", "meter"}  # the product is ready without what is simulated for its demo


def run(arguments: list[str]) -> int:
    """The whole life of ``./dev run``."""
    options = _parse(arguments)
    stopper = Stopper()
    place = run_place()
    place.make()
    lock = _own(place, stopper)
    port = choose_port(options.port)
    keeper = Keeper(place)
    supervisor = Supervisor(place, keeper, stopper, port)
    try:
        supervisor.start(_demo(options))
        supervisor.serve()
    except Interrupted:
        pass
    finally:
        supervisor.stop()
        lock.release()
    return 0


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser("./dev run", description="Start HashInsight with its servers and a demo company.")
    parser.add_argument("--port", type=int, help="default 8000; 0 takes any free one")
    company = parser.add_mutually_exclusive_group()
    company.add_argument("--no-demo", action="store_true", help="an empty database")
    company.add_argument("--sample", metavar="FOLDER", help="build the company from the sample files in FOLDER")
    return parser.parse_args(arguments)


def _demo(options: argparse.Namespace) -> Demo:
    if options.sample is None:
        return Demo(wanted=not options.no_demo)
    folder = (caller_dir() / options.sample).resolve()
    if not folder.is_dir():
        raise Refusal(f"--sample {options.sample}: there is no such folder")
    return Demo(sample=folder)


def _own(place: Place, stopper: Stopper) -> FileLock:
    """Only one at a time; a short-lived ./dev manage is waited for."""
    noticed = False
    while not (lock := take_ownership(place)):
        stopper.check()
        state = read_state(place)
        if state and state.get("kind") == "run":
            where = state.get("url") or "not yet reachable"
            raise Refusal(f"HashInsight is already running (process {state['pid']}): {where}. Stop it with ./dev stop")
        if not noticed:
            say("The servers are in use by ./dev manage; waiting for it to end")
            noticed = True
        time.sleep(0.1)
    return lock


class Supervisor:
    """Starts everything, keeps it running, stops everything it started and nothing else."""

    def __init__(self, place: Place, keeper: Keeper, stopper: Stopper, port: int) -> None:
        self.place = place
        self.keeper = keeper
        self.stopper = stopper
        self.port = port
        self.url = f"http://127.0.0.1:{port}"

    def start(self, demo: Demo) -> None:
        begin = time.monotonic()
        self._publish(servers_ready=False)
        say("Starting PostgreSQL and Valkey")
        endpoints = start_services(self.place, self.keeper, throw_away=False, check=self.stopper.check)
        endpoints = with_port(endpoints, self.port)
        self._publish(servers_ready=True, endpoints=endpoints.as_dict())
        preparation = Preparation(self.place, endpoints, demo)
        known = preparation.known
        programs = product_programs(self.place, endpoints, self.port)
        if known:  # nothing to change: the product may start meanwhile
            say("Starting web, workers, beat and relay")
            self.keeper.start(programs[0])
            preparation.start(self.keeper)
            programs = programs[1:]
        else:
            preparation.start(self.keeper)
            preparation.wait(self.keeper, self.stopper.check)
            say("Starting web, workers, beat and relay")
        for program in [*programs, *self._fleet(demo, endpoints)]:
            self.keeper.start(program)
        self._wait_until_ready(preparation)
        self._publish(servers_ready=True, ready=True, endpoints=endpoints.as_dict())
        say(f"Ready after {time.monotonic() - begin:.1f} s; logs are in {self.place.logs}, Ctrl-C stops everything")
        self._show_credentials(demo)
        announce(f"READY {self.url}")

    def _fleet(self, demo: Demo, endpoints: Endpoints) -> list[Program]:
        """The machines of the demo, simulated, and its meter."""
        if not demo.wanted:
            return []
        program = fleet_program(self.place, endpoints)
        if program is None:
            say("The port of the simulated machines is in use: another demo, or nobody, answers for them")
        return [*([program] if program else []), meter_program(self.place, endpoints)]

    def _publish(self, **values: object) -> None:
        write_state(self.place, kind="run", port=self.port, url=self.url, **values)

    def _wait_until_ready(self, preparation: Preparation) -> None:
        deadline = time.monotonic() + READY_WITHIN
        while not (preparation.is_done() and answers_ready(self.port)):
            self.stopper.check()
            self.keeper.tick()
            needed = [one for one in self.keeper.running if one.program.name not in DISPENSABLE]
            broken = next((one for one in needed if one.failures >= GIVE_UP_AFTER), None)
            if broken or time.monotonic() > deadline:
                name = broken.program.name if broken else "web"
                for line in last_lines(self.place.logs / f"{name}.log", 25):
                    detail(line)
                raise Refusal(f"{name} does not get ready; the whole text is in {self.place.logs / name}.log")
            time.sleep(0.1)

    def _show_credentials(self, demo: Demo) -> None:
        path: Path = self.place.root / "demo-credentials.json"
        if demo.wanted and path.exists():
            say(f"Sign in at {self.url}/admin/ with an account from {path}")

    def serve(self) -> None:
        while True:
            self.stopper.check()
            self.keeper.tick()
            time.sleep(0.1)

    def stop(self) -> None:
        """Beat and web, then workers and relay, then broker, then database; a second Ctrl-C shortens all of it."""
        self.keeper.hurry = len(self.stopper.requests) > 1
        self.stopper.on_request = lambda _: setattr(self.keeper, "hurry", True)
        if self.keeper.running:
            say("Stopping")
        self.keeper.stop(["prepare", "beat", "web"], 7.0)
        self.keeper.stop(["worker", "collector", "controller", "bulk", "relay", "sinks", "fleet"], 10.0)
        stop_services(self.keeper)
        clear_state(self.place)


def stop(arguments: list[str]) -> int:
    """``./dev stop``: end a running ``./dev run`` and wait for it."""
    if arguments:
        raise Refusal("./dev stop takes no arguments")
    place = run_place()
    if not stop_place(place):
        print("HashInsight is not running.", file=sys.stderr)
    return 0


def stop_place(place: Place) -> bool:
    """Signal exactly the process that wrote the state file, never one that took over its number."""
    state = read_state(place)
    if state is None:
        clear_survivors(place)
        return False
    owner = owner_of(state)
    say(f"Stopping HashInsight (process {owner.pid})")
    owner.send(signal.SIGTERM)
    if not owner.wait(35.0):
        say("It takes long; hurrying")
        owner.send(signal.SIGTERM)
        if not owner.wait(15.0):
            raise Refusal(f"process {owner.pid} does not end")
    return True
