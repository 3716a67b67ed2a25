"""Write docs/openapi.json, or compare it with what the code says."""

import difflib
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from hashinsight.common.api.document import rendered

SHOWN_LINES = 60


class Command(BaseCommand):
    """``export_schema`` writes the file; ``--check`` fails with the difference when it is out of date."""

    help = "Write docs/openapi.json (the OpenAPI 3.1 description of the API), or --check it."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """--check and --file."""
        parser.add_argument("--check", action="store_true", help="Change nothing; fail when the file is out of date.")
        parser.add_argument("--file", type=Path, default=Path(settings.BASE_DIR) / "docs" / "openapi.json")

    def handle(self, *args: Any, **options: Any) -> None:
        """Write or compare."""
        path: Path = options["file"]
        fresh = rendered()
        if not options["check"]:
            path.write_text(fresh, encoding="utf-8")
            self.stdout.write(f"Written: {path}")
            return
        known = path.read_text(encoding="utf-8") if path.exists() else ""
        if known == fresh:
            self.stdout.write(f"{path.name} is what the code says.")
            return
        lines = difflib.unified_diff(
            known.splitlines(), fresh.splitlines(), f"{path.name} (committed)", f"{path.name} (code)", lineterm="", n=2
        )
        difference = "\n".join(list(lines)[:SHOWN_LINES])
        raise CommandError(
            f"{path.name} is out of date. Look at the difference, then run `./dev manage export_schema`.\n{difference}"
        )
