"""States of an outbox event, and how a replay treats what a consumer has had."""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class OutboxStatus(TextChoices):
    """Where an event stands on its way to the consumers."""

    PENDING = "pending", _("pending")
    HELD = "held", _("held up")
    PROCESSED = "processed", _("processed")
    FAILED = "failed", _("failed")


OUTBOX_MOVES = {
    OutboxStatus.PENDING: {OutboxStatus.PROCESSED, OutboxStatus.HELD},
    OutboxStatus.HELD: {OutboxStatus.PROCESSED, OutboxStatus.FAILED},
    OutboxStatus.FAILED: {OutboxStatus.HELD},
    OutboxStatus.PROCESSED: {OutboxStatus.HELD},
}


class ReplayMode(TextChoices):
    """What a replay does with events the consumer has had."""

    MISSED = "missed", _("only what it has not had")
    AGAIN = "again", _("everything once more")
