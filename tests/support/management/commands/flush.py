"""Replaces Django's flush in the suite: the application login may not empty tables."""

from typing import Any

from django.core.management.commands.flush import Command as FlushCommand

from tests.support.database import empty_all_tables


class Command(FlushCommand):
    """Called by transactional tests after each test."""

    def handle(self, **options: Any) -> None:
        """Empty all tables as the owner."""
        empty_all_tables()
