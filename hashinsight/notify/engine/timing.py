"""When to try again, and until when to be quiet."""

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

FIRST_WAIT = timedelta(seconds=30)
LONGEST_WAIT = timedelta(hours=3)
# A receiver that was down for two days still gets what happened meanwhile.
GIVE_UP_AFTER = timedelta(hours=72)
LONGEST_ASKED_WAIT = timedelta(hours=6)


def next_attempt(*, attempts: int, since: datetime, at: datetime, asked: timedelta | None = None) -> datetime | None:
    """When to try again after ``attempts`` failures, the last one at ``at``; None when it is time to give up.

    The wait doubles from FIRST_WAIT to LONGEST_WAIT. ``since`` is when trying began. ``asked`` is what the
    receiver asked for (Retry-After), followed up to LONGEST_ASKED_WAIT.
    """
    wait = min(FIRST_WAIT * 2 ** min(attempts - 1, 20), LONGEST_WAIT)
    if asked is not None:
        wait = max(wait, min(asked, LONGEST_ASKED_WAIT))
    following = at + wait
    return following if following <= since + GIVE_UP_AFTER else None


def quiet_until(at: datetime, *, zone: str, begins: time | None, ends: time | None) -> datetime | None:
    """The end of the quiet hours that ``at`` (aware) lies in, by the clock of ``zone``; None outside of them.

    Hours may pass midnight (22:00 to 07:00). Begin equal to end means none. On the night the clocks change the
    end is the first moment whose clock shows it or more.
    """
    if begins is None or ends is None or begins == ends:
        return None
    local = at.astimezone(ZoneInfo(zone))
    now, day = local.time(), local.date()
    if begins < ends:
        if not begins <= now < ends:
            return None
    elif ends <= now < begins:
        return None
    elif now >= begins:
        day += timedelta(days=1)
    return datetime.combine(day, ends, tzinfo=ZoneInfo(zone)).astimezone(at.tzinfo)
