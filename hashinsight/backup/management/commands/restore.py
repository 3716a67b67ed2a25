"""Bring a backup back into an empty folder."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.dateparse import parse_datetime

from hashinsight.backup.domain import shelf
from hashinsight.backup.domain.restoring import Target, restore
from hashinsight.backup.domain.shelf import BackupRefused


class Command(BaseCommand):
    """``restore --into FOLDER [--to MOMENT] [--backup NAME]``; needs no database."""

    help = "Restore a backup into an empty folder as a PostgreSQL data directory. Never writes over anything."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Where, which, how far."""
        parser.add_argument("--into", type=Path, required=True, help="A folder that does not exist or is empty.")
        parser.add_argument("--to", help="A moment such as 2026-11-20T09:30:00+00:00; without it, all there is.")
        parser.add_argument("--backup", default="", help="Its name; without it the newest one that fits.")
        parser.add_argument("--reason", default="restore", help="Kept with the hold.")

    def handle(self, *args: Any, **options: Any) -> None:
        """One domain call."""
        moment = None
        if options["to"]:
            try:
                moment = parse_datetime(options["to"])
            except ValueError:
                moment = None
            if moment is None or moment.tzinfo is None:
                raise CommandError("--to must be a moment with its offset, such as 2026-11-20T09:30:00+00:00.")
        try:
            backup = shelf.choose(options["backup"], to=moment)
            done = restore(backup, options["into"].absolute(), target=Target(to=moment), reason=options["reason"])
        except BackupRefused as refusal:
            raise CommandError(str(refusal)) from refusal
        reach = f", newest transaction {done.shows}" if done.shows else ""
        self.stdout.write(f"{backup.name} restored into {done.data} in {done.seconds:.1f} s{reach}")
        self.stdout.write("It is held: nothing is sent until somebody looks at `manage.py hold` and releases it.")
