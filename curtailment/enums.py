"""Words of curtailment."""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class PlanKind(TextChoices):
    """Who wanted it."""

    MANUAL = "manual", _("by hand, now")
    SCHEDULED = "scheduled", _("by hand, for later")
    AUTOMATIC = "automatic", _("by a rule")


class Cause(TextChoices):
    """Why machines are switched off."""

    PRICE = "price", _("price of energy")
    DISPATCH = "dispatch", _("dispatch of a programme")
    PEAK = "peak", _("coincident peak")
    SCHEDULE = "schedule", _("schedule of the optimiser")
    GRID = "grid", _("grid operator")
    SITE = "site", _("work at the site")
    EMERGENCY = "emergency", _("emergency")
    OTHER = "other", _("another reason")


class Goal(TextChoices):
    """What the figure of a plan means."""

    REDUCE_BY = "by", _("reduce by")
    REDUCE_TO = "to", _("reduce to")


class Selection(TextChoices):
    """Which machines go first."""

    EFFICIENCY = "efficiency", _("least efficient first (J/TH of the model)")
    MARGIN = "margin", _("least marginal profit first (as measured)")


class OnUnusual(TextChoices):
    """What is done with a dispatch that asks for something unusual."""

    REFUSE = "refuse", _("refuse it")
    RUN = "run", _("follow it, and mark it")


class OnTest(TextChoices):
    """What is done with a dispatch that is only a test."""

    LOG = "log", _("only write it down")
    RUN = "run", _("really follow it")


class OnUnauthorised(TextChoices):
    """What is done with a dispatch that says it is not authorised."""

    REFUSE = "refuse", _("refuse it")
    WAIT = "wait", _("let it wait for a person")


class DispatchSource(TextChoices):
    """By which way a dispatch came."""

    WEBHOOK = "webhook", _("signed webhook")
    OPENADR = "openadr", _("OpenADR 3")
    HAND = "hand", _("typed by hand")


class DispatchState(TextChoices):
    """Where a dispatch is."""

    RECEIVED = "received", _("waits to be authorised")
    REFUSED = "refused", pgettext_lazy("dispatch", "refused")
    LOGGED = "logged", _("test, written down")
    ACCEPTED = "accepted", pgettext_lazy("dispatch", "accepted")
    RUNNING = "running", pgettext_lazy("dispatch", "running")
    ENDED = "ended", pgettext_lazy("dispatch", "ended")
    CANCELLED = "cancelled", pgettext_lazy("dispatch", "cancelled")


_CALLED = {DispatchState.RECEIVED, DispatchState.LOGGED, DispatchState.ACCEPTED, DispatchState.RUNNING}
_OVER = {DispatchState.ENDED, DispatchState.CANCELLED}
DISPATCH_MOVES = {
    DispatchState.RECEIVED: {*_CALLED, *_OVER},
    DispatchState.REFUSED: {*_CALLED, DispatchState.CANCELLED},
    DispatchState.LOGGED: {*_CALLED, *_OVER},
    DispatchState.ACCEPTED: {*_CALLED, *_OVER},
    DispatchState.RUNNING: {*_CALLED, *_OVER},
    DispatchState.ENDED: set(),
    DispatchState.CANCELLED: _CALLED,  # by a call that is numbered later than the cancellation
}
WANTED_STATES = (DispatchState.ACCEPTED, DispatchState.RUNNING)


class MessageOutcome(TextChoices):
    """What came of one message about a dispatch."""

    APPLIED = "applied", pgettext_lazy("message", "holds")
    LOGGED = "logged", _("only written down")
    WAITS = "waits", _("waits for a person")
    REPEATED = "repeated", _("changes nothing")
    OLDER = "older", _("overtaken by a newer one")
    REFUSED = "refused", pgettext_lazy("message", "refused")


class OpenAdrVersion(TextChoices):
    """Which OpenADR the other side speaks."""

    V30 = "3.0", "3.0"
    V31 = "3.1", "3.1"


class PlanStatus(TextChoices):
    """Where a plan is."""

    PENDING = "pending", _("waits for approval")
    APPROVED = "approved", _("approved")
    EXECUTING = "executing", _("executing")
    EXECUTED = "executed", _("executed")
    RECOVERING = "recovering", _("recovering")
    RECOVERED = "recovered", _("recovered")
    PARTIAL = "partially_executed", _("partially executed")
    FAILED = "failed", _("failed")
    EXPIRED = "expired", _("expired")
    CANCELLED = "cancelled", pgettext_lazy("plan", "cancelled")


PLAN_MOVES = {
    PlanStatus.PENDING: {PlanStatus.APPROVED, PlanStatus.CANCELLED, PlanStatus.EXPIRED},
    PlanStatus.APPROVED: {PlanStatus.EXECUTING, PlanStatus.CANCELLED, PlanStatus.EXPIRED},
    PlanStatus.EXECUTING: {PlanStatus.EXECUTED, PlanStatus.RECOVERING, PlanStatus.PARTIAL, PlanStatus.FAILED},
    PlanStatus.EXECUTED: {PlanStatus.RECOVERING},
    PlanStatus.RECOVERING: {PlanStatus.RECOVERED, PlanStatus.PARTIAL, PlanStatus.FAILED},
    PlanStatus.RECOVERED: set(),
    PlanStatus.PARTIAL: set(),
    PlanStatus.FAILED: set(),
    PlanStatus.EXPIRED: set(),
    PlanStatus.CANCELLED: set(),
}
RUNNING = (PlanStatus.EXECUTING, PlanStatus.EXECUTED)
UNFINISHED = (PlanStatus.APPROVED, *RUNNING, PlanStatus.RECOVERING)


class RuleKind(TextChoices):
    """What kind of rule decided; the first word of a plan's source key."""

    STRIKE = "strike", _("strike price")
    PEAK = "peak", _("coincident peak")
    DISPATCH = "dispatch", _("dispatch")
    SCHEDULE = "schedule", _("schedule")


class StrikeBasis(TextChoices):
    """What a price is compared with."""

    PRICE = "price", _("prices typed here")
    BREAK_EVEN = "break_even", _("what each model earns (break-even)")


class PeakPeriod(TextChoices):
    """In which time the peaks are counted."""

    MONTH = "month", _("month")
    SEASON = "season", _("season (the months of the rule)")
    YEAR = "year", _("calendar year")


class Doubt(TextChoices):
    """Why data are not to be trusted."""

    MISSING = "missing", _("there are no data")
    STALE = "stale", _("the data are too old")
    JUMP = "jump", _("the value is far above what is usual")
    UNIT = "unit", _("currency or unit do not fit the site")
    MARKET = "market", _("nobody knows what mining earns")


class RuleDecision(TextChoices):
    """What a rule came to."""

    WANTED = "wanted", _("wants machines off")
    APPROVED = "approved", _("covered by a standing approval")
    ENDED = "ended", _("wants them back")
    HELD = "held", _("holds the safe state")
    TRUSTED = "trusted", _("trusts its data again")
    REFUSED = "refused", pgettext_lazy("rule", "refused")


class MachineResult(TextChoices):
    """What came of one machine of a plan."""

    RESERVE = "reserve", _("in reserve")
    ORDERED = "ordered", _("told to pause")
    OFF = "off", _("off")
    LOWERED = "lowered", _("keeps to a lower power")
    REFUSED = "refused", _("does not obey")
    RESUMING = "resuming", _("told to run again")
    BACK = "back", _("runs again")
    KEPT = "kept", _("kept off for another plan")
    LOCKED = "locked", _("locked out in the meantime")


class EventStatus(TextChoices):
    """Where an event is."""

    RUNNING = "running", _("running")
    OVER = "over", _("over, not reckoned yet")
    MEASURED = "measured", _("reckoned")


class OrderAction(TextChoices):
    """What a machine is told; the words of the engine."""

    PAUSE = "pause", _("pause")
    RESUME = "resume", _("run again")
    LIMIT = "limit", _("keep to a lower power")
    LIFT = "lift", _("back to more power")


class OrderOutcome(TextChoices):
    """What came of an order; the words of the adapters, and two of our own."""

    OPEN = "open", _("not sent yet")
    ACCEPTED = "accepted", _("accepted")
    REFUSED = "refused", pgettext_lazy("order", "refused")
    UNSUPPORTED = "unsupported", _("not possible with this machine")
    UNKNOWN = "unknown", _("no answer")
    LAPSED = "lapsed", _("lapsed before it was sent")
