"""Chooses the way to a machine: our own adapter where we know its dialect, the library where we do not."""

from hosting.clients.adapter import Identity, MachineAdapter, ReadResult, SwitchResult, Target
from hosting.clients.limits import DEFAULT, Limits, Trouble
from hosting.clients.own import OwnAdapter
from hosting.clients.pyasic_machines import PREFIX, PyasicAdapter
from hosting.engine.machines.dialects import UNKNOWN

_NOBODY = frozenset({Trouble.UNREACHABLE, Trouble.TIMEOUT, Trouble.TOO_LONG})


class Machines:
    """Itself an adapter, and the one to use."""

    name = "machines"

    def __init__(self, own: MachineAdapter | None = None, library: MachineAdapter | None = None) -> None:
        self._own = own or OwnAdapter()
        self._library = library or PyasicAdapter()

    async def identify(self, target: Target, *, limits: Limits = DEFAULT) -> Identity:
        """Our own bounded reader looks first; only what it does not know is shown to the library."""
        found = await self._own.identify(target, limits=limits)
        known = found.is_machine and found.dialect != UNKNOWN.name
        if known or found.trouble in _NOBODY:
            return found
        second = await self._library.identify(target, limits=limits)
        return second if second.is_machine else found

    async def read(self, target: Target, *, limits: Limits = DEFAULT) -> ReadResult:
        """What it says now; the dialect says whom to ask."""
        return await self._of(target).read(target, limits=limits)

    async def pause(self, target: Target, *, limits: Limits = DEFAULT) -> SwitchResult:
        """Stop hashing and stay reachable."""
        return await self._of(target).pause(target, limits=limits)

    async def resume(self, target: Target, *, limits: Limits = DEFAULT) -> SwitchResult:
        """Hash again."""
        return await self._of(target).resume(target, limits=limits)

    async def set_power_target(self, target: Target, watts: float, *, limits: Limits = DEFAULT) -> SwitchResult:
        """Take at most so many watts."""
        return await self._of(target).set_power_target(target, watts, limits=limits)

    def _of(self, target: Target) -> MachineAdapter:
        return self._library if target.dialect.startswith(PREFIX) else self._own
