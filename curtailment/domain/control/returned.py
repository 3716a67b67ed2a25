"""Machines that stood still when a plan was approved, and run in its time: what is to be off grows by them.

They were no part of the load that was approved. But whoever reduces a site *to* a load, or switches certain machines
off, has promised what is drawn, and not how many are seen to be off.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import numpy as np

from curtailment.domain.control.books import Machines
from curtailment.engine.values import Integers, Mask, PlanNow, Seen, State
from curtailment.models import CurtailmentPlan


def with_returned(
    plans: Sequence[PlanNow], running: Sequence[CurtailmentPlan], stood: Mapping[int, Collection[int]],
    machines: Machines, seen: Seen, state: State, *, since: float,
) -> list[PlanNow]:  # fmt: skip
    """The plans, each to hold off so much more as draw those of its ``stood`` machines that run, or that we hold.

    One that is silent again counts for neither side. ``since``: a reading of before (seconds) says nothing. What was
    signed beforehand holds: a plan by a standing approval takes whole machines up to what all plans of that approval
    leave of it.
    """
    if not any(stood.values()):
        return list(plans)
    answers = (seen.at > since) & (seen.on | (seen.off & state.touched))
    runs = (answers | (state.touched & (state.sent_at > since))) & ~seen.locked
    theirs = [_of(plan, machines, stood.get(plan.key, ())) for plan in plans]
    left_w = _left(plans, theirs, running, seen)
    found = []
    for plan, mine, row in zip(plans, theirs, running, strict=True):
        room_w = left_w.get(row.standing_approval_id)
        more_w = _fitting(_gains(plan, seen)[mine & runs[plan.order]], room_w)
        if room_w is not None:
            left_w[row.standing_approval_id] = room_w - more_w
        found.append(replace(plan, target_w=plan.target_w + more_w))
    return found


def _of(plan: PlanNow, machines: Machines, miners: Collection[int]) -> Mask:
    """Which of a plan's places are those machines."""
    wanted = frozenset(miners)
    return np.array([machines.ids[place] in wanted for place in plan.order.tolist()], bool)


def _gains(plan: PlanNow, seen: Seen) -> Integers:
    gains: Integers = np.maximum(seen.draw_w[plan.order] - plan.levels, 0)
    return gains


def _fitting(gains: Integers, room_w: int | None) -> int:
    """Whole machines, in their order, up to so much."""
    taken = 0
    for gain in gains.tolist():
        if room_w is None or taken + gain <= room_w:
            taken += gain
    return taken


def _left(
    plans: Sequence[PlanNow], theirs: Sequence[Mask], running: Sequence[CurtailmentPlan], seen: Seen
) -> dict[int | None, int]:
    """By standing approval, what its plans leave of it (W) when each takes as many machines as were approved."""
    left: dict[int | None, int] = {}
    for plan, mine, row in zip(plans, theirs, running, strict=True):
        if row.standing_approval is not None:
            left.setdefault(row.standing_approval.pk, int(row.standing_approval.most_kw * 1000))
            sums = np.cumsum(np.where(mine, 0, _gains(plan, seen)))
            place = int(np.searchsorted(sums, plan.target_w))
            left[row.standing_approval.pk] -= int(sums[min(place, len(sums) - 1)]) if len(sums) else 0
    return left
