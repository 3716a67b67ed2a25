"""Understanding the cells of a record: text, whole numbers, amounts, days; each refusal names its cell."""

import re
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal

from crm.engine.csv_source import Row, Table
from crm.engine.findings import Finding, FindingKind

_CONTROL = re.compile(r"[\x00-\x1f\x7f\u2028\u2029\ufffe\uffff]")
_WHOLE = re.compile(r"[0-9]{1,15}")
_DAY = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
_AMOUNT = re.compile(r"[0-9]{1,12}(\.[0-9]+)?")
_NEGATIVE = re.compile(r"-[0-9]+(\.[0-9]*)?")
EARLIEST, LATEST = date(1970, 1, 1), date(2199, 12, 31)


class Cells:
    """One record, asked column by column. After an error the answer is empty and ``broken`` is set."""

    def __init__(self, table: Table, row: Row, findings: list[Finding]) -> None:
        self.file, self.line = table.file, row.line
        self.raw = dict(zip(table.columns, row.cells, strict=True))
        self.findings = findings
        self.broken = False
        self._values = {column: self._clean(column, cell) for column, cell in self.raw.items()}

    def note(self, kind: FindingKind, column: str, message: str, value: str = "") -> None:
        """Write down a finding about a cell."""
        self.findings.append(Finding(kind, self.file, self.line, column, message, value))
        self.broken = self.broken or kind == FindingKind.ERROR

    def error(self, column: str, message: str) -> None:
        """The record cannot be taken."""
        self.note(FindingKind.ERROR, column, message, self._shown(column))

    def _shown(self, column: str) -> str:
        return self.raw[column][:80]

    def _clean(self, column: str, cell: str) -> str:
        """Blanks around a value mean nothing; signs that cannot be printed are refused."""
        text = cell.strip()
        if _CONTROL.search(text):
            self.error(column, f"holds a control character: {text[:40]!r}")
            return ""
        if text != cell:
            self.note(FindingKind.REPAIRED, column, "blanks around the value removed", cell[:80])
        return text

    def repair(self, column: str, table: Mapping[str, str], *, known: Callable[[str], bool] | None = None) -> None:
        """Put a known defect right; ``known`` tells which values need no repair and which are a cure."""
        value = self._values[column]
        better = table.get(value)
        if better is None or (known is not None and (known(value) or not known(better))):
            return
        self._values[column] = better
        self.note(FindingKind.REPAIRED, column, f"{value!r} read as {better!r}", value)

    def text(self, column: str, *, longest: int, required: bool = True) -> str:
        """A word or name."""
        value = self._values[column]
        if required and not value and not self._holds_error(column):
            self.error(column, "is empty")
        if len(value) > longest:
            self.error(column, f"is longer than {longest} characters")
            return ""
        return value

    def whole(self, column: str) -> int | None:
        """A whole number of at least 0, or nothing."""
        value = self._values[column]
        if not value:
            return None
        if not _WHOLE.fullmatch(value):
            self.error(column, f"must be a whole number of at least 0, not {value[:40]!r}")
            return None
        return int(value)

    def amount(self, column: str, *, digits: int = 2) -> Decimal | None:
        """An amount of at least 0 with at most so many digits after the point, or nothing."""
        value = self._values[column]
        if not value:
            return None
        match = _AMOUNT.fullmatch(value)
        if match is None:
            kind = "must not be negative" if _NEGATIVE.fullmatch(value) else "must be a number such as 1054 or 12.50"
            self.error(column, f"{kind}: {value[:40]!r}")
            return None
        if len((match.group(1) or ".")[1:].rstrip("0")) > digits:
            self.error(column, f"has more than {digits} digits after the point: {value[:40]!r}")
            return None
        return Decimal(value)

    def signed_amount(self, column: str, *, digits: int = 2) -> Decimal | None:
        """An amount that may lie below zero, with at most so many digits after the point, or nothing."""
        value = self._values[column]
        if not value.startswith("-"):
            return self.amount(column, digits=digits)
        self._values[column] = value.removeprefix("-")
        try:
            amount = self.amount(column, digits=digits)
        finally:
            self._values[column] = value
        return None if amount is None else amount.copy_negate()

    def day(self, column: str) -> date | None:
        """A day written year-month-day, or nothing."""
        value = self._values[column]
        if not value:
            return None
        match = _DAY.fullmatch(value)
        try:
            day = date(*(int(part) for part in match.groups())) if match else None
        except ValueError:
            day = None
        if day is None:
            self.error(column, f"must be a day such as 2017-03-01, not {value[:40]!r}")
        elif not EARLIEST <= day <= LATEST:
            self.error(column, f"lies too far away: {value}")
            return None
        return day

    def _holds_error(self, column: str) -> bool:
        return self.broken and bool(self.raw[column].strip())
