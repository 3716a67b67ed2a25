"""States of due work and of job runs."""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class WorkState(TextChoices):
    """Where a piece of due work stands."""

    PENDING = "pending", _("pending")
    CLAIMED = "claimed", _("in work")
    DONE = "done", _("done")
    FAILED = "failed", _("failed")


WORK_MOVES = {
    # Failed without an attempt: set aside after a restore, since it may have happened already.
    WorkState.PENDING: {WorkState.CLAIMED, WorkState.FAILED},
    WorkState.CLAIMED: {WorkState.DONE, WorkState.PENDING, WorkState.FAILED, WorkState.CLAIMED},
    WorkState.FAILED: {WorkState.PENDING},
    # Only by whoever asked for the work: a person cannot ask for what is done.
    WorkState.DONE: {WorkState.PENDING},
}


class WorkQueue(TextChoices):
    """Who is waiting: a person, the house, or nobody."""

    INTERACTIVE = "interactive", _("interactive")
    DEFAULT = "default", _("default")
    BULK = "bulk", _("bulk")


class RunState(TextChoices):
    """How a run of a periodic job stands."""

    DUE = "due", _("due")
    RUNNING = "running", _("running")
    DONE = "done", _("done")
    FAILED = "failed", _("failed")
    MISSED = "missed", _("missed")


RUN_MOVES = {
    RunState.DUE: {RunState.RUNNING, RunState.MISSED},
    RunState.RUNNING: {RunState.DONE, RunState.FAILED, RunState.RUNNING},
    RunState.FAILED: {RunState.RUNNING},
    RunState.DONE: set(),
    RunState.MISSED: set(),
}
