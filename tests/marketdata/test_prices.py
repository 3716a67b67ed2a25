"""Price series: what was known when, three ways to write time, and feeds of other people."""

import gzip
import os
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from hashinsight.events.models import OutboxEvent
from marketdata.clients.http import Asker
from marketdata.domain import prices
from marketdata.domain.asking_series import SeriesNotAnswered, ask_due, ask_series
from marketdata.domain.importing import ImportRefused, import_prices
from marketdata.domain.prices import best_known, gaps, price_at, standing, store
from marketdata.domain.watching import stale_series
from marketdata.engine.price_files import Interval, Reading, read_price_file
from marketdata.enums import Adapter, KnownFrom
from marketdata.models import PricePoint, PriceSeries
from tests.marketdata.services import Services

pytestmark = pytest.mark.django_db
NIGHTLY = os.environ.get("HASHINSIGHT_NIGHTLY") == "1"
HOUR = timedelta(hours=1)
START = datetime(2026, 11, 19, tzinfo=UTC)
FOLDER = (
    Path(os.environ.get("HASHINSIGHT_SAMPLE_DATA") or Path(__file__).parents[3] / "shared" / "data") / "electricity"
)
NO_FILES = f"NO SAMPLE DATA in {FOLDER}: set HASHINSIGHT_SAMPLE_DATA"


def series(**changes: Any) -> PriceSeries:
    """Hourly energy of Germany."""
    values: dict[str, Any] = {
        "code": "de-lu-day-ahead", "name": "Germany day-ahead", "market_zone": "DE-LU", "currency": "EUR",
        "known_from": KnownFrom.DAY_AHEAD, "time_zone": "Europe/Berlin",
    }  # fmt: skip
    return PriceSeries.objects.create(**(values | changes))


def hours(values: list[Any], start: datetime = START) -> list[Interval]:
    """An interval for each hour; None is left out."""
    return [
        Interval(start + HOUR * number, start + HOUR * (number + 1), Decimal(str(value)))
        for number, value in enumerate(values)
        if value is not None
    ]


def values_at(row: PriceSeries, at: datetime) -> list[Decimal]:
    """What was known of the first day at a moment."""
    return [one.value for one in best_known(row, start=START, end=START + 24 * HOUR, at=at)]


def test_the_best_knowledge_is_that_of_the_moment(now: datetime) -> None:
    row = series()
    assert store(row, hours([10, -5.25, 30]), at=now).new == 3
    later = now + HOUR
    stored = store(row, hours([10, 7, 30]), at=later)
    assert (stored.new, stored.changed, stored.same) == (0, 1, 2)
    # Known since 13:00 in Berlin on the day before.
    published = datetime(2026, 11, 18, 12, tzinfo=UTC)
    assert values_at(row, published - timedelta(seconds=1)) == []
    assert values_at(row, published) == [10, Decimal("-5.25"), 30]
    assert values_at(row, later) == [10, 7, 30]
    assert price_at(row, START + HOUR * 1.5, at=now).value == Decimal("-5.25")
    assert price_at(row, START + 3 * HOUR, at=later) is None


def test_storing_again_changes_nothing(now: datetime) -> None:
    row = series()
    for _turn in range(2):
        store(row, hours([1, 2, 3]), at=now)
    assert PricePoint.objects.count() == 3


def test_whoever_dies_between_two_portions_has_told_of_the_first(now: datetime, monkeypatch: Any) -> None:
    row, real, calls = series(), prices._store_portion, []

    def dying(*args: Any) -> Any:
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(*args)

    monkeypatch.setattr(prices, "PORTION", 2)
    with monkeypatch.context() as patched:
        patched.setattr(prices, "_store_portion", dying)
        with pytest.raises(KeyboardInterrupt):
            store(row, hours([1, 2, 3, 4]), at=now)
    assert (PricePoint.objects.count(), _told()) == (2, 2)
    store(row, hours([1, 2, 3, 4]), at=now)
    assert (PricePoint.objects.count(), _told()) == (4, 4)


def _told() -> int:
    """How many values events speak of."""
    payloads = OutboxEvent.objects.filter(kind="price_series.values_stored").values_list("payload", flat=True)
    return sum(one["new"] for one in payloads)


def test_a_settled_value_gives_way_to_a_settled_one_only(now: datetime) -> None:
    row = series()
    store(row, hours([1]), at=now)
    assert store(row, hours([1]), at=now, is_settled=True).changed == 1
    assert store(row, hours([2]), at=now + HOUR).kept == 1
    assert store(row, hours([3]), at=now + HOUR, is_settled=True).changed == 1
    assert values_at(row, now + HOUR) == [3]


def test_nothing_is_known_before_it_reached_us(now: datetime) -> None:
    row = series(known_from=KnownFrom.RECEIVED)
    store(row, hours([1]), at=now)
    assert values_at(row, now - timedelta(seconds=1)) == []
    ahead = series(code="ahead", known_from=KnownFrom.END)
    store(ahead, hours([1], start=now + HOUR), at=now)
    assert PricePoint.objects.get(series=ahead).issued_at == now


def test_gaps_and_age(now: datetime) -> None:
    row = series(stale_after_minutes=120)
    assert standing(row, at=now).is_stale
    store(row, hours([1, None, None, 4]), at=now)
    known = best_known(row, start=START, end=START + 5 * HOUR, at=now)
    assert gaps(known, start=START, end=START + 5 * HOUR) == [
        (START + HOUR, START + 3 * HOUR), (START + 4 * HOUR, START + 5 * HOUR),
    ]  # fmt: skip
    assert not standing(row, at=START + 6 * HOUR + timedelta(seconds=0)).is_stale or now > START + 6 * HOUR


# --- files --------------------------------------------------------------------------------------------------------
def read(row: PriceSeries, text: str, column: str | None = None, **options: Any) -> Any:
    """Import a text."""
    return import_prices(
        row, text.encode(), column=column, source="file", by="test", at=datetime(2026, 11, 20, tzinfo=UTC), **options
    )


def test_a_day_of_46_and_one_of_50_half_hours() -> None:
    row = series(code="gb", step_minutes=30, time_zone="Europe/London", currency="GBP", known_from=KnownFrom.END)
    lines = ["settlement_date,settlement_period,price"]
    lines += [f"2026-03-29,{period},{period}" for period in range(1, 49)]
    lines += [f"2025-10-26,{period},{period}" for period in range(1, 51)]
    found = read(row, "\n".join(lines))
    assert (found.new, found.left_out) == (96, 2)
    assert found.troubles[0][1] == "2026-03-29 has 46 settlement periods, none is 47"
    third = PricePoint.objects.get(starts_at=datetime(2026, 3, 29, 1, tzinfo=UTC))
    assert third.value == 3
    last = PricePoint.objects.get(starts_at=datetime(2025, 10, 26, 23, 30, tzinfo=UTC))
    assert last.value == 50


def test_local_clocks_in_autumn_and_spring() -> None:
    row = series(code="us", time_zone="America/Chicago", currency="USD", known_from=KnownFrom.END)
    found = read(row, "timestamp_local,price\n2026-03-08 01:00,1\n2026-03-08 02:00,2\n2026-03-08 03:00,3\n")
    assert (found.new, found.left_out) == (2, 1)
    assert "does not exist" in found.troubles[0][1]
    found = read(row, "timestamp_local,price\n2025-11-02 00:00,0\n2025-11-02 01:00,1\n2025-11-02 02:00,2\n")
    assert [(one.isoformat(), two.isoformat()) for one, two in found.gaps] == [
        ("2025-11-02T07:00:00+00:00", "2025-11-02T08:00:00+00:00")
    ]
    twice = series(code="us2", time_zone="America/Chicago", currency="USD", known_from=KnownFrom.END)
    found = read(twice, "timestamp_local,price\n2025-11-02 01:00,1\n2025-11-02 01:00,1.5\n2025-11-02 02:00,2\n")
    assert (found.new, found.gaps) == (3, [])


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "empty"), ("a,b\n1,2", "no column of time"), ("datetime_utc\n2026-01-01", "there are no values"),
        ("datetime_utc,a,b\n2026-01-01T00:00,1,2", "say which column"),
        ("datetime_utc,p\nyesterday,1", "no line can be used"), ("datetime_utc,p\n2026-01-01T00:00,nan", "no number"),
        ("datetime_utc,p\n2026-01-01T00:00,99999", "outside of"), ("datetime_utc,p,p\n", "same name"),
        ("datetime_utc,p\n2026-01-01T00:20,1", "not the start of an interval"),
    ],
)  # fmt: skip
def test_files_that_cannot_be_used_keep_nothing(text: str, why: str) -> None:
    with pytest.raises(ImportRefused, match=why):
        read(series(), text)
    assert not PricePoint.objects.exists()


def test_a_dry_run_keeps_nothing_and_says_the_same() -> None:
    row = series()
    text = "datetime_utc,p\n2026-01-01T00:00,1\n2026-01-01T01:00,x\n"
    tried = read(row, text, dry_run=True)
    assert (tried.new, tried.left_out, tried.tried_only, PricePoint.objects.count()) == (1, 1, True, 0)
    assert read(row, text).new == 1


@pytest.mark.parametrize(
    ("name", "options", "column", "count", "gap"),
    [
        ("de_lu_day_ahead_hourly.csv.gz", {}, "day_ahead_price_eur_mwh", 13_128, 0),
        (
            "gb_system_prices_halfhourly.csv.gz",
            {"step_minutes": 30, "time_zone": "Europe/London", "known_from": KnownFrom.END}, "ssp_gbp_mwh", None, None,
        ),
        (
            "ercot_hb_south_15min.csv.gz",
            {"step_minutes": 15, "time_zone": "America/Chicago", "known_from": KnownFrom.END}, "rtm_usd_mwh", 20_544, 1,
        ),
    ],
    ids=["utc", "periods", "local"],
)  # fmt: skip
@pytest.mark.sample
@pytest.mark.skipif(not FOLDER.is_dir(), reason=NO_FILES)
def test_real_files(name: str, options: dict[str, Any], column: str, count: int | None, gap: int | None) -> None:
    row = series(**options)
    content = gzip.decompress((FOLDER / name).read_bytes())
    lines = [line for line in content.decode().splitlines() if line]
    how = Reading(column, timedelta(minutes=row.step_minutes), row.time_zone)
    file = read_price_file(content, how)
    assert (file.troubles_count, file.empty, file.repeated) == (0, 0, 0)
    assert len(file.intervals) == (count or len(lines) - 1)
    assert sum(one.value < 0 for one in file.intervals) == {"utc": 846, "periods": 597, "local": 183}[_kind(name)]
    if gap is not None:
        assert len(file.gaps) == gap
    if gap:
        assert file.gaps == [(datetime(2024, 11, 3, 7, tzinfo=UTC), datetime(2024, 11, 3, 8, tzinfo=UTC))]
    part = len(lines) if NIGHTLY else 3001
    found = read(row, "\n".join(lines[:part]), column)
    assert (found.left_out, found.new, PricePoint.objects.count()) == (0, part - 1, part - 1)


def _kind(name: str) -> str:
    return {"de": "utc", "gb": "periods", "er": "local"}[name[:2]]


@pytest.mark.sample
@pytest.mark.skipif(not FOLDER.is_dir(), reason=NO_FILES)
def test_the_file_as_it_was_downloaded_says_the_same_as_the_rewritten_one() -> None:
    row = series(step_minutes=30, time_zone="Europe/London", currency="GBP", known_from=KnownFrom.END)
    text = (FOLDER / "gb_sspsbpniv_original_form_sample.csv").read_text(encoding="utf-8-sig")
    first = read(row, text, "System Sell Price(£/MWh)")
    assert (first.left_out, first.gaps) == (0, [])
    whole = gzip.decompress((FOLDER / "gb_system_prices_halfhourly.csv.gz").read_bytes())
    file = read_price_file(whole, Reading("ssp_gbp_mwh", timedelta(minutes=30), row.time_zone))
    rewritten = {one.start: one.value for one in file.intervals}
    assert first.new == 4 * 48 + 2
    for point in PricePoint.objects.all():
        assert rewritten[point.starts_at] == point.value


# --- feeds --------------------------------------------------------------------------------------------------------
def asker(services: Services) -> Any:
    """Asks the address of a series."""
    return lambda url: Asker(url, seconds=5, sleep=lambda seconds: None)


def test_a_feed_of_json(services: Services, now: datetime) -> None:
    row = series(
        adapter=Adapter.JSON, url=f"http://127.0.0.1:{services.port}/feed", every_minutes=60,
        mapping={"rows": "data.prices", "start": "from", "value": "ct_kwh", "divide_by": "0.1"},
    )  # fmt: skip
    rows = [{"from": "2026-11-20T09:00:00Z", "ct_kwh": 4.5}, {"from": "2026-11-20T11:00:00+01:00", "ct_kwh": None},
            {"from": "2026-11-20T11:00:00Z", "ct_kwh": -0.25}]  # fmt: skip
    services.says("/feed", {"data": {"prices": rows}})
    assert ask_due(clock=lambda: now, asker_for=asker(services)) == {row.code: "2 new, 0 changed"}
    assert ask_due(clock=lambda: now + timedelta(minutes=59), asker_for=asker(services)) == {}
    assert price_at(row, now, at=now).value == 45
    assert price_at(row, now + 2 * HOUR, at=now).value == Decimal("-2.5")


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"<html>", "html"), (b"[", "cut"), ({"data": []}, "empty"), ({"data": [{"t": 1, "v": 1}]}, "not_a_moment"),
        ({"data": [{"t": "2026-11-20T09:00", "v": 1}]}, "time zone"), ({"data": [{"v": 1}]}, "missing: t"),
        ({"data": [{"t": "2026-11-20T09:00Z", "v": 90000}]}, "implausible"), ({"rows": []}, "missing: data"),
        ({"data": [{"t": "2026-11-20T09:00Z", "v": 1}, {"t": "2026-11-20T09:00Z", "v": 2}]}, "contradicts"),
    ],
)  # fmt: skip
def test_a_bad_feed_keeps_nothing_and_says_why(services: Services, now: datetime, body: Any, why: str) -> None:
    row = series(
        adapter=Adapter.JSON, url=f"http://127.0.0.1:{services.port}/feed",
        mapping={"rows": "data", "start": "t", "value": "v"},
    )  # fmt: skip
    services.says("/feed", body)
    with pytest.raises(SeriesNotAnswered, match=why):
        ask_series(row, at=now, asker_for=asker(services))
    row.refresh_from_db()
    assert why in row.trouble
    assert row.answered_at is None
    assert not PricePoint.objects.exists()
    (finding,) = stale_series(now)
    assert row.trouble in finding.text


def test_two_lists_beside_each_other(services: Services, now: datetime) -> None:
    row = series(
        adapter=Adapter.JSON, url=f"http://127.0.0.1:{services.port}/feed",
        mapping={"start": "unix_seconds", "value": "price"},
    )  # fmt: skip
    services.says("/feed", {"unix_seconds": [1795165200, 1795168800], "price": [1, -2.5]})
    assert ask_series(row, at=now, asker_for=asker(services)).new == 2
    services.says("/feed", {"unix_seconds": [1795165200], "price": [1, -2.5]})
    with pytest.raises(SeriesNotAnswered, match="one length"):
        ask_series(row, at=now, asker_for=asker(services))
