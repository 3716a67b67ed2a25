"""Machines that exist in memory alone: an adapter for drills, by which nothing real is ever switched."""

from dataclasses import dataclass, field

from hosting.clients.adapter import Identity, Outcome, ReadResult, SwitchResult, Target
from hosting.clients.limits import DEFAULT, Limits
from hosting.engine.machines.reading import MiningState, PowerSource, Reading

IDLE_W = 15.0


@dataclass
class DryMachines:
    """So many watts each while they run; whoever was told to pause is off at once, and the other way round."""

    watts: float
    name: str = "dry"
    off: set[str] = field(default_factory=set)
    told: list[tuple[str, str]] = field(default_factory=list)

    async def identify(self, target: Target, *, limits: Limits = DEFAULT) -> Identity:
        """A machine that can be paused."""
        return Identity(target, dialect="luxos")

    async def read(self, target: Target, *, limits: Limits = DEFAULT) -> ReadResult:
        """What it does."""
        runs = target.key not in self.off
        reading = Reading(
            dialect="luxos", known=True, state=MiningState.MINING if runs else MiningState.PAUSED,
            power_w=self.watts if runs else IDLE_W, power_source=PowerSource.REPORTED,
            hashrate_ths=200.0 if runs else 0.0, chip_temp_max_c=60.0,
        )  # fmt: skip
        return ReadResult(target, reading=reading)

    async def pause(self, target: Target, *, limits: Limits = DEFAULT) -> SwitchResult:
        """Off."""
        self.off.add(target.key)
        return self._told(target, "pause")

    async def resume(self, target: Target, *, limits: Limits = DEFAULT) -> SwitchResult:
        """On."""
        self.off.discard(target.key)
        return self._told(target, "resume")

    async def set_power_target(self, target: Target, watts: float, *, limits: Limits = DEFAULT) -> SwitchResult:
        """Not possible."""
        return SwitchResult(target, Outcome.UNSUPPORTED, sent=False)

    def _told(self, target: Target, verb: str) -> SwitchResult:
        self.told.append((target.key, verb))
        return SwitchResult(target, Outcome.ACCEPTED, sent=True, detail="drill")
