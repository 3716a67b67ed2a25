"""Files people upload: CSV and XLSX read into rows of text, with a clear word about what is wrong with the file."""

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from hashinsight.common.errors import DomainError
from hashinsight.common.uploads import archive_trouble

MOST_BYTES = 2 * 1024 * 1024
MOST_ROWS = 2_000
MOST_COLUMNS = 200
# Cells of a row are counted up to its last one: one character far to the right costs as much as a full row.
MOST_CELLS = 1_000_000
MOST_CELL = 10_000


@dataclass(frozen=True)
class Limits:
    """How large a file may be."""

    bytes: int = MOST_BYTES
    rows: int = MOST_ROWS


PLAIN = Limits()


def _plain_heading(name: str) -> str:
    return name.lower().replace(" ", "_")


class FileRefused(DomainError):
    """The file cannot be read as the table that is wanted."""

    code = "file_refused"


@dataclass(frozen=True)
class SheetRows:
    """Heading and rows, all text; ``lines`` are the line numbers a person sees in the file."""

    headers: list[str]
    rows: list[list[str]]
    lines: list[int]


def read_sheet(
    content: bytes,
    name: str,
    *,
    known: Sequence[str],
    required: Sequence[str],
    limits: Limits = PLAIN,
    column_of: Callable[[str], str] = _plain_heading,
) -> SheetRows:
    """The rows of a CSV or XLSX file whose heading names some of ``known`` and all of ``required``.

    ``column_of`` says which column a heading means.
    """
    if len(content) > limits.bytes:
        raise FileRefused(_("The file is larger than %(most)s MB.") % {"most": f"{limits.bytes / 1024 / 1024:g}"})
    if not content.strip():
        raise FileRefused(_("The file is empty."))
    kind = name.rpartition(".")[2].lower()
    if kind == "csv":
        table = _csv_rows(content)
    elif kind == "xlsx":
        table = _xlsx_rows(content, limits)
    else:
        raise FileRefused(_("Only files whose name ends in .csv or .xlsx can be imported."))
    return _checked(table, known, required, limits, column_of)


def _csv_rows(content: bytes) -> list[tuple[int, list[str]]]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise FileRefused(
            _("Line %(line)s is not UTF-8 text. Save the file as “CSV UTF-8”, or as XLSX.") % {"line": line}
        ) from error
    if "\x00" in text:
        raise FileRefused(_("The file holds NUL characters; it is no CSV file."))
    first = text.split("\n", 1)[0]
    delimiter = ";" if first.count(";") > first.count(",") else ","
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows = []
    try:
        for row in reader:
            rows.append((reader.line_num, [cell.strip() for cell in row]))
    except csv.Error as error:
        raise FileRefused(
            _("Line %(line)s is broken: %(error)s.") % {"line": reader.line_num, "error": error}
        ) from error
    return rows


def _xlsx_rows(content: bytes, limits: Limits) -> list[tuple[int, list[str]]]:
    from openpyxl import load_workbook  # noqa: PLC0415  slow import: 0.3 s

    if trouble := archive_trouble(content):
        raise FileRefused(trouble)
    try:
        book = load_workbook(io.BytesIO(content), read_only=True, data_only=True)
        sheet: Any = book.worksheets[0]
        sheet.reset_dimensions()  # what the file says about its width is not believed
        rows, counted = [], 0
        for line, cells in enumerate(sheet.iter_rows(values_only=True), start=1):
            counted += len(cells)
            if counted > MOST_CELLS or any(cell is not None for cell in cells[MOST_COLUMNS:]):
                raise FileRefused(_("The workbook has more than %(most)s columns.") % {"most": MOST_COLUMNS})
            rows.append((line, [_cell_text(cell) for cell in cells[:MOST_COLUMNS]]))
            if line > limits.rows + 100:
                break
    except FileRefused:
        raise
    except Exception as error:
        raise FileRefused(_("The file is no readable XLSX workbook.")) from error
    return rows


def _cell_text(cell: Any) -> str:
    if cell is None:
        return ""
    if isinstance(cell, datetime) and cell.time().isoformat() == "00:00:00":
        return cell.date().isoformat()
    if isinstance(cell, datetime | date):
        return cell.isoformat()
    if isinstance(cell, float):
        return f"{Decimal(repr(cell)).normalize():f}"
    return str(cell).replace("\x00", "").strip()


def _checked(
    table: list[tuple[int, list[str]]],
    known: Sequence[str],
    required: Sequence[str],
    limits: Limits,
    column_of: Callable[[str], str],
) -> SheetRows:
    filled = [(line, row) for line, row in table if any(row)]
    if not filled:
        raise FileRefused(_("The file holds no rows."))
    (_line, heading), *body = filled
    headers = [column_of(name) for name in heading]
    while headers and not headers[-1]:
        headers.pop()
    _check_headers(headers, known, required)
    if not body:
        raise FileRefused(_("The file holds a heading but no rows."))
    if len(body) > limits.rows:
        raise FileRefused(_("The file holds more than %(most)s rows; split it.") % {"most": limits.rows})
    width = len(headers)
    for line, row in body:
        if len(row) > width and any(row[width:]):
            raise FileRefused(
                _("Line %(line)s has more cells than the heading (%(width)s).") % {"line": line, "width": width}
            )
        if any(len(cell) > MOST_CELL for cell in row):
            raise FileRefused(_("Line %(line)s has a cell that is too long.") % {"line": line})
    rows = [(row + [""] * width)[:width] for _line, row in body]
    return SheetRows(headers, rows, [line for line, _row in body])


def _check_headers(headers: list[str], known: Sequence[str], required: Sequence[str]) -> None:
    problems = []
    if unknown := [name or "?" for name in headers if name not in known]:
        problems.append(_("unknown columns: %(names)s") % {"names": _listed(unknown)})
    if missing := [name for name in required if name not in headers]:
        problems.append(_("missing columns: %(names)s") % {"names": _listed(missing)})
    if double := {name for name in headers if headers.count(name) > 1}:
        problems.append(_("columns named twice: %(names)s") % {"names": _listed(sorted(double))})
    if problems:
        raise FileRefused(
            _("The first line must name the columns (%(known)s); found %(problems)s.")
            % {"known": ", ".join(known), "problems": "; ".join(problems)}
        )


def _listed(names: Iterable[str]) -> str:
    return ", ".join(name[:40] for name in list(names)[:10])
