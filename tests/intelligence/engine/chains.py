"""A chain made of a hashrate: blocks as the rule lets them come, the difficulty set anew as the rule does it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from intelligence.engine.chain_pace import ChainDay

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
FIRST = 900 * 2016
TWO_WEEKS = 14.0


@dataclass
class Chain:
    """What an observer notes at the end of each day, and the true retargets as (day, factor)."""

    days: list[ChainDay] = field(default_factory=list)
    retargets: list[tuple[float, float]] = field(default_factory=list)


def chain(
    days: int, hashrate: Callable[[int], float], *, first_block: int = 0, trail: int = 0, per_day: int = 1
) -> Chain:
    """``hashrate(day)`` in units of what gives 144 blocks a day at the first difficulty.

    ``trail``: the observer's heights stay behind by so many blocks, and his difficulty with them.
    """
    found = Chain([ChainDay(BEGAN, FIRST + first_block - trail, 100.0)])
    blocks, level, levels = float(first_block), 1.0, [1.0]
    began = -first_block / (144 * hashrate(0))
    for step in range(days * per_day):
        at = step / per_day
        rate = 144 * hashrate(int(at)) / level
        left = 1 / per_day
        while blocks + rate * left >= 2016 * len(levels):
            used = (2016 * len(levels) - blocks) / rate
            at, left, blocks = at + used, left - used, 2016.0 * len(levels)
            factor = min(max(TWO_WEEKS / ((at - began) * 2015 / 2016), 0.25), 4)
            found.retargets.append((at, factor))
            began, level = at, level * factor
            levels.append(level)
            rate = 144 * hashrate(int(at)) / level
        blocks += rate * left
        height = int(blocks + 1e-9) - trail
        seen = levels[max(0, height) // 2016]
        found.days.append(ChainDay(BEGAN + timedelta(days=(step + 1) / per_day), FIRST + height, 100 * seen))
    return found
