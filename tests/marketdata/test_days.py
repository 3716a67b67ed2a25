"""Closes of days, their indicators, gaps, and which snapshots stay."""

import random
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from hashinsight.jobs.retention import Held
from marketdata import retention
from marketdata.domain.days import DayFigures, as_spans, close_days, missing_days, note_days
from marketdata.domain.indicators import catch_up
from marketdata.domain.pruning import prunable
from marketdata.engine.indicators import indicators
from marketdata.enums import Origin
from marketdata.models import MarketDay, NetworkSnapshot, TechnicalIndicator

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def snapshot(at: datetime, price: Any = 90_000, *, valid: bool = True) -> NetworkSnapshot:
    """One of a moment."""
    return NetworkSnapshot.objects.create(
        slot_at=at, recorded_at=at, is_valid=valid, reason="" if valid else "stale", btc_price_usd=price,
        difficulty=10**14, hashrate_ehs=1000, block_height=925_000, block_reward_btc=Decimal("3.125"),
        fees_per_block_btc=Decimal("0.02"), price_source="coingecko",
    )  # fmt: skip


def prices(count: int, first: date = date(2026, 1, 1), seed: int = 7) -> list[DayFigures]:
    """A walk of so many days."""
    dice, price, found = random.Random(seed), 50_000.0, []
    for number in range(count):
        price *= 1 + dice.gauss(0, 0.03)
        found.append(DayFigures(first + timedelta(days=number), Decimal(repr(round(price, 2)))))
    return found


def test_a_day_closes_with_its_last_good_snapshot() -> None:
    day = datetime(2026, 11, 19, tzinfo=UTC)
    for minutes, price in ((0, 88_000), (600, 95_000), (1000, 87_000), (1420, 90_500)):
        snapshot(day + timedelta(minutes=minutes), price)
    snapshot(day + timedelta(minutes=1430), 1, valid=False)
    assert close_days(at=NOON) == [date(2026, 11, 19)]
    row = MarketDay.objects.get()
    assert (row.open_usd, row.high_usd, row.low_usd, row.close_usd) == (88_000, 95_000, 87_000, 90_500)
    assert (row.snapshot.slot_at.hour, row.origin, row.block_reward_btc) == (23, Origin.COLLECTED, Decimal("3.125"))
    assert close_days(at=NOON) == []


def test_a_day_that_is_not_over_or_ends_in_silence_has_no_close() -> None:
    snapshot(datetime(2026, 11, 20, 11, tzinfo=UTC))
    snapshot(datetime(2026, 11, 19, 17, 50, tzinfo=UTC))
    assert close_days(at=NOON) == []
    assert as_spans(missing_days(first=date(2026, 11, 17), past=date(2026, 11, 20))) == [
        (date(2026, 11, 17), date(2026, 11, 19))
    ]


def test_what_we_saw_is_not_overwritten_and_what_others_say_is_corrected() -> None:
    snapshot(datetime(2026, 11, 19, 23, 50, tzinfo=UTC))
    close_days(at=NOON)
    said = [
        DayFigures(date(2026, 11, 19), Decimal(1), volume_usd=Decimal(5)),
        DayFigures(date(2026, 11, 18), Decimal(2)),
    ]
    noted = note_days(said, origin=Origin.BACKFILLED, source="one", at=NOON)
    assert (noted.new, noted.changed, noted.same) == (1, 1, 0)  # the volume nobody had said is taken
    row = MarketDay.objects.get(day=date(2026, 11, 19))
    assert (row.close_usd, row.volume_usd, row.origin, row.snapshot is None) == (90_000, 5, Origin.COLLECTED, False)
    noted = note_days([DayFigures(date(2026, 11, 18), Decimal(3))], origin=Origin.IMPORTED, source="file", at=NOON)
    row = MarketDay.objects.get(day=date(2026, 11, 18))
    assert (noted.changed, row.close_usd, row.origin, row.source, row.version) == (1, 3, Origin.IMPORTED, "file", 2)
    noted = note_days([DayFigures(date(2026, 11, 18), Decimal(4))], origin=Origin.BACKFILLED, source="one", at=NOON)
    assert (noted.same, MarketDay.objects.get(day=date(2026, 11, 18)).close_usd) == (1, 3)
    noted = note_days([DayFigures(date(2026, 11, 20), Decimal(4))], origin=Origin.IMPORTED, source="file", at=NOON)
    assert (noted.new, noted.changed, noted.same) == (0, 0, 0)  # today is not over


def test_indicators_one_by_one_are_those_of_all_at_once() -> None:
    days = prices(120)
    for number, day in enumerate(days):
        note_days([day], origin=Origin.COLLECTED, source="x", at=NOON)
        if number % 3 == 0:
            catch_up(at=NOON, most=2)
    while catch_up(at=NOON, most=7):
        pass
    rows = list(TechnicalIndicator.objects.order_by("day"))
    expected = indicators([day.close_usd for day in days])
    assert len(rows) == 120
    for row, want in zip(rows, expected, strict=True):
        assert (row.rsi is None) == (want.rsi is None)
        assert row.rsi is None or abs(float(row.rsi) - want.rsi) <= 0.005
        assert row.macd_signal is None or abs(float(row.macd_signal) - want.macd_signal) <= 0.00005
        assert row.bb_upper is None or abs(float(row.bb_upper) - want.bb_upper) <= 0.00005
        assert row.signal == (want.signal.lower() if want.signal else None)
    assert rows[-1].state == _state_of_all(days)


def _state_of_all(days: list[DayFigures]) -> Any:
    """The state after one run over all days, nothing stored in between."""
    TechnicalIndicator.objects.all().delete()
    while catch_up(at=NOON, most=10_000):
        pass
    return TechnicalIndicator.objects.order_by("-day").first().state


def test_a_corrected_day_changes_what_follows_and_nothing_before() -> None:
    days = prices(60)
    note_days(days, origin=Origin.IMPORTED, source="x", at=NOON)
    catch_up(at=NOON)
    before = dict(TechnicalIndicator.objects.values_list("day", "ema_12"))
    note_days([DayFigures(days[40].day, Decimal(70_000))], origin=Origin.IMPORTED, source="x", at=NOON)
    assert TechnicalIndicator.objects.count() == 40
    catch_up(at=NOON)
    after = dict(TechnicalIndicator.objects.values_list("day", "ema_12"))
    changed = [day for day in after if after[day] != before[day]]
    assert min(changed) == days[40].day
    assert len(changed) == 20


def test_indicators_of_a_day_that_are_gone_come_again_with_all_that_follow() -> None:
    days = prices(60)
    note_days(days, origin=Origin.IMPORTED, source="x", at=NOON)
    catch_up(at=NOON)
    before = list(TechnicalIndicator.objects.order_by("day").values_list("day", "rsi", "ema_26", "state"))
    TechnicalIndicator.objects.filter(day=days[30].day).delete()
    assert catch_up(at=NOON) == 30
    assert list(TechnicalIndicator.objects.order_by("day").values_list("day", "rsi", "ema_26", "state")) == before


def test_three_missing_days_are_bridged_four_begin_anew() -> None:
    days = prices(80)
    note_days([*days[:40], *days[43:]], origin=Origin.IMPORTED, source="x", at=NOON)
    catch_up(at=NOON)
    assert TechnicalIndicator.objects.get(day=days[43].day).rsi is not None
    MarketDay.objects.filter(day=days[43].day).delete()
    TechnicalIndicator.objects.all().delete()
    catch_up(at=NOON)
    assert TechnicalIndicator.objects.get(day=days[44].day).rsi is None


def test_ten_snapshots_of_a_day_stay_the_close_too() -> None:
    day = datetime(2026, 11, 18, tzinfo=UTC)
    for number in range(144):
        snapshot(day + timedelta(minutes=10 * number), 90_000 + number, valid=number not in (0, 1, *range(14, 29)))
    close_days(at=NOON)
    left = prunable(NOON)
    assert left.count() == 133
    kept = NetworkSnapshot.objects.exclude(pk__in=left.values("pk")).order_by("slot_at")
    starts = [int((row.slot_at - day).total_seconds() // 600) for row in kept]
    # The first good one of each 144 minutes; of the third part, 288 minutes on, the first is 29; the second has none.
    assert starts == [2, 15, 29, 44, 58, 72, 87, 101, 116, 130, 143]
    assert [row.is_valid for row in kept] == [True, False, *[True] * 9]
    while (deleted := prunable(NOON)[:50]).exists():
        NetworkSnapshot.objects.filter(pk__in=[row.pk for row in deleted]).delete()
    assert NetworkSnapshot.objects.count() == 11
    assert not prunable(NOON + timedelta(days=1)).exists()


def test_snapshots_of_a_day_that_is_not_over_stay() -> None:
    day = datetime(2026, 11, 20, tzinfo=UTC)
    for number in range(60):
        snapshot(day + timedelta(minutes=10 * number))
    assert not prunable(NOON).exists()
    assert not retention._snapshots(NOON, Held()).exists()
