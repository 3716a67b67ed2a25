"""States of an outbox event."""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class OutboxStatus(TextChoices):
    """Where an event stands on its way to the consumers."""

    PENDING = "pending", _("pending")
    PROCESSED = "processed", _("processed")
    FAILED = "failed", _("failed")


OUTBOX_MOVES = {
    OutboxStatus.PENDING: {OutboxStatus.PROCESSED, OutboxStatus.FAILED},
    OutboxStatus.FAILED: {OutboxStatus.PENDING},
    OutboxStatus.PROCESSED: set(),
}
