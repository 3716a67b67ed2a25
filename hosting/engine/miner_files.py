"""Files of machines: which column means what, and what the cells of a row say. Text in, values or words out.

Nothing here knows the database. A cell that says nothing is left out; one that says nonsense gives a finding.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from ipaddress import ip_address

COLUMNS = (
    "serial", "maker", "model", "site", "zone", "rack", "slot", "customer", "address", "port", "mac", "power_w",
    "purchased_on", "warranty_until", "owner_since", "note",
)  # fmt: skip
REQUIRED = ("serial",)
# What people and their spreadsheets call the columns, in English and German; blanks and signs do not count.
ALIASES: dict[str, tuple[str, ...]] = {
    "serial": ("serialnumber", "serialno", "sn", "seriennummer", "seriennr"),
    "maker": ("manufacturer", "brand", "hersteller", "marke"),
    "model": ("modell", "type", "typ", "minermodel"),
    "site": ("standort", "farm", "location"),
    "zone": ("hall", "halle", "container", "bereich"),
    "rack": ("regal", "shelf"),
    "slot": ("platz", "position", "fach"),
    "customer": ("client", "owner", "kunde", "eigentuemer", "eigentümer", "kundennummer", "customernumber"),
    "address": ("ip", "ipaddress", "ipadresse", "adresse", "host"),
    "port": ("apiport",),
    "mac": ("macaddress", "macadresse"),
    "power_w": ("power", "powerw", "watt", "watts", "leistung", "leistungw"),
    "purchased_on": ("purchasedate", "purchased", "bought", "kaufdatum", "gekauftam", "gekauft"),
    "warranty_until": ("warranty", "warrantydate", "warrantyend", "garantie", "garantiebis", "gewaehrleistungbis",
                       "gewährleistungbis"),
    "owner_since": ("ownersince", "ownedsince", "since", "eigentümerseit", "eigentuemerseit", "gehörtihmseit", "seit"),
    "note": ("notes", "comment", "remark", "notiz", "bemerkung", "kommentar"),
}  # fmt: skip
_BY_ALIAS = {alias: name for name, aliases in ALIASES.items() for alias in aliases}
_SIGNS = re.compile(r"[\s_.\-/()\[\]*:]+")
_SERIAL = re.compile(r"[!-~]{1,100}")
_MAC = re.compile(r"(?:[0-9A-F]{2}[:.-]?){5}[0-9A-F]{2}")
_GERMAN_DAY = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})")
_FORMULA_STARTS = ("=", "+", "-", "@")
LONGEST = {"maker": 50, "model": 100, "site": 200, "zone": 200, "rack": 200, "customer": 200, "note": 2000}
EARLIEST = date(2009, 1, 3)  # no machine mined before the first block


@dataclass(frozen=True)
class Finding:
    """What is wrong: a ``code`` with the values its words need, and the column, if it is one cell's fault."""

    code: str
    column: str = ""
    values: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class MinerRow:
    """What one row says. ``owner_since`` is a day (by the clock of the place) or an aware moment."""

    line: int
    serial: str
    maker: str = ""
    model: str = ""
    site: str = ""
    zone: str = ""
    rack: str = ""
    slot: int | None = None
    customer: str = ""
    address: str | None = None
    port: int | None = None
    mac: str = ""
    power_w: int | None = None
    purchased_on: date | None = None
    warranty_until: date | None = None
    owner_since: date | datetime | None = None
    note: str = ""


def column_of(heading: str) -> str:
    """The column a heading means; a heading nobody knows stays as it is."""
    name = heading.strip().lower()
    plain = _SIGNS.sub("", name)
    by_name = next((column for column in COLUMNS if column.replace("_", "") == plain), None)
    return by_name or _BY_ALIAS.get(plain) or name


def read_row(line: int, cells: Mapping[str, str]) -> tuple[MinerRow | None, list[Finding]]:
    """The row, or None with what is wrong with it."""
    found: list[Finding] = []
    values: dict[str, object] = {"line": line}
    for column, cell in cells.items():
        text = cell.strip()
        if not text:
            continue
        try:
            values[column] = _READERS[column](text)
        except _Wrong as wrong:
            found.append(Finding(wrong.code, column, {"value": text[:40]}))
        except (ValueError, OverflowError):
            found.append(Finding("wrong", column, {"value": text[:40]}))
    if "serial" not in values and not any(one.column == "serial" for one in found):
        found.append(Finding("missing", "serial"))
    if not values.get("model") and not values.get("maker") and not found:
        found.append(Finding("missing", "model"))
    if found:
        return None, found
    return MinerRow(**values), []  # type: ignore[arg-type]


class _Wrong(Exception):
    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def _serial(text: str) -> str:
    if text.startswith(_FORMULA_STARTS):
        raise _Wrong("formula")
    if not _SERIAL.fullmatch(text):
        raise _Wrong("serial")
    return text


def _words(column: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if column != "note" and text.startswith(_FORMULA_STARTS):
            raise _Wrong("formula")
        if len(text) > LONGEST[column]:
            raise _Wrong("long")
        if any(not char.isprintable() for char in text):
            raise _Wrong("characters")
        return text

    return read


def _whole(least: int, most: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        # A spreadsheet writes 12 as 12.0; a thousand is never written with a point or comma here.
        plain = text[:-2] if text.endswith(".0") else text
        if not (plain.isascii() and plain.isdigit() and len(plain) < 10 and least <= int(plain) <= most):
            raise _Wrong("number")
        return int(plain)

    return read


def _address(text: str) -> str:
    return str(ip_address(text))


def _mac(text: str) -> str:
    upper = text.upper()
    if not _MAC.fullmatch(upper):
        raise _Wrong("mac")
    digits = re.sub(r"[^0-9A-F]", "", upper)
    return ":".join(digits[place : place + 2] for place in range(0, 12, 2))


def read_day(text: str) -> date:
    """``2026-11-29`` or ``29.11.2026``; anything that may be read in two ways is refused. Raises ValueError."""
    german = _GERMAN_DAY.fullmatch(text)
    day = date(int(german[3]), int(german[2]), int(german[1])) if german else date.fromisoformat(text)
    if len(text) < 8 or not EARLIEST <= day <= date(2100, 1, 1):
        raise _Wrong("day")
    return day


def _day(text: str) -> date:
    try:
        return read_day(text)
    except ValueError as error:
        raise _Wrong("day") from error


def _since(text: str) -> date | datetime:
    try:
        return read_day(text)
    except (_Wrong, ValueError):
        pass
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise _Wrong("since") from error
    if moment.tzinfo is None:
        if moment.time() == time(0):
            return moment.date()
        raise _Wrong("since")
    if not EARLIEST <= moment.date() <= date(2100, 1, 1):
        raise _Wrong("since")
    return moment


_READERS: dict[str, Callable[[str], object]] = {
    "serial": _serial,
    **{column: _words(column) for column in ("maker", "model", "site", "zone", "rack", "customer", "note")},
    "slot": _whole(1, 1000),
    "port": _whole(1, 65_535),
    "power_w": _whole(1, 1_000_000),
    "address": _address,
    "mac": _mac,
    "purchased_on": _day,
    "warranty_until": _day,
    "owner_since": _since,
}
