"""The meters of an edge device: read over Modbus TCP, each in its interval, and stored like all that it reads."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from hosting.clients.edge_server import EdgeServer, ServerAway, ServerRefused
from hosting.clients.edge_store import EdgeStore
from hosting.clients.limits import DEFAULT, Limits
from hosting.clients.modbus import MeterShown, ModbusMeter, meter_of, read_meters

LIST_EVERY_S = 300.0
STEP_S = 1.0
NOT_KNOWN = 404  # a server of before there were meters


class MetersRefused(Exception):
    """The server knows the token no more."""


@dataclass(slots=True)
class MeterReader:
    """Reads the meters of one device and stores what they show; ``say`` takes lines for people."""

    server: EdgeServer
    store: EdgeStore
    say: Callable[[str], None]
    limits: Limits = DEFAULT
    _meters: list[tuple[ModbusMeter, float]] = field(default_factory=list)
    _due: dict[str, float] = field(default_factory=dict)
    _listed_at: float | None = None
    _troubles: dict[str, str] = field(default_factory=dict)

    async def run(self, stopping: asyncio.Event, sleep: Callable[[float], Awaitable[None]]) -> None:
        """Until ``stopping``. Raises MetersRefused."""
        while not stopping.is_set():
            await self.read_due()
            await sleep(STEP_S)

    async def read_due(self, *, all_of_them: bool = False) -> int:
        """Read the meters whose time has come, and store what they show; returns how many said something."""
        now = time.monotonic()
        if self._listed_at is None or now >= self._listed_at + LIST_EVERY_S:
            await self._list()
            self._listed_at = now
        due = [one for one, _interval in self._meters if all_of_them or now >= self._due.get(one.key, 0.0)]
        self._due |= {one.key: now + interval for one, interval in self._meters if one in due}
        shown = [one async for one in read_meters(due, limits=self.limits)]
        for one in shown:
            self._tell(one)
        told = [one for one in shown if one.power_kw is not None or one.register_kwh is not None]
        if told:
            moment = datetime.now(UTC)
            dropped = self.store.put(lambda batch_id: _batch(batch_id, told, moment), readings=len(told))
            if dropped:
                self.say(f"the file is full: {dropped} of the oldest readings were dropped")
        return len(told)

    async def _list(self) -> None:
        """The list of the server, or the last one while it is away."""
        try:
            listed = await asyncio.to_thread(self.server.meters)
            self.store.keep("meters", json.dumps(listed))
        except ServerAway as away:
            self.say(f"the server is away ({away}); reading the meters known")
            listed = json.loads(self.store.kept("meters") or "{}")
        except ServerRefused as refusal:
            if refusal.status != NOT_KNOWN:
                raise MetersRefused(str(refusal)) from refusal
            listed = {}
        self._meters = self._understood(listed.get("meters") or [])

    def _understood(self, listed: Sequence[Any]) -> list[tuple[ModbusMeter, float]]:
        """Those that are read over Modbus; one that is told badly does not keep the others from being read."""
        found = []
        for said in listed:
            try:
                if said["modbus"] is not None:
                    found.append((meter_of(said), float(said["interval_s"])))
            except (KeyError, TypeError, ValueError) as error:
                self.say(f"a meter is not understood: {error}")
        return found

    def _tell(self, one: MeterShown) -> None:
        """A trouble once, and that it is over."""
        before = self._troubles.get(one.key, "")
        if one.trouble != before:
            self._troubles[one.key] = one.trouble
            self.say(f"meter {one.key}: {one.trouble or 'well again'}")


def _batch(batch_id: str, shown: Sequence[MeterShown], moment: datetime) -> bytes:
    """As the server takes it. Decimals are written out: a register has more digits than a float."""
    rows = []
    for one in shown:
        figures = (("power_kw", one.power_kw), ("register_kwh", one.register_kwh))
        told = "".join(f',"{name}":{value:f}' for name, value in figures if value is not None)
        rows.append(f'{{"meter":{json.dumps(one.key)},"recorded_at":"{moment.isoformat()}"{told}}}')
    return f'{{"batch_id":{json.dumps(batch_id)},"readings":[{",".join(rows)}]}}'.encode()
