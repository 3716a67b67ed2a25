"""The collector around its lease: a device that is refused first brings back what it has switched off."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hosting.clients.adapter import Outcome, ReadResult, SwitchResult, Target
from hosting.clients.edge_collector import EdgeCollector, TokenRefused
from hosting.clients.edge_server import ServerAway, ServerRefused
from hosting.clients.edge_store import EdgeStore
from hosting.clients.lease_file import LeaseFile, boot_clock
from hosting.clients.lease_holder import LeaseHolder
from hosting.engine.leasing.document import Verb
from hosting.engine.leasing.keeping import Decision
from hosting.engine.leasing.memory import Memory
from hosting.engine.leasing.work import Command
from hosting.engine.machines.reading import MiningState, Reading
from tests.hosting.engine.test_leasing import KEYS, MACHINES, SERVER, with_lease


class Lan:
    """Machines by their key; those in ``off`` rest."""

    name = "lan"

    def __init__(self, off: set[str]) -> None:
        self.off = off
        self.told: list[tuple[str, str]] = []
        self.on_command: Callable[[], None] = lambda: None

    async def read(self, target: Target, **_limits: Any) -> ReadResult:
        state = MiningState.PAUSED if target.key in self.off else MiningState.MINING
        return ReadResult(target, reading=Reading(dialect="luxos", known=True, state=state, power_w=15.0))

    async def pause(self, target: Target, **_limits: Any) -> SwitchResult:
        return self._told(target, "pause")

    async def resume(self, target: Target, **_limits: Any) -> SwitchResult:
        return self._told(target, "resume")

    def _told(self, target: Target, verb: str) -> SwitchResult:
        self.told.append((target.key, verb))
        (self.off.add if verb == "pause" else self.off.discard)(target.key)
        self.on_command()
        return SwitchResult(target, Outcome.ACCEPTED, sent=True)


class Server:
    """Answers everything with the same trouble."""

    def __init__(self, trouble: Exception) -> None:
        self.trouble = trouble
        self.asked = 0

    def lease(self, _question: Any) -> Any:
        self.asked += 1
        raise self.trouble

    def machines(self) -> Any:
        raise self.trouble

    def meters(self) -> Any:
        raise self.trouble

    def push(self, _body: bytes) -> Any:
        raise self.trouble


def holder_of(folder: Path, server: Any, lan: Any, memory: Memory | None = None) -> LeaseHolder:
    file = LeaseFile(folder)
    if memory is not None:
        file.keep(memory)
    return LeaseHolder(server=server, file=file, adapter=lan, say=lambda _line: None, device="d", keys=KEYS,
                       login=lambda _name: None, pin=lambda _keys: None)  # fmt: skip


def collector_of(folder: Path, server: Any, lan: Any, memory: Memory) -> EdgeCollector:
    store = EdgeStore(folder / "w.sqlite3", most_bytes=10_000_000)
    return EdgeCollector(server, store, lan, lambda _line: None, holder=holder_of(folder, server, lan, memory))


def ended(step_s: int = 1) -> Memory:
    """A lease that was over a moment ago, with two machines off."""
    return with_lease(at=boot_clock() - 60.5, off=[0, 2], orders=[], step_s=step_s)


def test_a_refused_device_brings_its_machines_back_and_then_ends(tmp_path: Path) -> None:
    lan, server = Lan({"m0", "m1", "m2"}), Server(ServerRefused(401, "invalid_token", "no"))
    with pytest.raises(BaseExceptionGroup) as found:
        asyncio.run(asyncio.wait_for(collector_of(tmp_path, server, lan, ended()).run(), 20))
    assert {type(one) for one in found.value.exceptions} == {TokenRefused}
    assert lan.off == {"m1"}, "what was off before stays off"
    assert server.asked == 1


def test_while_the_server_is_away_it_asks_more_and_more_seldom(tmp_path: Path) -> None:
    server = Server(ServerAway("nobody"))
    holder = holder_of(tmp_path, server, Lan(set()), ended())
    waits = [0.0]
    for _ in range(9):
        waits.append(asyncio.run(holder._ask(waits[-1])))
    assert all(later > 0.9 for later in waits[1:])
    assert waits[-1] > 30
    assert max(waits) <= 60


def test_a_newer_lease_stops_what_was_about_to_be_sent(tmp_path: Path) -> None:
    lan = Lan({"m0", "m2"})
    holder = holder_of(tmp_path, Server(ServerAway("nobody")), lan, ended())
    holder.begin()
    command = Command(MACHINES[0], Verb.RESUME, None)
    assert holder._still_wanted(command)
    now = boot_clock()
    holder.memory = with_lease(holder.memory, at=now, off=[0, 2], orders=[], counter=6)
    assert not holder._still_wanted(command), "it is the server's again"
    assert not holder._still_wanted(replace(command, order=1)), "nobody orders that"
    order = [[1, 0, "resume", SERVER, SERVER + 10_000]]
    holder.memory = with_lease(holder.memory, at=now, off=[0, 2], orders=order, counter=7)
    assert holder._still_wanted(replace(command, order=1))
    holder.memory = with_lease(holder.memory, at=now - 11, off=[0, 2], orders=order, counter=8)
    assert not holder._still_wanted(replace(command, order=1)), "its time is over"
    holder.memory = with_lease(holder.memory, at=now, off=[0, 2], orders=order, frozen=True, counter=9)
    asyncio.run(holder._send(Decision((replace(command, order=1),), holder.memory)))
    assert lan.told == []


def test_what_would_break_a_rule_stops_the_device_and_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lan = Lan({"m0", "m2"})
    holder = holder_of(tmp_path, Server(ServerAway("nobody")), lan, ended())
    holder.begin()
    asyncio.run(holder._read(MACHINES))
    monkeypatch.setattr("hosting.clients.lease_holder.decide", lambda memory, sights, now: Decision(
        (Command(MACHINES[1], Verb.RESUME, None),), memory))  # fmt: skip
    assert asyncio.run(holder.act()) == 0
    assert lan.told == []
    assert "I5" in holder._question("c", boot_clock())[0]["trouble"]


def test_on_the_disk_before_it_is_sent(tmp_path: Path) -> None:
    lan = Lan({"m0", "m2"})
    holder = holder_of(tmp_path, Server(ServerAway("nobody")), lan, ended())
    holder.begin()
    asyncio.run(holder._read(MACHINES))
    kept: list[Any] = []
    lan.on_command = lambda: kept.append(LeaseFile(tmp_path).load()[0].ours["m2"].resumed)
    assert asyncio.run(holder.act()) == 2
    assert kept == [True, True]
