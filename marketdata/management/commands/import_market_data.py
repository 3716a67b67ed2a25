"""Market data from files."""

import gzip
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from marketdata.domain.importing import (
    MOST_BYTES,
    Imported,
    ImportRefused,
    import_coins,
    import_market_file,
    import_prices,
)
from marketdata.models import PriceSeries

SHOWN = 20


class Command(BaseCommand):
    """``manage.py import_market_data prices.csv.gz --series de-lu-day-ahead --column day_ahead_price_eur_mwh``."""

    help = (
        "Loads days, difficulty periods, coins (.json) or, with --series, prices from a file (.csv, .json, also .gz);"
        " twice is once."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Which file, and what it is of."""
        parser.add_argument("file", type=Path)
        parser.add_argument("--series", default="", help="code of a price series")
        parser.add_argument("--column", default="", help="the column of the value")
        parser.add_argument("--divide-by", default="1", help="the file's unit in that of the series")
        parser.add_argument("--settled", action="store_true", help="these values are settled")
        parser.add_argument("--source", default="", help="who published it; the name of the file if not given")
        parser.add_argument("--dry-run", action="store_true", help="say what would happen")

    def handle(self, *args: Any, **options: Any) -> None:
        """One domain call."""
        path: Path = options["file"]
        try:
            found = self._import(_content(path), path, options)
        except (ImportRefused, OSError, EOFError, ValueError) as error:
            raise CommandError(str(error)) from error
        what = "would be " if found.tried_only else ""
        self.stdout.write(
            f"{found.what}: {found.new} {what}new, {found.changed} {what}changed, {found.same} there already, "
            f"{found.left_out} lines left out, {len(found.gaps)} gaps"
        )
        for line, text in found.troubles[:SHOWN]:
            self.stdout.write(f"  line {line}: {text}")
        for start, end in found.gaps[:SHOWN]:
            self.stdout.write(f"  gap from {start.isoformat()} to {end.isoformat()}")

    def _import(self, content: bytes, path: Path, options: dict[str, Any]) -> Imported:
        source, at = options["source"] or path.name, timezone.now()
        if options["series"]:
            return import_prices(
                _series(options["series"]), content, column=options["column"] or None, source=source, by="system",
                at=at, is_settled=options["settled"], divide_by=_number(options["divide_by"]),
                dry_run=options["dry_run"],
            )  # fmt: skip
        if path.name.removesuffix(".gz").endswith(".json"):
            return import_coins(content, by="system", at=at, dry_run=options["dry_run"])
        return import_market_file(content, source=source, by="system", at=at, dry_run=options["dry_run"])


def _content(path: Path) -> bytes:
    opened: Any = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rb") as file:
        content: bytes = file.read(MOST_BYTES + 1)
    return content


def _series(code: str) -> PriceSeries:
    found: PriceSeries | None = PriceSeries.objects.filter(code=code).first()
    if found is None:
        known = ", ".join(PriceSeries.objects.order_by("code").values_list("code", flat=True)) or "none"
        raise CommandError(f"There is no price series {code}; there are: {known}")
    return found


def _number(text: str) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation as error:
        raise CommandError(f"--divide-by: {text} is no number") from error
    if not number.is_finite() or number == 0:
        raise CommandError(f"--divide-by: {text} cannot be divided by")
    return number
