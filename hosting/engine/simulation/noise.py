"""Numbers that look random and are not: the same question always gets the same answer."""

_MASK = (1 << 64) - 1
_STEP_A, _STEP_B, _STEP_C = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB


def bits(seed: int, what: int, when: int = 0) -> int:
    """64 bits that belong to these three numbers."""
    mixed = (seed * _STEP_A + what * _STEP_B + when * _STEP_C + _STEP_A) & _MASK
    mixed = ((mixed ^ (mixed >> 30)) * _STEP_B) & _MASK
    mixed = ((mixed ^ (mixed >> 27)) * _STEP_C) & _MASK
    return mixed ^ (mixed >> 31)


def unit(seed: int, what: int, when: int = 0) -> float:
    """A number from 0 (included) to 1 (excluded)."""
    return bits(seed, what, when) / 18446744073709551616.0


def between(low: float, high: float, seed: int, what: int, when: int = 0) -> float:
    """A number between two others, all equally likely."""
    return low + (high - low) * unit(seed, what, when)


def bell(seed: int, what: int, when: int = 0) -> float:
    """A number around 0 that is rarely beyond 2 and never beyond 3 (standard deviation 1)."""
    drawn = bits(seed, what, when)
    first, second, third = drawn & 0x1FFFFF, (drawn >> 21) & 0x1FFFFF, (drawn >> 42) & 0x1FFFFF
    return (first + second + third) / 1048576.0 - 3.0
