"""When a step of a control begins: so early that its machines have been read when the step before is a step ago.

The ramp allows so much in a step, counted from one decision to the next. Reading 20,000 machines takes a quarter of a
minute; a control that began to read only when the step was over would fall behind its ramp by that much in each.
"""

from datetime import datetime, timedelta
from time import sleep

from curtailment.models import SiteControl

LONGEST_WAIT = timedelta(seconds=5)  # whoever waits keeps a worker from other sites
A_LITTLE = timedelta(milliseconds=10)  # a clock that is being set right may run that much slower than we sleep
NOTHING = timedelta(0)


def begins(control: SiteControl, at: datetime) -> bool:
    """Whether the next step begins with its reading now; a clock that was set back does not hold it up."""
    lead = min(timedelta(seconds=control.reading_s), control.step * 0.9)
    return control.ticked_at is None or not NOTHING <= at - control.ticked_at < control.step - lead


def keep_reading(control: SiteControl, took: timedelta) -> None:
    """So much earlier the next step begins."""
    SiteControl.objects.filter(pk=control.pk).update(reading_s=max(NOTHING, took).total_seconds())


def await_step(control: SiteControl, now: datetime) -> bool:
    """Called when all is read: waits for the rest of the step. False where that is long: read too early, come again."""
    if control.ticked_at is None or now < control.ticked_at:
        return True
    left = control.ticked_at + control.step - now
    if left > LONGEST_WAIT:
        return False
    if left > NOTHING:
        sleep((left + A_LITTLE).total_seconds())
    return True
