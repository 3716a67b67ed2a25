"""Strike prices over real markets: the same times off as a second reckoning that reads the prices as a text.

Each window is a letter: H above the high strike, D dear, M in between, C cheap; gaps cut the text. Off begins with
an H or the n-th D or H in a row, on with the m-th C in a row.
"""

import csv
import gzip
import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from curtailment.engine.strike import Adders, Levels, Patience, State, Window, run, times_off
from marketdata.engine.price_files import local_start, period_start

FOLDER = (
    Path(os.environ.get("HASHINSIGHT_SAMPLE_DATA") or Path(__file__).parents[4] / "shared" / "data") / "electricity"
)
pytestmark = [
    pytest.mark.sample,
    pytest.mark.skipif(not FOLDER.is_dir(), reason=f"NO SAMPLE DATA in {FOLDER}: set HASHINSIGHT_SAMPLE_DATA"),
]
CHICAGO, LONDON = ZoneInfo("America/Chicago"), ZoneInfo("Europe/London")
D = Decimal


def lines(name: str) -> Iterator[dict[str, str]]:
    with gzip.open(FOLDER / name, "rt", encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def ercot() -> Iterator[tuple[datetime, str]]:
    for one in lines("ercot_hb_south_15min.csv.gz"):
        naive = datetime.fromisoformat(one["timestamp_local"])
        yield local_start(naive, CHICAGO), one["rtm_usd_mwh"]


def britain() -> Iterator[tuple[datetime, str]]:
    for one in lines("gb_system_prices_halfhourly.csv.gz"):
        day = datetime.fromisoformat(one["settlement_date"]).date()
        yield period_start(day, int(one["settlement_period"]), LONDON), one["ssp_gbp_mwh"]


def germany() -> Iterator[tuple[datetime, str]]:
    for one in lines("de_lu_day_ahead_hourly.csv.gz"):
        yield datetime.fromisoformat(one["datetime_utc"]).astimezone(UTC), one["day_ahead_price_eur_mwh"]


MARKETS = {"ERCOT": (ercot, 15), "GB": (britain, 30), "Germany": (germany, 60)}
LEVELS = Levels(strike=D(86), resume=D(70), high=D(300))
PATIENCE = Patience(off=3, on=2)


def by_text(rows: list[Window]) -> list[tuple[datetime, datetime | None]]:
    """Without any state: two patterns, one after the other."""
    text = ""
    for n, one in enumerate(rows):
        if n and rows[n - 1].end != one.start:
            text += "|"
        price = one.value
        text += "H" if price > 300 else "D" if price > 86 else "C" if price < 70 else "M"
    places = [n for n, letter in enumerate(text) if letter != "|"]
    index = {place: n for n, place in enumerate(places)}
    off, on = re.compile("D{0,2}H|D{3}"), re.compile("C{2}")
    found: list[tuple[datetime, datetime | None]] = []
    at = 0
    while (begin := off.search(text, at)) is not None:
        end = on.search(text, begin.end())
        start = rows[index[begin.end() - 1]].judged_at
        found.append((start, None if end is None else rows[index[end.end() - 1]].judged_at))
        if end is None:
            break
        at = end.end()
    return found


@pytest.mark.parametrize("name", MARKETS)
def test_a_real_market_gives_the_times_off_of_a_second_reckoning(name: str) -> None:
    read, minutes = MARKETS[name]
    step = timedelta(minutes=minutes)
    rows = sorted({start: D(value) for start, value in read() if value}.items())
    windows = [Window(start, start + step, value, start + step) for start, value in rows]
    states = run(State(), ((one, False) for one in windows), adders=Adders(), levels=lambda _window: LEVELS,
                 patience=PATIENCE)  # fmt: skip
    found = [(one.start, one.end) for one in times_off(states)]
    hours = sum(((end or windows[-1].end) - start for start, end in found), timedelta(0)) / timedelta(hours=1)
    print(f"{name}: off {len(found)} times for {hours:.0f} h of {len(windows) * minutes / 60:.0f} h")
    assert len(found) > 10
    assert found == by_text(windows)
