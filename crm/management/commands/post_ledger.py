"""Book documents that have no entry yet."""

from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from crm.domain.ledger.backfill import backfill


class Command(BaseCommand):
    """``manage.py post_ledger``: after an update while older code was still running; safe to run again."""

    help = "Books invoices, payments and credit notes that have no journal entry yet, in batches."

    def handle(self, *args: Any, **options: Any) -> None:
        """How many entries were made."""
        now = timezone.now()
        self.stdout.write(f"{backfill(on=now.date(), at=now)} entries were made.")
