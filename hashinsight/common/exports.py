"""Tables for people who use spreadsheets: CSV and XLSX without a cell that a spreadsheet would execute."""

import csv
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import IO, Any, Literal

Kind = Literal["text", "number", "date", "datetime"]
BYTE_ORDER_MARK = "\ufeff"
# A spreadsheet takes a cell for a formula by its first character; full-width forms count in some.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
XLSX_MOST_ROWS = 200_000
XLSX_CELL_LENGTH = 32_000


@dataclass(frozen=True)
class Column:
    """One column: its heading and how to get the value from a row. Only ``text`` may hold what people typed."""

    header: Any
    value: Callable[[Any], Any]
    kind: Kind = "text"


class TooManyRows(Exception):
    """More rows than the format should carry."""


def safe_text(value: Any) -> str:
    """Text that no spreadsheet executes: with an apostrophe before what looks like the start of a formula."""
    text = _CONTROL.sub("", "" if value is None else str(value))
    if text.startswith(_FORMULA_STARTS) or text.lstrip().startswith(_FORMULA_STARTS):
        return f"'{text}"
    return text


class _Echo:
    """A file that hands back what is written to it."""

    def write(self, line: str) -> str:
        return line


def csv_lines(columns: Sequence[Column], rows: Iterable[Any]) -> Iterator[str]:
    """The file line by line: UTF-8 with a byte order mark for Excel, one heading row, ISO dates, plain numbers."""
    writer: Any = csv.writer(_Echo())
    yield BYTE_ORDER_MARK + writer.writerow([safe_text(column.header) for column in columns])
    for row in rows:
        yield writer.writerow([_csv_cell(column.kind, column.value(row)) for column in columns])


def _csv_cell(kind: Kind, value: Any) -> str:
    if value is None:
        return ""
    if kind == "number":
        return f"{Decimal(value):f}"
    if kind == "date" and isinstance(value, date):
        return value.isoformat()
    if kind == "datetime" and isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return safe_text(value)


def write_xlsx(columns: Sequence[Column], rows: Iterable[Any], *, title: str) -> IO[bytes]:
    """The workbook in a temporary file: amounts are numbers, dates are dates. Raises TooManyRows."""
    from openpyxl import Workbook  # noqa: PLC0415  slow import: 0.3 s

    book = Workbook(write_only=True)
    sheet = book.create_sheet(re.sub(r"[\[\]:*?/\\]", " ", title)[:31])
    sheet.freeze_panes = "A2"
    sheet.append([safe_text(column.header) for column in columns])
    for count, row in enumerate(rows, start=1):
        if count > XLSX_MOST_ROWS:
            raise TooManyRows
        sheet.append([_xlsx_cell(column.kind, column.value(row)) for column in columns])
    target = tempfile.TemporaryFile()  # noqa: SIM115  (whoever sends it closes it)
    book.save(target)
    target.seek(0)
    return target


def _xlsx_cell(kind: Kind, value: Any) -> Any:
    if value is None:
        return None
    if kind == "number":
        return value if isinstance(value, int | Decimal) else Decimal(value)
    if kind == "datetime" and isinstance(value, datetime):
        return value.astimezone(UTC).replace(tzinfo=None)
    if kind == "date" and isinstance(value, date):
        return value
    return safe_text(value)[:XLSX_CELL_LENGTH]
