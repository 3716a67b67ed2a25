"""Reading a CSV file that may be broken in any way, and saying exactly where.

A file is read whole or refused: ``TableRefused`` carries the place. Values are cut into cells here and understood
elsewhere.
"""

import codecs
import csv
import io
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from crm.engine.findings import Finding, FindingKind

MAX_BYTES = 256 * 1024 * 1024
_CHUNK = 16 * 1024


class TableRefused(Exception):
    """The file cannot be read; the finding says where and why."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(str(finding))
        self.finding = finding


@dataclass(frozen=True, slots=True)
class Row:
    """One record: the line it begins on, and its cells in the order of the header."""

    line: int
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A file cut into records; ``blank_lines`` were empty and hold no record."""

    file: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    blank_lines: tuple[int, ...]


def find_file(folder: Path, name: str) -> Path:
    """``name.csv`` or ``name.csv.gz`` in the folder. Raises TableRefused when there is none, or both."""
    found = [path for path in (folder / f"{name}.csv", folder / f"{name}.csv.gz") if path.is_file()]
    if not found:
        raise _refusal(f"{name}.csv", 1, "", f"there is no such file (nor {name}.csv.gz) in {folder}")
    if len(found) == 2:
        raise _refusal(f"{name}.csv", 1, "", f"there is a {name}.csv.gz beside it; only one may be there")
    return found[0]


def read_table(path: Path, columns: Sequence[str]) -> Table:
    """The records of a CSV file (gzip when its name ends in ``.gz``) with exactly these columns, in this order."""
    reader = _Reader(path.name, tuple(columns))
    try:
        raw = path.read_bytes() if path.stat().st_size <= MAX_BYTES else None
    except OSError as error:
        raise _refusal(path.name, 1, "", f"cannot be read ({error.strerror})") from error
    if raw is None:
        raise _refusal(path.name, 1, "", f"is larger than {MAX_BYTES // 1024**2} MB")
    data = reader.unpack(raw) if path.name.endswith(".gz") else raw
    return reader.cut(reader.decode(data))


def _refusal(file: str, line: int, column: str, message: str) -> TableRefused:
    return TableRefused(Finding(FindingKind.ERROR, file, line, column, message))


class _Reader:
    """The steps from bytes to cells for one file."""

    def __init__(self, file: str, columns: tuple[str, ...]) -> None:
        self.file = file
        self.columns = columns

    def unpack(self, raw: bytes) -> bytes:
        """Gunzip; a file that was cut off or damaged is refused with the place where its text ends."""
        out = bytearray()
        rest = raw
        if not raw:
            raise self._end_of(out, "the gzip file is empty")
        while rest:
            unpacker = zlib.decompressobj(wbits=31)
            try:
                for start in range(0, len(rest), _CHUNK):
                    out += unpacker.decompress(rest[start : start + _CHUNK])
                    if len(out) > MAX_BYTES:
                        raise self._end_of(out, f"unpacks to more than {MAX_BYTES // 1024**2} MB")
                    if unpacker.eof:
                        rest = (unpacker.unused_data + rest[start + _CHUNK :]).lstrip(b"\0")
                        break
            except zlib.error as error:
                raise self._end_of(out, f"the gzip file is damaged here ({error})") from error
            if not unpacker.eof:
                raise self._end_of(out, "the gzip file is cut off here")
        return bytes(out)

    def _end_of(self, data: bytes | bytearray, message: str) -> TableRefused:
        return self._at(bytes(data), len(data), message)

    def _at(self, data: bytes, offset: int, message: str) -> TableRefused:
        """A refusal at a byte: its line, and the column whose cell it lies in."""
        before = data[:offset]
        line_text = before[before.rfind(b"\n") + 1 :].decode("utf-8", errors="replace").replace("\0", " ")
        return _refusal(self.file, before.count(b"\n") + 1, self._name(_cell_at_end(line_text)), message)

    def _name(self, index: int) -> str:
        return self.columns[index] if index < len(self.columns) else f"number {index + 1}"

    def decode(self, data: bytes) -> str:
        """As UTF-8, with or without a byte order mark."""
        data = data.removeprefix(codecs.BOM_UTF8)
        if not data.strip():
            raise _refusal(self.file, 1, self.columns[0], "the file is empty")
        if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            raise _refusal(self.file, 1, self.columns[0], "the file is in UTF-16; it must be in UTF-8")
        if (place := data.find(b"\0")) >= 0:
            raise self._at(data, place, "holds a NUL character")
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError as error:
            raise self._at(data, error.start, f"is not UTF-8 text (byte 0x{data[error.start]:02X})") from error

    def cut(self, text: str) -> Table:
        """Check the header, then cut the records."""
        records = self._records(text)
        line, header = next(records, (1, []))
        self._check_header(line, header)
        rows: list[Row] = []
        blank: list[int] = []
        for line, cells in records:
            if not cells or cells == [""]:
                blank.append(line)
                continue
            self._check_width(line, cells)
            rows.append(Row(line, tuple(cells)))
        return Table(self.file, self.columns, tuple(rows), tuple(blank))

    def _records(self, text: str) -> Iterator[tuple[int, list[str]]]:
        reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        while True:
            line = reader.line_num + 1
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                raise self._quoting(text, line, str(error)) from error
            yield line, cells

    def _quoting(self, text: str, line: int, reason: str) -> TableRefused:
        record = text.split("\n", line - 1)[-1] if line > 1 else text
        index, offset = _broken_quote(record)
        return _refusal(self.file, line + offset, self._name(index), f"the quotes are wrong ({reason})")

    def _check_header(self, line: int, header: list[str]) -> None:
        for index, wanted in enumerate(self.columns):
            if index >= len(header):
                raise _refusal(self.file, line, wanted, f"the header lacks this column (it has {len(header)})")
            if header[index] != wanted:
                message = f"the header says {header[index]!r} where {wanted!r} belongs"
                raise _refusal(self.file, line, wanted, message)
        if len(header) > len(self.columns):
            extra = header[len(self.columns)]
            raise _refusal(self.file, line, f"number {len(self.columns) + 1}", f"the header has an extra {extra!r}")

    def _check_width(self, line: int, cells: list[str]) -> None:
        if len(cells) != len(self.columns):
            place = self._name(min(len(cells), len(self.columns)))
            message = f"the line has {len(cells)} values, the header names {len(self.columns)}"
            raise _refusal(self.file, line, place, message)


def _cell_at_end(line: str) -> int:
    """Index of the cell in which the text of a (part of a) line ends."""
    index, quoted = 0, False
    for sign in line:
        if sign == '"':
            quoted = not quoted
        elif sign == "," and not quoted:
            index += 1
    return index


def _broken_quote(record: str) -> tuple[int, int]:
    """Cell and line (from 0) in which the quoting of a record breaks the rules."""
    index, lines, opened = 0, 0, (0, 0)
    state = "start"
    for sign in record:
        if state == "quoted":
            if sign == '"':
                state = "closing"
            elif sign == "\n":
                lines += 1
        elif sign == '"' and state in ("start", "closing"):
            state, opened = "quoted", (index, lines) if state == "start" else opened
        elif sign == ",":
            index, state = index + 1, "start"
        elif sign in "\r\n" or state == "closing":
            return index, lines
        else:
            state = "plain"
    return opened
