"""Events a consumer gave up."""

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from hashinsight.common.audit import tracked
from hashinsight.common.models import BaseModel


@tracked()
class DeadLetter(BaseModel):
    """An event that a consumer group gave up after its last attempt, under its original id, with all it says.

    It is open until somebody sends it again (``replayed_at``); given up once more, the same row is open again.
    """

    event_id = models.UUIDField(_("event id"))
    consumer_group = models.CharField(_("consumer group"), max_length=100)
    kind = models.CharField(_("kind"), max_length=100)
    aggregate_type = models.CharField(_("aggregate type"), max_length=100)
    aggregate_id = models.CharField(_("aggregate id"), max_length=64)
    customer_id = models.BigIntegerField(_("customer id"), null=True, blank=True)
    user_id = models.UUIDField(_("user id"), null=True, blank=True)
    payload = models.JSONField(_("payload"))
    error_message = models.TextField(_("error"), blank=True, default="")
    retry_count = models.PositiveIntegerField(_("attempts so far"), default=0)
    failed_at = models.DateTimeField(_("failed at"), default=timezone.now)
    replayed_at = models.DateTimeField(_("sent again at"), null=True, blank=True)

    class Meta:
        verbose_name = _("dead letter")
        verbose_name_plural = _("dead letters")
        constraints = [models.UniqueConstraint(fields=["event_id", "consumer_group"], name="events_dead_event_group")]
        indexes = [models.Index(fields=["-failed_at", "-id"], name="events_dead_failed")]
        permissions = [("redeliver_deadletter", _("Can send dead letters again"))]

    def __str__(self) -> str:
        return f"{self.kind} → {self.consumer_group}"
