"""From counts to machines: whoever has run longest stops first, whoever is off longest starts first."""

from collections import deque
from collections.abc import Sequence


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
