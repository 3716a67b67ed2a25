"""DATEV "Buchungsstapel" in the EXTF format 700, version 13: Windows-1252, semicolons, decimal comma, CRLF.

The file carries gross amounts with a tax key; the accounting program computes the tax out of them. A document's tax
is rounded half up on its net sum; computed back from the gross sum it comes out at the same cent for every currency
with two decimals, so such currencies only are written.
"""

import unicodedata
from collections.abc import Iterable, Iterator
from datetime import date
from decimal import Decimal

from crm.engine.bookfiles.values import Batch, Booking
from hashinsight.common.exports import safe_text

ENCODING = "cp1252"
EOL = "\r\n"
_PAIRS = [f"Beleginfo - {part} {number}" for number in range(1, 9) for part in ("Art", "Inhalt")]
_EXTRA = [f"Zusatzinformation - {part} {number}" for number in range(1, 21) for part in ("Art", "Inhalt")]
COLUMNS: tuple[str, ...] = (
    "Umsatz (ohne Soll/Haben-Kz)", "Soll/Haben-Kennzeichen", "WKZ Umsatz", "Kurs", "Basis-Umsatz", "WKZ Basis-Umsatz",
    "Konto", "Gegenkonto (ohne BU-Schlüssel)", "BU-Schlüssel", "Belegdatum", "Belegfeld 1", "Belegfeld 2", "Skonto",
    "Buchungstext", "Postensperre", "Diverse Adressnummer", "Geschäftspartnerbank", "Sachverhalt", "Zinssperre",
    "Beleglink", *_PAIRS, "KOST1 - Kostenstelle", "KOST2 - Kostenstelle", "Kost-Menge",
    "EU-Land u. UStID (Bestimmung)", "EU-Steuersatz (Bestimmung)", "Abw. Versteuerungsart", "Sachverhalt L+L",
    "Funktionsergänzung L+L", "BU 49 Hauptfunktionstyp", "BU 49 Hauptfunktionsnummer", "BU 49 Funktionsergänzung",
    *_EXTRA, "Stück", "Gewicht", "Zahlweise", "Forderungsart", "Veranlagungsjahr", "Zugeordnete Fälligkeit",
    "Skontotyp", "Auftragsnummer", "Buchungstyp", "USt-Schlüssel (Anzahlungen)", "EU-Land (Anzahlungen)",
    "Sachverhalt L+L (Anzahlungen)", "EU-Steuersatz (Anzahlungen)", "Erlöskonto (Anzahlungen)", "Herkunft-Kz",
    "Buchungs GUID", "KOST-Datum", "SEPA-Mandatsreferenz", "Skontosperre", "Gesellschaftername", "Beteiligtennummer",
    "Identifikationsnummer", "Zeichnernummer", "Postensperre bis", "Bezeichnung SoBil-Sachverhalt",
    "Kennzeichen SoBil-Buchung", "Festschreibung", "Leistungsdatum", "Datum Zuord. Steuerperiode", "Fälligkeit",
    "Generalumkehr (GU)", "Steuersatz", "Land", "Abrechnungsreferenz", "BVV-Position",
    "EU-Land u. UStID (Ursprung)", "EU-Steuersatz (Ursprung)", "Abw. Skontokonto",
)  # fmt: skip
# Fields that hold text stand in quotes even where they are empty; by position from 1.
_TEXT = frozenset({
    2, 3, 6, 9, 11, 12, 14, 16, *range(20, 39), 40, 42, *range(48, 88), 91, 95, 96, 98, 102, 103, 105, 107, 109, 110,
    112, 118, 120, 121, 123,
})  # fmt: skip
_AT = {name: place for place, name in enumerate(COLUMNS)}
# Letters without a decomposition that a reader would still recognise.
_LOOKALIKE = str.maketrans({
    "ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "ħ": "h", "Ħ": "H", "ı": "i", "ŧ": "t", "ŋ": "n", "ĸ": "k",
    "\u2010": "-", "\u2011": "-", "\u2212": "-", "\u00a0": " ", "\u202f": " ",
})  # fmt: skip
_FIELD_SIGNS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789$&%*+-/")
TEXT_LENGTH, FIELD_LENGTH = 60, 36


def printable(text: str) -> str:
    """One line in Windows-1252: accents it lacks fall off, any other foreign sign becomes a question mark."""
    one_line = " ".join(unicodedata.normalize("NFC", text).translate(_LOOKALIKE).split())
    return "".join(_sign(sign) for sign in one_line)


def _sign(sign: str) -> str:
    for candidate in (sign, unicodedata.normalize("NFKD", sign)):
        kept = "".join(part for part in candidate if not unicodedata.combining(part)) if candidate != sign else sign
        try:
            kept.encode(ENCODING)
        except UnicodeEncodeError:
            continue
        if kept and kept.isprintable():
            return kept
    return "?"


def document_field(text: str) -> str:
    """A document's number in the signs that the field allows; never the beginning of a formula."""
    allowed = "".join(sign if sign in _FIELD_SIGNS else "-" for sign in text.strip())
    return allowed.lstrip("+-")[:FIELD_LENGTH]


def fits_document_field(text: str) -> bool:
    """Whether a number can stand in the file as it is."""
    return bool(text) and document_field(text) == text


def _text(value: str, length: int) -> str:
    cut = safe_text(printable(value))[:length]
    return '"' + cut.replace('"', '""') + '"'


def amount_text(amount: Decimal) -> str:
    """Decimal comma, no thousands separator."""
    return f"{amount:.2f}".replace(".", ",")


def lines(batch: Batch, bookings: Iterable[Booking]) -> Iterator[bytes]:
    """The file line by line."""
    yield _encoded(_header(batch))
    yield _encoded(";".join(COLUMNS))
    for booking in bookings:
        yield _encoded(_row(batch, booking))


def _encoded(line: str) -> bytes:
    return (line + EOL).encode(ENCODING)


def _header(batch: Batch) -> str:
    made = batch.made_at
    fields = [
        '"EXTF"', "700", "21", '"Buchungsstapel"', "13",
        f"{made:%Y%m%d%H%M%S}{made.microsecond // 1000:03d}", "", '"HI"', '""', '""',
        batch.consultant, batch.client, f"{batch.year_start:%Y%m%d}", str(batch.account_length),
        f"{batch.first:%Y%m%d}", f"{batch.last:%Y%m%d}", _text(batch.name, 30), '""', "1", "0",
        "1" if batch.fixed else "0", f'"{batch.currency}"', "", '""', "", "", '""', "", "", '""', '""',
    ]  # fmt: skip
    return ";".join(fields)


def _row(batch: Batch, one: Booking) -> str:
    row = ['""' if place in _TEXT else "" for place in range(1, len(COLUMNS) + 1)]

    def put(name: str, value: str) -> None:
        row[_AT[name]] = value

    put("Umsatz (ohne Soll/Haben-Kz)", amount_text(one.amount))
    put("Soll/Haben-Kennzeichen", f'"{one.side}"')
    if one.currency != batch.currency and one.base_amount:
        put("WKZ Umsatz", f'"{one.currency}"')
        put("Kurs", f"{one.amount / one.base_amount:.6f}".replace(".", ","))
        put("Basis-Umsatz", amount_text(one.base_amount))
        put("WKZ Basis-Umsatz", f'"{batch.currency}"')
    put("Konto", one.account)
    put("Gegenkonto (ohne BU-Schlüssel)", one.contra)
    put("BU-Schlüssel", f'"{one.key}"')
    put("Belegdatum", f"{one.day:%d%m}")
    put("Belegfeld 1", f'"{document_field(one.document)}"')
    put("Buchungstext", _text(one.text, TEXT_LENGTH))
    put("EU-Land u. UStID (Bestimmung)", _text(one.vat_id, 15))
    put("Festschreibung", "1" if batch.fixed else "0")
    if one.due_on is not None:
        put("Fälligkeit", f"{one.due_on:%d%m%Y}")
    return ";".join(row)


def year_start(day: date, month: int) -> date:
    """The first day of the fiscal year that ``day`` lies in, for years that begin with ``month``."""
    return date(day.year if day.month >= month else day.year - 1, month, 1)
