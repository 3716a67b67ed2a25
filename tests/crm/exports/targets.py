"""What the accounting programs make of our files, by their published rules; shares no code with the writers."""

import csv
import io
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

Sums = dict[str, Fraction]
NUMBER = re.compile(r"\d+,\d{2}")
XERO_REQUIRED = (
    "*ContactName", "*InvoiceNumber", "*InvoiceDate", "*DueDate", "*Description", "*Quantity", "*UnitAmount",
    "*AccountCode", "*TaxType",
)  # fmt: skip
TEXT_COLUMNS = {"Soll/Haben-Kennzeichen", "WKZ Umsatz", "BU-Schlüssel", "Belegfeld 1", "Buchungstext"}


def cents(value: Fraction) -> Fraction:
    """Rounded to the cent, halves away from zero."""
    scaled = abs(value) * 100 + Fraction(1, 2)
    whole = Fraction(scaled.numerator // scaled.denominator, 100)
    return -whole if value < 0 else whole


def tokens(line: str) -> list[tuple[bool, str]]:
    """The fields of a line, and whether each stood in quotes."""
    found = []
    for match in re.finditer(r'(?:"((?:[^"]|"")*)"|([^;"]*))(;|$)', line):
        quoted = match.group(1) is not None
        found.append((quoted, (match.group(1) or "").replace('""', '"') if quoted else match.group(2)))
        if match.group(3) == "":
            break
    return found


@dataclass
class Datev:
    """A batch as DATEV reads it: sums per account, debit above zero, and the tax it computes per key."""

    header: list[tuple[bool, str]]
    rows: list[dict[str, str]]
    accounts: Sums
    taxes: Sums

    @property
    def debtors(self) -> Fraction:
        """All accounts of customers together."""
        return sum((value for name, value in self.accounts.items() if len(name) == 5), Fraction(0))


def read_datev(content: bytes, *, rates: dict[str, int], suspended: str = "40") -> Datev:
    """Refuses what the format forbids; ``rates`` gives the percent behind each key."""
    text = content.decode("cp1252")
    assert text.endswith("\r\n"), "the last line must end"
    lines = text[:-2].split("\r\n")
    assert not any("\n" in line or "\r" in line for line in lines), "a line break inside of a row"
    header, columns = tokens(lines[0]), lines[1].split(";")
    assert [value for _quoted, value in header[:5]] == ["EXTF", "700", "21", "Buchungsstapel", "13"]
    assert len(header) == 31
    assert len(columns) == 125
    first, last = header[14][1], header[15][1]
    assert header[12][1] <= first <= last, "the batch lies in its fiscal year"
    rows, accounts, taxes = [], defaultdict(Fraction), defaultdict(Fraction)
    for line in lines[2:]:
        fields = tokens(line)
        assert len(fields) == 125, f"{len(fields)} fields"
        row = {name: value for name, (_quoted, value) in zip(columns, fields, strict=True)}
        for name, (quoted, _value) in zip(columns, fields, strict=True):
            assert quoted or name not in TEXT_COLUMNS, f"{name} is text"
        _book(row, accounts, taxes, rates, suspended, months={first[4:6], last[4:6]})
        rows.append(row)
    return Datev(header, rows, dict(accounts), dict(taxes))


def _book(row: dict[str, str], accounts: Any, taxes: Any, rates: Any, suspended: str, months: set[str]) -> None:
    assert NUMBER.fullmatch(row["Umsatz (ohne Soll/Haben-Kz)"]), row
    assert row["Belegdatum"][2:] in months
    assert re.fullmatch(r"[A-Za-z0-9$&%*+\-/]{0,36}", row["Belegfeld 1"])
    assert len(row["Buchungstext"]) <= 60
    amount = Fraction(row["Umsatz (ohne Soll/Haben-Kz)"].replace(",", "."))
    signed = amount if row["Soll/Haben-Kennzeichen"] == "S" else -amount
    key = row["BU-Schlüssel"]
    rate = 0 if key in ("", suspended) else rates[key]
    tax = cents(signed * rate / (100 + rate))
    accounts[row["Konto"]] += signed
    accounts[row["Gegenkonto (ohne BU-Schlüssel)"]] -= signed - tax
    taxes[key] -= tax


def xero_totals(
    files: list[bytes], *, rates: dict[str, int], tax_digits: int = 2
) -> dict[str, tuple[Fraction, Fraction]]:
    """Net and tax of each invoice as Xero computes them: per line, each to the cent."""
    found: dict[str, tuple[Fraction, Fraction]] = {}
    for content in files:
        numbers = set()
        for row in _records(content, required=XERO_REQUIRED):
            assert len(row["*UnitAmount"].partition(".")[2]) <= 4
            numbers.add(row["*InvoiceNumber"])
            net = cents(Fraction(row["*Quantity"]) * Fraction(row["*UnitAmount"]))
            before = found.get(row["*InvoiceNumber"], (Fraction(0), Fraction(0)))
            found[row["*InvoiceNumber"]] = (before[0] + net, before[1] + cents(net * rates[row["*TaxType"]] / 100))
        assert len(numbers) <= 500
    return found


def quickbooks_totals(files: list[bytes], *, rates: dict[str, int]) -> dict[str, tuple[Fraction, Fraction]]:
    """Net and tax of each invoice as QuickBooks computes them: per tax code on the sum."""
    sums: dict[str, dict[str, Fraction]] = defaultdict(lambda: defaultdict(Fraction))
    for content in files:
        rows = list(_records(content, required=("*InvoiceNo", "*Customer", "*InvoiceDate", "*DueDate", "*ItemAmount")))
        assert len({row["*InvoiceNo"] for row in rows}) <= 100
        assert len(rows) <= 1000
        assert len(content) <= 2 * 1024 * 1024
        for row in rows:
            sums[row["*InvoiceNo"]][row["*ItemTaxCode"]] += Fraction(row["*ItemAmount"])
    return {
        number: (sum(codes.values(), Fraction(0)), sum((cents(net * rates[code] / 100) for code, net in codes.items()),
                 Fraction(0)))
        for number, codes in sums.items()
    }  # fmt: skip


def _records(content: bytes, *, required: tuple[str, ...]) -> Iterator[dict[str, str]]:
    for row in csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")):
        assert all(row[name] for name in required), row
        yield row
