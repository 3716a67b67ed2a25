"""Limits of machines behind edge devices: which are told as kept, and what devices know better than we do."""

from curtailment.engine.values import Integers, Mask, State


def held_low(before: State, after: State) -> Mask:
    """Machines at a limit of ours since an earlier step; ``before`` and ``after`` are of this one.

    Whoever gets its first limit with this step is left out: the device reads what it has from the machine itself,
    at the moment it carries the order out.
    """
    return before.limited & after.limited


def corrected(state: State, had_w: Integers) -> State:
    """The state with what devices say machines had before their limits, in watts; 0: they do not say."""
    better = state.limited & (had_w > 0) & (had_w != state.before)
    if not better.any():
        return state
    after = state.copy()
    after.before[better] = had_w[better]
    return after
