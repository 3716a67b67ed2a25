"""The shipped catalogue of miner models: every row stands up to its own figures, and what a broken file is told."""

import csv
from collections import Counter
from dataclasses import FrozenInstanceError
from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest

from hosting.engine.catalogue import (
    COLUMNS,
    SHIPPED,
    CatalogueModel,
    CatalogueRefused,
    Cooling,
    Evidence,
    Precision,
    parse_catalogue,
    read_catalogue,
)

GOOD = {
    "maker": "Bitmain",
    "name": "Antminer S21 Pro 234T",
    "family": "S21",
    "hashrate_ths": "234",
    "power_w": "3510",
    "released": "2024-07",
    "cooling": "air",
    "chip": "BM1370",
    "inlet_min_c": "0",
    "inlet_max_c": "45",
    "list_price_usd": "2695.50",
    "published_efficiency_j_th": "15",
    "evidence": "maker",
    "source": "Bitmain, S21 Pro User Guide, 2025",
    "note": "",
}


def content(*rows: dict[str, str]) -> bytes:
    lines = [",".join(COLUMNS)]
    lines += [",".join(f'"{row[column]}"' for column in COLUMNS) for row in rows]
    return ("\n".join(lines) + "\n").encode()


def refusal(data: bytes) -> list[str]:
    with pytest.raises(CatalogueRefused) as caught:
        parse_catalogue(data)
    assert str(caught.value) == "\n".join(caught.value.faults)
    return list(caught.value.faults)


@pytest.fixture(scope="module")
def shipped() -> dict[str, CatalogueModel]:
    return {model.name: model for model in read_catalogue()}


def test_the_shipped_file_holds_these_models(shipped: dict[str, CatalogueModel]) -> None:
    assert Counter(model.maker for model in shipped.values()) == {
        "Bitmain": 92,
        "MicroBT": 42,
        "Canaan": 41,
        "Bitdeer": 11,
        "Ebang": 11,
        "Innosilicon": 9,
        "StrongU": 4,
        "Open Source Miners United": 3,
        "ASICminer": 2,
        "Auradine": 2,
        "Bitfily": 2,
        "Bitfury": 2,
        "Braiins": 2,
        "FutureBit": 2,
        "GMO": 2,
        "Block": 1,
        "Halong Mining": 1,
        "Heatbit": 1,
        "NerdQAxe": 1,
    }
    assert Counter(model.cooling for model in shipped.values()) == {"air": 172, "hydro": 45, "immersion": 14}
    confirmed = [model for model in shipped.values() if model.evidence is not Evidence.SINGLE]
    assert (len(shipped), len(confirmed)) == (231, 190)


def test_published_efficiency_agrees_with_power_and_hashrate() -> None:
    """Worked out here once more, from the text of the file and in fractions."""
    with SHIPPED.open(encoding="ascii", newline="") as file:
        rows = list(csv.DictReader(file))
    apart, compared = {}, 0
    for row in rows:
        if row["published_efficiency_j_th"]:
            compared += 1
            computed = Fraction(row["power_w"]) / Fraction(row["hashrate_ths"])
            if abs(Fraction(row["published_efficiency_j_th"]) / computed - 1) > Fraction(2, 100):
                apart[row["name"]] = float(round(computed, 2))
    assert compared == 224
    assert apart == {}


def test_every_row_says_where_it_comes_from(shipped: dict[str, CatalogueModel]) -> None:
    for model in shipped.values():
        assert model.source.startswith(f"{model.maker}, "), model.name
        assert 2013 <= int(model.source[-4:]) <= 2026, model.name
        if model.list_price_usd is not None:
            assert "Price: maker's shop on " in model.note, model.name


@pytest.mark.parametrize(
    ("name", "hashrate", "power", "cooling"),
    [
        # Two machines of one launch; swapped in a widely used list.
        ("WhatsMiner M63S+", "450", 7650, Cooling.HYDRO),
        ("WhatsMiner M66S+", "318", 5406, Cooling.IMMERSION),
        ("WhatsMiner M30S+", "100", 3400, Cooling.AIR),
        ("WhatsMiner M30S++", "112", 3472, Cooling.AIR),
        ("Antminer S9 13.5T", "13.5", 1323, Cooling.AIR),
        ("Antminer S21 Hyd.", "335", 5360, Cooling.HYDRO),
        ("SEALMINER A2", "226", 3729, Cooling.AIR),
    ],
)
def test_known_machines(
    shipped: dict[str, CatalogueModel], name: str, hashrate: str, power: int, cooling: Cooling
) -> None:
    model = shipped[name]
    assert (model.hashrate_ths, model.power_w, model.cooling) == (Decimal(hashrate), power, cooling)


def test_a_row_becomes_a_frozen_model_with_exact_values() -> None:
    (model,) = parse_catalogue(content(GOOD))
    assert model == CatalogueModel(
        maker="Bitmain",
        name="Antminer S21 Pro 234T",
        family="S21",
        hashrate_ths=Decimal("234"),
        power_w=3510,
        released_on=date(2024, 7, 1),
        released_precision=Precision.MONTH,
        cooling=Cooling.AIR,
        chip="BM1370",
        inlet_min_c=0,
        inlet_max_c=45,
        list_price_usd=Decimal("2695.50"),
        published_efficiency_j_th=Decimal("15"),
        evidence=Evidence.MAKER,
        source="Bitmain, S21 Pro User Guide, 2025",
        note="",
    )
    assert model.efficiency_j_th == Decimal("15")
    with pytest.raises(FrozenInstanceError):
        model.power_w = 1  # type: ignore[misc]


def test_what_is_not_known_stays_unknown() -> None:
    unknown = (
        "family",
        "released",
        "chip",
        "inlet_min_c",
        "inlet_max_c",
        "list_price_usd",
        "published_efficiency_j_th",
    )
    known = dict.fromkeys(unknown, "")
    known["family"] = "S21"
    (model,) = parse_catalogue(content(GOOD | known))
    assert (model.released_on, model.released_precision, model.chip) == (None, None, "")
    assert (model.inlet_min_c, model.inlet_max_c) == (None, None)
    assert (model.list_price_usd, model.published_efficiency_j_th) == (None, None)


@pytest.mark.parametrize(
    ("text", "day", "precision"),
    [
        ("2024", date(2024, 1, 1), Precision.YEAR),
        ("2024-02", date(2024, 2, 1), Precision.MONTH),
        ("2024-02-29", date(2024, 2, 29), Precision.DAY),
    ],
)
def test_a_release_is_as_exact_as_written(text: str, day: date, precision: Precision) -> None:
    (model,) = parse_catalogue(content(GOOD | {"released": text}))
    assert (model.released_on, model.released_precision) == (day, precision)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"source": ""}, "source: is missing"),
        ({"source": "asked around"}, "source: must name publisher, document and year"),
        ({"source": "Bitmain, S21 Pro page"}, "source: must name publisher, document and year"),
        ({"source": "Bitmain, https://example.com/s21, 2024"}, "source: names a document, no address"),
        ({"maker": ""}, "maker: is missing"),
        ({"name": ""}, "name: is missing"),
        ({"name": " S21"}, "name: has blanks at an end, in a row, or a line break"),
        ({"name": "S21  Pro"}, "name: has blanks at an end, in a row, or a line break"),
        ({"name": "S" * 101}, "name: is longer than 100 characters"),
        ({"hashrate_ths": ""}, "hashrate_ths: is missing"),
        ({"hashrate_ths": "0"}, "hashrate_ths: 0 is not above 0 and at most 10000"),
        ({"hashrate_ths": "-234"}, "hashrate_ths: '-234' is no plain number"),
        ({"hashrate_ths": "2.34E2"}, "hashrate_ths: '2.34E2' is no plain number"),
        ({"hashrate_ths": "NaN"}, "hashrate_ths: 'NaN' is no plain number"),
        ({"hashrate_ths": "1,234"}, "hashrate_ths: '1,234' is no plain number"),
        ({"hashrate_ths": "23400"}, "hashrate_ths: 23400 is not above 0 and at most 10000"),
        ({"power_w": ""}, "power_w: is missing"),
        ({"power_w": "3510.5"}, "power_w: '3510.5' is no whole number"),
        ({"power_w": "0"}, "power_w: 0 is not between 1 and 100000"),
        ({"released": "2024-13"}, "released: 2024-13 is no date of the calendar"),
        ({"released": "2023-02-29"}, "released: 2023-02-29 is no date of the calendar"),
        ({"released": "1999"}, "released: 1999 is not between 2012 and 2100"),
        (
            {"released": "July 2024"},
            "released: 'July 2024' is no year, month or day such as 2024, 2024-02 or 2024-02-15",
        ),
        ({"cooling": ""}, "cooling: is missing"),
        ({"cooling": "water"}, "cooling: 'water' is none of air, hydro, immersion"),
        ({"evidence": "hearsay"}, "evidence: 'hearsay' is none of maker, lists, single"),
        ({"evidence": "single"}, "evidence: single and a note that begins with Unconfirmed go together"),
        (
            {"note": "Unconfirmed: seen once"},
            "evidence: single and a note that begins with Unconfirmed go together",
        ),
        ({"inlet_max_c": ""}, "inlet_min_c and inlet_max_c are known together or not at all"),
        ({"inlet_max_c": "0"}, "inlet_min_c 0 is not below inlet_max_c 0"),
        ({"inlet_max_c": "451"}, "inlet_max_c: 451 is not between -40 and 80"),
        ({"list_price_usd": "1.999"}, "list_price_usd: 1.999 has more than 2 decimal places"),
        ({"list_price_usd": "$2695"}, "list_price_usd: '$2695' is no plain number"),
        (
            {"published_efficiency_j_th": "15.5"},
            "15.5 J/TH published, 15.00 follows from hashrate and power; the note says nothing",
        ),
        (
            {"power_w": "351", "published_efficiency_j_th": ""},
            "1.50 J/TH follows from hashrate and power, which no such machine has",
        ),
        (
            {"hashrate_ths": "0.234", "published_efficiency_j_th": ""},
            "15000.00 J/TH follows from hashrate and power, which no such machine has",
        ),
    ],
)
def test_a_broken_row_is_refused_with_the_reason(change: dict[str, str], fault: str) -> None:
    assert refusal(content(GOOD | change)) == [f"line 2: {fault}"]


def test_an_efficiency_apart_is_taken_with_a_remark() -> None:
    row = GOOD | {"published_efficiency_j_th": "15.5", "note": "Efficiency: printed for a colder room"}
    assert len(parse_catalogue(content(row))) == 1
    assert len(parse_catalogue(content(GOOD | {"published_efficiency_j_th": "15.45"}))) == 1


def test_a_name_stands_once_whatever_its_case() -> None:
    twin = GOOD | {"name": "ANTMINER S21 PRO 234T"}
    assert refusal(content(GOOD, twin)) == ["line 3: name: ANTMINER S21 PRO 234T stands in line 2 already"]


def test_rows_are_in_order() -> None:
    older = GOOD | {"name": "Antminer S21 200T", "released": "2024-02", "hashrate_ths": "200", "power_w": "3000"}
    assert [model.name for model in parse_catalogue(content(older, GOOD))] == [older["name"], GOOD["name"]]
    assert refusal(content(GOOD, older)) == ["line 3: rows are sorted by maker, family, released and name"]


def test_every_fault_of_a_file_is_told_at_once() -> None:
    rows = [GOOD, GOOD | {"cooling": "water", "power_w": "much"}, GOOD | {"source": ""}]
    assert refusal(content(*rows)) == [
        "line 3: power_w: 'much' is no whole number",
        "line 3: cooling: 'water' is none of air, hydro, immersion",
        "line 4: source: is missing",
    ]


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (b"", f"line 1: the columns must be {','.join(COLUMNS)}"),
        (b"maker,name\nBitmain,S21\n", f"line 1: the columns must be {','.join(COLUMNS)}"),
        (content(GOOD) + b"Bitmain,S23\n", "line 3: 2 cells instead of 15"),
        (content(GOOD) + b"\n", "line 3: 0 cells instead of 15"),
        (content(GOOD).replace(b"S21 Pro", b"S21\xc2\xa0Pro"), "line 2: only ASCII characters are allowed"),
        (content(GOOD) + b'"Bitmain', "line 3: unexpected end of data"),
    ],
)
def test_what_is_no_such_file_is_refused(data: bytes, fault: str) -> None:
    assert refusal(data) == [fault]
