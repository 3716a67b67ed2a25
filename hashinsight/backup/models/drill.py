"""The report of a restore that was tried."""

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from hashinsight.backup.enums import BackupState


class RestoreDrill(models.Model):
    """A backup was restored into a scratch place and compared with what it should hold.

    running  at work
    done     every table was equal
    failed   it could not be restored, or tables differ
    """

    backup = models.ForeignKey(
        "backup.Backup", verbose_name=_("backup"), on_delete=models.SET_NULL, null=True, related_name="drills"
    )
    backup_name = models.CharField(_("name of the backup"), max_length=64)
    state = models.CharField(_("state"), max_length=8, choices=BackupState.choices, default=BackupState.RUNNING)
    is_exact = models.BooleanField(_("compared at the same moment"), default=False)
    tables = models.PositiveIntegerField(_("tables compared"), default=0)
    row_count = models.BigIntegerField(_("rows compared"), default=0)
    differing = models.JSONField(_("tables that differ"), default=list)
    ledger = models.CharField(_("ledger"), max_length=200, blank=True, default="")
    rto_seconds = models.FloatField(_("time to restore in seconds"), null=True, blank=True)
    rpo_seconds = models.FloatField(_("most that would be lost in seconds"), null=True, blank=True)
    error = models.TextField(_("error"), blank=True, default="")
    started_at = models.DateTimeField(_("started at"), default=timezone.now)
    finished_at = models.DateTimeField(_("finished at"), null=True, blank=True)

    class Meta:
        verbose_name = _("restore drill")
        verbose_name_plural = _("restore drills")
        constraints = [
            models.CheckConstraint(condition=models.Q(state__in=BackupState.values), name="backup_drill_state_known"),
        ]
        indexes = [models.Index(fields=["-started_at"], name="backup_drill_started")]

    def __str__(self) -> str:
        return f"{self.backup_name} {self.started_at:%Y-%m-%d %H:%M}"
