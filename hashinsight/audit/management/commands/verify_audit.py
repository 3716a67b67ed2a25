"""Verify the sealed history."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from hashinsight.audit.domain.verifying import verify_chain


class Command(BaseCommand):
    """``verify_audit [--expect HASH]``: ends with an error that names the first broken row."""

    help = "Verify every sealed batch of the history and every row in it."

    def add_arguments(self, parser: CommandParser) -> None:
        """A link somebody noted."""
        parser.add_argument("--expect", default="", help="A hash an earlier run has shown: the chain must hold it.")

    def handle(self, *args: Any, **options: Any) -> None:
        """One domain call."""
        verdict = verify_chain(expected_head=options["expect"])
        if verdict.broken is not None:
            raise CommandError(f"{verdict.broken} (up to there {verdict.rows:,} rows are as they were sealed)")
        self.stdout.write(f"{verdict.batches} batches with {verdict.rows:,} rows are as they were sealed")
        self.stdout.write(f"the chain ends with {verdict.head or 'nothing yet'}")
