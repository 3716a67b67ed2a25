"""Recompute the books from the documents."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from crm.domain.ledger.check import CHECKS, discrepancies


class Command(BaseCommand):
    """``manage.py check_ledger``: changes nothing; exit code 1 when something does not add up."""

    help = "Checks in plain SQL that journal entries balance and equal the documents they come from."

    def handle(self, *args: Any, **options: Any) -> None:
        """Each finding with the first rows it is about."""
        found = discrepancies()
        for one in found:
            self.stderr.write(f"{one.check}: {one.count}")
            for row in one.rows:
                self.stderr.write(f"  {row}")
        if found:
            raise CommandError(f"{len(found)} of {len(CHECKS)} checks found something.")
        self.stdout.write(f"The books add up: {len(CHECKS)} checks found nothing.")
