"""The commands of a device, checked once more before any of them is sent; without the arithmetic that made them."""

from collections.abc import Mapping, Sequence

from hosting.engine.leasing.document import Lease, Order, Safe, Verb
from hosting.engine.leasing.memory import Memory
from hosting.engine.leasing.work import Command, Sight


def broken(commands: Sequence[Command], before: Memory, sights: Mapping[str, Sight], *, now: float) -> list[str]:
    """What they would break, in words for the log; empty when they may be sent. ``before``: the memory before them."""
    lease = before.lease
    if not commands:
        return []
    if lease is None:
        return ["I1: commands without a lease"]
    found = ["I10: commands under the kill switch"] if before.frozen else []
    told: set[str] = set()
    orders: dict[int | None, Order] = {order.id: order for order in lease.orders}
    for one in commands:
        name = one.machine.id
        if name in told:
            found.append(f"I3: {name} is told twice")
        told.add(name)
        if lease.machines.get(name) != one.machine:
            found.append(f"I1: {name} is not in the lease")
        seen = sights.get(name)
        if seen is None or now - seen.at >= 120 or seen.at > now:
            found.append(f"I8: {name} has no reading of the last 120 s")
        elif one.verb is Verb.RESUME and not seen.off:
            found.append(f"I3: {name} is told to run and is not seen off")
        elif one.verb is Verb.LIMIT:
            found += _limit(one, before, seen)
        elif one.verb is Verb.LIFT:
            found += _lift(one, before, seen)
        found += _alone(one, before, lease, now) if one.order is None else _ordered(one, before, orders, now)
        if one.verb is Verb.RESUME:
            found += _start(one, before, lease, seen)
    return found + _ramp(commands, before, sights, lease, now)


def _ordered(one: Command, before: Memory, orders: Mapping[int | None, Order], now: float) -> list[str]:
    order = orders.get(one.order)
    said = None if order is None else (order.machine, order.verb, order.watts)
    if order is None or said != (one.machine.id, one.verb, one.watts):
        return [f"I1: {one.machine.id} is told what nobody ordered"]
    server_now = now * 1000 + before.offset_ms
    if now >= before.ends_at or not order.not_before <= server_now < order.expires_at:
        return [f"I2: the order to {one.machine.id} is out of its time"]
    return [f"I3: the order to {one.machine.id} was dealt with before"] if order.id in before.handled else []


def _alone(one: Command, before: Memory, lease: Lease, now: float) -> list[str]:
    machine = one.machine
    kept = {Verb.RESUME: lease.off, Verb.LIFT: lease.lowered}.get(one.verb)
    low = before.low.get(machine.id)
    if now < before.ends_at:
        is_orphan = kept is not None and machine.id not in kept
        return [] if is_orphan else [f"I1: {machine.id} is told by nobody while the lease holds"]
    may_stay = machine.safe is not Safe.RUN and now < before.ends_at + machine.safe_s
    keeps_down = may_stay and machine.safe is Safe.CURTAIL
    if one.verb is Verb.PAUSE and not (keeps_down and machine.id in before.ours):
        return [f"I1: {machine.id} is paused by nobody's word"]
    if one.verb is Verb.LIMIT and not (keeps_down and low is not None and low.limit_w == one.watts):
        return [f"I1: {machine.id} is limited by nobody's word"]
    if kept is not None and may_stay:
        return [f"{machine.id} leaves its safe state {machine.safe} too early"]
    return []


def _limit(one: Command, before: Memory, seen: Sight) -> list[str]:
    """Only who runs and says what it keeps to now: that is what it gets back."""
    low, name = before.low.get(one.machine.id), one.machine.id
    if not seen.on or not seen.limit_w:
        return [f"I8: {name} does not say its limit, or does not run"]
    if not 0 < one.watts < seen.limit_w:
        return [f"I3: {name} is limited to {one.watts} W and keeps to {seen.limit_w} W"]
    if low is not None and one.watts > low.before_w:
        return [f"I5: {name} is limited to {one.watts} W and had {low.before_w} W before"]
    return []


def _lift(one: Command, before: Memory, seen: Sight) -> list[str]:
    """Only whom we have limited, never above what it had; who is off for us runs again first."""
    low, name = before.low.get(one.machine.id), one.machine.id
    if low is None:
        return [f"I5: {name} was not limited by us"]
    found = [f"I5: {name} is lifted and is off for us"] if name in before.ours and not seen.on else []
    if one.watts > low.before_w or (one.order is None and one.watts != low.before_w):
        found.append(f"I5: {name} is lifted to {one.watts} W and had {low.before_w} W before")
    return found


def _start(one: Command, before: Memory, lease: Lease, seen: Sight | None) -> list[str]:
    found = [] if one.machine.id in before.ours else [f"I5: {one.machine.id} was not switched off by us"]
    chip, inlet = (None, None) if seen is None else (seen.chip_c, seen.inlet_c)
    if (chip or 0.0) > lease.limits.chip_c or (inlet or 0.0) > lease.limits.inlet_c:
        found.append(f"I7: {one.machine.id} is too hot to start")
    return found


def _ramp(
    commands: Sequence[Command], before: Memory, sights: Mapping[str, Sight], lease: Lease, now: float
) -> list[str]:
    """I4: with what was started in the step that is not over yet."""
    started = [(one.group, one.watts) for one in before.spent if one.up and now - one.at < lease.step_s]
    new = [(one.machine.group, _rise(one, before, sights)) for one in commands if one.verb in (Verb.RESUME, Verb.LIFT)]
    if not new:
        return []
    started += new
    most = lease.ramp.up_w
    found = []
    if sum(watts for _group, watts in started) > most:
        found.append(f"I4: {sum(watts for _group, watts in started)} W are started in a step, {most} are allowed")
    for group in sorted({group for group, _watts in new}):
        watts = sum(w for g, w in started if g == group)
        if watts > lease.ramp.group_up_w:
            found.append(f"I4: {watts} W behind breaker {group}, {lease.ramp.group_up_w} are allowed")
    return found


def _rise(one: Command, before: Memory, sights: Mapping[str, Sight]) -> int:
    """How much more a machine draws after it, in watts; from what it says or was told, the lower one."""
    draw, seen, low = one.machine.draw_w, sights.get(one.machine.id), before.low.get(one.machine.id)
    if one.verb is Verb.RESUME:
        return draw
    said = draw if seen is None or not seen.limit_w else seen.limit_w
    told = draw if low is None else low.limit_w
    return max(0, min(draw, one.watts) - min(draw, said, told))
