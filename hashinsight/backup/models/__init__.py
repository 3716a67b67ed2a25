"""Models of the backups."""

from hashinsight.backup.models.backup import Backup
from hashinsight.backup.models.drill import RestoreDrill

__all__ = ["Backup", "RestoreDrill"]
