"""Take over open invoices, credits and last numbers of a former system."""

import json
import tempfile
import zipfile
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from datetime import date
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from crm.domain.opening_import import OpeningRefused, OpeningReport, import_opening
from crm.engine.csv_source import MAX_BYTES
from crm.engine.opening_files import COLUMNS, Opening, read_opening
from crm.models import LegalEntity
from hashinsight.common.errors import DomainError
from hashinsight.common.money import CURRENCIES, round_money

HELP = """\
Loads CSV files (UTF-8, comma, days as 2026-10-31, amounts as 1234.56) from FOLDER, or from a ZIP file of them:

  open_invoices   number, customer, issued_on, due_on, currency, gross, outstanding
  credits         reference, customer, kind (deposit or credit), received_on, currency, amount      (may be missing)
  number_series   kind (invoice or credit_note), year, customer, last_number                        (may be missing)
  balances        customer, currency, balance: open invoices less credits of each customer          (may be missing)
  totals          currency, total: the same of all customers

Customers are named by their customer number. A file that is broken anywhere changes nothing at all; what is wrong is
said by file, line and column. Rows that are here already stay as they are, so a second run changes nothing. At the
end the ledger must come to the totals, or everything is taken back.
"""
SHOWN = 20


class Command(BaseCommand):
    """``manage.py import_opening FOLDER --legal-entity NAME --on 2026-10-31 [--dry-run]``."""

    help = HELP

    def create_parser(self, *args: Any, **options: Any) -> Any:
        """The help text is a table."""
        return super().create_parser(*args, **options, formatter_class=RawDescriptionHelpFormatter)

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Where the files are, whose they are, and when they are booked."""
        parser.add_argument("source", type=Path, metavar="FOLDER|FILE.zip")
        parser.add_argument("--legal-entity", required=True, metavar="NAME", help="its name, as in the admin")
        parser.add_argument("--on", required=True, metavar="YYYY-MM-DD", help="day of the takeover: booked on it")
        parser.add_argument("--dry-run", action="store_true", help="do everything, show it, then take it back")
        parser.add_argument("--report", type=Path, metavar="FILE.json", help="also write all rows and errors there")

    def handle(self, *args: Any, **options: Any) -> None:
        """One call of the domain; the report in words, and as JSON where wanted."""
        entity = LegalEntity.objects.filter(name=options["legal_entity"]).first()
        if entity is None:
            raise CommandError(f"there is no legal entity {options['legal_entity']!r}")
        try:
            on = date.fromisoformat(options["on"])
        except ValueError:
            raise CommandError(f"{options['on']!r} is no day such as 2026-10-31") from None
        opening = _read(options["source"])
        try:
            report = import_opening(
                opening, legal_entity=entity, on=on, by=None, at=timezone.now(), dry_run=options["dry_run"]
            )
        except OpeningRefused as refusal:
            self._write(options["report"], refusal.report)
            raise CommandError(str(refusal)) from refusal
        except DomainError as refusal:
            raise CommandError(f"Nothing was imported. {refusal}") from refusal
        self._write(options["report"], report)
        self.stdout.write(describe(report))

    def _write(self, path: Path | None, report: OpeningReport) -> None:
        if path is None:
            return
        found = {
            "dry_run": report.dry_run,
            "made": report.made,
            "unchanged": report.unchanged,
            "totals": {currency: str(total) for currency, total in report.totals.items()},
            "errors": [
                {"file": one.file, "line": one.line, "column": one.column, "message": one.message}
                for one in report.errors
            ],
        }
        path.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _read(source: Path) -> Opening:
    if source.is_dir():
        return read_opening(source, digits=CURRENCIES)
    if not source.is_file():
        raise CommandError(f"{source}: there is no such folder or file")
    with tempfile.TemporaryDirectory() as folder:
        _unpack(source, Path(folder))
        return read_opening(Path(folder), digits=CURRENCIES)


def _unpack(source: Path, folder: Path) -> None:
    """Our files by their names, whatever folder of the ZIP they are in; nothing else, nothing huge, nothing damaged."""
    wanted = {f"{name}.csv" for name in COLUMNS}
    try:
        with zipfile.ZipFile(source) as archive:
            for part in archive.infolist():
                name = Path(part.filename).name
                if name not in wanted:
                    continue
                if (folder / name).exists():
                    raise CommandError(f"{source}: {name} is in it twice")
                if part.file_size > MAX_BYTES:
                    raise CommandError(f"{source}: {name} unpacks to more than {MAX_BYTES // 1024**2} MB")
                (folder / name).write_bytes(archive.read(part))
    except (zipfile.BadZipFile, OSError, EOFError) as error:
        raise CommandError(f"{source}: is no ZIP file, or a damaged one ({error})") from error


def describe(report: OpeningReport) -> str:
    """The report for people."""
    lines = []
    for what in ("open invoices", "credits", "number series"):
        made = report.made.get(what, [])
        lines.append(f"{what}: {len(made)} new, {report.unchanged.get(what, 0)} here already")
        lines += [f"  {one}" for one in made[:SHOWN]]
        if len(made) > SHOWN:
            lines.append(f"  and {len(made) - SHOWN} more (--report writes all of them)")
    lines += [
        f"ledger: {round_money(total, currency)} {currency}, as stated" for currency, total in report.totals.items()
    ]
    if report.dry_run:
        lines += ["", "Dry run: nothing was kept."]
    return "\n".join(lines)
