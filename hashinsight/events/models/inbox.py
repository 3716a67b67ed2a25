"""The inbox: which consumer group has had which event."""

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class InboxEntry(models.Model):
    """A consumer group has had an event; written in the transaction of the group's own effect.

    The unique pair is what makes each effect happen once, however often the event is handed over.
    """

    event_id = models.UUIDField(_("event id"))
    consumer_group = models.CharField(_("consumer group"), max_length=100)
    processed_at = models.DateTimeField(_("processed at"), default=timezone.now)

    class Meta:
        verbose_name = _("inbox entry")
        verbose_name_plural = _("inbox entries")
        constraints = [models.UniqueConstraint(fields=["event_id", "consumer_group"], name="events_inbox_event_group")]

    def __str__(self) -> str:
        return f"{self.consumer_group} {self.event_id}"
