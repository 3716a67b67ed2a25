"""Write the page about event kinds."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from hashinsight.events.kinds_page import kinds_page


class Command(BaseCommand):
    """``manage.py export_events --page docs/events.md``."""

    help = "Writes the page about event kinds and consumers from the registries."

    def add_arguments(self, parser: CommandParser) -> None:
        """Where to."""
        parser.add_argument("--page", type=Path, help="write to this file instead of standard output")

    def handle(self, *args: Any, page: Path | None = None, **options: Any) -> None:
        """Write it."""
        if page is None:
            self.stdout.write(kinds_page())
            return
        page.write_text(kinds_page(), encoding="utf-8")
