"""The orders of a tick, checked against the invariants of TRUST once more before any of them is sent.

Written order by order and without the control's own arithmetic, so that a mistake there is not repeated here.
"""

from collections.abc import Sequence

from curtailment.engine.values import Action, Decision, PlanNow, Rules, Seen, State


def broken(
    decision: Decision, now: float, seen: Seen, plans: Sequence[PlanNow], before: State, rules: Rules, *, frozen: bool
) -> list[str]:
    """What the orders would break, in words for the log; empty when they may be sent."""
    found: list[str] = []
    orders = decision.orders
    by_key = {plan.key: plan for plan in plans}
    told: set[int] = set()
    up = 0
    groups: dict[int, int] = {}
    by_two = {int(m) for plan in plans if plan.shared and plan.starts_at <= now < plan.ends_at for m in plan.order}
    given_back = {place for place, _end in decision.given_back}
    touched = {place for place in range(len(before.touched)) if before.touched[place]} - given_back
    by_one = touched - by_two
    alone = sum(int(seen.draw_w[place]) for place in by_one)
    for order in orders:
        place = order.machine
        name = f"machine {place}"
        if frozen:
            found.append(f"I10: {name} is ordered to {order.action} under the kill switch")
        if place in told:
            found.append(f"I3: {name} is ordered twice")
        told.add(place)
        if not order.expires_at > now:
            found.append(f"I2: the order to {name} has lapsed already")
        if not 0 <= now - float(seen.at[place]) < rules.fresh_s:
            found.append(f"I8: {name} has no reading of the last {rules.fresh_s:.0f} s")
        if bool(seen.locked[place]):
            found.append(f"I6: {name} is locked out")
        draw = int(seen.draw_w[place])
        if order.action is Action.RESUME:
            if place not in touched:
                found.append(f"I5: {name} was not switched off by us")
            if bool(seen.hot[place]):
                found.append(f"I7: {name} is too hot to start")
            up += draw
            group = int(seen.group[place])
            groups[group] = groups.get(group, 0) + draw
            continue
        plan = by_key.get(order.plan)
        if plan is None or not plan.starts_at <= now < plan.ends_at:
            found.append(f"I1: {name} is paused for no plan that runs")
            continue
        if order.expires_at > plan.ends_at:
            found.append(f"I2: the order to {name} outlives its plan")
        if not plan.shared and place not in by_one and place not in by_two:
            alone += draw
    found += _budgets(up, groups, before, now, rules)
    paused_alone = any(o.action is Action.PAUSE and not by_key[o.plan].shared for o in orders if o.plan in by_key)
    if paused_alone and alone > rules.single_w:
        found.append(f"I9: {alone} W are off on one person's word, {rules.single_w} are allowed")
    return found


def _budgets(up: int, groups: dict[int, int], before: State, now: float, rules: Rules) -> list[str]:
    """I4: with what was started in the step that is not over yet."""
    found = []
    passed = max(0.0, now - before.at)
    recent = [one for one in before.spent if one.age_s + passed < rules.step_s]
    total = up + sum(sum(one.up.values()) for one in recent)
    if up and total > rules.up_w:
        found.append(f"I4: {total} W are started in a step, {rules.up_w} are allowed")
    for group, watts in groups.items():
        both = watts + sum(one.up.get(group, 0) for one in recent)
        if both > rules.group_up_w:
            found.append(f"I4: {both} W are started behind breaker {group}, {rules.group_up_w} are allowed")
    return found
