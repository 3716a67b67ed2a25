"""Create the missing schedules of periodic jobs; what a person changed in the admin stays."""

from typing import Any

from django.core.management.base import BaseCommand

from hashinsight.jobs.schedule import seed_schedules


class Command(BaseCommand):
    """``manage.py seed_schedules``: part of each release."""

    help = "Creates the missing beat schedules from the registry of periodic jobs."

    def handle(self, *args: Any, **options: Any) -> None:
        """Say how many were new."""
        self.stdout.write(f"schedules added: {seed_schedules()}")
