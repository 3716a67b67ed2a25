"""What the rest of the house knows of a machine: read it, say who it is, pause it, resume it, set its power.

Behind it stand our own readers and drivers (``own``) and the library ``pyasic_rs`` (``pyasic_machines``); ``machines``
chooses. Nothing here raises for what a machine does: each call returns what came of it.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from hosting.clients import cgminer, http_miner
from hosting.clients.limits import Limits, Trouble
from hosting.engine.machines.reading import Reading


@dataclass(frozen=True, slots=True)
class Credentials:
    """Passed in with each call, never kept, never guessed: without them no login is tried."""

    username: str = ""
    password: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Target:
    """Where a machine answers. ``dialect`` is what it was found to speak last time; empty means that it is asked.

    ``asks_limit``: the limit of power it keeps to is asked as well, where that is a question of its own.
    """

    address: str
    port: int = cgminer.PORT
    http_port: int = http_miner.PORT
    dialect: str = ""
    credentials: Credentials | None = None
    key: str = ""  # of the caller, handed back with the result
    asks_limit: bool = False


class Capability(StrEnum):
    """What can be done with a machine."""

    READ = "read"
    PAUSE = "pause"
    RESUME = "resume"
    SET_POWER_TARGET = "set_power_target"


READ_ONLY = frozenset({Capability.READ})
SWITCHABLE = frozenset({Capability.READ, Capability.PAUSE, Capability.RESUME})
ADJUSTABLE = SWITCHABLE | {Capability.SET_POWER_TARGET}
NOTHING: frozenset[Capability] = frozenset()


class Outcome(StrEnum):
    """What came of a command."""

    ACCEPTED = "accepted"  # the machine said so; whether it does so, the next reading tells
    REFUSED = "refused"  # the machine said no, or we did not send it (``sent``)
    UNSUPPORTED = "unsupported"
    UNKNOWN = "unknown"  # sent or not, nobody knows: read the machine before anything else


@dataclass(frozen=True, slots=True)
class SwitchResult:
    """Of one command; ``raw`` is the machine's own answer, cut and without secrets."""

    target: Target
    outcome: Outcome
    sent: bool
    detail: str = ""
    raw: str = ""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who answers at an address."""

    target: Target
    dialect: str = ""
    adapter: str = ""
    make: str | None = None
    model: str | None = None
    firmware: str | None = None
    firmware_version: str | None = None
    mac: str | None = None
    serial: str | None = None
    capabilities: frozenset[Capability] = NOTHING
    trouble: Trouble | None = None
    detail: str = ""
    raw: str = ""

    @property
    def is_machine(self) -> bool:
        """Somebody answered like a miner, known or not."""
        return bool(self.dialect)


@dataclass(frozen=True, slots=True)
class ReadResult:
    """Of one reading. Without a reading nothing is known of the machine; that is not zero."""

    target: Target
    reading: Reading | None = None
    trouble: Trouble | None = None
    detail: str = ""
    seconds: float = 0.0
    raw: str = ""  # kept where the dialect is unknown or an answer could not be read


class MachineAdapter(Protocol):
    """One way to speak to machines."""

    name: str

    async def identify(self, target: Target, *, limits: Limits = ...) -> Identity:
        """Who is there, and what can be done."""

    async def read(self, target: Target, *, limits: Limits = ...) -> ReadResult:
        """What it says now."""

    async def pause(self, target: Target, *, limits: Limits = ...) -> SwitchResult:
        """Stop hashing and stay reachable."""

    async def resume(self, target: Target, *, limits: Limits = ...) -> SwitchResult:
        """Hash again."""

    async def set_power_target(self, target: Target, watts: float, *, limits: Limits = ...) -> SwitchResult:
        """Take at most so many watts."""
