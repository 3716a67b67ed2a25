"""Try whether the newest backup can be restored."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from hashinsight.backup.domain.drilling import restore_drill
from hashinsight.backup.domain.shelf import BackupRefused
from hashinsight.backup.enums import BackupState


class Command(BaseCommand):
    """``restore_drill [--backup NAME]``."""

    help = "Restore a backup into a scratch place, compare every table, keep a report; fails when anything differs."

    def add_arguments(self, parser: CommandParser) -> None:
        """Which one."""
        parser.add_argument("--backup", default="", help="Its name; without it the newest.")

    def handle(self, *args: Any, **options: Any) -> None:
        """One domain call."""
        try:
            report = restore_drill(clock=timezone.now, name=options["backup"])
        except BackupRefused as refusal:
            raise CommandError(str(refusal)) from refusal
        if report.state == BackupState.FAILED:
            named = ", ".join(report.differing)
            raise CommandError(" ".join([report.error, f"Differing: {named}." if named else "", report.ledger]).strip())
        self.stdout.write(
            f"{report.backup_name}: {report.tables} tables with {report.row_count:,} rows are equal;"
            f" restored in {report.rto_seconds:.1f} s, at most {report.rpo_seconds:.0f} s would be lost"
        )
