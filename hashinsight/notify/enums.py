"""Words and states of notifications."""

from django.db.models import IntegerChoices, TextChoices
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class ChannelKind(TextChoices):
    """How a message leaves the house. There is no other way: each has its own sender in ``clients``."""

    EMAIL = "email", _("E-mail")
    SLACK = "slack", "Slack"
    TELEGRAM = "telegram", "Telegram"
    PAGERDUTY = "pagerduty", "PagerDuty"
    WEBHOOK = "webhook", _("signed webhook")


class Severity(TextChoices):
    """How bad it is; critical ones do not wait for the end of quiet hours."""

    INFO = "info", _("information")
    WARNING = "warning", _("warning")
    ERROR = "error", _("error")
    CRITICAL = "critical", _("critical")


SEVERITY_ORDER = {severity: place for place, severity in enumerate(Severity.values)}


class AlertState(TextChoices):
    """Where an alert stands."""

    OPEN = "open", pgettext_lazy("alert", "open")
    ACKNOWLEDGED = "acknowledged", _("acknowledged")
    ENDED = "ended", _("over")


ALERT_MOVES = {
    AlertState.OPEN: {AlertState.ACKNOWLEDGED, AlertState.ENDED},
    AlertState.ACKNOWLEDGED: {AlertState.ENDED},
    # What comes back is a new alert.
    AlertState.ENDED: set(),
}


class Occasion(TextChoices):
    """Why a message is sent."""

    EVENT = "event", _("event")
    RAISED = "raised", _("alert raised")
    DIGEST = "digest", _("summary of repeats")
    ESCALATED = "escalated", _("nobody has acknowledged")
    ENDED = "ended", _("alert over")
    TEST = "test", _("test message")


class DeliveryState(TextChoices):
    """How a message to one recipient stands."""

    PENDING = "pending", _("on its way")
    DELIVERED = "delivered", _("delivered")
    FAILED = "failed", _("given up")
    SKIPPED = "skipped", _("not needed any more")


DELIVERY_MOVES = {
    DeliveryState.PENDING: {DeliveryState.DELIVERED, DeliveryState.FAILED, DeliveryState.SKIPPED},
    # A person asks for it again: the same message, the same id.
    DeliveryState.DELIVERED: {DeliveryState.PENDING},
    DeliveryState.FAILED: {DeliveryState.PENDING},
    DeliveryState.SKIPPED: {DeliveryState.PENDING},
}


class Weekday(IntegerChoices):
    """As Python counts them."""

    MONDAY = 0, _("Monday")
    TUESDAY = 1, _("Tuesday")
    WEDNESDAY = 2, _("Wednesday")
    THURSDAY = 3, _("Thursday")
    FRIDAY = 4, _("Friday")
    SATURDAY = 5, _("Saturday")
    SUNDAY = 6, _("Sunday")
