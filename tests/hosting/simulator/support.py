"""Fleets for tests: small, on addresses of this process alone, with a clock that moves when told."""

import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv4Network

from hosting.engine.simulation.faults import read_plan
from hosting.engine.simulation.fleet import FleetPlan
from hosting.engine.simulation.kinds import KINDS, MAKES, Kind
from hosting.engine.simulation.machine import Machine
from hosting.engine.simulation.visit import Visit, World
from hosting.simulator import FleetThread, HandClock, Settings

EPOCH = 1_764_000_000.0
HIGH_PORT = 28480
ONE_OF_EACH = {"antminer": 3, "whatsminer": 2, "avalon": 1, "luxos": 3, "braiins": 2, "bitaxe": 2}
assert tuple(ONE_OF_EACH) == MAKES
assert sum(ONE_OF_EACH.values()) == len(KINDS)


def own_network(part: int) -> IPv4Network:
    """A /24 that no other test process uses."""
    number = os.getpid() % 20000
    return IPv4Network(f"127.{100 + number // 200}.{number % 200}.{part * 64}/26")


def kind(key: str) -> Kind:
    """A kind by its name."""
    return next(one for one in KINDS if one.key == key)


def machine(key: str, *, seed: int = 5, faults: str = "", index: int = 0) -> Machine:
    """One machine without a fleet."""
    return Machine(kind(key), index=index, seed=seed, plan=read_plan(faults))


def visit(one: Machine, now: float, *, password: str | None = None) -> Visit:
    """A visit without a socket."""
    return Visit(one, now, World(EPOCH, password), "127.1.2.3")


class Site:
    """A running fleet with one machine of each kind, or as many as wanted."""

    def __init__(self, thread: FleetThread, clock: HandClock) -> None:
        self.thread, self.clock = thread, clock

    def machine(self, key: str) -> tuple[Machine, str]:
        """The machine of a kind and its address."""
        one = next(m for m in self.thread.fleet.machines if m.kind.key == key)
        return one, self.thread.fleet.address(one.index)

    def ask(self, address: str, request: bytes, *, port: int = 4028) -> bytes:
        """One raw request and everything that comes back."""
        with socket.create_connection((address, port), timeout=5) as one:
            one.sendall(request)
            return b"".join(iter(lambda: one.recv(65536), b""))


@contextmanager
def running(
    part: int, *, web_port: int | None = None, password: str | None = None, epoch: float = 0.0
) -> Iterator[Site]:
    """A fleet with one machine of each kind, whose calendar begins now."""
    plan = FleetPlan(len(KINDS), 7, own_network(part), ONE_OF_EACH)
    clock = HandClock(100.0)
    settings = Settings(plan, web_port=web_port, password=password, epoch=epoch or time.time())
    with FleetThread(settings, clock) as thread:
        yield Site(thread, clock)


def may_bind_port_80() -> bool:
    """Whether this user may listen where web pages usually are."""
    with socket.socket() as one:
        try:
            one.bind((str(own_network(3)[60]), 80))
        except OSError:
            return False
    return True
