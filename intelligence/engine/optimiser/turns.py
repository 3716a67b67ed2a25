"""From counts to machines: whoever has run longest stops first, whoever is off longest starts first.

Of those that run, whoever was throttled stays so: a change of power costs minutes of tuning.
"""

from collections import deque
from collections.abc import Mapping, Sequence


def who_is_off(machines: Sequence[int], off: Sequence[int], *, begins_on: bool) -> list[frozenset[int]]:
    """By step, which machines of a class are off. ``off``: how many; ``machines``: those that may be switched.

    Counts that keep minimum times are so given to machines that keep them. Raises ValueError for too many.
    """
    on, stopped = (deque(machines), deque[int]()) if begins_on else (deque[int](), deque(machines))
    found = []
    for count in off:
        if not 0 <= count <= len(machines):
            raise ValueError(f"{count} of {len(machines)} machines cannot be off")
        while len(stopped) < count:
            stopped.append(on.popleft())
        while len(stopped) > count:
            on.append(stopped.popleft())
        found.append(frozenset(stopped))
    return found


def who_is_lower(
    machines: Sequence[int], off: Sequence[int], modes: Sequence[Sequence[int]], *, begins_on: bool
) -> list[Mapping[int, int]]:
    """By step, in which mode each machine is that does not run in full: 0 off, then 1, 2, … as in ``modes``.

    ``modes``: by mode and step, how many are in it. First whoever was in a mode stays, then whoever has to leave
    another mode or starts takes a place, then whoever runs in full. Raises ValueError for too many.
    """
    found: list[Mapping[int, int]] = []
    before: Mapping[int, int] = {}
    for step, resting in enumerate(who_is_off(machines, off, begins_on=begins_on)):
        if not 0 <= sum(row[step] for row in modes) <= len(machines) - len(resting):
            raise ValueError(f"step {step}: more machines are throttled than run")
        now = dict.fromkeys((one for one in machines if one in resting), 0)
        free = [one for one in machines if one not in resting]
        for mode, row in enumerate(modes, start=1):
            stay = [one for one in free if before.get(one) == mode][: row[step]]
            now |= dict.fromkeys(stay, mode)
        free = sorted((one for one in free if one not in now), key=lambda one: one not in before)
        for mode, row in enumerate(modes, start=1):
            missing = row[step] - sum(place == mode for place in now.values())
            now |= dict.fromkeys(free[:missing], mode)
            free = free[missing:]
        found.append(now)
        before = now
    return found
