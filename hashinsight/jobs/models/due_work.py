"""The row that says: this must happen."""

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from hashinsight.jobs.enums import WorkQueue, WorkState


class DueWork(models.Model):
    """A thing that must happen outside the transaction that asked for it: a PDF, an e-mail.

    pending  waits for a worker
    claimed  a worker is at it until ``claimed_until``; a dead worker's claim is taken over
    done     has happened
    failed   given up after ``max_attempts``; a person may try again

    The row is the truth; a message through the broker only wakes a worker sooner.
    """

    kind = models.CharField(_("kind"), max_length=100)
    key = models.CharField(_("key"), max_length=200)
    payload = models.JSONField(_("payload"), default=dict)
    queue = models.CharField(_("queue"), max_length=16, choices=WorkQueue.choices, default=WorkQueue.DEFAULT)
    state = models.CharField(_("state"), max_length=16, choices=WorkState.choices, default=WorkState.PENDING)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    max_attempts = models.PositiveSmallIntegerField(_("most attempts"), default=8)
    last_error = models.TextField(_("last error"), blank=True, default="")
    request_id = models.CharField(_("request id"), max_length=64, blank=True, default="")
    claimed_by = models.CharField(_("claimed by"), max_length=200, blank=True, default="")
    claim_token = models.UUIDField(_("claim token"), null=True, blank=True)
    not_before = models.DateTimeField(_("not before"), default=timezone.now)
    claimed_until = models.DateTimeField(_("claimed until"), null=True, blank=True)
    created_at = models.DateTimeField(_("created at"), default=timezone.now)
    done_at = models.DateTimeField(_("done at"), null=True, blank=True)
    # When the sweeper last sent a message for it; nothing once a worker has claimed it.
    swept_at = models.DateTimeField(_("told of again at"), null=True, blank=True)

    class Meta:
        verbose_name = _("due work")
        verbose_name_plural = _("due work")
        constraints = [
            models.UniqueConstraint(fields=["kind", "key"], name="jobs_duework_kind_key"),
            models.CheckConstraint(condition=models.Q(state__in=WorkState.values), name="jobs_duework_state_known"),
        ]
        indexes = [
            models.Index(
                fields=["queue", "not_before", "id"],
                condition=models.Q(state__in=["pending", "claimed"]),
                name="jobs_duework_open",
            ),
            models.Index(fields=["created_at"], name="jobs_duework_created"),
        ]
        permissions = [("retry_duework", _("Can try failed work again"))]

    def __str__(self) -> str:
        return f"{self.kind} {self.key}"
