"""The orders of a tick, checked against the invariants of TRUST once more before any of them is sent.

Written order by order and without the control's own arithmetic, so that a mistake there is not repeated here.
"""

from collections.abc import Sequence

from curtailment.engine.values import NEVER, Action, Decision, Order, PlanNow, Rules, Seen, State


def broken(
    decision: Decision, now: float, seen: Seen, plans: Sequence[PlanNow], before: State, rules: Rules, *, frozen: bool
) -> list[str]:
    """What the orders would break, in words for the log; empty when they may be sent."""
    told: set[int] = set()
    given_back = {place for place, _end in decision.given_back}
    touched = {place for place in range(len(before.touched)) if before.touched[place]} - given_back
    found: list[str] = []
    for order in decision.orders:
        name = f"machine {order.machine}"
        if frozen:
            found.append(f"I10: {name} is ordered to {order.action} under the kill switch")
        if order.machine in told:
            found.append(f"I3: {name} is ordered twice")
        told.add(order.machine)
        found += _of_any(order, name, now, seen, rules)
        if order.action is Action.RESUME:
            found += _of_resume(order, name, seen, before, touched)
        elif order.action is Action.LIFT:
            found += _of_lift(order, name, now, plans, before, touched)
        else:
            found += _of_lowering(order, name, now, plans)
        if order.action is Action.LIMIT:
            found += _of_limit(order, name, seen, plans)
    found += _budgets(decision, before, now, seen, rules)
    return found + _alone(decision, now, seen, plans, before, touched, rules)


def _of_any(order: Order, name: str, now: float, seen: Seen, rules: Rules) -> list[str]:
    found = []
    if not order.expires_at > now:
        found.append(f"I2: the order to {name} has lapsed already")
    if not 0 <= now - float(seen.at[order.machine]) < rules.fresh_s:
        found.append(f"I8: {name} has no reading of the last {rules.fresh_s:.0f} s")
    if bool(seen.locked[order.machine]):
        found.append(f"I6: {name} is locked out")
    return found


def _of_resume(order: Order, name: str, seen: Seen, before: State, touched: set[int]) -> list[str]:
    found = []
    if order.machine not in touched or before.paused_at[order.machine] == NEVER:
        found.append(f"I5: {name} was not switched off by us")
    if bool(seen.hot[order.machine]):
        found.append(f"I7: {name} is too hot to start")
    return found


def _of_lift(
    order: Order, name: str, now: float, plans: Sequence[PlanNow], before: State, touched: set[int]
) -> list[str]:
    """Only what we have limited, never above what it had, and to a limit between only where a plan has that."""
    had = int(before.before[order.machine])
    if order.machine not in touched or had == 0:
        return [f"I5: {name} was not limited by us"]
    if order.limit_w > had:
        return [f"I5: {name} is lifted to {order.limit_w} W and had {had} W before"]
    wanted = {level for plan in plans if plan.starts_at <= now < plan.ends_at for level in _levels(plan, order.machine)}
    return [] if order.limit_w == had or order.limit_w in wanted else [f"I1: {name} is lifted to what no plan has"]


def _of_lowering(order: Order, name: str, now: float, plans: Sequence[PlanNow]) -> list[str]:
    plan = next((one for one in plans if one.key == order.plan), None)
    if plan is None or not plan.starts_at <= now < plan.ends_at:
        return [f"I1: {name} is told to {order.action} for no plan that runs"]
    return [f"I2: the order to {name} outlives its plan"] if order.expires_at > plan.ends_at else []


def _of_limit(order: Order, name: str, seen: Seen, plans: Sequence[PlanNow]) -> list[str]:
    """To the level of its plan, and only who has said what it keeps to now: that is what it gets back."""
    said = int(seen.limits[order.machine])
    found = []
    if order.limit_w <= 0 or not any(
        order.limit_w in _levels(plan, order.machine) for plan in plans if plan.key == order.plan
    ):
        found.append(f"I1: {name} is limited to {order.limit_w} W, which its plan does not say")
    if said == 0 or not bool(seen.on[order.machine]):
        found.append(f"I8: {name} does not say its limit, or does not run")
    elif said <= order.limit_w:
        found.append(f"I3: {name} keeps to {said} W already")
    return found


def _levels(plan: PlanNow, machine: int) -> list[int]:
    """What a plan brings a machine down to; nothing where it is not one of its own."""
    if plan.level_w is None:
        return []
    return [int(level) for level in plan.level_w[plan.order == machine]]


def _alone(
    decision: Decision, now: float, seen: Seen, plans: Sequence[PlanNow], before: State, touched: set[int],
    rules: Rules,
) -> list[str]:  # fmt: skip
    """I9: all that is off or lower, or told to be, without a second person behind it."""
    shared = [plan for plan in plans if plan.shared and plan.starts_at <= now < plan.ends_at]
    by_two = {int(place) for plan in shared for place in plan.order}
    keys = {plan.key for plan in shared}
    fresh = {one.machine: one for one in decision.orders if one.action.lowers and one.plan not in keys}
    watts = 0
    for place in (touched | set(fresh)) - by_two:
        draw = int(seen.draw_w[place])
        level = 0
        if place in fresh and fresh[place].action is Action.LIMIT:
            level = fresh[place].limit_w
        elif place not in fresh and before.paused_at[place] == NEVER:
            level = int(before.limit[place])
        watts += max(0, draw - level)
    if fresh and watts > rules.single_w:
        return [f"I9: {watts} W are off on one person's word, {rules.single_w} are allowed"]
    return []


def _rise(order: Order, before: State, seen: Seen) -> int:
    """How much more a machine draws after the order, in watts; from what it says or was told, the lower one."""
    draw = int(seen.draw_w[order.machine])
    if order.action is Action.RESUME:
        return draw
    now = min(int(before.limit[order.machine]), int(seen.limits[order.machine]) or draw)
    return max(0, min(draw, order.limit_w) - min(draw, now))


def _budgets(decision: Decision, before: State, now: float, seen: Seen, rules: Rules) -> list[str]:
    """I4: with what was started in the step that is not over yet."""
    passed = max(0.0, now - before.at)
    groups: dict[int, int] = {}
    for one in before.spent:
        for group, watts in one.up.items() if one.age_s + passed < rules.step_s else ():
            groups[group] = groups.get(group, 0) + watts
    started = [one for one in decision.orders if not one.action.lowers]
    found = []
    for order in started:
        group = int(seen.group[order.machine])
        rise = _rise(order, before, seen)
        groups[group] = groups.get(group, 0) + rise
        if order.moves_w < rise:
            found.append(f"I4: {rise} W of machine {order.machine} are booked as {order.moves_w}")
    if started and sum(groups.values()) > rules.up_w:
        found.append(f"I4: {sum(groups.values())} W are started in a step, {rules.up_w} are allowed")
    for group in sorted({int(seen.group[order.machine]) for order in started}):
        if groups[group] > rules.group_up_w:
            found.append(f"I4: {groups[group]} W are started behind breaker {group}, {rules.group_up_w} are allowed")
    for part, most in rules.part_up_w.items():
        watts = sum(watts for group, watts in groups.items() if rules.part_of.get(group, 0) == part)
        mine = any(rules.part_of.get(int(seen.group[order.machine]), 0) == part for order in started)
        if mine and watts > most:
            found.append(f"I4: {watts} W are started by part {part}, {most} are allowed")
    return found
