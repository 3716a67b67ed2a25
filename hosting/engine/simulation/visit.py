"""One request to one machine at one moment, and what a firmware may know while it answers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from hosting.engine.simulation.machine import Machine
from hosting.engine.simulation.reading import Reading, read


@dataclass(frozen=True, slots=True)
class World:
    """What all machines share: the date at second 0, and the password if it is not each maker's own."""

    epoch: float
    password: str | None = None


class Visit:
    """Machine, moment and world; the reading is taken once and only when asked for."""

    def __init__(self, machine: Machine, now: float, world: World, address: str) -> None:
        self.machine, self.now, self.world, self.address = machine, now, world, address
        machine.advance(now)

    @property
    def when(self) -> int:
        """Seconds since 1970, as firmwares write them."""
        return int(self.world.epoch + self.now)

    @cached_property
    def reading(self) -> Reading:
        """What the sensors say now."""
        return read(self.machine, self.now)

    def password(self, makers: str) -> str:
        """The password that is asked for."""
        return makers if self.world.password is None else self.world.password

    @property
    def serial(self) -> str:
        """A serial number of its own."""
        return f"SIM{self.machine.seed & 0xFFFFFFFFFFFF:012X}"

    @property
    def mac(self) -> str:
        """A locally administered MAC address of its own."""
        number = self.machine.index + 1
        return f"02:5A:{number >> 24 & 255:02X}:{number >> 16 & 255:02X}:{number >> 8 & 255:02X}:{number & 255:02X}"

    @property
    def worker(self) -> str:
        """The name it mines under."""
        return f"simulated.{self.machine.index:05d}"


@dataclass(frozen=True, slots=True)
class WebRequest:
    """One HTTP request."""

    method: str
    path: str
    headers: Mapping[str, str]  # names in lower case
    body: bytes


@dataclass(frozen=True, slots=True)
class WebAnswer:
    """One HTTP answer."""

    status: int = 200
    body: bytes = b""
    kind: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
