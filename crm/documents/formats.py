"""Numbers, dates and units as the reader of a document expects them; called under its language."""

from datetime import date
from decimal import Decimal

from django.utils.dateformat import format as format_date
from django.utils.translation import gettext, npgettext, pgettext

# language: (thousands separator, decimal separator, date format)
_STYLES = {"en": (",", ".", "j F Y"), "de": (".", ",", "j. F Y")}
NO_BREAK_SPACE = "\u00a0"
MINUS = "\u2212"


def number(value: Decimal, language: str, *, decimals: int) -> str:
    """``1234.5`` as ``1,234.50`` or ``1.234,50``; more decimals are shown when the value has them."""
    thousands, point, _ = _STYLES[language]
    digits = f"{abs(value):f}"
    whole, _, fraction = digits.partition(".")
    fraction = fraction.rstrip("0").ljust(decimals, "0")
    text = f"{int(whole):,}".replace(",", thousands) + (point + fraction if fraction else "")
    return MINUS + text if value < 0 else text


def money(value: Decimal, currency: str, language: str, *, decimals: int) -> str:
    """An amount with its currency code, never torn apart at the end of a line."""
    return number(value, language, decimals=decimals) + NO_BREAK_SPACE + currency


def percent(value: Decimal, language: str) -> str:
    """A tax rate: ``19%`` in English, ``19 %`` in German."""
    return number(value, language, decimals=0) + ("%" if language == "en" else NO_BREAK_SPACE + "%")


def day(value: date, language: str) -> str:
    """A date with its month in words, so that nobody reads 03/04 the wrong way round."""
    return format_date(value, _STYLES[language][2]).replace(" ", NO_BREAK_SPACE)


def period(first: date | None, last: date | None, language: str) -> str:
    """First to last day, saying month and year once where they are the same: ``1 – 31 October 2026``."""
    if first is None or last is None or first == last:
        known = first or last
        return day(known, language) if known else ""
    if first.year != last.year:
        short = day(first, language)
    else:
        style = _STYLES[language][2].removesuffix(" Y")
        short = format_date(first, style.removesuffix(" F") if first.month == last.month else style)
    return f"{short} – {day(last, language)}"


def unit(code: str, quantity: Decimal) -> str:
    """The word for a unit of UN/ECE Recommendation 20; an unknown code is shown as it is."""
    count = 1 if abs(quantity) == 1 else 2
    words = {
        "C62": npgettext("unit", "unit", "units", count),
        "HUR": npgettext("unit", "hour", "hours", count),
        "DAY": npgettext("unit", "day", "days", count),
        "MON": npgettext("unit", "month", "months", count),
        "ANN": npgettext("unit", "year", "years", count),
        "KWH": pgettext("unit", "kWh"),
        "MWH": pgettext("unit", "MWh"),
        "KWT": pgettext("unit", "kW"),
        "MAW": pgettext("unit", "MW"),
        "P1": pgettext("unit", "%"),
    }
    return words.get(code, code)


def iban(value: str) -> str:
    """An IBAN in groups of four, the way people read it out."""
    compact = "".join(value.split()).upper()
    return " ".join(compact[start : start + 4] for start in range(0, len(compact), 4))


def tax_label(category: str, rate: Decimal, language: str) -> str:
    """What the summary calls a tax group."""
    names = {
        "Z": gettext("VAT zero rated"),
        "E": gettext("VAT exempt"),
        "AE": gettext("VAT reverse charge"),
        "K": gettext("VAT exempt intra-community supply"),
        "G": gettext("Export outside the EU, VAT exempt"),
        "O": gettext("Not subject to VAT"),
    }
    return names.get(category) or gettext("VAT %(rate)s") % {"rate": percent(rate, language)}


def exemption(category: str, reason: str) -> str:
    """Why a group carries no tax: the reason given, or what the law wants to read for its category."""
    standard = {
        "AE": gettext("Reverse charge: the recipient is liable for the VAT."),
        "K": gettext("Tax-exempt intra-community supply."),
        "G": gettext("Tax-exempt export supply."),
    }
    return reason or standard.get(category, "")
