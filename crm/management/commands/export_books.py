"""Make a file for accounting on the command line."""

import os
import tempfile
from argparse import ArgumentParser
from datetime import date
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from crm.domain import exports
from crm.enums import ExportKind
from crm.models import AccountingExport, LegalEntity
from hashinsight.common.errors import DomainError


class Command(BaseCommand):
    """``manage.py export_books KIND --legal-entity NAME --month 2026-10 [--to 2026-12] --output FOLDER``."""

    help = (
        "Writes the documents (ZIP), the journal, a DATEV batch or invoices for Xero and QuickBooks of whole months "
        "into a folder. Of closed months the same file comes out again, byte by byte."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """What, of whom, when, whereto."""
        parser.add_argument("kind", choices=ExportKind.values)
        parser.add_argument("--legal-entity", required=True, metavar="NAME", help="its name, as in the admin")
        parser.add_argument("--month", required=True, metavar="YYYY-MM")
        parser.add_argument("--to", metavar="YYYY-MM", help="the last month; without it one month")
        parser.add_argument("--output", type=Path, required=True, metavar="FOLDER")
        parser.add_argument("--dry-run", action="store_true", help="say what the file would hold, and what is missing")

    def handle(self, *args: Any, **options: Any) -> None:
        """One call of the domain, then the bytes into a file."""
        entity = LegalEntity.objects.filter(name=options["legal_entity"]).first()
        if entity is None:
            raise CommandError(f"there is no legal entity {options['legal_entity']!r}")
        folder: Path = options["output"]
        if not folder.is_dir():
            raise CommandError(f"{folder}: there is no such folder")
        first = _month(options["month"])
        wish: dict[str, Any] = {"kind": ExportKind(options["kind"]), "first": first, "last": first}
        if options["to"]:
            wish["last"] = _month(options["to"])
        try:
            if options["dry_run"]:
                self._show(exports.plan_export(entity, **wish, at=timezone.now()))
                return
            made = exports.make_export(entity, **wish, by=None, at=timezone.now())
        except DomainError as refusal:
            raise CommandError(str(refusal)) from refusal
        target = _written(made, folder)
        self.stdout.write(f"{target}: {made.row_count} rows, {made.size} bytes, SHA-256 {made.sha256}")

    def _show(self, plan: exports.ExportPlan) -> None:
        self.stdout.write(f"{plan.file_name}: {plan.row_count} rows")
        for currency, sums in plan.sums.items():
            self.stdout.write("  " + ", ".join(f"{name} {amount} {currency}" for name, amount in sums.items()))
        for line in (*plan.notes, *(f"missing: {gap}" for gap in plan.gaps)):
            self.stdout.write(f"  {line}")


def _month(text: str) -> date:
    try:
        return date.fromisoformat(f"{text}-01")
    except ValueError:
        raise CommandError(f"{text!r} is no month such as 2026-10") from None


def _written(made: AccountingExport, folder: Path) -> Path:
    """Under its own name only when it is complete."""
    target = folder / made.file_name
    handle, name = tempfile.mkstemp(dir=folder, prefix=".export-")
    try:
        with os.fdopen(handle, "wb") as file:
            for chunk in exports.chunks_of(made):
                file.write(chunk)
        os.replace(name, target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return target
