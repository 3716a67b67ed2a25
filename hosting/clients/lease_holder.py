"""The part of the collector that switches machines: fetches its lease, reads, acts, and goes on alone.

Three loops beside each other: one asks the server, one reads the machines of the lease, one decides and sends. What
they share is the memory, replaced as a whole in the event loop's one thread, and on the disk before a command leaves.
"""

import asyncio
import base64
import random
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hosting.clients import commanding
from hosting.clients.adapter import Credentials, MachineAdapter, Outcome, ReadResult, SwitchResult, Target
from hosting.clients.commanding import send
from hosting.clients.edge_server import EdgeServer, ServerAway, ServerRefused
from hosting.clients.lease_file import LeaseFile, boot_clock
from hosting.clients.lease_report import Heard, heard_of, results_told, sights_told
from hosting.clients.limits import Limits, Trouble
from hosting.clients.polling import AT_ONCE, as_they_come
from hosting.engine.ingest.wire import MOST_MACHINES
from hosting.engine.leasing import invariants
from hosting.engine.leasing.document import (
    FORMS,
    LEVELS,
    Lease,
    LeaseRefused,
    Machine,
    Order,
    Sealed,
    digest,
    key_name,
    take,
)
from hosting.engine.leasing.keeping import Decision, accept, decide, heard, note
from hosting.engine.leasing.memory import LAPSED, OPEN, Memory
from hosting.engine.leasing.work import Command
from hosting.engine.machines.reading import Reading

IDLE_POLL_S, LONGEST_WAIT_S = 10.0, 60.0
PLAIN_FOR_S = 600.0  # a server that knows nothing of levels is told of them again after so long
TOLD_FOR_S = 600.0  # an older reading is not told
_OUTCOMES = {
    Outcome.ACCEPTED: "accepted", Outcome.REFUSED: "refused", Outcome.UNSUPPORTED: "unsupported",
    Outcome.UNKNOWN: "unknown",
}  # fmt: skip


@dataclass(slots=True)
class LeaseHolder:
    """Of one device. ``login`` finds the login of a machine, ``pin`` keeps public keys, ``store`` keeps readings."""

    server: EdgeServer
    file: LeaseFile
    adapter: MachineAdapter
    say: Callable[[str], None]
    device: str
    keys: dict[str, bytes]
    login: Callable[[str], Credentials | None]
    pin: Callable[[list[str]], None]
    store: Callable[[Sequence[tuple[str, Reading | None]]], None] | None = None
    clock: Callable[[], float] = boot_clock
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    memory: Memory = field(default_factory=Memory)
    heard: dict[str, Heard] = field(default_factory=dict)
    refused: ServerRefused | None = None
    trouble: str = ""
    _soon: asyncio.Event = field(default_factory=asyncio.Event)
    _plain_until: float = float("-inf")
    _asked: dict[str, float] = field(default_factory=dict)
    _read_at: float = float("-inf")
    _stored_at: float = float("-inf")
    _kept_at: float = float("-inf")

    # --- beginning ---------------------------------------------------------------------------------------------------
    def begin(self) -> None:
        """What was remembered, proved once more."""
        self.memory, wrong = self.file.load()
        for text in wrong:
            self.say(text)
        if self.memory.sealed is None:
            return
        try:
            self.memory.lease = take(
                self.memory.sealed, keys=self.keys, device=self.device, challenge=None, above=self.memory.counter - 1
            )
        except LeaseRefused as refusal:
            self.say(f"the lease in the file does not count: {refusal}")
            self.memory.sealed = None
        if self.memory.ours:
            self.say(f"{len(self.memory.ours)} machines are off for us; going on with them")
        if self.memory.low:
            self.say(f"{len(self.memory.low)} machines keep to a limit of ours; going on with them")

    async def run(self) -> None:
        """Until ``stopping``; when the server knows us no more, until every machine is back."""
        self.begin()
        async with asyncio.TaskGroup() as loops:
            for loop in (self._asking, self._reading, self._acting):
                loops.create_task(loop())

    async def all_back(self) -> None:
        """Until no machine is off or limited for us, or somebody stops us."""
        while self.memory.in_hand and not self.stopping.is_set():
            await self.pause(1.0)

    async def pause(self, seconds: float) -> None:
        """Or until ``stopping``."""
        try:
            async with asyncio.timeout(max(0.0, seconds)):
                await self.stopping.wait()
        except TimeoutError:
            return

    # --- asking ------------------------------------------------------------------------------------------------------
    async def _asking(self) -> None:
        wait = 0.0
        while not self.stopping.is_set() and self.refused is None:
            wait = await self._ask(wait)
            self._soon.clear()
            await self._sleep(wait)

    async def _sleep(self, seconds: float) -> None:
        """A second at least; after that, what came of an order is told at once."""
        await self.pause(min(1.0, seconds))
        waits = [asyncio.create_task(self.pause(seconds - 1.0)), asyncio.create_task(self._soon.wait())]
        _done, pending = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for one in pending:
            one.cancel()

    async def _ask(self, last_wait: float) -> float:
        """One question; returns the seconds until the next."""
        challenge, asked_at = secrets.token_hex(16), self.clock()
        question, told = self._question(challenge, asked_at)
        try:
            said = await asyncio.to_thread(self.server.lease, question)
        except ServerAway as away:
            wait = away.wait_s or min(LONGEST_WAIT_S, max(1.0, last_wait) * 2) * random.uniform(0.7, 1.0)  # noqa: S311
            self.say(f"no lease: {away}; next try in {wait:.0f} s")
            return wait
        except ServerRefused as refusal:
            return self._refused(refusal)
        for one in told:
            one.told = True
        try:
            self._take(said, challenge, asked_at)
            return min(LONGEST_WAIT_S, max(0.2, float(said.get("poll_s") or IDLE_POLL_S)))
        except (TypeError, ValueError) as error:
            self.say(f"the answer is none: {type(error).__name__}")
            return IDLE_POLL_S

    def _refused(self, refusal: ServerRefused) -> float:
        """An older server takes no question that speaks of levels: it is asked again, as it knows it, at once."""
        if refusal.status in (401, 403):
            self.refused = refusal
        self.say(f"no lease: {refusal}")
        if refusal.status == 400 and self._says_levels:
            self._plain_until = self.clock() + PLAIN_FOR_S
            return 1.0
        return LONGEST_WAIT_S

    @property
    def _says_levels(self) -> bool:
        return self.clock() >= self._plain_until

    def _question(self, challenge: str, now: float) -> tuple[dict[str, Any], list[Heard]]:
        fresh = [(name, one) for name, one in self.heard.items() if not one.told and now - one.sight.at < TOLD_FOR_S]
        fresh = fresh[:MOST_MACHINES]
        results = [one for one in self.memory.results.values() if one.outcome != OPEN][:MOST_MACHINES]
        sealed, levels = self.memory.sealed, self._says_levels
        return {
            "challenge": challenge, "keys": list(self.keys),
            "roster": None if sealed is None else digest(sealed.roster.encode()),
            "results": results_told(results, now),
            "seen": sights_told(fresh, now, low=self.memory.low if levels else None),
            "switched": len(self.memory.in_hand), "alone": self._is_alone(now), "trouble": self.trouble[:300],
            **({"forms": list(FORMS)} if levels else {}),
        }, [one for _name, one in fresh]  # fmt: skip

    def _is_alone(self, now: float) -> bool:
        return bool(self.memory.in_hand) and not self.memory.holds(now)

    def _take(self, said: Mapping[str, Any], challenge: str, asked_at: float) -> None:
        """Nothing of a lease that does not hold counts; on the disk before anything is done with it."""
        memory = heard(self.memory, [int(one) for one in said.get("heard") or ()], now=self.clock())
        if said.get("lease") is None:
            if memory != self.memory:
                self._keep(memory)
            return
        before = self.memory.sealed
        roster = said.get("roster") if said.get("roster") is not None else before.roster if before else ""
        sealed = Sealed(str(said["lease"]), str(said.get("signature")), str(roster))
        try:
            lease = take(sealed, keys=self.keys, device=self.device, challenge=challenge, above=memory.counter)
        except LeaseRefused as refusal:
            self.say(f"a lease is refused: {refusal}")
            return
        self._keep(accept(memory, sealed, lease, asked_at=asked_at))
        if dict(lease.keys) != self.keys and lease.keys:
            self.keys = dict(lease.keys)
            self.pin([base64.b64encode(one).decode() for one in lease.keys.values()])

    def _keep(self, memory: Memory) -> None:
        self.file.keep(memory)
        self.memory, self._kept_at = memory, self.clock()

    # --- reading -----------------------------------------------------------------------------------------------------
    async def _reading(self) -> None:
        while not self.stopping.is_set():
            due = self._due(self.clock())
            if due:
                await self._read(due)
            await self.pause(min(1.0, self._step_s / 20))

    @property
    def _step_s(self) -> int:
        return self.memory.lease.step_s if self.memory.lease is not None else 60

    def _due(self, now: float) -> list[Machine]:
        """All twice in a step; whoever was told something a moment ago as well."""
        lease, settle = self.memory.lease, min(5.0, self._step_s / 6)
        if lease is None or not (self.memory.holds(now) or self.memory.in_hand):
            return []
        wanted = lease.machines if self.memory.holds(now) else self.memory.in_hand
        if now - self._read_at >= self._step_s / 2:
            self._read_at = now
            return [lease.machines[name] for name in wanted]
        told = [(name, own.told_at) for name, own in self.memory.ours.items()]
        told += [(name, low.told_at) for name, low in self.memory.low.items()]
        due = {name for name, at in told if now - at >= settle > 0 and self._asked.get(name, 0.0) < at + settle}
        return [lease.machines[name] for name in sorted(due)]

    async def _read(self, machines: Sequence[Machine]) -> None:
        rows: list[tuple[str, Reading | None]] = []

        async def read(target: Target) -> ReadResult:
            self._asked[target.key] = self.clock()  # what it says may be as old as the question
            try:
                return await self.adapter.read(target, limits=self._limits)
            except Exception as error:  # noqa: BLE001  (a reader that fails must not stop the others)
                return ReadResult(target, trouble=Trouble.FAULT, detail=type(error).__name__)

        async for result in as_they_come([self._target(one) for one in machines], read, at_once=AT_ONCE):
            rows.append((result.target.key, result.reading))
            if result.reading is not None and result.reading.known:
                self.heard[result.target.key] = heard_of(result.reading, self._asked[result.target.key])
        if self.store is not None and self.clock() - self._stored_at >= self._step_s * 0.9:
            self._stored_at = self.clock()
            self.store(rows)

    @property
    def _limits(self) -> Limits:
        total = min(8.0, max(2.0, self._step_s / 4))
        return Limits(connect_s=min(3.0, total / 2), silence_s=min(5.0, total), total_s=total)

    def _target(self, machine: Machine) -> Target:
        known, lease = self.heard.get(machine.id), self.memory.lease
        asks = machine.id in self.memory.low or (lease is not None and machine.id in lease.asks)
        return Target(
            machine.address, port=machine.port, dialect=known.dialect if known else "", key=machine.id,
            credentials=self.login(machine.id), asks_limit=asks,
        )  # fmt: skip

    # --- acting ------------------------------------------------------------------------------------------------------
    async def _acting(self) -> None:
        while not self.stopping.is_set():
            await self.act()
            if self.refused is not None and not self.memory.in_hand:
                self.stopping.set()
            await self.pause(min(0.5, self._step_s / 20))

    async def act(self) -> int:
        """Decide, prove, keep, send; returns how many commands."""
        now, sights = self.clock(), {name: one.sight for name, one in self.heard.items()}
        decision = decide(self.memory, sights, now=now)
        wrong = invariants.broken(decision.commands, self.memory, sights, now=now)
        if wrong:
            self.trouble = "; ".join(wrong)[:300]
            self.say(f"nothing is sent: {self.trouble}")
            return 0
        if decision.commands or self._must_be_kept(decision.memory, now):
            self._keep(decision.memory)
        self.memory = decision.memory
        if decision.commands:
            await self._send(decision)
            self.file.keep(self.memory)
            self._soon.set()
        return len(decision.commands)

    def _must_be_kept(self, after: Memory, now: float) -> bool:
        """What a restart has to know; and once in a step, how long machines have waited."""
        before = self.memory
        if any(
            getattr(before, part).keys() != getattr(after, part).keys() for part in ("ours", "low", "handled")
        ):  # fmt: skip
            return True
        return before.results != after.results or (bool(after.in_hand) and now - self._kept_at >= self._step_s)

    async def _send(self, decision: Decision) -> None:
        """So many at once; the memory may be a newer one by the time an answer comes."""
        gate = asyncio.Semaphore(AT_ONCE)
        orders = _Orders()

        async def one(command: Command) -> None:
            async with gate:
                if not self._still_wanted(command, orders):
                    note(self.memory, command, outcome=LAPSED, detail="overtaken", sent=False)
                    return
                target = self._target(command.machine)
                verb = commanding.Verb.LIMIT if command.verb in LEVELS else commanding.Verb(command.verb)
                try:
                    result = await send(verb, target, command.watts, adapter=self.adapter, limits=self._limits)
                except Exception as error:  # noqa: BLE001  (a driver that fails must not stop the others)
                    result = SwitchResult(target, Outcome.UNKNOWN, sent=True, detail=type(error).__name__)
                outcome = _OUTCOMES[result.outcome]
                note(self.memory, command, outcome=outcome, detail=result.detail, sent=result.sent)

        await asyncio.gather(*map(one, decision.commands))
        alone = sum(command.order is None for command in decision.commands)
        self.say(f"{len(decision.commands)} commands sent" + (f", {alone} of them by ourselves" if alone else ""))

    def _still_wanted(self, command: Command, orders: "_Orders | None" = None) -> bool:
        """While others were sent, time has passed, and a newer lease may have come."""
        memory, now = self.memory, self.clock()
        if memory.frozen or memory.lease is None or command.machine.id not in memory.lease.machines:
            return False
        if command.order is None:
            held = memory.lease.lowered if command.verb in LEVELS else memory.lease.off
            return not memory.holds(now) or command.machine.id not in held
        order = (orders or _Orders()).of(memory.lease).get(command.order)
        return order is not None and now * 1000 + memory.offset_ms < order.expires_at and memory.holds(now)


class _Orders:
    """The orders of a lease by their numbers, found once for thousands of commands."""

    def __init__(self) -> None:
        self._lease: Lease | None = None
        self._known: dict[int, Order] = {}

    def of(self, lease: Lease) -> dict[int, Order]:
        """Of the one in force now."""
        if lease is not self._lease:
            self._lease, self._known = lease, {one.id: one for one in lease.orders}
        return self._known


def names_of(keys: Sequence[str]) -> dict[str, bytes]:
    """Pinned public keys by their names, from base64."""
    raw = [base64.b64decode(one) for one in keys]
    return {key_name(one): one for one in raw}
