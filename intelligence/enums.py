"""Words of the intelligence app."""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class ForecastKind(TextChoices):
    """What is forecast."""

    PRICE = "price", _("Bitcoin price")
    DIFFICULTY = "difficulty", _("difficulty")
    ENERGY = "energy", _("energy price")


class Verdict(TextChoices):
    """What forecasts of a kind have been worth so far, against "no change"."""

    SKILL = "skill", _("skill")
    NO_SKILL = "no_skill", _("no skill")
    UNKNOWN = "unknown", _("too few")


class UserMinerStatus(TextChoices):
    """Whether machines count in the portfolio of their user."""

    ACTIVE = "active", _("active")
    INACTIVE = "inactive", _("inactive")
    SOLD = "sold", _("sold")


class RunStatus(TextChoices):
    """Where a schedule is."""

    PROPOSED = "proposed", _("proposed")
    APPLIED = "applied", _("turned into plans")
    REPLACED = "replaced", _("replaced by a newer one")
    COMPLETED = "completed", _("completed")


RUN_MOVES = {
    RunStatus.PROPOSED: {RunStatus.APPLIED, RunStatus.REPLACED, RunStatus.COMPLETED},
    RunStatus.APPLIED: {RunStatus.REPLACED, RunStatus.COMPLETED},
    RunStatus.REPLACED: set(),
    RunStatus.COMPLETED: set(),
}


class AnswerLabel(TextChoices):
    """How good a schedule is, and how that is known: the words of the optimiser, and one of our own."""

    OPTIMAL = "optimal", _("proven optimum")
    WITHIN_GAP = "within_gap", _("within the gap that was asked for")
    ABOVE_GAP = "above_gap", _("the time was over before the gap was reached")
    FALLBACK = "fallback", _("fallback: the best strike price")
    SAFE_STATE = "safe_state", _("safe state: something is not known")
    REFUSED = "refused", pgettext_lazy("schedule", "refused")


PLANNED = (AnswerLabel.OPTIMAL, AnswerLabel.WITHIN_GAP, AnswerLabel.ABOVE_GAP, AnswerLabel.FALLBACK)


class ScheduleAction(TextChoices):
    """What machines do in a step."""

    STARTUP = "startup", _("run")
    SHUTDOWN = "shutdown", _("off")
    PARTLY = "partly", _("some run")
    THROTTLED = "throttled", _("throttled")


class EntryStatus(TextChoices):
    """What became of a step of a schedule."""

    PLANNED = "planned", _("planned")
    EXECUTING = "executing", _("executing")
    COMPLETED = "completed", _("completed")
    REPLACED = "replaced", _("replaced by a newer one")


ENTRY_MOVES = {
    EntryStatus.PLANNED: {EntryStatus.EXECUTING, EntryStatus.COMPLETED, EntryStatus.REPLACED},
    EntryStatus.EXECUTING: {EntryStatus.COMPLETED, EntryStatus.REPLACED},
    EntryStatus.COMPLETED: set(),
    EntryStatus.REPLACED: set(),
}
