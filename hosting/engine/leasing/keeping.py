"""What a device does with its lease: takes newer ones, carries out orders, and alone returns machines by itself.

A function of what it remembers (``Memory``), what its machines said (``Sight``) and the boot clock; it knows no clock,
no file and no network. Whoever calls it keeps the memory *before* a command leaves, so that a kill at any moment leaves
at worst an order of which nobody knows whether it was sent: such an order is never sent again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hosting.engine.leasing import levels
from hosting.engine.leasing.document import LEVELS, Lease, Machine, Order, Safe, Sealed, Verb
from hosting.engine.leasing.memory import LAPSED, REFUSED, Low, Memory, Own, Result
from hosting.engine.leasing.work import CALM, Command, Sight, Work


@dataclass(frozen=True, slots=True)
class Decision:
    """Commands, and the memory that has to be kept before the first of them is sent."""

    commands: tuple[Command, ...]
    memory: Memory


def accept(memory: Memory, sealed: Sealed, lease: Lease, *, asked_at: float) -> Memory:
    """The memory with a newer lease. ``asked_at``: boot clock when it was asked for; it was signed later than that.

    Machines it does not name are nobody's affair here any more; those it says were switched off, or limited, by us are
    ours. What we have read ourselves of what a machine had outranks what the server believes.
    """
    after = memory.copy()
    after.counter, after.sealed, after.lease = lease.counter, sealed, lease
    after.ends_at = asked_at + (lease.expires_at - lease.now) / 1000
    after.offset_ms = lease.now - asked_at * 1000
    after.ours = {name: own for name, own in after.ours.items() if name in lease.machines}
    for name in lease.off:
        after.ours.setdefault(name, Own())
    after.low = {name: low for name, low in after.low.items() if name in lease.machines}
    for name, told in lease.low.items():
        after.low.setdefault(name, Low(told.before_w, told.limit_w))
    return after


def decide(memory: Memory, sights: Mapping[str, Sight], *, now: float) -> Decision:
    """What to send now. Under the kill switch nothing, with a lease its orders, alone what returns machines."""
    after = memory.copy()
    lease = after.lease
    if lease is None:
        return Decision((), after)
    after.spent = [one for one in after.spent if one.at > now - lease.step_s]
    after.handled = {key: until for key, until in after.handled.items() if until > now}
    work = Work(now, after, lease, sights)
    _measure_after(work)
    if after.frozen:
        return Decision((), after)
    if now < after.ends_at:
        for order in lease.orders:
            _carry_out(work, order)
        _let_go(work)
        levels.let_go(work)
    else:
        _return(work)
        levels.give_back(work)
    return Decision(tuple(work.commands), after)


def _measure_after(work: Work) -> None:
    """What machines draw after their orders, while the server has not heard of them."""
    for result in work.memory.results.values():
        seen = work.sights.get(result.machine)
        if result.after_w is None and result.sent_at is not None and seen is not None and seen.at > result.sent_at:
            result.after_w = seen.power_w


# --- with the server -------------------------------------------------------------------------------------------------
def _carry_out(work: Work, order: Order) -> None:
    """Once, in its window, if the machine is as the order takes it to be."""
    memory, server_now = work.memory, work.now * 1000 + work.memory.offset_ms
    if order.id in memory.handled or server_now < order.not_before:
        return
    machine = work.lease.machines[order.machine]
    until = work.now + max(0.0, (order.expires_at - server_now) / 1000) + 2 * work.lease.step_s
    seen = work.sight(order.machine)
    why, for_good = ("no reading", False) if seen is None else _why_not(work, machine, order, seen)
    if server_now >= order.expires_at:
        memory.handled[order.id] = until
        memory.results[order.id] = Result(order.id, order.machine, LAPSED, detail=why or "heard of too late")
    elif not why and seen is not None:
        memory.handled[order.id] = until
        if order.verb in LEVELS:
            levels.carry_out(work, order, seen)
        else:
            work.switch(machine, order.verb, order.id, seen)
    elif for_good:
        memory.handled[order.id] = until
        memory.results[order.id] = Result(order.id, order.machine, REFUSED, detail=why)


def _why_not(work: Work, machine: Machine, order: Order, seen: Sight) -> tuple[str, bool]:
    """Why an order is not carried out now, and whether it never will be; empty: it may."""
    if order.verb in LEVELS:
        return levels.why_not(work, order, seen)
    if order.verb is Verb.PAUSE:
        if seen.on:
            return "", False
        return ("it rests already", True) if seen.off else ("nobody knows what it does", False)
    if not seen.off:
        return ("it runs already", True) if seen.on else ("nobody knows what it does", False)
    if order.machine not in work.memory.ours:
        return "it was not switched off by us", True
    if work.is_hot(seen):
        return "too hot to start", False
    return ("", False) if work.has_room(machine, machine.draw_w) else ("no room in the ramp", False)


def _let_go(work: Work) -> None:
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
            work.switch(machine, Verb.RESUME, None, seen)


# --- alone -----------------------------------------------------------------------------------------------------------
def _return(work: Work) -> None:
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
            if work.now >= own.next_at and work.may_lower(machine.draw_w):
                work.switch(machine, Verb.PAUSE, None, seen)
        elif seen.on and (own.resumed or (not stays and own.calm >= CALM)):
            del work.memory.ours[name]
        elif seen.off and not stays and _may_start(work, machine, own, seen):
            work.switch(machine, Verb.RESUME, None, seen)


def _may_start(work: Work, machine: Machine, own: Own, seen: Sight) -> bool:
    if work.is_hot(seen) or work.now < own.paused_at + work.lease.limits.min_off_s:
        return False
    if own.resumed and work.now < own.next_at:
        return False
    return work.has_room(machine, machine.draw_w)


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
