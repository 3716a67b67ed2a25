"""Deliveries that could not be made at once."""

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class HeldDelivery(models.Model):
    """One event that one consumer group is still to have; gone as soon as the group has had it or gave it up.

    A row is here because the group failed on the event, because an earlier event of the same aggregate is here,
    because the group takes its events from here always (sinks), or because a person replays it.
    """

    event = models.ForeignKey(
        "events.OutboxEvent", verbose_name=_("event"), on_delete=models.PROTECT, related_name="held_deliveries"
    )
    consumer_group = models.CharField(_("consumer group"), max_length=100)
    aggregate_type = models.CharField(_("aggregate type"), max_length=100)
    aggregate_id = models.CharField(_("aggregate id"), max_length=64)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    next_attempt_at = models.DateTimeField(_("next attempt at"), default=timezone.now)
    last_error = models.TextField(_("last error"), blank=True, default="")
    held_at = models.DateTimeField(_("held since"), default=timezone.now)

    class Meta:
        verbose_name = _("held delivery")
        verbose_name_plural = _("held deliveries")
        constraints = [models.UniqueConstraint(fields=["event", "consumer_group"], name="events_held_event_group")]
        indexes = [
            models.Index(
                fields=["consumer_group", "aggregate_type", "aggregate_id", "event"], name="events_held_aggregate"
            ),
            models.Index(fields=["consumer_group", "event"], name="events_held_queue"),
        ]

    def __str__(self) -> str:
        return f"{self.consumer_group} {self.event_id}"
