"""How the ramp of a site is shared out among those who may switch machines on without knowing of each other."""

from collections.abc import Mapping


def shared_out(total_w: int, parts: Mapping[int, tuple[int, int]]) -> dict[int, int]:
    """Watts in a step for each part, together at most ``total_w``; a part is all its watts and its largest machine.

    Each gets its largest machine, if there is room for those of all, and of the rest what corresponds to its size.
    Where there is no such room it is shared by size alone: somebody's machine may then wait for the server.
    """
    parts = {key: part for key, part in parts.items() if part[0] > 0}
    whole = sum(watts for watts, _largest in parts.values())
    least = sum(largest for _watts, largest in parts.values())
    if least > total_w:
        return {key: total_w * watts // whole for key, (watts, _largest) in parts.items()}
    return {key: largest + (total_w - least) * watts // whole for key, (watts, largest) in parts.items()}
