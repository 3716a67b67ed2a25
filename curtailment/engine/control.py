"""One tick of the control of a site: what is wanted is compared with what is seen, within the budgets of its ramps.

The loop is a function of three things: facts and readings (``Seen``), the plans that may act (``PlanNow``), and what
was ordered before (``State``). It answers with orders and the state after them; whoever calls it keeps both *before*
an order is sent. So it does not matter where a process dies: what was sent and what was not is read from the machines
at the next tick, never remembered.

A machine has a level that is wanted of it: off, a limit of power, or none; of all plans the lowest holds. What was
paused runs again first and is limited then; what was limited gets back the limit it had before.

All times are seconds of one clock (since 1970), all powers are watts, all arrays have one place per machine.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from curtailment.engine.values import (
    FULL,
    NEVER,
    SAME,
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
    wanted = np.full(len(seen.at), FULL)  # the level of each machine: the lowest at which a plan holds it
    chosen: list[tuple[PlanNow, Integers]] = []
    heavy = after.paused
    progress = []
    for plan in active:
        ask, hold, told = _choose(plan, seen, after, look, now, rules)
        held = plan.order[hold]
        wanted[held] = np.minimum(wanted[held], 0 if plan.level_w is None else plan.level_w[hold])
        chosen.append((plan, ask))
        progress.append(told)
    given_back, half_back = _give_back(after, seen, look, wanted, rules)
    for plan in active:  # what another plan took and this one still wants is its own from now on
        mine = plan.order[after.touched[plan.order] & (wanted[plan.order] < FULL)]
        orphaned = mine[~np.isin(after.by[mine], [one.key for one in active])]
        after.by[orphaned] = plan.key
    if frozen:
        return Decision((), given_back, tuple(progress), (), (), (), after, half_back)
    orders: list[Order] = []
    alone = _lower(orders, chosen, seen, after, heavy, now, rules)
    hot, too_big = _raise(orders, seen, after, look, wanted, now, rules)
    after.spent = (*after.spent, _spent(orders, seen))
    return Decision(tuple(orders), given_back, tuple(progress), tuple(alone), hot, too_big, after, half_back)


@dataclass(frozen=True, slots=True)
class _Look:
    """Readings as evidence: ``on`` and ``off`` are fresh and newer than the last order.

    ``limit``: what such a machine says it keeps to, 0: it says nothing. ``open``: that order may still be sent.
    """

    on: Mask
    off: Mask
    open: Mask
    fresh: Mask
    limit: Integers


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
    limit = np.where(answered, seen.limits, 0)
    return _Look(answered & seen.on, answered & seen.off, state.open_until >= now, fresh, limit)


@dataclass(frozen=True, slots=True)
class _Mine:
    """A plan's machines, in its order: seen off, or at its limit; told so and on the way; held there by orders.

    ``ready``: may be asked now. ``gain``: the watts that a machine counts for.
    """

    off: Mask
    lowered: Mask
    told: Mask
    held: Mask
    ready: Mask
    gain: Integers


def _mine(plan: PlanNow, seen: Seen, state: State, look: _Look, now: float, rules: Rules) -> _Mine:
    order = plan.order
    touched, there = state.touched[order], ~seen.locked[order]
    off = touched & look.off[order] & there
    told = touched & ~state.resumed[order]
    ready = look.on[order] & there & (state.next_at[order] <= now) & ~look.open[order]
    may_pause = ready if plan.urgent else ready & (now >= state.resumed_at[order] + rules.min_on_s)
    if plan.level_w is None and not state.before.any():
        return _Mine(off, np.zeros(len(order), bool), told & ~off & there, touched, may_pause, seen.draw_w[order])
    level, before, said = plan.levels, state.before[order], look.limit[order]
    limits, about_limit, paused = level > 0, state.limiting[order], state.paused[order]
    lifting = about_limit & state.resumed[order]
    at_limit = (before > 0) & (state.limit[order] <= level) & ~lifting  # told so by us, and not told otherwise since
    lowered = limits & touched & there & look.on[order] & at_limit & (said > 0) & (said * SAME <= level)
    starting = paused & state.resumed[order] & ~about_limit  # for another plan it was off; its limit comes next
    told = np.where(limits, told & (~about_limit | at_limit) | starting, told & ~about_limit)
    held = touched & np.where(limits, paused | at_limit, (before == 0) | (paused & ~state.resumed[order]))
    gain = np.maximum(seen.draw_w[order] - level, 0)
    may_limit = ready & (gain > 0) & (said * SAME > level) & (level < SAME * np.where(before > 0, before, said))
    may_limit &= ~paused | starting
    return _Mine(off, lowered, told & ~off & ~lowered & there, held, np.where(limits, may_limit, may_pause), gain)


def _choose(
    plan: PlanNow, seen: Seen, state: State, look: _Look, now: float, rules: Rules
) -> tuple[Integers, Integers, Progress]:
    """Places in the plan's order: whom to ask now, whom to hold; and how far it is."""
    order = plan.order
    mine = _mine(plan, seen, state, look, now, rules)
    touched, gain = state.touched[order], mine.gain
    pending = mine.told & look.open[order]
    silent = mine.told & ~look.open[order] & ~look.on[order] & (now < state.open_until[order] + rules.step_s)
    given_up = (state.tries[order] >= rules.most_tries) & (state.next_at[order] > now)
    done = mine.off | mine.lowered
    counted = done | pending | silent
    have = int(gain[counted].sum())
    asked = np.empty(0, np.int64)
    release = np.zeros(len(order), bool)
    if have < plan.target_w:
        places = np.flatnonzero(mine.ready & ~counted)
        enough = int(np.searchsorted(np.cumsum(gain[places]), plan.target_w - have)) + 1
        asked = places[:enough]
    elif have > plan.target_w:
        places = np.flatnonzero(done)[::-1]
        spare = np.cumsum(gain[places]) <= have - plan.target_w
        release[places[: int(np.argmin(spare)) if not spare.all() else len(places)]] = True
    hold = np.flatnonzero(mine.held & ~release)
    unknown = touched & ~look.fresh[order] & ~seen.locked[order]
    told = Progress(
        plan.key, int(gain[done].sum()), int(mine.off.sum()), int((pending | silent).sum()), int(unknown.sum()),
        int((given_up & touched).sum()), plan.target_w, int(mine.lowered.sum()),
    )  # fmt: skip
    return asked, np.concatenate((hold, asked)), told


def _give_back(
    state: State, seen: Seen, look: _Look, wanted: Integers, rules: Rules
) -> tuple[tuple[tuple[int, End], ...], tuple[int, ...]]:
    """Machines that run as they did and that nobody wants lower, and those that are locked out; and who runs, limited.

    Whoever was told to pause last may still be on the way, and may tell of the minutes before: it has to be seen
    running tick after tick; so has whoever was told a limit be seen at the one it had. Ticks are counted, not seconds,
    for a clock may be set on. A machine that we limited alone, and that went off since, went off by itself.
    """
    locked = state.touched & seen.locked
    paused, limited = state.paused, state.limited
    calm = paused & (wanted > 0) & look.on & ~look.open
    if limited.any():
        back = look.on | (look.off & ~paused)
        calm |= limited & ~paused & (wanted == FULL) & back & (look.limit >= SAME * state.before) & ~look.open
    state.calm[calm] += 1
    state.calm[~calm] = 0
    over = calm & ~locked & (state.resumed | (state.calm > rules.grace_ticks))
    runs = over & ~(paused & limited)
    both = locked | runs
    state.touched[both] = False
    for kept in (state.before, state.limit, state.limiting):
        kept[both] = 0
    half = over & ~runs  # its pause is over, its limit is not
    state.paused_at[half] = NEVER
    state.calm[half] = 0
    state.tries[both | half] = 0
    state.next_at[both | half] = NEVER
    ended = [(int(place), End.LOCKED) for place in np.flatnonzero(locked)]
    ended += [(int(place), End.RUNNING) for place in np.flatnonzero(runs)]
    return tuple(ended), tuple(np.flatnonzero(half).tolist())


def _held_w(seen: Seen, state: State, heavy: Mask) -> Integers:
    """By how much we hold each machine down; ``heavy``: it was off, or on its way back, before this tick."""
    limit = np.where(heavy | state.paused, 0, state.limit)
    return np.where(state.touched, np.maximum(seen.draw_w - limit, 0), 0)


def _lower(
    orders: list[Order], chosen: Sequence[tuple[PlanNow, Integers]], seen: Seen, state: State, heavy: Mask,
    now: float, rules: Rules,
) -> list[int]:  # fmt: skip
    """Orders to pause or to keep to a limit, within the ramp and within what one person alone may approve.

    That is for all such plans together.
    """
    held = []
    left = rules.down_w - sum(one.down_w for one in state.spent)
    taken: set[int] = set()
    by_one = state.touched & ~np.isin(state.by, [plan.key for plan, _asked in chosen if plan.shared])
    held_w = _held_w(seen, state, heavy)
    alone = int(held_w[by_one].sum())
    for plan, asked in chosen:
        for place, level in zip(plan.order[asked].tolist(), plan.levels[asked].tolist(), strict=True):
            if place in taken:
                continue
            draw = int(seen.draw_w[place])
            gain = draw - level
            more = max(0, gain - int(held_w[place])) if by_one[place] else gain
            if not plan.shared and alone + more > rules.single_w:
                held.append(plan.key)
                break
            # One machine that is bigger than a step goes alone: nothing is gained by leaving it on.
            if not plan.urgent and gain > left and not (gain > rules.down_w == left):
                break
            left -= gain
            alone += 0 if plan.shared else more
            taken.add(place)
            expires_at = min(now + rules.window_s, plan.ends_at)
            action = Action.LIMIT if level else Action.PAUSE
            orders.append(Order(place, action, plan.key, now, expires_at, draw, gain, level))
            if level and not (state.touched[place] and state.before[place]):
                state.before[place] = seen.limits[place]
            _note(state, orders[-1], rules, resume=False)
            state.touched[place], state.by[place] = True, plan.key
    return held


def _raise(
    orders: list[Order], seen: Seen, state: State, look: _Look, wanted: Integers, now: float, rules: Rules
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Orders to run again, or at more power: the most efficient first, within the ramps of site and breakers."""
    ready = state.touched & ~seen.locked & ~look.open & (state.next_at <= now)
    start = ready & state.paused & (wanted > 0) & look.off & (now >= state.paused_at + rules.min_off_s)
    hot = np.flatnonzero(start & seen.hot)
    lift_to = _lifts(ready, seen, state, look, wanted)
    places = np.flatnonzero((start & ~seen.hot) | (lift_to > 0))
    if len(places) == 0:
        return tuple(hot.tolist()), ()
    places = places[np.argsort(-seen.rank[places], kind="stable")]
    left = rules.up_w - sum(sum(one.up.values()) for one in state.spent)
    groups, parts = _started(state.spent, rules)
    too_big = []
    for place in places.tolist():
        draw, group, to = int(seen.draw_w[place]), int(seen.group[place]), int(lift_to[place])
        rise = draw
        if to:  # a slow machine tells of the minutes before: it may be as low already as it was told
            rise = max(0, min(draw, to) - min(draw, int(look.limit[place]) or draw, int(state.limit[place])))
        part, part_w = rules.part(group)
        if rise > min(rules.up_w, rules.group_up_w, part_w):
            too_big.append(place)
            continue
        if rise > left:
            break
        if groups.get(group, 0) + rise > rules.group_up_w or parts.get(part, 0) + rise > part_w:
            continue
        left -= rise
        groups[group] = groups.get(group, 0) + rise
        parts[part] = parts.get(part, 0) + rise
        action = Action.LIFT if to else Action.RESUME
        orders.append(Order(place, action, int(state.by[place]), now, now + rules.window_s, draw, rise, to))
        _note(state, orders[-1], rules, resume=not to or to == state.before[place])
    return tuple(hot.tolist()), tuple(too_big)


def _lifts(ready: Mask, seen: Seen, state: State, look: _Look, wanted: Integers) -> Integers:
    """To which limit machines that we have limited are to be lifted now; 0: not.

    Back to what they had when nobody wants them lower, also where a machine says no limit any more; else to the level
    that is wanted, when they were told a lower one.
    """
    limited = ready & state.limited & ~state.paused & (look.on | look.off)
    if not limited.any():
        return np.zeros(len(ready), np.int64)
    to = np.minimum(wanted, state.before)
    back = (wanted == FULL) & (look.limit < SAME * state.before)
    part = (wanted > 0) & (wanted < FULL) & look.on & (look.limit > 0) & (look.limit < to) & (state.limit < to)
    return np.where(limited & (back | part), to, 0)


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


def _note(state: State, order: Order, rules: Rules, *, resume: bool) -> None:
    """The order is on its way; another of the same kind waits longer each time, a restart never gives up.

    ``resume``: it gives the machine back what it had.
    """
    place, now, limiting = order.machine, order.not_before, order.limit_w > 0
    again = bool(state.resumed[place]) is resume and bool(state.limiting[place]) is limiting
    again = again and state.sent_at[place] > NEVER and bool(state.touched[place])
    if limiting and not resume:
        again = again and int(state.limit[place]) == order.limit_w
        state.limit[place] = order.limit_w
    tries = int(state.tries[place]) + 1 if again else 1
    state.tries[place] = tries
    if limiting:
        state.paused_at[place] = NEVER  # it is seen to run
    elif not again:
        (state.resumed_at if resume else state.paused_at)[place] = now
    state.sent_at[place], state.open_until[place] = now, order.expires_at
    state.resumed[place], state.limiting[place] = resume, limiting
    if resume:
        wait = 0.0 if tries < rules.most_tries else min(rules.step_s * 2 ** (tries - rules.most_tries), rules.retry_s)
    else:
        wait = rules.retry_s if tries >= rules.most_tries else 0.0
    state.next_at[place] = now + wait


def _spent(orders: Iterable[Order], seen: Seen) -> Spent:
    up: dict[int, int] = {}
    down = 0
    for one in orders:
        if one.action.lowers:
            down += one.moves_w
        else:
            group = int(seen.group[one.machine])
            up[group] = up.get(group, 0) + one.moves_w
    return Spent(0.0, up, down)
