"""Take over a sales pipeline from four CSV files."""

import json
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from crm.domain.pipeline_import import ImportReport, ImportWish, PipelineRefused, import_pipeline
from crm.engine.findings import Finding, FindingKind
from crm.engine.pipeline_files import read_pipeline
from hashinsight.common.money import CURRENCIES, DEFAULT_CURRENCY

HELP = """\
Loads sales_pipeline, accounts, products and sales_teams (each .csv or .csv.gz) from FOLDER or FOLDER/crm.

  sales_teams     agents become staff users in the group sales, without a password
  products        become products; sales_price is the list price
  accounts        become customers; subsidiary_of ties them to their parent
  sales_pipeline  with an account: a deal              without an account: a lead
                    Prospecting  discovery, draft        new
                    Engaging     proposal, draft         contacted
                    Won          closed won, signed      negotiation (and reported)
                    Lost         closed lost, cancelled  lost

An open opportunity without a value is expected to bring the list price of its product. Known misspellings are
repaired and reported as such. Whatever else is odd is reported by file, line and column. A file that is broken
(header, date, number, name that no other file knows, cut gzip ...) changes nothing at all. Records that are here
already stay as they are, so a second run changes nothing.
"""
# The files count in hundredths.
TWO_DIGITS = sorted(code for code, digits in CURRENCIES.items() if digits == 2)
SHOWN_LINES = 5
COLUMNS = ("read", "created", "unchanged", "kept", "refused", "repaired", "reported")


class Command(BaseCommand):
    """``manage.py import_crm_pipeline FOLDER``."""

    help = HELP

    def create_parser(self, *args: Any, **options: Any) -> Any:
        """The help text is a table."""
        return super().create_parser(*args, **options, formatter_class=RawDescriptionHelpFormatter)

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Where the files are, and what they do not say."""
        parser.add_argument("folder", type=Path, metavar="FOLDER")
        parser.add_argument("--dry-run", action="store_true", help="do everything, then take it back")
        parser.add_argument("--report", type=Path, metavar="FILE.json", help="also write every finding to this file")
        parser.add_argument("--currency", choices=TWO_DIGITS, default=DEFAULT_CURRENCY, help="currency of the amounts")

    def handle(self, *args: Any, **options: Any) -> None:
        """One call of the domain; the report in words, and as JSON where wanted."""
        folder: Path = options["folder"]
        if not folder.is_dir():
            raise CommandError(f"{folder}: there is no such folder")
        wish = ImportWish(at=timezone.now(), currency=options["currency"], dry_run=options["dry_run"])
        try:
            report = import_pipeline(read_pipeline(folder), wish)
        except PipelineRefused as refusal:
            self._write_file(options["report"], refusal.report)
            raise CommandError(str(refusal)) from refusal
        self._write_file(options["report"], report)
        self.stdout.write(describe(report))

    def _write_file(self, path: Path | None, report: ImportReport) -> None:
        if path is not None:
            path.write_text(json.dumps(report.as_dict(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def describe(report: ImportReport) -> str:
    """The report for people: a table that adds up, then the findings in groups."""
    counts = [*report.files.values(), report.totals()]
    width = max(len(count.file) for count in counts)
    lines = [" ".join([" " * width, *(f"{name:>9}" for name in COLUMNS)])]
    for count in counts:
        lines.append(" ".join([f"{count.file:<{width}}", *(f"{getattr(count, name):>9}" for name in COLUMNS)]))
    lines.append("read = created + unchanged + kept + refused; repaired and reported count records among them")
    lines += ["", "New: " + ", ".join(f"{number} {what}" for what, number in report.made.items())]
    for kind in (FindingKind.REPAIRED, FindingKind.REPORTED):
        groups = list(_groups(report.of_kind(kind)))
        if groups:
            lines += ["", f"{kind.value.title()}:", *groups]
    if report.dry_run:
        lines += ["", "Dry run: nothing was kept."]
    return "\n".join(lines)


def _groups(findings: Iterable[Finding]) -> Iterable[str]:
    """Findings that say the same of the same column, in one line with the first few line numbers."""
    key = lambda one: (one.file, one.column, one.message)  # noqa: E731
    for (file, column, message), group in groupby(sorted(findings, key=key), key=key):
        numbers = sorted(one.line for one in group)
        shown = ", ".join(str(number) for number in numbers[:SHOWN_LINES])
        more = f" and {len(numbers) - SHOWN_LINES} more" if len(numbers) > SHOWN_LINES else ""
        yield f"  {file}, column {column}: {message}: {'line' if len(numbers) == 1 else 'lines'} {shown}{more}"
