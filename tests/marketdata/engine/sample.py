"""The public daily figures and retargets of Bitcoin, where that folder is at hand."""

import csv
import gzip
import os
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path

import pytest

FOLDER = Path(os.environ.get("HASHINSIGHT_SAMPLE_DATA") or Path(__file__).parents[4] / "shared" / "data") / "btc"
needs_btc = [
    pytest.mark.sample,
    pytest.mark.skipif(
        not (FOLDER / "btc_daily.csv.gz").is_file() or not (FOLDER / "difficulty_retargets.csv").is_file(),
        reason=f"NO SAMPLE DATA in {FOLDER}: set HASHINSIGHT_SAMPLE_DATA to check against every real day and retarget",
    ),
]


@dataclass(frozen=True)
class Day:
    """A row of the daily file; ``height`` can be some 150 blocks too low, fees begin in March 2011."""

    on: date
    price: Decimal
    supply: Decimal
    issued: Decimal | None
    hashrate_hps: Decimal
    subsidy: Decimal | None
    fees: Decimal | None
    height: int
    difficulty: Decimal


@dataclass(frozen=True)
class Retarget:
    """A row of the table of periods; ``about`` is right to a day."""

    period: int
    height: int
    bits: int
    difficulty: str
    about: date | None


def _maybe(text: str) -> Decimal | None:
    return Decimal(text) if text else None


@cache
def days() -> tuple[Day, ...]:
    """All 5,617 of them."""
    with gzip.open(FOLDER / "btc_daily.csv.gz", "rt", encoding="utf-8", newline="") as file:
        return tuple(
            Day(
                on=date.fromisoformat(row["date"]),
                price=Decimal(row["price_usd"]),
                supply=Decimal(row["supply_btc"]),
                issued=_maybe(row["issued_btc"]),
                hashrate_hps=Decimal(row["hashrate_hps"]),
                subsidy=_maybe(row["subsidy_btc_reported"]),
                fees=_maybe(row["fees_btc_reported"]),
                height=int(row["est_height"]),
                difficulty=Decimal(row["difficulty_derived"]),
            )
            for row in csv.DictReader(file)
        )


@cache
def retargets() -> tuple[Retarget, ...]:
    """All 462 of them."""
    with (FOLDER / "difficulty_retargets.csv").open(encoding="utf-8", newline="") as file:
        return tuple(
            Retarget(
                period=int(row["period"]),
                height=int(row["height_first"]),
                bits=int(row["bits"], 16),
                difficulty=row["difficulty"],
                about=date.fromisoformat(row["approx_date_utc"]) if row["approx_date_utc"] else None,
            )
            for row in csv.DictReader(file)
        )
