"""Build the demo company, once."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from hashinsight.common.errors import DomainError
from hashinsight.demo.build import renew_credentials
from hashinsight.demo.options import add_demo_options, build_from, credentials_path


class Command(BaseCommand):
    """``manage.py build_demo``."""

    help = "Builds a lively demo company into an empty database; where one stands already, nothing happens."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which company, and where the sign-ins go."""
        parser.add_argument("--sample", type=Path, metavar="FOLDER", help="build it from the sample files in FOLDER")
        parser.add_argument(
            "--new-credentials", action="store_true", help="only make new passwords and keys for the demo's people"
        )
        add_demo_options(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        """One call."""
        if not options["new_credentials"]:
            build_from(options, self.stdout.write)
            return
        path = credentials_path(options)
        try:
            renew_credentials(at=timezone.now(), credentials=path)
        except DomainError as refusal:
            raise CommandError(str(refusal)) from refusal
        self.stdout.write(f"New sign-ins are in {path}")
