"""One tick of the control of a site: what is wanted is compared with what is seen, within the budgets of its ramps.

The loop is a function of three things: facts and readings (``Seen``), the plans that may act (``PlanNow``), and what
was ordered before (``State``). It answers with orders and the state after them; whoever calls it keeps both *before*
an order is sent. So it does not matter where a process dies: what was sent and what was not is read from the machines
at the next tick, never remembered.

All times are seconds of one clock (since 1970), all powers are watts, all arrays have one place per machine.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from curtailment.engine.values import (
    NEVER,
    Action,
    Decision,
    End,
    Integers,
    Mask,
    Order,
    PlanNow,
    Progress,
    Rules,
    Seen,
    Spent,
    State,
)


def tick(
    now: float, seen: Seen, plans: Sequence[PlanNow], state: State, rules: Rules, *, frozen: bool = False
) -> Decision:
    """One tick. ``frozen``: the kill switch is set; nothing is ordered, everything stays as it is (TRUST I10)."""
    after = _aged(state, now, rules)
    look = _look(now, seen, after, rules)
    active = [plan for plan in plans if plan.starts_at <= now < plan.ends_at]
    wanted = np.zeros(len(seen.at), bool)
    chosen: list[tuple[PlanNow, Integers]] = []
    progress = []
    for plan in active:
        ask, hold, told = _choose(plan, seen, after, look, now, rules)
        wanted[hold] = True
        chosen.append((plan, ask))
        progress.append(told)
    given_back = _give_back(after, seen, look, wanted, rules)
    for plan in active:  # what another plan took and this one still wants is its own from now on
        mine = plan.order[after.touched[plan.order] & wanted[plan.order]]
        orphaned = mine[~np.isin(after.by[mine], [one.key for one in active])]
        after.by[orphaned] = plan.key
    if frozen:
        return Decision((), given_back, tuple(progress), (), (), (), after)
    orders: list[Order] = []
    held = _pause(orders, chosen, seen, after, now, rules)
    hot, too_big = _resume(orders, seen, after, look, wanted, now, rules)
    after.spent = (*after.spent, _spent(orders, seen))
    return Decision(tuple(orders), given_back, tuple(progress), tuple(held), hot, too_big, after)


@dataclass(frozen=True, slots=True)
class _Look:
    """Readings as evidence: ``on`` and ``off`` are fresh and newer than the last order.

    ``open``: that order may still be sent.
    """

    on: Mask
    off: Mask
    open: Mask
    fresh: Mask


def _aged(state: State, now: float, rules: Rules) -> State:
    """What was switched is a tick older. When the clock was set back, all that was noted moves back with it."""
    after = state.copy()
    passed = max(0.0, now - state.at)
    after.spent = tuple(
        replace(one, age_s=one.age_s + passed) for one in state.spent if one.age_s + passed < rules.step_s
    )
    after.at = now
    back = state.at - now
    if back > 0:
        for moments in (after.sent_at, after.open_until, after.next_at, after.paused_at, after.resumed_at):
            moments -= back
    return after


def _look(now: float, seen: Seen, state: State, rules: Rules) -> _Look:
    fresh = (seen.at > now - rules.fresh_s) & (seen.at <= now)
    answered = fresh & (seen.at > state.sent_at)  # what was said before the newest order says nothing of it
    return _Look(answered & seen.on, answered & seen.off, state.open_until >= now, fresh)


def _choose(
    plan: PlanNow, seen: Seen, state: State, look: _Look, now: float, rules: Rules
) -> tuple[Integers, Integers, Progress]:
    """Which machines to ask for the plan now, which to hold off, and how far it is."""
    order = plan.order
    touched, locked = state.touched[order], seen.locked[order]
    off = touched & look.off[order] & ~locked
    told_to_pause = touched & ~state.resumed[order] & ~look.off[order] & ~locked
    pending = told_to_pause & look.open[order]
    silent = told_to_pause & ~look.open[order] & ~look.on[order] & (now < state.open_until[order] + rules.step_s)
    given_up = (state.tries[order] >= rules.most_tries) & (state.next_at[order] > now)
    ready = look.on[order] & ~locked & (state.next_at[order] <= now) & ~look.open[order]
    if not plan.urgent:
        ready &= now >= state.resumed_at[order] + rules.min_on_s
    draw = seen.draw_w[order]
    counted = off | pending | silent
    have = int(draw[counted].sum())
    asked = np.empty(0, np.int64)
    release = np.zeros(len(order), bool)
    if have < plan.target_w:
        places = np.flatnonzero(ready & ~counted)
        enough = int(np.searchsorted(np.cumsum(draw[places]), plan.target_w - have)) + 1
        asked = order[places[:enough]]
    elif have > plan.target_w:
        places = np.flatnonzero(off)[::-1]
        spare = np.cumsum(draw[places]) <= have - plan.target_w
        release[places[: int(np.argmin(spare)) if not spare.all() else len(places)]] = True
    hold = order[touched & ~release]
    unknown = touched & ~look.fresh[order] & ~locked
    told = Progress(
        plan.key, int(draw[off].sum()), int(off.sum()), int((pending | silent).sum()), int(unknown.sum()),
        int((given_up & touched).sum()), plan.target_w,
    )  # fmt: skip
    return asked, np.concatenate((hold, asked)), told


def _give_back(state: State, seen: Seen, look: _Look, wanted: Mask, rules: Rules) -> tuple[tuple[int, End], ...]:
    """Machines that run again and that nobody wants off, and those that somebody has locked out.

    Whoever was told to pause last may still be on the way, and may tell of the minutes before: it has to be seen
    running tick after tick. Ticks are counted, not seconds, for a clock may be set on.
    """
    locked = state.touched & seen.locked
    calm = state.touched & ~wanted & look.on & ~look.open
    state.calm[calm] += 1
    state.calm[~calm] = 0
    running = calm & ~locked & (state.resumed | (state.calm > rules.grace_ticks))
    both = locked | running
    state.touched[both] = False
    state.tries[both] = 0
    state.next_at[both] = NEVER
    ended = [(int(place), End.LOCKED) for place in np.flatnonzero(locked)]
    return (*ended, *((int(place), End.RUNNING) for place in np.flatnonzero(running)))


def _pause(
    orders: list[Order], chosen: Sequence[tuple[PlanNow, Integers]], seen: Seen, state: State, now: float,
    rules: Rules,
) -> list[int]:  # fmt: skip
    """Orders to pause, within the ramp and within what one person alone may approve, all such plans together."""
    held = []
    left = rules.down_w - sum(one.down_w for one in state.spent)
    taken: set[int] = set()
    by_one = state.touched & ~np.isin(state.by, [plan.key for plan, _asked in chosen if plan.shared])
    alone = int(seen.draw_w[by_one].sum())
    for plan, asked in chosen:
        for place in asked.tolist():
            if place in taken:
                continue
            draw = int(seen.draw_w[place])
            more = 0 if by_one[place] else draw
            if not plan.shared and alone + more > rules.single_w:
                held.append(plan.key)
                break
            # One machine that is bigger than a step goes alone: nothing is gained by leaving it on.
            if not plan.urgent and draw > left and not (draw > rules.down_w == left):
                break
            left -= draw
            alone += 0 if plan.shared else more
            taken.add(place)
            expires_at = min(now + rules.window_s, plan.ends_at)
            orders.append(Order(place, Action.PAUSE, plan.key, now, expires_at, draw))
            _note(state, place, now, expires_at, rules, resume=False)
            state.touched[place], state.by[place] = True, plan.key
    return held


def _resume(
    orders: list[Order], seen: Seen, state: State, look: _Look, wanted: Mask, now: float, rules: Rules
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Orders to run again: the most efficient come first, within the ramp of the site and of each breaker."""
    ready = state.touched & ~wanted & look.off & ~seen.locked & ~look.open & (state.next_at <= now)
    ready &= now >= state.paused_at + rules.min_off_s
    hot = np.flatnonzero(ready & seen.hot)
    places = np.flatnonzero(ready & ~seen.hot)
    if len(places) == 0:
        return tuple(hot.tolist()), ()
    places = places[np.argsort(-seen.rank[places], kind="stable")]
    left = rules.up_w - sum(sum(one.up.values()) for one in state.spent)
    groups, parts = _started(state.spent, rules)
    too_big = []
    for place in places.tolist():
        draw, group = int(seen.draw_w[place]), int(seen.group[place])
        part, part_w = rules.part(group)
        if draw > min(rules.up_w, rules.group_up_w, part_w):
            too_big.append(place)
            continue
        if draw > left:
            break
        if groups.get(group, 0) + draw > rules.group_up_w or parts.get(part, 0) + draw > part_w:
            continue
        left -= draw
        groups[group] = groups.get(group, 0) + draw
        parts[part] = parts.get(part, 0) + draw
        expires_at = now + rules.window_s
        orders.append(Order(place, Action.RESUME, int(state.by[place]), now, expires_at, draw))
        _note(state, place, now, expires_at, rules, resume=True)
    return tuple(hot.tolist()), tuple(too_big)


def _started(spent: Iterable[Spent], rules: Rules) -> tuple[dict[int, int], dict[int, int]]:
    """What was started within the last step, by breaker and by who started it."""
    groups: dict[int, int] = {}
    parts: dict[int, int] = {}
    for one in spent:
        for group, watts in one.up.items():
            part, _most = rules.part(group)
            groups[group] = groups.get(group, 0) + watts
            parts[part] = parts.get(part, 0) + watts
    return groups, parts


def _note(state: State, place: int, now: float, expires_at: float, rules: Rules, *, resume: bool) -> None:
    """The order is on its way; another of the same kind waits longer each time, a restart never gives up."""
    again = bool(state.resumed[place]) is resume and state.sent_at[place] > NEVER and bool(state.touched[place])
    tries = int(state.tries[place]) + 1 if again else 1
    state.tries[place] = tries
    if not again:
        (state.resumed_at if resume else state.paused_at)[place] = now
    state.sent_at[place], state.open_until[place], state.resumed[place] = now, expires_at, resume
    if resume:
        wait = 0.0 if tries < rules.most_tries else min(rules.step_s * 2 ** (tries - rules.most_tries), rules.retry_s)
    else:
        wait = rules.retry_s if tries >= rules.most_tries else 0.0
    state.next_at[place] = now + wait


def _spent(orders: Iterable[Order], seen: Seen) -> Spent:
    up: dict[int, int] = {}
    down = 0
    for one in orders:
        if one.action is Action.PAUSE:
            down += one.draw_w
        else:
            group = int(seen.group[one.machine])
            up[group] = up.get(group, 0) + one.draw_w
    return Spent(0.0, up, down)
