"""When a machine, or a site, was last left to itself: what it drew then is what it would have drawn."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

HOUR = timedelta(hours=1)
SETTLING = timedelta(minutes=15)  # a machine that starts draws less until its chips are tuned
Piece = tuple[datetime, datetime]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def last_free(until: datetime, held: Iterable[Piece], *, step: timedelta, reach: timedelta) -> list[Piece]:
    """The last hour before a moment in which nobody held it, in whole steps: pieces from and to, the newest first.

    ``held``: from when to when it was off or limited, in any order; the time it takes to settle afterwards is left out
    as well. ``until`` is the edge of a step. Less than an hour where that much is not found within ``reach``.
    """
    steps = sorted(((_floor(start, step), _ceil(end + SETTLING, step)) for start, end in held), key=_end, reverse=True)
    found: list[Piece] = []
    left, edge, oldest = HOUR, until, until - reach
    for start, end in [*steps, (oldest, oldest)]:
        begin = max(end, oldest, edge - left)
        if begin < edge:  # what is left of ``steps`` ends no later than this
            found.append((begin, edge))
            left -= edge - begin
        edge = min(edge, start)
        if not left or edge <= oldest:
            break
    return found


def _end(piece: Piece) -> datetime:
    return piece[1]


def _floor(moment: datetime, step: timedelta) -> datetime:
    return moment - (moment - _EPOCH) % step


def _ceil(moment: datetime, step: timedelta) -> datetime:
    return moment + (_EPOCH - moment) % step
