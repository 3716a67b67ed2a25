"""Reading the files of an opening: what customers owed, and what was held of their money, in the former system.

A file that says something impossible, or figures that do not add up, is named by line and column.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path

from crm.engine.amounts import exact_sum
from crm.engine.cells import Cells
from crm.engine.csv_source import Table, TableRefused, find_file, read_table
from crm.engine.findings import Finding, FindingKind

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "open_invoices": ("number", "customer", "issued_on", "due_on", "currency", "gross", "outstanding"),
    "credits": ("reference", "customer", "kind", "received_on", "currency", "amount"),
    "number_series": ("kind", "year", "customer", "last_number"),
    "balances": ("customer", "currency", "balance"),
    "totals": ("currency", "total"),
}
REQUIRED = ("open_invoices", "totals")
CREDIT_KINDS = ("deposit", "credit")
SERIES_KINDS = ("invoice", "credit_note")
ZERO = Decimal(0)
Account = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a row stands."""

    file: str
    line: int

    def error(self, column: str, message: str, value: str = "") -> Finding:
        """Something is wrong there."""
        return Finding(FindingKind.ERROR, self.file, self.line, column, message, value)


@dataclass(frozen=True, slots=True)
class OpenInvoice:
    """An invoice that was not settled: its total, and what of it was open."""

    place: Place
    number: str
    customer: str
    issued_on: date
    due_on: date
    currency: str
    gross: Decimal
    outstanding: Decimal


@dataclass(frozen=True, slots=True)
class HeldCredit:
    """Money of a customer."""

    place: Place
    reference: str
    customer: str
    kind: str
    received_on: date
    currency: str
    amount: Decimal


@dataclass(frozen=True, slots=True)
class LastNumber:
    """The last number that was given in a series; without a customer it is everybody's."""

    place: Place
    kind: str
    year: int
    customer: str
    last_number: int


@dataclass
class Opening:
    """All files together, with everything that was found about them."""

    invoices: list[OpenInvoice] = field(default_factory=list)
    credits: list[HeldCredit] = field(default_factory=list)
    series: list[LastNumber] = field(default_factory=list)
    totals: dict[str, Decimal] = field(default_factory=dict)
    total_places: dict[str, Place] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    @property
    def errors(self) -> list[Finding]:
        """What keeps the files from being taken."""
        return [one for one in self.findings if one.kind == FindingKind.ERROR]

    def sums(self) -> dict[Account, Decimal]:
        """What each customer owes after all, per currency."""
        parts: dict[Account, list[Decimal]] = defaultdict(list)
        for invoice in self.invoices:
            parts[invoice.customer, invoice.currency].append(invoice.outstanding)
        for held in self.credits:
            parts[held.customer, held.currency].append(held.amount.copy_negate())
        return {account: exact_sum(amounts) for account, amounts in parts.items()}


def read_opening(folder: Path, *, digits: Mapping[str, int]) -> Opening:
    """Read the folder; ``digits`` are the decimals of each currency we know. Nothing is raised: see ``errors``."""
    reader = _Reader(folder, digits)
    reader.read_all()
    return reader.found


class _Reader:
    def __init__(self, folder: Path, digits: Mapping[str, int]) -> None:
        self.folder, self.digits, self.found = folder, digits, Opening()
        self.seen: dict[tuple[str, ...], int] = {}
        self.stated: dict[Account, tuple[Decimal, Place]] = {}

    def read_all(self) -> None:
        for name in COLUMNS:
            table = self.table(name)
            for row in table.rows if table else ():
                cells = Cells(table, row, self.found.findings)  # type: ignore[arg-type]  # there is a table
                getattr(self, name)(cells, Place(cells.file, cells.line))
        if not self.found.errors:
            self.check_balances()
            self.check_totals()

    def table(self, name: str) -> Table | None:
        there = any((self.folder / f"{name}{ending}").is_file() for ending in (".csv", ".csv.gz"))
        if name not in REQUIRED and not there:
            return None
        try:
            return read_table(find_file(self.folder, name), COLUMNS[name])
        except TableRefused as refusal:
            self.found.findings.append(refusal.finding)
            return None

    # --- one row of each file --------------------------------------------------------------------------------
    def open_invoices(self, cells: Cells, place: Place) -> None:
        number = cells.text("number", longest=50)
        customer, currency = cells.text("customer", longest=40), self.currency(cells)
        issued_on, due_on = self.day(cells, "issued_on"), self.day(cells, "due_on")
        gross, outstanding = self.amount(cells, "gross", currency), self.amount(cells, "outstanding", currency)
        if gross is not None and outstanding is not None and outstanding > gross:
            cells.error("outstanding", f"more is open than was billed ({outstanding} of {gross})")
        if issued_on and due_on and due_on < issued_on:
            cells.error("due_on", "lies before the day of issue")
        self.once(cells, "number", "open_invoices", number)
        if cells.broken or not (issued_on and due_on and gross and outstanding):
            return
        self.found.invoices.append(
            OpenInvoice(place, number, customer, issued_on, due_on, currency, gross, outstanding)
        )

    def credits(self, cells: Cells, place: Place) -> None:
        reference = cells.text("reference", longest=140)
        customer, currency = cells.text("customer", longest=40), self.currency(cells)
        kind, received_on = self.word(cells, "kind", CREDIT_KINDS), self.day(cells, "received_on")
        amount = self.amount(cells, "amount", currency)
        self.once(cells, "reference", "credits", customer, currency, reference)
        if cells.broken or not (received_on and amount):
            return
        self.found.credits.append(HeldCredit(place, reference, customer, kind, received_on, currency, amount))

    def number_series(self, cells: Cells, place: Place) -> None:
        kind, year = self.word(cells, "kind", SERIES_KINDS), cells.whole("year")
        customer, last = cells.text("customer", longest=40, required=False), cells.whole("last_number")
        if year is None or not 1970 <= year <= 2199:
            cells.error("year", "must be a year such as 2026")
        if last is None or not 0 < last < 2**31:
            cells.error("last_number", "must be a whole number above 0")
        self.once(cells, "year", "number_series", kind, str(year), customer)
        if not cells.broken and year is not None and last is not None:
            self.found.series.append(LastNumber(place, kind, year, customer, last))

    def balances(self, cells: Cells, place: Place) -> None:
        customer, currency = cells.text("customer", longest=40), self.currency(cells)
        balance = cells.signed_amount("balance", digits=self.digits.get(currency, 2))
        if balance is None and not cells.broken:
            cells.error("balance", "is empty")
        self.once(cells, "customer", "balances", customer, currency)
        if cells.broken or balance is None:
            return
        self.stated[customer, currency] = (balance, place)

    def totals(self, cells: Cells, place: Place) -> None:
        currency = self.currency(cells)
        total = cells.signed_amount("total", digits=self.digits.get(currency, 2))
        if total is None and not cells.broken:
            cells.error("total", "is empty")
        self.once(cells, "currency", "totals", currency)
        if not cells.broken and total is not None:
            self.found.totals[currency], self.found.total_places[currency] = total, place

    # --- cells ----------------------------------------------------------------------------------------------
    def currency(self, cells: Cells) -> str:
        code = cells.text("currency", longest=3)
        if code and code not in self.digits:
            cells.error("currency", f"{code!r} is no currency we keep books in")
        return code

    def word(self, cells: Cells, column: str, words: tuple[str, ...]) -> str:
        value = cells.text(column, longest=20)
        if value and value not in words:
            cells.error(column, f"must be {' or '.join(words)}, not {value!r}")
        return value

    def day(self, cells: Cells, column: str) -> date | None:
        value = cells.day(column)
        if value is None and not cells.raw[column].strip():
            cells.error(column, "is empty")
        return value

    def amount(self, cells: Cells, column: str, currency: str) -> Decimal | None:
        value = cells.amount(column, digits=self.digits.get(currency, 2))
        if value is not None and not value:
            cells.error(column, "must be more than 0")
        elif value is None and not cells.raw[column].strip():
            cells.error(column, "is empty")
        return value

    def once(self, cells: Cells, column: str, *key: str) -> None:
        first = self.seen.setdefault(key, cells.line)
        if first != cells.line and all(key[1:2]):
            cells.error(column, f"stands in line {first} already")

    # --- the whole ------------------------------------------------------------------------------------------
    def check_balances(self) -> None:
        """Where balances are stated at all, each must be right, and nobody may be left out."""
        sums = self.found.sums()
        for account, (balance, place) in self.stated.items():
            mine = sums.get(account, ZERO)
            if mine != balance:
                message = f"open invoices less credits of the customer come to {mine}, not to {balance}"
                self.found.findings.append(place.error("balance", message))
        for (customer, currency), amount in sorted(sums.items()):
            if self.stated and amount and (customer, currency) not in self.stated:
                message = f"no line states the balance of {customer} in {currency}"
                self.found.findings.append(Place("balances.csv", 1).error("customer", message))

    def check_totals(self) -> None:
        sums: dict[str, list[Decimal]] = defaultdict(list)
        for (_customer, currency), amount in self.found.sums().items():
            sums[currency].append(amount)
        for currency in sorted(sums.keys() - self.found.totals.keys()):
            place = Place("totals.csv", 1)
            self.found.findings.append(place.error("currency", f"no line states the total in {currency}"))
        for currency, stated in self.found.totals.items():
            mine = exact_sum(sums.get(currency, ()))
            if mine != stated:
                message = f"open invoices less credits come to {mine}, not to {stated}"
                self.found.findings.append(self.found.total_places[currency].error("total", message))
