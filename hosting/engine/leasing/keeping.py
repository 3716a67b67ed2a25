"""What a device does with its lease: takes newer ones, carries out orders, and alone returns machines by itself.

A function of what it remembers (``Memory``), what its machines said (``Sight``) and the boot clock; it knows no clock,
no file and no network. Whoever calls it keeps the memory *before* a command leaves, so that a kill at any moment leaves
at worst an order of which nobody knows whether it was sent: such an order is never sent again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from hosting.engine.leasing.document import Lease, Machine, Order, Safe, Sealed, Verb
from hosting.engine.leasing.memory import LAPSED, NEVER, OPEN, REFUSED, Memory, Own, Result, Spent

FRESH_S = 120.0  # an older reading says nothing (TRUST I8)
CALM = 3  # readings in which a machine that was told to pause runs, until nobody cares for it any more
MOST_TRIES = 3
LONGEST_WAIT_STEPS = 5


@dataclass(frozen=True, slots=True)
class Sight:
    """What a machine said, and when by the boot clock. Neither ``on`` nor ``off``: nobody knows what it does."""

    at: float
    on: bool
    off: bool
    power_w: int | None = None
    chip_c: float | None = None
    inlet_c: float | None = None


@dataclass(frozen=True, slots=True)
class Command:
    """To one machine, to be sent now. ``order`` is None for what the device does by itself."""

    machine: Machine
    verb: Verb
    order: int | None


@dataclass(frozen=True, slots=True)
class Decision:
    """Commands, and the memory that has to be kept before the first of them is sent."""

    commands: tuple[Command, ...]
    memory: Memory


@dataclass
class _Work:
    """A decision in the making."""

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
            self.spend(one)

    def spend(self, one: Spent) -> None:
        """Count what was switched within the step."""
        if one.up:
            self.up_w += one.watts
            self.groups[one.group] = self.groups.get(one.group, 0) + one.watts
        else:
            self.down_w += one.watts

    def sight(self, machine: str) -> Sight | None:
        """A reading that counts: fresh, and newer than the last command."""
        seen = self.sights.get(machine)
        own = self.memory.ours.get(machine)
        if seen is None or not 0 <= self.now - seen.at < FRESH_S or (own is not None and seen.at <= own.told_at):
            return None
        return seen

    def is_hot(self, seen: Sight) -> bool:
        """What nobody measures holds nothing up."""
        limits = self.lease.limits
        return (seen.chip_c is not None and seen.chip_c > limits.chip_c) or (
            seen.inlet_c is not None and seen.inlet_c > limits.inlet_c
        )

    def has_room(self, machine: Machine) -> bool:
        """Whether it may be switched on now."""
        behind = self.groups.get(machine.group, 0) + machine.draw_w
        return self.up_w + machine.draw_w <= self.lease.ramp.up_w and behind <= self.lease.ramp.group_up_w

    def do(self, machine: Machine, verb: Verb, order: int | None, seen: Sight) -> None:
        """Note the command as sent, then let it be sent."""
        memory, on = self.memory, verb is Verb.RESUME
        own = memory.ours.setdefault(machine.id, Own())
        own.tries = own.tries + 1 if own.resumed is on and own.told_at > NEVER else 1
        if verb is Verb.PAUSE:
            own.paused_at = self.now if own.tries == 1 or own.resumed else own.paused_at
        own.told_at, own.resumed, own.calm = self.now, on, 0
        own.next_at = self.now + self.lease.step_s * min(2 ** max(0, own.tries - MOST_TRIES), LONGEST_WAIT_STEPS)
        memory.spent.append(Spent(self.now, machine.draw_w, machine.group, on))
        self.spend(memory.spent[-1])
        if order is not None:
            memory.results[order] = Result(order, machine.id, OPEN, self.now, seen.power_w)
        self.commands.append(Command(machine, verb, order))


def accept(memory: Memory, sealed: Sealed, lease: Lease, *, asked_at: float) -> Memory:
    """The memory with a newer lease. ``asked_at``: boot clock when it was asked for; it was signed later than that.

    Machines it does not name are nobody's affair here any more; those it says were switched off by us are ours.
    """
    after = memory.copy()
    after.counter, after.sealed, after.lease = lease.counter, sealed, lease
    after.ends_at = asked_at + (lease.expires_at - lease.now) / 1000
    after.offset_ms = lease.now - asked_at * 1000
    after.ours = {name: own for name, own in after.ours.items() if name in lease.machines}
    for name in lease.off:
        after.ours.setdefault(name, Own())
    return after


def decide(memory: Memory, sights: Mapping[str, Sight], *, now: float) -> Decision:
    """What to send now. Under the kill switch nothing, with a lease its orders, alone what returns machines."""
    after = memory.copy()
    lease = after.lease
    if lease is None:
        return Decision((), after)
    after.spent = [one for one in after.spent if one.at > now - lease.step_s]
    after.handled = {key: until for key, until in after.handled.items() if until > now}
    work = _Work(now, after, lease, sights)
    _measure_after(work)
    if after.frozen:
        return Decision((), after)
    if now < after.ends_at:
        for order in lease.orders:
            _carry_out(work, order)
        _let_go(work)
    else:
        _return(work)
    return Decision(tuple(work.commands), after)


def _measure_after(work: _Work) -> None:
    """What machines draw after their orders, while the server has not heard of them."""
    for result in work.memory.results.values():
        seen = work.sights.get(result.machine)
        if result.after_w is None and result.sent_at is not None and seen is not None and seen.at > result.sent_at:
            result.after_w = seen.power_w


# --- with the server -------------------------------------------------------------------------------------------------
def _carry_out(work: _Work, order: Order) -> None:
    """Once, in its window, if the machine is as the order takes it to be."""
    memory, server_now = work.memory, work.now * 1000 + work.memory.offset_ms
    if order.id in memory.handled or server_now < order.not_before:
        return
    machine = work.lease.machines[order.machine]
    until = work.now + max(0.0, (order.expires_at - server_now) / 1000) + 2 * work.lease.step_s
    seen, why = work.sight(order.machine), ""
    if seen is None:
        why = "no reading"
    elif order.verb is Verb.PAUSE and not seen.on:
        why = "it rests already" if seen.off else "nobody knows what it does"
    elif order.verb is Verb.RESUME and not seen.off:
        why = "it runs already" if seen.on else "nobody knows what it does"
    elif order.verb is Verb.RESUME and order.machine not in memory.ours:
        why = "it was not switched off by us"
    elif order.verb is Verb.RESUME and work.is_hot(seen):
        why = "too hot to start"
    elif order.verb is Verb.RESUME and not work.has_room(machine):
        why = "no room in the ramp"
    if server_now >= order.expires_at:
        memory.handled[order.id] = until
        memory.results[order.id] = Result(order.id, order.machine, LAPSED, detail=why or "heard of too late")
    elif not why and seen is not None:
        memory.handled[order.id] = until
        work.do(machine, order.verb, order.id, seen)
    elif why in ("it rests already", "it runs already", "it was not switched off by us"):
        memory.handled[order.id] = until
        memory.results[order.id] = Result(order.id, order.machine, REFUSED, detail=why)


def _let_go(work: _Work) -> None:
    """What runs and is not among the machines that are off for the server is given back; what rests is an orphan.

    An orphan was switched off by us, and the server believes that it runs, or knows nothing of it any more: nobody but
    us will ever start it.
    """
    for name in [name for name in work.memory.ours if name not in work.lease.off]:
        machine, seen, own = work.lease.machines[name], work.sight(name), work.memory.ours[name]
        _count_calm(own, seen)
        if seen is not None and seen.on and (own.resumed or own.calm >= CALM):
            del work.memory.ours[name]
        elif seen is not None and seen.off and _may_start(work, machine, own, seen):
            work.do(machine, Verb.RESUME, None, seen)


# --- alone -----------------------------------------------------------------------------------------------------------
def _return(work: _Work) -> None:
    """Each machine to its safe state: as it is or off for as long as its contract says, then running, by the ramp."""
    ranked = sorted(work.memory.ours, key=lambda name: (-work.lease.machines[name].rank, name))
    for name in ranked:
        machine, own = work.lease.machines[name], work.memory.ours[name]
        seen = work.sight(name)
        stays = machine.safe is not Safe.RUN and work.now < work.memory.ends_at + machine.safe_s
        _count_calm(own, seen)
        if seen is None:
            continue
        if seen.on and stays and machine.safe is Safe.CURTAIL and not own.resumed:
            if work.now >= own.next_at and work.down_w + machine.draw_w <= work.lease.ramp.down_w:
                work.do(machine, Verb.PAUSE, None, seen)
        elif seen.on and (own.resumed or (not stays and own.calm >= CALM)):
            del work.memory.ours[name]
        elif seen.off and not stays and _may_start(work, machine, own, seen):
            work.do(machine, Verb.RESUME, None, seen)


def _may_start(work: _Work, machine: Machine, own: Own, seen: Sight) -> bool:
    if work.is_hot(seen) or work.now < own.paused_at + work.lease.limits.min_off_s:
        return False
    if own.resumed and work.now < own.next_at:
        return False
    return work.has_room(machine)


def _count_calm(own: Own, seen: Sight | None) -> None:
    """Readings are counted, each once."""
    if seen is None or seen.at <= own.seen_at:
        return
    own.calm = own.calm + 1 if seen.on else 0
    own.seen_at = seen.at


# --- afterwards ------------------------------------------------------------------------------------------------------
def note(memory: Memory, command: Command, *, outcome: str, detail: str, sent: bool) -> None:
    """What came of a command. The machine stays ours, and the ramp's room stays taken, whatever came of it."""
    result = memory.results.get(command.order) if command.order is not None else None
    if result is not None:
        result.outcome, result.detail = outcome, detail[:200]
        if not sent:
            result.sent_at = None


def heard(memory: Memory, orders: Sequence[int], *, now: float) -> Memory:
    """The server knows what came of these; what a machine draws afterwards is told as well, when it is known."""
    after, step_s = memory.copy(), memory.lease.step_s if memory.lease is not None else 0
    for order in orders:
        result = after.results.get(order)
        waits = result is not None and result.after_w is None and result.sent_at is not None
        if result is not None and not (waits and now < (result.sent_at or now) + 2 * step_s):
            del after.results[order]
    return after
