"""When a step of a control begins: so early that its machines have been read when the step before is a step ago.

The ramp allows so much in a step, counted from one decision to the next. Reading 20,000 machines takes a quarter of a
minute; a control that began to read only when the step was over would fall behind its ramp by that much in each.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from time import sleep

from curtailment.models import SiteControl

LONGEST_WAIT = timedelta(seconds=5)  # whoever waits keeps a worker from other sites
NOTHING = timedelta(0)


def begins(control: SiteControl, at: datetime) -> bool:
    """Whether the next step begins with its reading now; a clock that was set back does not hold it up."""
    lead = min(timedelta(seconds=control.reading_s), control.step * 0.9)
    return control.ticked_at is None or not NOTHING <= at - control.ticked_at < control.step - lead


def await_step(control: SiteControl, *, began: datetime, clock: Callable[[], datetime]) -> bool:
    """Called when all is read: waits for the rest of the step. False where that is long: read too early, come again.

    How long reading took is kept: so much earlier the next step begins.
    """
    took = max(NOTHING, clock() - began)
    SiteControl.objects.filter(pk=control.pk).update(reading_s=took.total_seconds())
    while (left := _left(control, clock())) > NOTHING:
        if left > LONGEST_WAIT:
            return False
        sleep(left.total_seconds())
    return True


def _left(control: SiteControl, now: datetime) -> timedelta:
    if control.ticked_at is None or now < control.ticked_at:
        return NOTHING
    return control.ticked_at + control.step - now
