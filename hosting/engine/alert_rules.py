"""Whether a figure of a machine breaks a rule. Going back needs a margin, so that no alert comes and goes."""

from enum import StrEnum

MARGIN = 0.03  # of the threshold


class Watched(StrEnum):
    """As in ``hosting.enums.MinerAlertKind``: what is compared, in its unit."""

    HASHRATE = "hashrate"  # % of what is expected
    CHIP = "chip"  # °C
    BOARD = "board"  # °C
    FAN = "fan"  # rpm of the slowest
    RESTARTS = "restarts"  # in the last hour
    REJECTS = "rejects"  # % of the shares of the last hour


_AT_LEAST = frozenset({Watched.HASHRATE, Watched.FAN})


def breaks(kind: Watched, value: float | None, threshold: float, *, already: bool) -> bool:
    """Unknown breaks nothing. At the threshold itself all is well; ``already``: the rule is broken so far."""
    if value is None:
        return False
    slack = MARGIN * abs(threshold) if already else 0.0
    if kind in _AT_LEAST:
        return value < threshold + slack
    return value > threshold - slack


def reject_percent(accepted: float | None, rejected: float | None) -> float | None:
    """Of all shares; None where none were counted."""
    if accepted is None or rejected is None or accepted + rejected <= 0:
        return None
    return 100.0 * rejected / (accepted + rejected)
