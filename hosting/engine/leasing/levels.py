"""Limits of power on a device: what the server orders, and what the device gives back by itself.

The same rules as in the server's control (ADR 0024): what a machine had is read from it before the first limit, and
kept; it is never told more; it is back when it is seen there; what was paused runs again first, and is lifted then.
"""

from hosting.engine.leasing.document import Machine, Order, Safe, Verb
from hosting.engine.leasing.memory import Low
from hosting.engine.leasing.work import CALM, Sight, Work

SAME = 0.99  # a machine that says so much of its earlier limit is back at it: firmwares round


def why_not(work: Work, order: Order, seen: Sight) -> tuple[str, bool]:
    """Why an order about a limit is not carried out now, and whether it never will be; empty: it may."""
    return _why_not_limit(work, order, seen) if order.verb is Verb.LIMIT else _why_not_lift(work, order, seen)


def _why_not_limit(work: Work, order: Order, seen: Sight) -> tuple[str, bool]:
    own, low = work.memory.ours.get(order.machine), work.memory.low.get(order.machine)
    if not seen.on:
        return ("it does not run", True) if seen.off else ("nobody knows what it does", False)
    if own is not None and not own.resumed:
        return "it was told to pause", True
    if not seen.limit_w:
        return "it says no limit of its power", True
    if seen.limit_w * SAME <= order.watts:
        return "it keeps to no more already", True
    if low is not None and order.watts >= low.before_w * SAME:
        return "it had no more before", True
    return "", False


def _why_not_lift(work: Work, order: Order, seen: Sight) -> tuple[str, bool]:
    low = work.memory.low.get(order.machine)
    if low is None:
        return "it was not limited by us", True
    if order.watts > low.before_w:
        return "it had less before", True
    if order.machine in work.memory.ours:
        return "it is off for us", True
    if not seen.on and not seen.off:
        return "nobody knows what it does", False
    if seen.limit_w is not None and seen.limit_w >= order.watts:
        return "it keeps to so much already", True
    if not work.has_room(work.lease.machines[order.machine], _rise_w(work, order.machine, order.watts, seen)):
        return "no room in the ramp", False
    return "", False


def carry_out(work: Work, order: Order, seen: Sight) -> None:
    """An order that nothing speaks against."""
    machine = work.lease.machines[order.machine]
    if order.verb is Verb.LIMIT:
        moves_w = max(0, machine.draw_w - order.watts)
    else:
        moves_w = _rise_w(work, order.machine, order.watts, seen)
    work.limit(machine, order.verb, order.watts, order.id, seen, moves_w=moves_w)


def let_go(work: Work) -> None:
    """With a lease: what the server does not hold lower any more has its limit back, or gets it back from us."""
    for name in [name for name in work.memory.low if name not in work.lease.lowered]:
        _give_back(work, name)


def give_back(work: Work) -> None:
    """Alone: each to the safe state of its contract, then to what it had, the most efficient first."""
    for name in sorted(work.memory.low, key=lambda name: (-work.lease.machines[name].rank, name)):
        machine, low, seen = work.lease.machines[name], work.memory.low[name], work.sight(name)
        stays = machine.safe is not Safe.RUN and work.now < work.memory.ends_at + machine.safe_s
        if not stays or low.lifted:
            _give_back(work, name, may_lift=not stays)
        elif machine.safe is Safe.CURTAIL and seen is not None:
            _again(work, machine, low, seen)


def _again(work: Work, machine: Machine, low: Low, seen: Sight) -> None:
    """One that has forgotten our limit is told again, as one that started by itself is paused again."""
    forgot = seen.on and seen.limit_w is not None and seen.limit_w * SAME > low.limit_w
    gain_w = max(0, machine.draw_w - low.limit_w)
    if forgot and machine.id not in work.memory.ours and work.now >= low.next_at and work.may_lower(gain_w):
        work.limit(machine, Verb.LIMIT, low.limit_w, None, seen, moves_w=gain_w)


def _give_back(work: Work, name: str, *, may_lift: bool = True) -> None:
    """Over when it is seen at what it had; whoever says no limit any more is lifted blindly, again and again."""
    machine, low, seen = work.lease.machines[name], work.memory.low[name], work.sight(name)
    if seen is None or name in work.memory.ours or not (seen.on or seen.off):
        return
    is_back = seen.limit_w is not None and seen.limit_w >= SAME * low.before_w
    if seen.at > low.seen_at:  # readings are counted, each once
        low.calm, low.seen_at = (low.calm + 1 if is_back else 0), seen.at
    if is_back and (low.lifted or low.calm >= CALM):
        del work.memory.low[name]
        return
    rise_w = _rise_w(work, name, low.before_w, seen)
    may_lift &= not low.lifted or work.now >= low.next_at
    if may_lift and not is_back and work.has_room(machine, rise_w):
        work.limit(machine, Verb.LIFT, low.before_w, None, seen, moves_w=rise_w)


def _rise_w(work: Work, name: str, watts: int, seen: Sight) -> int:
    """How much more it draws then: a slow machine tells of the minutes before, and may be as low as it was told."""
    draw, low = work.lease.machines[name].draw_w, work.memory.low[name]
    return max(0, min(draw, watts) - min(draw, seen.limit_w or draw, low.limit_w))
