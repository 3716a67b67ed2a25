"""Backups as a Django app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class BackupConfig(AppConfig):
    """Backups, restore drills, and the hold after a restore."""

    name = "hashinsight.backup"
    label = "backup"
    verbose_name = _("Backups")

    def ready(self) -> None:
        """Register the nightly backup and the monthly drill."""
        from hashinsight.backup import registrations  # noqa: PLC0415  (app ready)

        registrations.register()
