"""Running a fleet: in this event loop, in a thread beside a test, or in a process of its own."""

import asyncio
import gc
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from hosting.engine.simulation.fleet import Fleet, FleetPlan
from hosting.engine.simulation.visit import World
from hosting.simulator import sockets
from hosting.simulator.conversations import Hall, RpcConversation, WebConversation

RPC_PORT = 4028
WEB_ONLY = "bitaxe"  # the make that has no CGMiner port


@dataclass(frozen=True, slots=True)
class Settings:
    """A fleet and where it answers."""

    plan: FleetPlan
    port: int = RPC_PORT
    web_port: int | None = None
    speed: float = 1.0
    password: str | None = None
    epoch: float = field(default_factory=time.time)


class Clock:
    """Seconds since the start, faster or slower than real ones."""

    def __init__(self, speed: float = 1.0) -> None:
        self._begun, self._speed = time.monotonic(), speed

    def __call__(self) -> float:
        return (time.monotonic() - self._begun) * self._speed


class HandClock:
    """Seconds that pass when somebody says so."""

    def __init__(self, now: float = 0.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


class RunningFleet:
    """A fleet that answers until it is stopped."""

    def __init__(self, settings: Settings, now: Callable[[], float] | None = None) -> None:
        self.settings = settings
        self.fleet = Fleet(settings.plan)
        world = World(epoch=settings.epoch, password=settings.password)
        self.hall = Hall(self.fleet, world, now or Clock(settings.speed))
        self._servers: list[asyncio.Server] = []

    async def start(self) -> None:
        """Listen; nothing listens when one port is refused."""
        addresses = self.fleet.addresses()
        speaking = [a for a, one in zip(addresses, self.fleet.machines, strict=True) if one.kind.make != WEB_ONLY]
        rpc = sockets.listen(speaking, self.settings.port) if speaking else []
        try:
            web = sockets.listen(addresses, self.settings.web_port) if self.settings.web_port else []
        except sockets.SimulatorRefused:
            sockets.close(rpc)
            raise
        loop = asyncio.get_running_loop()
        for one in rpc:
            server = await loop.create_server(lambda: RpcConversation(self.hall), sock=one, backlog=sockets.BACKLOG)
            self._servers.append(server)
        for one in web:
            server = await loop.create_server(lambda: WebConversation(self.hall), sock=one, backlog=sockets.BACKLOG)
            self._servers.append(server)

    async def stop(self) -> None:
        """Stop listening."""
        for server in self._servers:
            server.close()
        self._servers.clear()

    def ready_line(self) -> str:
        """What is there, in one line."""
        count, settings = len(self.fleet.machines), self.settings
        web = f", web port {settings.web_port}" if settings.web_port else ""
        return (
            f"READY {count} machines at {self.fleet.address(0)} to {self.fleet.address(count - 1)}, "
            f"port {settings.port}{web}, seed {settings.plan.seed}"
        )


async def run(settings: Settings, say: Callable[[str], object], stopped: asyncio.Event) -> None:
    """Serve until told to stop."""
    complaint = sockets.raise_file_limit()
    if complaint:
        say(complaint)
    running = RunningFleet(settings)
    gc.collect()
    gc.freeze()
    await running.start()
    say(running.ready_line())
    try:
        await stopped.wait()
    finally:
        await running.stop()
    say(f"Stopped after {running.hall.answered} answers.")


class FleetThread:
    """A fleet in a thread of this process: ``with FleetThread(settings, clock) as fleet: …``."""

    def __init__(self, settings: Settings, now: Callable[[], float] | None = None) -> None:
        self.running = RunningFleet(settings, now)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="simulated fleet", daemon=True)

    @property
    def fleet(self) -> Fleet:
        """The machines; look at them only while nobody asks them."""
        return self.running.fleet

    def __enter__(self) -> Self:
        self._thread.start()
        try:
            asyncio.run_coroutine_threadsafe(self.running.start(), self._loop).result(30)
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self.running.stop(), self._loop).result(30)
        self._end()

    def _end(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(30)
        self._loop.close()
