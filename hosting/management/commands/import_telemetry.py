"""Readings from a file."""

import gzip
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from hosting.domain.telemetry_import import import_readings
from hosting.engine.ingest.sheets import Sheet, SheetRefused, read_sheet
from hosting.models import Miner


class Command(BaseCommand):
    """``manage.py import_telemetry log.csv.gz --miner Gamma-1=SN001 --time-zone Europe/Vienna``."""

    help = "Loads readings of known machines from a CSV (or .csv.gz); twice is once."

    def add_arguments(self, parser: CommandParser) -> None:
        """Which file, whose readings, what its columns mean."""
        parser.add_argument("file", type=Path)
        parser.add_argument("--miner", action="append", default=[], metavar="NAME=SERIAL", help="as the file names it")
        parser.add_argument("--column", action="append", default=[], metavar="THEIRS=OURS", help="a figure of ours")
        parser.add_argument("--machine-column", default="", help="the column that names the machine")
        parser.add_argument("--time-zone", default="UTC", help="of times without an offset")

    def handle(self, *args: Any, **options: Any) -> None:
        """Read, then one call per portion."""
        try:
            sheet = _read(options)
        except (SheetRefused, OSError, ValueError, ZoneInfoNotFoundError) as error:
            raise CommandError(str(error)) from error
        serials = dict(_pairs(options["miner"])) or {name: name for name in sheet.names}
        miners = {name: _miner(serial) for name, serial in serials.items()}
        parts = import_readings(sheet, miners=miners, at=timezone.now())
        stored, there = sum(part.stored for part in parts), sum(part.duplicates for part in parts)
        aside = sum(part.quarantined for part in parts)
        self.stdout.write(f"{stored} stored, {there} there already, {aside} put aside")


def _read(options: dict[str, Any]) -> Sheet:
    path: Path = options["file"]
    opened: Any = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding="utf-8") as lines:
        return read_sheet(
            lines,
            zone=ZoneInfo(options["time_zone"]),
            columns=dict(_pairs(options["column"])),
            machine=options["machine_column"],
        )


def _pairs(texts: list[str]) -> list[tuple[str, str]]:
    pairs = [text.partition("=") for text in texts]
    if any(not (left and right) for left, _sign, right in pairs):
        raise CommandError("write NAME=VALUE")
    return [(left, right) for left, _sign, right in pairs]


def _miner(serial: str) -> Miner:
    found = list(Miner.objects.filter(serial__iexact=serial)[:2])
    if len(found) != 1:
        raise CommandError(f"{'no' if not found else 'more than one'} machine has the serial number {serial}")
    return found[0]
