"""How a machine is, as far as it is seen: judged from its newest reading, changed only when the judgement holds.

Intent and health are two things: a machine that was switched off on purpose is silent and well. Times are seconds.
"""

from dataclasses import dataclass
from enum import StrEnum

DAY_S = 86_400.0
SILENT_PERIODS = 2.5  # of the site's interval without an answer
SILENT_AT_LEAST_S = 150.0
LOW_SHARE = 0.85  # of the hashrate expected; below it a machine is degraded
WELL_SHARE = 0.92  # what a degraded one must reach again
# Numbers of ``hosting.engine.ingest.columns``: what a machine says it does.
MINING, STARTING, PAUSED, IDLE, FAULT = 1, 2, 3, 4, 5


class Health(StrEnum):
    """As in ``hosting.enums.MinerHealth``."""

    OK = "ok"
    DEGRADED = "degraded"
    OFFLINE = "offline"
    STALE = "stale"
    LOST = "lost"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known of a machine at a moment; None is unknown, never zero.

    ``heard_s``: since its newest reading, an answer or not; ``answered_s``: since its newest answer; ``around_s``:
    since anything was heard from its zone. ``active``: it should hash.
    """

    active: bool
    interval_s: float
    heard_s: float | None = None
    answered_s: float | None = None
    around_s: float | None = None
    state: int | None = None
    hashrate_ths: float | None = None
    expected_ths: float | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """The health as it stands, and another one that must hold before it counts, with the seconds it has held."""

    health: Health
    next: Health | None = None
    held_s: float = 0.0


def expected_hashrate(model_ths: float | None, model_w: float | None, limit_w: float | None) -> float | None:
    """What a machine should do in TH/s: as its model, or in proportion where it was given less power."""
    if model_ths is None or limit_w is None or not model_w:
        return model_ths
    return model_ths * min(1.0, limit_w / model_w)


def patience_s(interval_s: float) -> float:
    """For how long a machine may give no answer."""
    return max(SILENT_AT_LEAST_S, SILENT_PERIODS * interval_s)


def judge(seen: Seen, before: Health) -> Health:
    """How the machine looks at this moment; ``before`` sets which way the margin of the hashrate lies."""
    if seen.heard_s is None:
        return Health.UNKNOWN
    patience = patience_s(seen.interval_s)
    if seen.heard_s > patience:  # nobody looked: that says nothing about the machine
        alone = seen.around_s is not None and seen.around_s <= patience and seen.heard_s > DAY_S
        return Health.UNKNOWN if alone else Health.STALE
    silent_s = seen.answered_s
    if silent_s is None or silent_s > patience:
        if not seen.active:
            return Health.UNKNOWN  # switched off on purpose; nothing is expected of it
        return Health.LOST if silent_s is not None and silent_s > DAY_S else Health.OFFLINE
    return _of_answer(seen, before) if seen.active else Health.OK


def _of_answer(seen: Seen, before: Health) -> Health:
    if seen.state in (FAULT, IDLE, PAUSED):
        return Health.DEGRADED
    if seen.state == STARTING:
        return Health.DEGRADED if before is Health.DEGRADED else Health.OK
    if seen.hashrate_ths is None or not seen.expected_ths:
        return Health.OK  # it answers, and nobody knows what it does
    least = WELL_SHARE if before is Health.DEGRADED else LOW_SHARE
    return Health.DEGRADED if seen.hashrate_ths < least * seen.expected_ths else Health.OK


def must_hold_s(before: Health, after: Health, interval_s: float) -> float:
    """For how long a judgement must stand before it counts.

    Silence has waited already. Hashrates dip when a pool changes or a board retunes; and one answer of a machine that
    was away is no return.
    """
    if after is Health.DEGRADED and before is not Health.UNKNOWN:
        return max(600.0, 2 * interval_s)
    if after is Health.OK and before is Health.DEGRADED:
        return max(300.0, interval_s)
    if after is Health.OK and before in (Health.OFFLINE, Health.LOST):
        return max(60.0, interval_s)
    return 0.0


def step(standing: Standing, seen: Seen) -> Standing:
    """The next standing: the same, one that waits, or a change."""
    found = judge(seen, standing.health)
    if found is standing.health:
        return Standing(found)
    held = standing.held_s if standing.next is found else 0.0
    if held >= must_hold_s(standing.health, found, seen.interval_s):
        return Standing(found)
    return Standing(standing.health, found, held)
