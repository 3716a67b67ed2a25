"""Replaces Django's flush in the suite: the application login may not empty tables."""

from typing import Any

from django.core.management.base import BaseCommand

from tests.support.database import empty_all_tables


class Command(BaseCommand):
    """Called by transactional tests after each test."""

    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        """Empty all tables as the owner."""
        empty_all_tables()
