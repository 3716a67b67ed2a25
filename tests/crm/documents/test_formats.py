"""Figures, dates and units in two languages."""

from datetime import date
from decimal import Decimal

import pytest
from django.utils import translation

from crm.documents import formats

D = Decimal


@pytest.mark.parametrize(
    ("value", "language", "decimals", "expected"),
    [
        ("1234567.5", "en", 2, "1,234,567.50"),
        ("1234567.5", "de", 2, "1.234.567,50"),
        ("0.0612", "en", 2, "0.0612"),
        ("24.000", "en", 0, "24"),
        ("1E+3", "de", 0, "1.000"),
        ("0E-8", "en", 8, "0.00000000"),
        ("-1234.5", "en", 2, "−1,234.50"),
        ("0.00001234", "de", 8, "0,00001234"),
    ],
)
def test_numbers(value: str, language: str, decimals: int, expected: str) -> None:
    assert formats.number(D(value), language, decimals=decimals) == expected


def test_money_and_its_currency_stay_on_one_line() -> None:
    assert formats.money(D("1234.5"), "EUR", "en", decimals=2) == "1,234.50\u00a0EUR"


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        (date(2026, 10, 1), date(2026, 10, 31), "1 – 31 October 2026"),
        (date(2026, 10, 1), date(2026, 11, 30), "1 October – 30 November 2026"),
        (date(2026, 12, 1), date(2027, 1, 31), "1 December 2026 – 31 January 2027"),
        (date(2026, 10, 1), date(2026, 10, 1), "1 October 2026"),
        (date(2026, 10, 1), None, "1 October 2026"),
        (None, None, ""),
    ],
)
def test_periods_in_english(first: date | None, last: date | None, expected: str) -> None:
    with translation.override("en"):
        assert formats.period(first, last, "en").replace("\u00a0", " ") == expected


def test_periods_in_german() -> None:
    with translation.override("de"):
        shown = formats.period(date(2026, 3, 1), date(2026, 3, 31), "de").replace("\u00a0", " ")

    assert shown == "1. – 31. März 2026"


@pytest.mark.parametrize(
    ("code", "quantity", "word"),
    [
        ("C62", "1", "unit"),
        ("C62", "2", "units"),
        ("MON", "1.0", "month"),
        ("KWH", "3", "kWh"),
        ("XYZ", "1", "XYZ"),
    ],
)
def test_units(code: str, quantity: str, word: str) -> None:
    with translation.override("en"):
        assert formats.unit(code, D(quantity)) == word


def test_percent_and_iban() -> None:
    assert formats.percent(D("8.875"), "en") == "8.875%"
    assert formats.percent(D("19"), "de") == "19\u00a0%"
    assert formats.iban("de89 370400440532013000") == "DE89 3704 0044 0532 0130 00"
