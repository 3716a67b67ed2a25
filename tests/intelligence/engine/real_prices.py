"""Real electricity prices by local day, where that folder is at hand: currency per kWh, by instant."""

import csv
import gzip
import os
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from intelligence.engine.optimiser import local_day

DATA = Path(os.environ.get("HASHINSIGHT_SAMPLE_DATA") or Path(__file__).parents[4] / "shared" / "data")
FOLDER = DATA / "electricity"
FILES = {
    "GB": ("gb_system_prices_halfhourly.csv.gz", "Europe/London", 30),
    "ERCOT": ("ercot_hb_south_15min.csv.gz", "America/Chicago", 15),
    "Germany": ("de_lu_day_ahead_hourly.csv.gz", "Europe/Berlin", 60),
}
needs_prices = [
    pytest.mark.sample,
    pytest.mark.skipif(
        not all((FOLDER / name).is_file() for name, _, _ in FILES.values()),
        reason=f"NO SAMPLE DATA in {FOLDER}: set HASHINSIGHT_SAMPLE_DATA to plan days of real prices",
    ),
]


@cache
def prices(market: str) -> dict[datetime, float]:
    """By the instant a step begins."""
    name, zone, _ = FILES[market]
    found = {}
    with gzip.open(FOLDER / name, "rt", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if market == "GB":
                midnight = datetime.fromisoformat(row["settlement_date"]).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
                at = midnight + timedelta(minutes=30) * (int(row["settlement_period"]) - 1)
                value = row["ssp_gbp_mwh"]
            elif market == "ERCOT":
                at = datetime.fromisoformat(row["timestamp_local"]).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
                value = row["rtm_usd_mwh"]
            else:
                at, value = datetime.fromisoformat(row["datetime_utc"]), row["day_ahead_price_eur_mwh"]
            if value:
                found[at] = float(value) / 1000
    return found


@cache
def local_days(market: str) -> tuple[date, ...]:
    """The days the file touches."""
    zone = ZoneInfo(FILES[market][1])
    seen: dict[date, int] = defaultdict(int)
    for at in prices(market):
        seen[at.astimezone(zone).date()] += 1
    return tuple(sorted(seen))


def day_of(market: str, on: date) -> tuple[tuple[datetime, ...], tuple[float | None, ...]]:
    """Steps of the day and their prices, None where the file has none."""
    starts = local_day(on, *FILES[market][1:])
    return starts, tuple(prices(market).get(at) for at in starts)


def whole_days(market: str) -> Iterator[date]:
    """Days without a hole."""
    for on in local_days(market):
        if None not in day_of(market, on)[1]:
            yield on
