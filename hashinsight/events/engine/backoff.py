"""How long to wait after a failure."""


def backoff_seconds(attempts: int, *, first: float, longest: float, chance: float) -> float:
    """Seconds before the next attempt after ``attempts`` failed ones.

    Doubles from ``first`` up to ``longest``; ``chance`` (0 to below 1, drawn by the caller) takes up to half of it
    away, so that what failed together does not come back together.
    """
    doubled = first * 2.0 ** min(attempts - 1, 40)
    return min(doubled, longest) * (1 - chance / 2)
