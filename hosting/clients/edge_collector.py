"""The reference collector: reads its machines, keeps what it heard in a file, and hands it over.

Loops beside each other: one reads at the server's interval and stores a batch, one does so with the meters
(``edge_meters``), one hands the oldest batch over until the server has answered for it. A kill at any moment loses
nothing that was stored and doubles nothing.
Beside them, ``lease_holder`` switches machines where a lease of the server says so.
"""

import asyncio
import json
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from hosting.clients.adapter import Credentials, MachineAdapter, Target
from hosting.clients.edge_meters import MeterReader, MetersRefused
from hosting.clients.edge_server import EdgeServer, ServerAway, ServerRefused
from hosting.clients.edge_store import EdgeStore
from hosting.clients.lease_holder import LeaseHolder
from hosting.clients.own import limit_of
from hosting.clients.polling import poll_many
from hosting.engine.ingest.columns import columns_of
from hosting.engine.ingest.wire import MOST_MACHINES, without_limits, write_columns
from hosting.engine.machines.reading import Reading
from hosting.engine.sealing import SealUnreadable, open_with

FIRST_WAIT_S, LONGEST_WAIT_S = 1.0, 60.0
NO_SUCH_COLUMN = ("unknown_column", "malformed_columns")  # the latter where there are more than it knows
LIMITS_EVERY_S = 600.0  # where a machine's limit of power is a question of its own
_MICRO = 1_000_000


class TokenRefused(Exception):
    """The server knows the token no more: somebody must enrol the device anew."""


@dataclass(slots=True)
class EdgeCollector:
    """One device. ``say`` takes lines for people; ``interval_s`` outranks the server's."""

    server: EdgeServer
    store: EdgeStore
    adapter: MachineAdapter
    say: Callable[[str], None]
    interval_s: float | None = None
    private_key: bytes | None = None  # opens the logins that the server sealed to this device
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    holder: LeaseHolder | None = None  # switches machines, where the server may say so
    _logins: dict[str, Credentials | None] | None = None
    _limits_at: float = float("-inf")

    async def run(self, *, once: bool = False) -> None:
        """Until ``stopping``; with ``once`` one reading, then until everything is handed over."""
        if once:
            await self._read()
            await self._of_meters(lambda reader: reader.read_due(all_of_them=True))
            while self.store.waiting() and not self.stopping.is_set():
                await self._hand_over()
            return
        async with asyncio.TaskGroup() as loops:
            loops.create_task(self._until_refused(self._reading))
            loops.create_task(self._until_refused(self._handing_over))
            loops.create_task(self._until_refused(self._metering))
            if self.holder is not None:
                loops.create_task(self._holding(self.holder))

    async def _until_refused(self, loop: Callable[[], Awaitable[None]]) -> None:
        """A device that is refused first brings back what it has switched off."""
        try:
            await loop()
        except TokenRefused:
            if self.holder is not None:
                self.say("the server knows this device no more; it goes on until every machine is back")
                await self.holder.all_back()
            raise

    async def _holding(self, holder: LeaseHolder) -> None:
        holder.stopping = self.stopping
        await holder.run()
        if holder.refused is not None:
            raise TokenRefused(str(holder.refused))

    async def _reading(self) -> None:
        while not self.stopping.is_set():
            begun = time.monotonic()
            interval = await self._read()
            await self._sleep(max(0.0, begun + interval - time.monotonic()))

    async def _metering(self) -> None:
        await self._of_meters(lambda reader: reader.run(self.stopping, self._sleep))

    async def _of_meters(self, work: Callable[[MeterReader], Awaitable[Any]]) -> None:
        try:
            await work(MeterReader(self.server, self.store, self.say))
        except MetersRefused as refusal:
            raise TokenRefused(str(refusal)) from refusal

    async def _handing_over(self) -> None:
        while not self.stopping.is_set():
            if not await self._hand_over():
                await self._sleep(0.2)

    async def _sleep(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self.stopping.wait()
        except TimeoutError:
            return

    async def _read(self) -> float:
        """Read all machines once and store what they said; returns the seconds until the next time."""
        listed = await self._machines()
        machines = listed.get("machines", [])
        asks_limit = time.monotonic() - self._limits_at >= LIMITS_EVERY_S
        if asks_limit:
            self._limits_at = time.monotonic()
        for first in range(0, len(machines), MOST_MACHINES):
            await self._read_some(machines[first : first + MOST_MACHINES], asks_limit=asks_limit)
        return self.interval_s or float(listed.get("interval_s") or LONGEST_WAIT_S)

    async def _machines(self) -> dict[str, Any]:
        """The list of the server, or the last one while it is away."""
        try:
            listed = await asyncio.to_thread(self.server.machines)
            self.store.keep("machines", json.dumps(listed))
            self._logins = None
        except ServerAway as away:
            self.say(f"the server is away ({away}); reading the machines known")
            listed = json.loads(self.store.kept("machines") or "{}")
        except ServerRefused as refusal:
            raise TokenRefused(str(refusal)) from refusal
        return listed

    async def _read_some(self, machines: Sequence[dict[str, Any]], *, asks_limit: bool) -> None:
        targets = [
            Target(
                str(machine["address"]),
                port=int(machine["port"]),
                key=str(place),
                credentials=self._login(machine.get("credentials")),
                asks_limit=asks_limit,
            )
            for place, machine in enumerate(machines)
        ]
        rows: list[tuple[int, int, Reading | None]] = []
        async for result in poll_many(targets, adapter=self.adapter):
            rows.append((int(result.target.key), int(time.time() * _MICRO), result.reading))
        if not rows:
            return
        self._store([str(machine["id"]) for machine in machines], rows)

    def _store(self, names: list[str], rows: list[tuple[int, int, Reading | None]]) -> None:
        columns = columns_of((place, moment, _with_settable_limit(reading)) for place, moment, reading in rows)
        places = np.array([place for place, _moment, _reading in rows], np.int64)
        dropped = self.store.put(lambda batch_id: write_columns(batch_id, names, places, columns), readings=len(rows))
        if dropped:
            self.say(f"the file is full: {dropped} of the oldest readings were dropped")

    def store_readings(self, told: Sequence[tuple[str, Reading | None]]) -> None:
        """What the holder of the lease has heard goes the way of all readings."""
        moment = int(time.time() * _MICRO)
        for first in range(0, len(told), MOST_MACHINES):
            part = told[first : first + MOST_MACHINES]
            rows = [(place, moment, reading) for place, (_name, reading) in enumerate(part)]
            self._store([name for name, _reading in part], rows)

    def login_of(self, machine: str) -> Credentials | None:
        """The login of a machine by its id, from the list that was heard last."""
        if self._logins is None:
            listed = json.loads(self.store.kept("machines") or "{}").get("machines", [])
            self._logins = {str(one["id"]): self._login(one.get("credentials")) for one in listed}
        return self._logins.get(machine)

    def _login(self, handed: dict[str, Any] | None) -> Credentials | None:
        """The login of a machine; one that does not open is as good as none, and said."""
        if not handed or self.private_key is None:
            return None
        try:
            found = json.loads(open_with(handed["sealed"], self.private_key, bytes.fromhex(handed["associated"])))
            return Credentials(username=found["username"], password=found["password"])
        except (SealUnreadable, ValueError, KeyError) as error:
            self.say(f"a login does not open: {type(error).__name__}")
            return None

    async def _hand_over(self) -> bool:
        """Hand the oldest batch over; False when there is none."""
        waiting = self.store.oldest()
        if waiting is None:
            return False
        wait, body = FIRST_WAIT_S, waiting.body
        while not self.stopping.is_set():
            try:
                answer = await asyncio.to_thread(self.server.push, body)
            except ServerAway as away:
                pause = away.wait_s or wait * random.uniform(0.5, 1.0)  # noqa: S311  (so that not all come at once)
                self.say(f"{away}; {self.store.waiting()} batches wait, next try in {pause:.0f} s")
                await self._sleep(pause)
                wait = min(LONGEST_WAIT_S, wait * 2)
                continue
            except ServerRefused as refusal:
                if refusal.status in (401, 403):
                    raise TokenRefused(str(refusal)) from refusal
                if refusal.code in NO_SUCH_COLUMN and (plain := without_limits(body)) is not None:
                    body = plain  # an older server: it takes the rest
                    continue
                self.store.refuse(waiting.number, str(refusal))
                self.say(f"batch {waiting.number} was refused and is kept: {refusal}")
                return True
            self.store.done(waiting.number)
            self.say(
                f"batch {waiting.number}: {answer.get('stored')} stored, {answer.get('duplicates')} there already,"
                f" {answer.get('quarantined')} put aside"
            )
            return True
        return True


def _with_settable_limit(reading: Reading | None) -> Reading | None:
    """The server plans with limits it is told of: those that the machine would not take from us are left out."""
    if reading is None or limit_of(reading) is not None:
        return reading
    return replace(reading, power_target_w=None)
