"""Make a backup now."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from hashinsight.backup.domain import taking
from hashinsight.backup.domain.shelf import BackupRefused
from hashinsight.backup.enums import BackupKind


class Command(BaseCommand):
    """``backup`` makes what fits the server; ``--base`` and ``--dump`` say which."""

    help = "Make a backup in BACKUP_DIR, verify nothing is missing, and let old ones go by the rotation."

    def add_arguments(self, parser: CommandParser) -> None:
        """Which kind, and whether the rotation runs."""
        kind = parser.add_mutually_exclusive_group()
        kind.add_argument("--base", action="store_true", help="All files of the server; restores to any moment.")
        kind.add_argument("--dump", action="store_true", help="One dump; for small sites.")
        parser.add_argument("--keep-all", action="store_true", help="Let no old backup go.")

    def handle(self, *args: Any, **options: Any) -> None:
        """One domain call, then the rotation."""
        try:
            kind = BackupKind.BASE if options["base"] else BackupKind.DUMP if options["dump"] else taking.default_kind()
            made = taking.take_backup(kind, clock=timezone.now)
        except BackupRefused as refusal:
            raise CommandError(str(refusal)) from refusal
        self.stdout.write(f"{made.name}: {made.size_bytes:,} bytes, manifest {made.manifest_sha256}")
        if not options["keep_all"]:
            gone = taking.rotate(at=timezone.now())
            self.stdout.write(f"removed {gone['removed']} old backups and {gone['log_files']} log files")
