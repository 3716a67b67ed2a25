"""Kinds and states of backups and drills."""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class BackupKind(TextChoices):
    """How a backup is made."""

    BASE = "base", _("base backup with log archive")
    DUMP = "dump", _("dump")


class BackupState(TextChoices):
    """How a backup or a drill stands."""

    RUNNING = "running", _("running")
    DONE = "done", _("done")
    FAILED = "failed", _("failed")
    REMOVED = "removed", _("removed")


BACKUP_MOVES = {
    BackupState.RUNNING: {BackupState.DONE, BackupState.FAILED},
    BackupState.DONE: {BackupState.REMOVED},
    BackupState.FAILED: {BackupState.REMOVED},
    BackupState.REMOVED: set(),
}
DRILL_MOVES = {BackupState.RUNNING: {BackupState.DONE, BackupState.FAILED}}
