"""An edge device of a site: the collector's own code on a clock that is turned by hand, asking at the real door."""

import asyncio
import base64
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from accounts.models import User
from hosting.api.edge_lease import LeaseInput
from hosting.clients.adapter import ReadResult, SwitchResult, Target
from hosting.clients.lease_file import LeaseFile
from hosting.clients.lease_holder import LeaseHolder, names_of
from hosting.clients.limits import DEFAULT, Limits
from hosting.domain import edge, edge_leases, partitions
from hosting.domain.edge_leases import Question
from hosting.domain.lease_keys import public_keys
from hosting.domain.telemetry import store_readings
from hosting.engine.ingest.columns import columns_of
from hosting.engine.ingest.spans import microseconds
from hosting.engine.machines.reading import MiningState, PowerSource, Reading
from hosting.enums import ReadingSource
from hosting.models import EdgeDevice, Miner, Zone
from tests.curtailment.site import OWN_W, WATTS, Farm, Ground

PUBLIC_KEY = base64.b64encode(bytes(range(32))).decode()
BOOTED = 5_000.0


@dataclass
class Lan:
    """The farm as a device reaches it: by the public ids of machines."""

    farm: Farm
    keys: Mapping[str, str]
    name: str = "lan"

    async def identify(self, target: Target, *, limits: Limits = DEFAULT) -> Any:
        return await self.farm.identify(target, limits=limits)

    async def read(self, target: Target, *, limits: Limits = DEFAULT) -> ReadResult:
        heard = await self.farm.read(self._there(target), limits=limits)
        return replace(heard, target=target)

    async def pause(self, target: Target, *, limits: Limits = DEFAULT) -> SwitchResult:
        return await self.farm.pause(self._there(target), limits=limits)

    async def resume(self, target: Target, *, limits: Limits = DEFAULT) -> SwitchResult:
        return await self.farm.resume(self._there(target), limits=limits)

    async def set_power_target(self, target: Target, watts: float, *, limits: Limits = DEFAULT) -> SwitchResult:
        return await self.farm.set_power_target(self._there(target), watts, limits=limits)

    def _there(self, target: Target) -> Target:
        return replace(target, key=self.keys[target.key])


@dataclass
class Box:
    """A device with its folder. ``lines``: what it said to people."""

    ground: Ground
    device: EdgeDevice
    folder: Path
    keys: list[str]
    lines: list[str] = field(default_factory=list)
    boot: str = "first"
    wall: float = 1_000.0
    holder: Any = None

    def __post_init__(self) -> None:
        self.began = self.ground.now
        self.start()

    def clock(self) -> float:
        """Of its boot: as fast as the world's, and about something else."""
        return BOOTED + (self.ground.now - self.began).total_seconds()

    def start(self) -> None:
        """The collector, anew."""
        ids = {str(public): str(pk) for pk, public in Miner.objects.values_list("pk", "public_id")}
        file = LeaseFile(self.folder, clock=self.clock, wall=lambda: self.wall, boot=self.boot)
        no_server: Any = None
        self.holder = LeaseHolder(
            server=no_server, file=file, adapter=Lan(self.ground.farm, ids), say=self.lines.append,
            device=str(self.device.public_id), keys=names_of(self.keys), login=lambda _machine: None, pin=self._pin,
            clock=self.clock,
        )  # fmt: skip
        self.holder.begin()

    def _pin(self, keys: list[str]) -> None:
        self.keys = keys

    def send(self, body: dict[str, Any]) -> dict[str, Any]:
        """Through the form of the door; its lock is tried elsewhere."""
        form = LeaseInput(data=json.loads(json.dumps(body)))
        form.is_valid(raise_exception=True)
        said: Any = form.validated_data
        names = {one.name for one in fields(Question)}
        question = Question(**{name: value for name, value in said.items() if name in names and value is not None})
        answer = edge_leases.answer(self.device, question, at=self.ground.now)
        kept: dict[str, Any] = json.loads(json.dumps(answer))
        return kept

    def ask(self) -> dict[str, Any]:
        """A question and its answer; what it was told is taken."""
        challenge, asked_at = secrets.token_hex(16), self.clock()
        question, told = self.holder._question(challenge, asked_at)
        answer = self.send(question)
        for one in told:
            one.told = True
        self.holder._take(answer, challenge, asked_at)
        return answer

    def read(self) -> None:
        """Whoever is due, a moment ago."""
        lease = self.holder.memory.lease
        if lease is not None:
            asyncio.run(self.holder._read(list(lease.machines.values())))

    def act(self) -> int:
        """What is to be done now."""
        return asyncio.run(self.holder.act())

    def turn(self, *, asks: bool = True) -> int:
        """Read, ask, act and read again: what happens between two steps of the control."""
        self.ground.now += timedelta(seconds=2)
        self.read()
        if asks:
            self.ask()
        self.ground.now += timedelta(seconds=1)
        self.read()
        done = self.act()
        self.ground.now += timedelta(seconds=6)
        self.read()
        if asks:
            self.ask()
        return done


def box_at(ground: Ground, root: User, folder: Path, zone: Zone | None = None, serial: str = "E-1") -> Box:
    """Enrolled; it has asked once, so that its machines may be planned with."""
    made, code = edge.register_device(serial=serial, name=serial, site=ground.site, zone=zone, by=root, at=ground.now)
    edge.enrol(code, public_key=PUBLIC_KEY, at=ground.now)
    folder.mkdir(parents=True, exist_ok=True)
    box = Box(ground, made.reload(), folder, public_keys())
    box.ask()
    return box


def pushed(ground: Ground, *moments: datetime, said: float | None = OWN_W) -> None:
    """Readings of all machines as a device pushes them, with the limit that they keep to."""
    reading = Reading(
        dialect="luxos", known=True, state=MiningState.MINING, hashrate_ths=100.0, power_w=float(WATTS),
        power_source=PowerSource.REPORTED, power_target_w=said,
    )  # fmt: skip
    rows = [(one.pk, microseconds(at), reading) for at in moments for one in ground.miners]
    store_readings(columns_of(rows), source=ReadingSource.EDGE, at=max(moments), site=ground.site)


def throttling_box(ground: Ground, root: User, folder: Path) -> Box:
    """A device for all of the site, whose machines have said once to which limit they keep."""
    partitions.ensure_partitions(at=ground.now)
    for fake in ground.farm.machines.values():
        fake.limit_w = OWN_W
    pushed(ground, ground.now)
    return box_at(ground, root, folder)
