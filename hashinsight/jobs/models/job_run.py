"""One run of a periodic job."""

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from hashinsight.jobs.enums import RunState


class JobRun(models.Model):
    """One run of a periodic job for one period; the unique pair is the guard against running twice.

    due      beat has rung, or a person has asked; a worker has not begun yet
    running  at work; the heartbeat tells how recently
    done     finished
    failed   ended with an error; the next tick may take it up again
    missed   nobody began it before a later period of the job was served

    ``fencing_token`` is the version of the lock under which beat rang; runs a person asked for have none.
    """

    job = models.CharField(_("job"), max_length=100)
    period_start = models.DateTimeField(_("period start"))
    state = models.CharField(_("state"), max_length=16, choices=RunState.choices, default=RunState.RUNNING)
    fencing_token = models.BigIntegerField(_("version of the lock"), null=True, blank=True)
    is_manual = models.BooleanField(_("asked for by a person"), default=False, db_default=False)
    asked_by = models.CharField(_("asked for by"), max_length=254, blank=True, default="", db_default="")
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=1)
    started_at = models.DateTimeField(_("started at"), default=timezone.now)
    heartbeat_at = models.DateTimeField(_("heartbeat at"), default=timezone.now)
    finished_at = models.DateTimeField(_("finished at"), null=True, blank=True)
    result = models.JSONField(_("result"), default=dict)
    error = models.TextField(_("error"), blank=True, default="")

    class Meta:
        verbose_name = _("job run")
        verbose_name_plural = _("job runs")
        constraints = [
            models.UniqueConstraint(fields=["job", "period_start"], name="jobs_jobrun_job_period"),
            models.CheckConstraint(condition=models.Q(state__in=RunState.values), name="jobs_jobrun_state_known"),
        ]
        indexes = [
            models.Index(fields=["-started_at"], name="jobs_jobrun_started"),
            models.Index(fields=["job", "period_start"], condition=models.Q(state="due"), name="jobs_jobrun_due"),
        ]
        permissions = [
            ("run_job", _("Can run a job now")),
            ("switch_job", _("Can switch a job on and off")),
        ]

    def __str__(self) -> str:
        return f"{self.job} {self.period_start:%Y-%m-%d %H:%M}"
