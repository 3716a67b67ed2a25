"""Readings of a meter from a file: tried first, then all rows or none."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.db import transaction
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from hashinsight.common.imports import Limits, SheetRows, read_sheet
from hosting.domain.meters.storing import store_readings
from hosting.engine.ingest.checking import Doubt, Doubts
from hosting.engine.metering.sheets import COLUMNS, CellTrouble, Wrong, read_rows
from hosting.engine.metering.wire import EARLIEST
from hosting.enums import QuarantineReason
from hosting.meter_enums import MeterSource
from hosting.models import Meter

LIMITS = Limits(bytes=4 * 1024 * 1024, rows=40_000)  # a year of quarter-hours
ALIASES = {
    "time": "recorded_at", "timestamp": "recorded_at", "zeit": "recorded_at", "zeitpunkt": "recorded_at",
    "power": "power_kw", "kw": "power_kw", "leistung_kw": "power_kw", "register": "register_kwh",
    "zaehlerstand_kwh": "register_kwh", "zählerstand_kwh": "register_kwh", "meter_reading_kwh": "register_kwh",
}  # fmt: skip
_WRONG: dict[Wrong, Promise] = {
    Wrong.TIME: gettext_lazy("“%(value)s” is no time like 2026-11-29 10:15."),
    Wrong.NO_SUCH_TIME: gettext_lazy("No clock at the site showed “%(value)s”: it was put forward then."),
    Wrong.NUMBER: gettext_lazy("“%(value)s” is no number like 1234.5."),
    Wrong.EMPTY: gettext_lazy("It says neither power nor register."),
}


@dataclass(frozen=True)
class Imported:
    """What came of a file, or would: the rows, how many were new, how many known, and problems by line."""

    sheet: SheetRows
    stored: int
    duplicates: int
    problems: Sequence[tuple[int, str]]


def column_of(heading: str) -> str:
    """The column that a heading means."""
    name = heading.strip().lower().replace(" ", "_")
    return ALIASES.get(name, name)


@transaction.atomic
def import_readings(meter: Meter, content: bytes, *, name: str, by: Any, at: datetime, dry_run: bool) -> Imported:
    """Times without an offset are of the site's clock. With a problem, or to try it, nothing is kept.

    Figures are those the meter shows: its ratio is applied here. Raises FileRefused.
    """
    sheet = read_sheet(content, name, known=COLUMNS, required=("recorded_at",), limits=LIMITS, column_of=column_of)
    rows = [dict(zip(sheet.headers, row, strict=False)) for row in sheet.rows]
    read = read_rows(rows, ZoneInfo(meter.site.time_zone))
    doubts = Doubts()
    came = store_readings(meter, read.said, source=MeterSource.FILE, at=at, doubts=doubts, oldest=EARLIEST)
    problems = [(sheet.lines[one.row], _cell_words(one)) for one in read.troubles]
    problems += [(sheet.lines[one.place], _doubt_words(one)) for one in doubts.listed]
    if problems or dry_run:
        transaction.set_rollback(True)
    return Imported(sheet, came.stored, came.duplicates, sorted(problems))


def _cell_words(trouble: CellTrouble) -> str:
    return str(_WRONG[trouble.wrong]) % {"value": trouble.value}


def _doubt_words(doubt: Doubt) -> str:
    reason = QuarantineReason(doubt.reason.value).label
    return f"{doubt.figure}: {doubt.value}: {reason}" if doubt.figure else _("%(value)s: %(reason)s") % {
        "value": doubt.value, "reason": reason,
    }  # fmt: skip
