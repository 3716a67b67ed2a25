"""A decision of a device in the making: what its machines said, what it tells them, and the room that is left."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from hosting.engine.leasing.document import Lease, Machine, Verb
from hosting.engine.leasing.memory import NEVER, OPEN, Low, Memory, Own, Result, Spent

FRESH_S = 120.0  # an older reading says nothing (TRUST I8)
CALM = 3  # readings in which a machine is as it was before us, until nobody cares for it any more
MOST_TRIES = 3
LONGEST_WAIT_STEPS = 5


@dataclass(frozen=True, slots=True)
class Sight:
    """What a machine said, and when by the boot clock. Neither ``on`` nor ``off``: nobody knows what it does.

    ``limit_w``: the limit of power it keeps to; None: it says none, or takes none, and is never limited.
    """

    at: float
    on: bool
    off: bool
    power_w: int | None = None
    chip_c: float | None = None
    inlet_c: float | None = None
    limit_w: int | None = None


@dataclass(frozen=True, slots=True)
class Command:
    """To one machine, to be sent now. ``order`` is None for what the device does by itself; ``watts``: of a limit."""

    machine: Machine
    verb: Verb
    order: int | None
    watts: int = 0


@dataclass
class Work:
    """The memory after the decision, and what was decided so far; all powers in watts."""

    now: float
    memory: Memory
    lease: Lease
    sights: Mapping[str, Sight]
    commands: list[Command] = field(default_factory=list)
    up_w: int = 0
    down_w: int = 0
    groups: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for one in self.memory.spent:
            self._count(one)

    def _count(self, one: Spent) -> None:
        if one.up:
            self.up_w += one.watts
            self.groups[one.group] = self.groups.get(one.group, 0) + one.watts
        else:
            self.down_w += one.watts

    def sight(self, machine: str) -> Sight | None:
        """A reading that counts: fresh, and newer than the last command."""
        seen = self.sights.get(machine)
        told = [one.told_at for one in (self.memory.ours.get(machine), self.memory.low.get(machine)) if one is not None]
        if seen is None or not 0 <= self.now - seen.at < FRESH_S or any(seen.at <= moment for moment in told):
            return None
        return seen

    def is_hot(self, seen: Sight) -> bool:
        """What nobody measures holds nothing up."""
        limits = self.lease.limits
        return (seen.chip_c is not None and seen.chip_c > limits.chip_c) or (
            seen.inlet_c is not None and seen.inlet_c > limits.inlet_c
        )

    def has_room(self, machine: Machine, watts: int) -> bool:
        """Whether it may draw so much more now."""
        behind = self.groups.get(machine.group, 0) + watts
        return self.up_w + watts <= self.lease.ramp.up_w and behind <= self.lease.ramp.group_up_w

    def may_lower(self, watts: int) -> bool:
        """Whether so much may be taken off by the device itself now."""
        return self.down_w + watts <= self.lease.ramp.down_w

    def switch(self, machine: Machine, verb: Verb, order: int | None, seen: Sight) -> None:
        """Note the command as sent, then let it be sent."""
        memory, on = self.memory, verb is Verb.RESUME
        own = memory.ours.setdefault(machine.id, Own())
        own.tries = own.tries + 1 if own.resumed is on and own.told_at > NEVER else 1
        if verb is Verb.PAUSE:
            own.paused_at = self.now if own.tries == 1 or own.resumed else own.paused_at
        own.told_at, own.resumed, own.calm = self.now, on, 0
        own.next_at = self._next_at(own.tries)
        self._send(Command(machine, verb, order), machine.draw_w, on, seen)

    def limit(self, machine: Machine, verb: Verb, watts: int, order: int | None, seen: Sight, *, moves_w: int) -> None:
        """The same for a limit. What the machine had is kept with the first one that it is told, and never changed."""
        low = self.memory.low.get(machine.id)
        if low is None:  # whoever asks has seen to it that it says one
            low = self.memory.low[machine.id] = Low(before_w=seen.limit_w or 0, limit_w=watts)
        back = watts >= low.before_w
        again = low.told_at > NEVER and low.lifted is back and (back or low.limit_w == watts)
        low.tries = low.tries + 1 if again else 1
        low.limit_w = low.limit_w if back else watts  # it may be as low for minutes after it was told to go back
        low.told_at, low.lifted, low.calm = self.now, back, 0
        low.next_at = self._next_at(low.tries)
        self._send(Command(machine, verb, order, watts), moves_w, verb is Verb.LIFT, seen)

    def _next_at(self, tries: int) -> float:
        """Each further try waits longer; none is the last."""
        steps: int = min(2 ** max(0, tries - MOST_TRIES), LONGEST_WAIT_STEPS)
        return self.now + self.lease.step_s * steps

    def _send(self, command: Command, watts: int, up: bool, seen: Sight) -> None:
        self.memory.spent.append(Spent(self.now, watts, command.machine.group, up))
        self._count(self.memory.spent[-1])
        if command.order is not None:
            result = Result(command.order, command.machine.id, OPEN, self.now, seen.power_w)
            self.memory.results[command.order] = result
        self.commands.append(command)
