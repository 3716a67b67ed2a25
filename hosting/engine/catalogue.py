"""The catalogue of miner models that ships with the product, read and checked.

``hosting/catalogue/miner_models.csv`` holds what makers published about their SHA-256 machines, one sold variant a row:

* ``hashrate_ths`` and ``power_w`` are the typical figures of the machine as delivered; where it has several modes,
  those of the normal one. ``published_efficiency_j_th`` is what the maker printed. It only serves to check the other
  two: a row whose figures disagree by more than three per cent is refused unless its note says why
  (``Efficiency: ...``).
* ``released`` is a year, a month or a day, as exactly as it is known: the first sale or delivery.
* ``inlet_min_c`` and ``inlet_max_c`` are the temperatures of what cools the machine where it enters: air, or water.
* ``source`` names publisher, document and year. ``evidence`` says how the figures were checked: ``maker`` (the maker's
  document is quoted with them by somebody else), ``lists`` (two public tables or more print the same), ``single`` (no
  second trace; the note then begins with ``Unconfirmed``).
* An empty cell means unknown. Nothing is filled in by guessing.

A file is taken whole or refused with every fault it has.
"""

import csv
import io
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

SHIPPED = Path(__file__).resolve().parent.parent / "catalogue" / "miner_models.csv"

COLUMNS = (
    "maker", "name", "family", "hashrate_ths", "power_w", "released", "cooling", "chip", "inlet_min_c", "inlet_max_c",
    "list_price_usd", "published_efficiency_j_th", "evidence", "source", "note",
)  # fmt: skip

LONGEST = {"maker": 50, "name": 100, "family": 50, "chip": 50, "source": 200, "note": 300}
MOST_HASHRATE_THS = Decimal(10_000)
MOST_POWER_W = 100_000
MOST_PRICE_USD = Decimal(1_000_000)
# From the first machines for sale to somewhat better than anything announced.
BEST_J_TH, WORST_J_TH = Decimal(2), Decimal(12_000)
COLDEST_C, HOTTEST_C = -40, 80
FIRST_YEAR, LAST_YEAR = 2012, 2100
TOLERANCE = Decimal("0.03")
EFFICIENCY_REMARK = "Efficiency:"
UNCONFIRMED = "Unconfirmed"

_PLAIN_NUMBER = re.compile(r"(0|[1-9][0-9]*)(\.[0-9]+)?")
_WHOLE_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)")
_RELEASED = re.compile(r"([0-9]{4})(?:-([0-9]{2}))?(?:-([0-9]{2}))?")
_SOURCE = re.compile(r"[^,]+, .+, (19|20)[0-9]{2}")
_ADDRESS = re.compile(r"https?:|www\.", re.IGNORECASE)

Kind = TypeVar("Kind", bound=StrEnum)


class Cooling(StrEnum):
    """What carries the heat away."""

    AIR = "air"
    HYDRO = "hydro"
    IMMERSION = "immersion"


class Precision(StrEnum):
    """How exactly the release is known; the date holds the first day of the month or year."""

    DAY = "day"
    MONTH = "month"
    YEAR = "year"


class Evidence(StrEnum):
    """How the figures of a row were checked."""

    MAKER = "maker"
    LISTS = "lists"
    SINGLE = "single"


@dataclass(frozen=True, slots=True)
class CatalogueModel:
    """One machine as its maker sold it."""

    maker: str
    name: str
    family: str
    hashrate_ths: Decimal
    power_w: int
    released_on: date | None
    released_precision: Precision | None
    cooling: Cooling
    chip: str
    inlet_min_c: int | None
    inlet_max_c: int | None
    list_price_usd: Decimal | None
    published_efficiency_j_th: Decimal | None
    evidence: Evidence
    source: str
    note: str

    @property
    def efficiency_j_th(self) -> Decimal:
        """What follows from power and hashrate; watts over terahashes a second are joules per terahash."""
        return self.power_w / self.hashrate_ths


class CatalogueRefused(ValueError):
    """The file cannot be taken; ``faults`` names every line and what is wrong there."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = tuple(faults)


def read_catalogue(path: Path = SHIPPED) -> tuple[CatalogueModel, ...]:
    """The models of a file, by default the one that ships."""
    return parse_catalogue(path.read_bytes())


def parse_catalogue(content: bytes) -> tuple[CatalogueModel, ...]:
    """The models in ``content``; raises ``CatalogueRefused`` with everything that is wrong."""
    models: list[tuple[int, CatalogueModel]] = []
    faults: list[str] = []
    for line, cells in _records(content):
        model, found = _model(cells)
        faults += [f"line {line}: {fault}" for fault in found]
        if model is not None:
            models.append((line, model))
    faults += _faults_between(models)
    if faults:
        raise CatalogueRefused(faults)
    return tuple(model for _, model in models)


def _records(content: bytes) -> Iterator[tuple[int, dict[str, str]]]:
    try:
        text = content.decode("ascii")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise CatalogueRefused([f"line {line}: only ASCII characters are allowed"]) from None
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        if tuple(next(reader, ())) != COLUMNS:
            raise CatalogueRefused([f"line 1: the columns must be {','.join(COLUMNS)}"])
        for cells in reader:
            if len(cells) != len(COLUMNS):
                raise CatalogueRefused([f"line {reader.line_num}: {len(cells)} cells instead of {len(COLUMNS)}"])
            yield reader.line_num, dict(zip(COLUMNS, cells, strict=True))
    except csv.Error as error:
        raise CatalogueRefused([f"line {reader.line_num}: {error}"]) from None


def _model(cells: dict[str, str]) -> tuple[CatalogueModel | None, list[str]]:
    """The model of one record, or what is wrong with it."""
    faults = [*_text_faults(cells)]

    def take(column: str, read: Callable[[str], Kind | Decimal | int]) -> object:
        try:
            return read(cells[column]) if cells[column] else None
        except ValueError as error:
            faults.append(f"{column}: {error}")
            return None

    values = {
        "hashrate_ths": take("hashrate_ths", lambda text: _decimal(text, MOST_HASHRATE_THS)),
        "power_w": take("power_w", lambda text: _whole(text, 1, MOST_POWER_W)),
        "cooling": take("cooling", lambda text: _one_of(Cooling, text)),
        "inlet_min_c": take("inlet_min_c", lambda text: _whole(text, COLDEST_C, HOTTEST_C)),
        "inlet_max_c": take("inlet_max_c", lambda text: _whole(text, COLDEST_C, HOTTEST_C)),
        "list_price_usd": take("list_price_usd", lambda text: _decimal(text, MOST_PRICE_USD, places=2)),
        "published_efficiency_j_th": take("published_efficiency_j_th", lambda text: _decimal(text, WORST_J_TH)),
        "evidence": take("evidence", lambda text: _one_of(Evidence, text)),
    }
    released_on, precision = None, None
    try:
        released_on, precision = _released(cells["released"])
    except ValueError as error:
        faults.append(f"released: {error}")
    if faults:
        return None, faults
    texts = {column: cells[column] for column in ("maker", "name", "family", "chip", "source", "note")}
    model = CatalogueModel(released_on=released_on, released_precision=precision, **texts, **values)  # type: ignore[arg-type]
    faults = [*_model_faults(model)]
    return (None if faults else model), faults


def _text_faults(cells: dict[str, str]) -> Iterator[str]:
    for column in ("maker", "name", "family", "hashrate_ths", "power_w", "cooling", "evidence", "source"):
        if not cells[column]:
            yield f"{column}: is missing"
    for column, text in cells.items():
        if text != " ".join(text.split()):
            yield f"{column}: has blanks at an end, in a row, or a line break"
        if len(text) > LONGEST.get(column, 50):
            yield f"{column}: is longer than {LONGEST.get(column, 50)} characters"
    if cells["source"] and not _SOURCE.fullmatch(cells["source"]):
        yield "source: must name publisher, document and year"
    if _ADDRESS.search(cells["source"]):
        yield "source: names a document, no address"


def _model_faults(model: CatalogueModel) -> Iterator[str]:
    """What is wrong between the fields of one model."""
    efficiency = model.efficiency_j_th
    if not BEST_J_TH <= efficiency <= WORST_J_TH:
        yield f"{efficiency:.2f} J/TH follows from hashrate and power, which no such machine has"
    published = model.published_efficiency_j_th
    if published and abs(published - efficiency) > TOLERANCE * efficiency and EFFICIENCY_REMARK not in model.note:
        yield f"{published} J/TH published, {efficiency:.2f} follows from hashrate and power; the note says nothing"
    low, high = model.inlet_min_c, model.inlet_max_c
    if (low is None) != (high is None):
        yield "inlet_min_c and inlet_max_c are known together or not at all"
    elif low is not None and high is not None and low >= high:
        yield f"inlet_min_c {low} is not below inlet_max_c {high}"
    if (model.evidence is Evidence.SINGLE) != model.note.startswith(UNCONFIRMED):
        yield f"evidence: {Evidence.SINGLE} and a note that begins with {UNCONFIRMED} go together"


def _faults_between(models: list[tuple[int, CatalogueModel]]) -> Iterator[str]:
    """Names that stand twice, and rows out of order."""
    seen: dict[str, int] = {}
    last: tuple[str, ...] = ()
    for line, model in models:
        first = seen.setdefault(model.name.casefold(), line)
        if first != line:
            yield f"line {line}: name: {model.name} stands in line {first} already"
        released = _spelt(model)
        order = (model.maker.casefold(), model.family.casefold(), released, model.name.casefold())
        if order < last:
            yield f"line {line}: rows are sorted by maker, family, released and name"
        last = order


def _spelt(model: CatalogueModel) -> str:
    if model.released_on is None:
        return ""
    length = {Precision.YEAR: 4, Precision.MONTH: 7, Precision.DAY: 10}
    return model.released_on.isoformat()[: length[model.released_precision or Precision.DAY]]


def _decimal(text: str, most: Decimal, places: int = 6) -> Decimal:
    if not _PLAIN_NUMBER.fullmatch(text):
        raise ValueError(f"{text!r} is no plain number")
    value = Decimal(text)
    if not 0 < value <= most:
        raise ValueError(f"{text} is not above 0 and at most {most}")
    if len(text.partition(".")[2]) > places:
        raise ValueError(f"{text} has more than {places} decimal places")
    return value


def _whole(text: str, least: int, most: int) -> int:
    if not _WHOLE_NUMBER.fullmatch(text):
        raise ValueError(f"{text!r} is no whole number")
    if not least <= int(text) <= most:
        raise ValueError(f"{text} is not between {least} and {most}")
    return int(text)


def _one_of(kind: type[Kind], text: str) -> Kind:
    if text not in set(kind):
        raise ValueError(f"{text!r} is none of {', '.join(kind)}")
    return kind(text)


def _released(text: str) -> tuple[date | None, Precision | None]:
    if not text:
        return None, None
    match = _RELEASED.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is no year, month or day such as 2024, 2024-02 or 2024-02-15")
    year, month, day = match.groups()
    if not FIRST_YEAR <= int(year) <= LAST_YEAR:
        raise ValueError(f"{text} is not between {FIRST_YEAR} and {LAST_YEAR}")
    precision = Precision.DAY if day else Precision.MONTH if month else Precision.YEAR
    try:
        return date(int(year), int(month or 1), int(day or 1)), precision
    except ValueError:
        raise ValueError(f"{text} is no date of the calendar") from None
