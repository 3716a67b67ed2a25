"""Coincident peaks over made loads with known peaks, and over the real load of a country."""

import csv
import gzip
import os
import random
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from math import cos, pi
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from curtailment.engine.hours import Hours
from curtailment.engine.peaks import Load, Near, PeakTerms, SoFar, intervals, near_ahead, near_now, peaks_of, replay
from curtailment.engine.strike import Window

FOLDER = (
    Path(os.environ.get("HASHINSIGHT_SAMPLE_DATA") or Path(__file__).parents[4] / "shared" / "data") / "electricity"
)
GERMANY = FOLDER / "de_lu_day_ahead_hourly.csv.gz"
CHICAGO = ZoneInfo("America/Chicago")
LONGEST = timedelta(hours=8)
D = Decimal
ALL_DAY = (time(0), time(0))


def terms(**fields: Any) -> PeakTerms:
    """4CP: one quarter-hour a month from June to September."""
    zone, days = fields.pop("zone", CHICAGO), fields.pop("days", range(7))
    begin, end = fields.pop("hours", ALL_DAY)
    given: dict[str, Any] = {
        "months": (6, 7, 8, 9), "hours": Hours(days, begin, end, zone), "interval_minutes": 15, "period": "month",
        "count": 1, "one_a_day": True, "near_percent": D(97), "floor_mw": D(60_000), "lead_minutes": 45,
        "lag_minutes": 45, **fields,
    }  # fmt: skip
    return PeakTerms(**given)


def local(text: str, zone: ZoneInfo = CHICAGO) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC)


def load(text: str, mw: float, minutes: int = 15) -> Load:
    start = local(text)
    return Load(start, start + timedelta(minutes=minutes), D(str(mw)), start + timedelta(minutes=minutes))


# --- which period an interval counts in ---------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("fields", "at", "expected"),
    [
        ({}, "2026-06-30 23:45", "2026-06"), ({}, "2026-05-31 23:45", ""), ({}, "2026-10-01 00:00", ""),
        ({"months": tuple(range(1, 13))}, "2026-12-31 23:45", "2026-12"),
        ({"period": "season"}, "2026-09-30 12:00", "2026"),
        ({"period": "season", "months": (11, 12, 1, 2)}, "2027-02-01 12:00", "2026"),
        ({"period": "season", "months": (11, 12, 1, 2)}, "2026-12-01 12:00", "2026"),
        ({"period": "season", "months": tuple(range(1, 13))}, "2026-02-01 12:00", "2026"),
        ({"period": "year", "months": (11, 12, 1, 2)}, "2027-02-01 12:00", "2027"),
        ({"hours": (time(14), time(18))}, "2026-07-01 13:45", ""),
        ({"hours": (time(14), time(18))}, "2026-07-01 17:45", "2026-07"),
        ({"days": range(5)}, "2026-07-04 15:00", ""),
    ],
)  # fmt: skip
def test_the_period_of_an_interval(fields: dict[str, Any], at: str, expected: str) -> None:
    assert terms(**fields).period_of(local(at)) == expected


# --- intervals ----------------------------------------------------------------------------------------------------
def test_intervals_are_means_of_what_is_in_them_and_whole() -> None:
    start = local("2026-07-01 12:00")
    five = timedelta(minutes=5)
    windows = [Window(start + five * n, start + five * (n + 1), D(60 + n), start + five * (n + 2)) for n in range(5)]
    assert intervals(windows, timedelta(minutes=15)) == [
        Load(start, start + 3 * five, D(61), start + 4 * five)  # the second quarter lacks five minutes
    ]
    assert intervals(windows[:2], timedelta(minutes=15)) == []
    hour = [Window(start, start + timedelta(hours=1), D(70), start)]
    assert intervals(hour, timedelta(minutes=15)) == []


# --- near ----------------------------------------------------------------------------------------------------------
def test_near_is_by_what_has_been_before_and_never_below_the_floor() -> None:
    rule = terms()
    nothing = SoFar()
    assert nothing.trigger(rule) == 60_000
    assert near_now(load("2026-07-01 15:00", 59_999), nothing, rule) is None
    seen = nothing.after(load("2026-07-01 15:00", 80_000), rule)
    assert seen.trigger(rule) == 77_600
    near = near_now(load("2026-07-02 15:00", 77_600), seen, rule)
    assert near is not None
    assert near.off_until == local("2026-07-02 16:00")
    assert near_now(load("2026-07-02 15:00", 77_599), seen, rule) is None
    assert near_now(load("2026-08-01 15:00", 61_000), seen, rule) is not None  # August begins anew
    assert near_now(load("2026-10-01 15:00", 99_000), seen, rule) is None


def test_of_five_peaks_the_lowest_counts_and_a_day_has_one() -> None:
    rule = terms(period="season", count=5, floor_mw=D(10))
    seen = SoFar()
    for day, mw in enumerate((90, 80, 70, 60), start=1):
        seen = seen.after(load(f"2026-07-0{day} 15:00", mw), rule)
    assert seen.trigger(rule) == 10
    seen = seen.after(load("2026-07-04 16:00", 65), rule)  # the same day: still four
    assert seen.trigger(rule) == 10
    seen = seen.after(load("2026-07-05 15:00", 50), rule).after(load("2026-07-06 15:00", 20), rule)
    assert seen.trigger(rule) == D("48.50")
    twice = terms(period="season", count=2, floor_mw=D(10), one_a_day=False)
    seen = SoFar().after(load("2026-07-01 15:00", 90), twice).after(load("2026-07-01 15:15", 80), twice)
    assert seen.trigger(twice) == D("77.60")


def test_a_forecast_counts_from_so_many_minutes_before_until_it_is_over() -> None:
    rule, seen = terms(), SoFar()
    known = local("2026-06-30 12:00")
    ahead = [Load(local("2026-07-01 16:00"), local("2026-07-01 16:15"), D(70_000), known)]

    def now(text: str) -> list[Near]:
        return near_ahead(ahead, seen, rule, at=local(text))

    assert (now("2026-07-01 15:14"), now("2026-07-01 16:15")) == ([], [])
    assert [one.off_from for one in now("2026-07-01 15:15")] == [local("2026-07-01 15:15")]
    assert near_ahead(ahead, seen, rule, at=known - timedelta(minutes=1)) == []


# --- a summer with known peaks ------------------------------------------------------------------------------------
def summer(zone: ZoneInfo = CHICAGO) -> list[Load]:
    """Quarters from June to September: hot afternoons, each month one day that is hotter than all others."""
    dice = random.Random(4)
    hottest = {date(2026, 6, 25): 78, date(2026, 7, 19): 80, date(2026, 8, 20): 85, date(2026, 9, 2): 77}
    found = []
    moment = local("2026-06-01 00:00", zone)
    end = local("2026-10-01 00:00", zone)
    heat: dict[date, float] = {}
    while moment < end:
        clock = moment.astimezone(zone)
        day = heat.setdefault(clock.date(), hottest.get(clock.date(), dice.uniform(58, 75)))
        hour = clock.hour + clock.minute / 60
        mw = 1000 * (45 + (day - 45) * max(0.0, cos((hour - 17) / 12 * pi)))
        found.append(Load(moment, moment + timedelta(minutes=15), D(str(round(mw, 3))), moment + timedelta(minutes=15)))
        moment += timedelta(minutes=15)
    return found


def with_error(loads: Sequence[Load], percent: float) -> list[Load]:
    """A forecast of the day before that is wrong by as much."""
    dice = random.Random(7)
    return [
        Load(
            one.start, one.end, one.mw * D(str(round(dice.gauss(1, percent / 100), 6))), one.start - timedelta(hours=24)
        )
        for one in loads
    ]


def test_the_real_peaks_are_found() -> None:
    peaks = peaks_of(summer(), terms())
    assert [(one.period, one.load.start.astimezone(CHICAGO).isoformat()[:16]) for one in peaks] == [
        ("2026-06", "2026-06-25T17:00"), ("2026-07", "2026-07-19T17:00"), ("2026-08", "2026-08-20T17:00"),
        ("2026-09", "2026-09-02T17:00"),
    ]  # fmt: skip
    five = peaks_of(summer(), terms(period="season", count=5))
    assert len({one.load.start.date() for one in five}) == 5
    assert [one.load.mw for one in five] == sorted((one.load.mw for one in five), reverse=True)


def test_all_four_peaks_are_hit_by_what_was_measured_alone() -> None:
    found = replay(summer(), [], terms(), longest=LONGEST)
    assert (found.hits, len(found.peaks)) == (4, 4)
    assert found.hours_off < D("0.06") * 122 * 24


def test_all_four_peaks_are_hit_by_a_forecast_and_fewer_by_a_careless_rule() -> None:
    loads = summer()
    found = replay(loads, with_error(loads, 1), terms(lag_minutes=15), longest=LONGEST)
    assert (found.hits, len(found.peaks)) == (4, 4)
    careless = replay(loads, [], terms(lag_minutes=0), longest=LONGEST)
    assert careless.hits == 0  # a quarter is known when it is over: without a lag nobody is ever off in time
    high = replay(loads, [], terms(floor_mw=D(81_000)), longest=LONGEST)
    assert (high.hits, len(high.off)) == (1, 1)


def test_a_plan_lasts_no_longer_than_allowed() -> None:
    found = replay(summer(), [], terms(floor_mw=D(1000), near_percent=D(50)), longest=timedelta(hours=2))
    assert max(end - start for start, end in found.off) == timedelta(hours=2)


# --- a real country -----------------------------------------------------------------------------------------------
@pytest.mark.sample
@pytest.mark.skipif(not GERMANY.is_file(), reason=f"NO SAMPLE DATA in {FOLDER}: set HASHINSIGHT_SAMPLE_DATA")
def test_twelve_peaks_of_a_real_year() -> None:
    """12CP in hours over the load of Germany in 2024."""
    berlin = ZoneInfo("Europe/Berlin")
    with gzip.open(GERMANY, "rt", encoding="utf-8", newline="") as file:
        rows = [
            (datetime.fromisoformat(one["datetime_utc"]), D(one["net_load_mw_avg"]))
            for one in csv.DictReader(file)
            if one["net_load_mw_avg"]
        ]
    loads = [
        Load(start, start + timedelta(hours=1), mw, start + timedelta(hours=1))
        for start, mw in rows
        if start.astimezone(berlin).year == 2024
    ]
    rule = terms(months=tuple(range(1, 13)), interval_minutes=60, zone=berlin, floor_mw=D(55_000), lag_minutes=120)
    peaks = peaks_of(loads, rule)
    assert len(peaks) == 12
    by_hand = {
        month: max((one for one in loads if one.start.astimezone(berlin).month == month), key=lambda one: one.mw)
        for month in range(1, 13)
    }
    assert [one.load for one in peaks] == list(by_hand.values())
    blind = replay(loads, [], rule, longest=timedelta(hours=16))
    knowing = replay(loads, with_error(loads, 1), rule, longest=timedelta(hours=16))
    print(f"12CP of Germany 2024: {blind.hits} of 12 by measured load alone in {blind.hours_off:.0f} h off, "
          f"{knowing.hits} of 12 with a forecast in {knowing.hours_off:.0f} h off")  # fmt: skip
    assert (blind.hits, knowing.hits) == (12, 12)
    assert blind.hours_off < D("0.08") * 8784
    assert knowing.hours_off < D("0.125") * 8784
