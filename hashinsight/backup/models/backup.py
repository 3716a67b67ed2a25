"""A backup as people look at it; the folder with its manifest is the truth."""

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from hashinsight.backup.enums import BackupKind, BackupState


class Backup(models.Model):
    """One backup of the whole database.

    running  being made
    done     complete, with a manifest
    failed   nothing usable came out
    removed  its files were deleted by the rotation
    """

    name = models.CharField(_("name"), max_length=64, unique=True)
    kind = models.CharField(_("kind"), max_length=8, choices=BackupKind.choices)
    state = models.CharField(_("state"), max_length=8, choices=BackupState.choices, default=BackupState.RUNNING)
    is_encrypted = models.BooleanField(_("encrypted"), default=False)
    size_bytes = models.BigIntegerField(_("size in bytes"), default=0)
    schema_version = models.CharField(_("schema version"), max_length=64, blank=True, default="")
    manifest_sha256 = models.CharField(_("checksum of the manifest"), max_length=64, blank=True, default="")
    error = models.TextField(_("error"), blank=True, default="")
    started_at = models.DateTimeField(_("started at"), default=timezone.now)
    finished_at = models.DateTimeField(_("finished at"), null=True, blank=True)

    class Meta:
        verbose_name = _("backup")
        verbose_name_plural = _("backups")
        constraints = [
            models.CheckConstraint(condition=models.Q(kind__in=BackupKind.values), name="backup_backup_kind_known"),
            models.CheckConstraint(condition=models.Q(state__in=BackupState.values), name="backup_backup_state_known"),
        ]
        indexes = [models.Index(fields=["-started_at"], name="backup_backup_started")]

    def __str__(self) -> str:
        return self.name
