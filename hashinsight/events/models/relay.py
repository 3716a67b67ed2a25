"""Relay processes and replays, as people look at them."""

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from hashinsight.common.audit import tracked
from hashinsight.common.models import BaseModel
from hashinsight.events.enums import ReplayMode


class RelayProcess(models.Model):
    """A process that hands events on; its heartbeat says whether it still does."""

    name = models.CharField(_("name"), max_length=200, unique=True)
    lane = models.CharField(_("lane"), max_length=20)
    started_at = models.DateTimeField(_("started at"), default=timezone.now)
    heartbeat_at = models.DateTimeField(_("heartbeat at"), default=timezone.now)
    stopped_at = models.DateTimeField(_("stopped at"), null=True, blank=True)
    handed_on = models.BigIntegerField(_("events handed on"), default=0)
    last_error = models.TextField(_("last error"), blank=True, default="")

    class Meta:
        verbose_name = _("relay")
        verbose_name_plural = _("relays")

    def __str__(self) -> str:
        return self.name


@tracked()
class Replay(BaseModel):
    """Somebody had events handed to a consumer group once more: which, why and how many."""

    consumer_group = models.CharField(_("consumer group"), max_length=100)
    mode = models.CharField(_("what"), max_length=16, choices=ReplayMode.choices, default=ReplayMode.MISSED)
    since = models.DateTimeField(_("events since"), null=True, blank=True)
    until = models.DateTimeField(_("events before"), null=True, blank=True)
    kind = models.CharField(_("kind"), max_length=100, blank=True, default="")
    aggregate_type = models.CharField(_("aggregate type"), max_length=100, blank=True, default="")
    aggregate_id = models.CharField(_("aggregate id"), max_length=64, blank=True, default="")
    event_id = models.UUIDField(_("event id"), null=True, blank=True)
    reason = models.CharField(_("reason"), max_length=200)
    requested_by_id = models.UUIDField(_("requested by"), null=True, blank=True)
    count = models.PositiveIntegerField(_("events"), default=0)

    class Meta:
        verbose_name = _("replay")
        verbose_name_plural = _("replays")
        constraints = [
            models.CheckConstraint(condition=models.Q(mode__in=ReplayMode.values), name="events_replay_mode_known"),
            models.CheckConstraint(
                condition=models.Q(since__isnull=False)
                | ~models.Q(kind="")
                | ~models.Q(aggregate_id="")
                | models.Q(event_id__isnull=False),
                name="events_replay_selects_something",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.consumer_group} {self.created_at:%Y-%m-%d %H:%M}"
