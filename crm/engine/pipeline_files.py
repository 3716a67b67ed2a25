"""The four files of a sales pipeline, understood and checked against each other.

``accounts``, ``products``, ``sales_teams`` and ``sales_pipeline``, each as ``.csv`` or ``.csv.gz``. Known defects are
put right by the tables below and reported as repaired. What can be taken with a stated assumption is taken and
reported. Anything else is an error, and a single error means that nothing is taken at all.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from crm.engine.cells import Cells
from crm.engine.countries import Country, find_country
from crm.engine.csv_source import Table, TableRefused, find_file, read_table
from crm.engine.findings import Finding, FindingKind

COLUMNS = {
    "sales_teams": ("sales_agent", "manager", "regional_office"),
    "products": ("product", "series", "sales_price"),
    "accounts": (
        "account", "sector", "year_established", "revenue", "employees", "office_location", "subsidiary_of",
    ),
    "sales_pipeline": (
        "opportunity_id", "sales_agent", "product", "account", "deal_stage", "engage_date", "close_date", "close_value",
    ),
}  # fmt: skip

# Known defects: what stands in the files, what is meant. A repair never touches a value that is right as it is.
SECTOR_REPAIRS = {"technolgy": "technology"}
PLACE_REPAIRS = {"Philipines": "Philippines"}
PRODUCT_REPAIRS = {"GTXPro": "GTX Pro"}

LONGEST_NAME = 160
FIRST_YEAR, LAST_YEAR = 1500, 2100
MOST_HINTS, MOST_NAMES = 20, 5000


class Stage(StrEnum):
    """How far an opportunity has come."""

    PROSPECTING = "Prospecting"
    ENGAGING = "Engaging"
    WON = "Won"
    LOST = "Lost"


@dataclass(frozen=True, slots=True)
class Agent:
    """A person who sells."""

    line: int
    name: str
    manager: str
    office: str


@dataclass(frozen=True, slots=True)
class ProductRow:
    """Something sold, with its list price."""

    line: int
    name: str
    series: str
    price: Decimal


@dataclass(frozen=True, slots=True)
class Account:
    """A company we sell to; ``revenue`` is in millions."""

    line: int
    name: str
    sector: str
    founded: int | None
    revenue: Decimal | None
    employees: int | None
    country: Country | None
    parent: str


@dataclass(frozen=True, slots=True)
class Opportunity:
    """A sale won, lost or still open; ``account`` is empty when the company is not known yet."""

    line: int
    ref: str
    agent: str
    product: str
    account: str
    stage: Stage
    engaged_on: date | None
    closed_on: date | None
    value: Decimal

    @property
    def is_open(self) -> bool:
        """Neither won nor lost."""
        return self.stage in (Stage.PROSPECTING, Stage.ENGAGING)

    @property
    def last_on(self) -> date | None:
        """The last day anything is known to have happened on."""
        return self.engaged_on if self.is_open else self.closed_on or self.engaged_on


@dataclass(frozen=True, slots=True)
class Pipeline:
    """All four files. With an error among the findings the rest is not to be used."""

    agents: tuple[Agent, ...]
    products: tuple[ProductRow, ...]
    accounts: tuple[Account, ...]
    opportunities: tuple[Opportunity, ...]
    findings: tuple[Finding, ...]
    files: Mapping[str, str]  # our name of a file: its name in the folder
    read: Mapping[str, int]  # our name of a file: how many records it holds

    @property
    def errors(self) -> list[Finding]:
        """What keeps the files from being taken."""
        return [finding for finding in self.findings if finding.kind == FindingKind.ERROR]


RowT = TypeVar("RowT", Agent, ProductRow, Account, Opportunity)


def read_pipeline(folder: Path) -> Pipeline:
    """Read and check the four files in ``folder`` (or in its subfolder ``crm``). Never raises for what they hold."""
    if not any(folder.glob("sales_pipeline.csv*")) and (folder / "crm").is_dir():
        folder = folder / "crm"
    tables: dict[str, Table] = {}
    findings: list[Finding] = []
    for name, columns in COLUMNS.items():
        try:
            tables[name] = read_table(find_file(folder, name), columns)
        except TableRefused as refusal:
            findings.append(refusal.finding)
    if findings:
        return Pipeline((), (), (), (), tuple(findings), {}, {})
    return _Understanding(tables).pipeline()


def shifted(pipeline: Pipeline, move: Callable[[Opportunity], Callable[[date], date]]) -> Pipeline:
    """The same pipeline with every day moved; ``move`` says how for each opportunity."""
    return replace(pipeline, opportunities=tuple(_moved(one, move(one)) for one in pipeline.opportunities))


def _moved(one: Opportunity, move: Callable[[date], date]) -> Opportunity:
    engaged_on, closed_on = (move(day) if day else None for day in (one.engaged_on, one.closed_on))
    return replace(one, engaged_on=engaged_on, closed_on=closed_on)


class _Understanding:
    """Goes through the tables in the order in which they depend on each other."""

    def __init__(self, tables: Mapping[str, Table]) -> None:
        self.tables = tables
        self.findings: list[Finding] = []
        self.names: dict[str, frozenset[str]] = {}
        self.hints: dict[str, str] = {}

    def pipeline(self) -> Pipeline:
        """All four files."""
        for name, table in self.tables.items():
            for line in table.blank_lines:
                note = Finding(FindingKind.REPORTED, table.file, line, COLUMNS[name][0], "blank line skipped")
                self.findings.append(note)
        agents = self._each("sales_teams", self._agent, lambda one: one.name)
        products = self._each("products", self._product, lambda one: one.name)
        self.prices = {one.name: one.price for one in products}
        accounts = self._each("accounts", self._account, lambda one: one.name)
        self._check_parents(accounts)
        opportunities = self._each("sales_pipeline", self._opportunity, lambda one: one.ref)
        return Pipeline(
            agents,
            products,
            accounts,
            opportunities,
            tuple(self.findings),
            {name: table.file for name, table in self.tables.items()},
            {name: len(table.rows) for name, table in self.tables.items()},
        )

    def _each(self, name: str, read: Callable[[Cells], RowT], key: Callable[[RowT], str]) -> tuple[RowT, ...]:
        """Read all records of a file and see that no key comes twice, not even in other letters."""
        table = self.tables[name]
        found: list[RowT] = []
        first: dict[str, int] = {}
        for row in table.rows:
            cells = Cells(table, row, self.findings)
            record = read(cells)
            word = key(record)
            if word and (before := first.setdefault(word.casefold(), row.line)) != row.line:
                cells.error(COLUMNS[name][0], f"{word!r} stands on line {before} already")
            found.append(record)
        self.names[name] = frozenset(key(one) for one in found)
        return tuple(found)

    def _known(self, cells: Cells, column: str, value: str, file: str) -> str:
        """A name that must stand in another file."""
        if value and value not in self.names[file]:
            cells.error(column, f"{value!r} is not in {self.tables[file].file}{self._hint(value, self.names[file])}")
        return value

    def _hint(self, value: str, names: frozenset[str]) -> str:
        """What was probably meant; looked for only a few times, because looking is slow."""
        if len(self.hints) >= MOST_HINTS or len(names) > MOST_NAMES:
            return ""
        if value not in self.hints:
            self.hints[value] = next(iter(get_close_matches(value, sorted(names), n=1, cutoff=0.8)), "")
        near = self.hints[value]
        return f"; did you mean {near!r}?" if near else ""

    def _agent(self, cells: Cells) -> Agent:
        return Agent(
            cells.line,
            cells.text("sales_agent", longest=100),
            cells.text("manager", longest=40, required=False),
            cells.text("regional_office", longest=30, required=False),
        )

    def _product(self, cells: Cells) -> ProductRow:
        price = cells.amount("sales_price")
        if price is None and not cells.broken:
            cells.error("sales_price", "is empty")
        return ProductRow(
            cells.line,
            cells.text("product", longest=LONGEST_NAME),
            cells.text("series", longest=LONGEST_NAME, required=False),
            price if price is not None else Decimal(0),
        )

    def _account(self, cells: Cells) -> Account:
        cells.repair("sector", SECTOR_REPAIRS)
        cells.repair("office_location", PLACE_REPAIRS)
        place = cells.text("office_location", longest=80, required=False)
        country = find_country(place) if place else None
        if place and country is None:
            cells.note(FindingKind.REPORTED, "office_location", f"no country of this name is known: {place!r}", place)
        founded = cells.whole("year_established")
        if founded is not None and not FIRST_YEAR <= founded <= LAST_YEAR:
            cells.note(FindingKind.REPORTED, "year_established", f"not a likely year: {founded}", str(founded))
        account = Account(
            cells.line,
            cells.text("account", longest=LONGEST_NAME),
            cells.text("sector", longest=60, required=False),
            founded,
            cells.amount("revenue", digits=6),
            cells.whole("employees"),
            country,
            cells.text("subsidiary_of", longest=LONGEST_NAME, required=False),
        )
        for column in ("sector", "year_established", "revenue", "employees", "office_location"):
            if not cells.raw[column].strip():
                cells.note(FindingKind.REPORTED, column, "is empty")
        return account

    def _check_parents(self, accounts: Iterable[Account]) -> None:
        """Parents are accounts of the same file, and nobody is a subsidiary of itself, over however many steps."""
        parents = {one.name: one.parent for one in accounts}
        file = self.tables["accounts"].file
        for one in accounts:
            if not one.parent:
                continue
            message = ""
            if one.parent not in parents:
                hint = self._hint(one.parent, self.names["accounts"])
                message = f"{one.parent!r} is not an account of this file{hint}"
            elif one.name in _line_of(one.parent, parents):
                message = f"{one.name!r} would be a subsidiary of itself"
            if message:
                self.findings.append(Finding(FindingKind.ERROR, file, one.line, "subsidiary_of", message, one.parent))

    def _opportunity(self, cells: Cells) -> Opportunity:
        cells.repair("product", PRODUCT_REPAIRS, known=self.names["products"].__contains__)
        agent = self._known(cells, "sales_agent", cells.text("sales_agent", longest=100), "sales_teams")
        product = self._known(cells, "product", cells.text("product", longest=LONGEST_NAME), "products")
        account = cells.text("account", longest=LONGEST_NAME, required=False)
        self._known(cells, "account", account, "accounts")
        stage = _stage(cells)
        engaged_on, closed_on = cells.day("engage_date"), cells.day("close_date")
        value = cells.amount("close_value")
        ref = cells.text("opportunity_id", longest=60)
        if not cells.broken:
            self._check_days(cells, stage, engaged_on, closed_on)
            value = self._value(cells, stage, value, account, product)
        return Opportunity(cells.line, ref, agent, product, account, stage, engaged_on, closed_on, value or Decimal(0))

    def _check_days(self, cells: Cells, stage: Stage, engaged_on: date | None, closed_on: date | None) -> None:
        if engaged_on and closed_on and closed_on < engaged_on:
            cells.error("close_date", f"{closed_on} lies before the engage_date {engaged_on}")
        if engaged_on is None and stage != Stage.PROSPECTING:
            cells.note(FindingKind.REPORTED, "engage_date", "is empty")
        if closed_on is None and stage == Stage.WON:
            cells.error("close_date", "is empty, but the opportunity is won")
        if closed_on is None and stage == Stage.LOST:
            cells.note(FindingKind.REPORTED, "close_date", "is empty, but the opportunity is lost")
        if closed_on is not None and stage in (Stage.PROSPECTING, Stage.ENGAGING):
            note = "an open opportunity has a close_date; taken as the expected one"
            cells.note(FindingKind.REPORTED, "close_date", note, str(closed_on))

    def _value(self, cells: Cells, stage: Stage, value: Decimal | None, account: str, product: str) -> Decimal | None:
        if not account:
            word = {Stage.WON: "won, but ", Stage.LOST: "lost, "}.get(stage, "")
            cells.note(FindingKind.REPORTED, "account", f"{word}without an account: becomes a lead")
        if stage == Stage.WON and value is None:
            cells.error("close_value", "is empty, but the opportunity is won")
        elif stage == Stage.WON and value == 0:
            cells.note(FindingKind.REPORTED, "close_value", "won for nothing")
        elif stage == Stage.LOST and value is None:
            cells.note(FindingKind.REPORTED, "close_value", "is empty; taken as 0")
        elif value is None:
            cells.note(FindingKind.REPORTED, "close_value", "not known yet; the list price of the product is expected")
            return self.prices.get(product)
        return value


def _stage(cells: Cells) -> Stage:
    word = cells.text("deal_stage", longest=40)
    try:
        return Stage(word)
    except ValueError:
        if word:
            cells.error("deal_stage", f"{word!r} is none of {', '.join(Stage)}")
        return Stage.PROSPECTING


def _line_of(name: str, parents: Mapping[str, str]) -> set[str]:
    """The name and everybody above it."""
    seen: set[str] = set()
    while name and name not in seen:
        seen.add(name)
        name = parents.get(name, "")
    return seen
