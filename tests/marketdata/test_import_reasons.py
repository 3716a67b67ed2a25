"""Why a file is not used is said in the reader's language, whatever the file holds."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.utils import translation

from marketdata.domain.importing import ImportRefused, import_market_file, import_prices
from marketdata.models import DifficultyPeriod, MarketDay, PricePoint, PriceSeries

AT = datetime(2026, 11, 20, tzinfo=UTC)
# Days or periods; what a person reads.
MARKET = {
    "": "Die Datei ist nicht brauchbar: sie ist leer.",
    "a,b\n1,2": "keine Spalte mit Tagen (date, day, time) und keine mit Höhen (height_first)",
    "date,x\n2026-01-01,1": "keine Spalte mit Preisen",
    "date,price_usd\n": "sie hat keine Zeilen unter der Überschrift",
    "date,price_usd\n2026-13-01,1": "keine Zeile ist brauchbar; das erste Problem: '2026-13-01' ist kein Tag",
    "date,price_usd\n2026-01-01,-1": "close_usd ist -1",
    "date,price_usd\n2026-01-01,": "kein Preis",
    "date,close,high,low\n2026-01-01,5,4,3": "der Schlusskurs 5 liegt nicht zwischen 3 und 4",
    'date,price_usd\n"2026': "Zeile 2 ist beschädigt",
    "height_first,bits\n2015,1d00ffff": "2015 ist nicht die erste Höhe einer Periode",
    "height_first,bits\n2016,zz": "'zz' ist kein kompaktes Ziel",
    "height_first,bits\n2016,00000000": "'00000000' ist kein kompaktes Ziel",
    "height_first,bits\n2016,ffffffff": "'ffffffff' ist kein kompaktes Ziel",
    "height_first,bits,time\n0,1d00ffff,0001-01-01T00:00:00+14:00": "sie ist nicht lesbar",
    "height_first,bits\n0,1d00ffff\n0,1d00fffe": "sie widerspricht dem, was bekannt ist (0 has 1d00ffff",
}
# Prices by interval.
PRICES = {
    "x,y\n1,2": "keine Spalte mit Zeiten; bekannt sind datetime_utc,",
    "datetime_utc\n": "keine Spalte neben der Zeit",
    "datetime_utc,a,b\n2026-01-01T00:00,1,2": "sagen Sie, welche Spalte den Wert enthält: a, b",
    "datetime_utc,a,a\n": "zwei Spalten haben denselben Namen",
    "datetime_utc,a\n2026-01-01T00:00,": "sie hat keine Werte",
    "datetime_utc,a\nsoon,1": "'soon' ist kein Zeitpunkt",
    "datetime_utc,a\n2026-01-01T00:10,1": "ist nicht der Anfang eines Intervalls von 60 Minuten",
    "datetime_utc,a\n2026-01-01T00:00,x": "'x' ist keine Zahl",
    "datetime_utc,a\n2026-01-01T00:00,99999": "99999 liegt nicht zwischen -5000 und 20000",
    "datetime_utc,a\n0001-01-01T00:00+14:00,1": "sie ist nicht lesbar",
    "timestamp_local,a\n2026-03-29T02:00,1": "gibt es in Europe/Berlin nicht: die Uhr wird vorgestellt",
    f"settlement_date,settlement_period,a\n2026-01-01,{'1' * 5000},1": "sie ist nicht lesbar",
    "settlement_date,settlement_period,a\n9999-12-31,1,1": "sie ist nicht lesbar",
    "settlement_date,settlement_period,a\n2026-01-01,49,1": "2026-01-01 hat 48 Abrechnungsperioden, keine ist 49",
}  # fmt: skip


def refused(call: Any) -> str:
    """What a German reads."""
    with translation.override("de"), pytest.raises(ImportRefused) as refusal:
        call()
    return str(refusal.value)


@pytest.mark.parametrize("text", MARKET)
def test_a_file_of_days_or_periods_is_refused_in_words(db: None, text: str) -> None:
    said = refused(lambda: import_market_file(text.encode(), source="x", by="test", at=AT))
    assert MARKET[text] in said
    assert not MarketDay.objects.exists()
    assert not DifficultyPeriod.objects.exists()


@pytest.mark.parametrize("text", PRICES)
def test_a_file_of_prices_is_refused_in_words(db: None, text: str) -> None:
    row = PriceSeries.objects.create(code="x", name="X", currency="EUR", time_zone="Europe/Berlin", step_minutes=60)
    said = refused(lambda: import_prices(row, text.encode(), column=None, source="x", by="test", at=AT))
    assert PRICES[text] in said
    assert not PricePoint.objects.exists()


def test_lines_left_out_are_told_as_well(db: None) -> None:
    text = "date,price_usd\n2026-01-01,1\n2026-01-02,x\n2026-01-01,2\n2026-12-24,5\n"
    with translation.override("de"):
        found = import_market_file(text.encode(), source="x", by="test", at=AT)
    assert dict(found.troubles) == {
        3: "price_usd ist 'x'", 4: "2026-01-01 kam schon vor",
        5: "2026-12-24 ist noch nicht zu Ende oder liegt vor dem ersten Block",
    }  # fmt: skip
