"""When a source is asked again: a circuit breaker and pauses that grow, as plain state."""

import random
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

OPENS_AFTER = 5  # failed runs in a row
FIRST_PAUSE = timedelta(minutes=10)
LONGEST_PAUSE = timedelta(hours=6)
MOST_RETRY_AFTER = timedelta(hours=24)


@dataclass(frozen=True)
class BreakerState:
    """Failures in a row, and until when nobody asks. With no pause, or past it, one try is allowed."""

    failures: int = 0
    open_until: datetime | None = None

    def allows(self, at: datetime) -> bool:
        """May the source be asked?"""
        return self.open_until is None or at >= self.open_until


def after_success(state: BreakerState) -> BreakerState:
    """One good answer closes it."""
    return replace(state, failures=0, open_until=None)


def after_failure(
    state: BreakerState, *, at: datetime, retry_after: timedelta | None = None, dice: random.Random
) -> BreakerState:
    """One more failure: from the fifth on a pause that doubles, with up to a tenth more so that not all come at once.

    What the source itself asked for (``retry_after``) is kept to from the first time, a day at most.
    """
    failures = state.failures + 1
    pause = timedelta()
    if failures >= OPENS_AFTER:
        pause = min(FIRST_PAUSE * 2 ** min(failures - OPENS_AFTER, 10), LONGEST_PAUSE)
        pause *= 1 + dice.random() / 10
    if retry_after is not None:
        pause = max(pause, min(retry_after, MOST_RETRY_AFTER))
    return BreakerState(failures, at + pause if pause else None)
