"""Forecasts in the database: made once, kept, published, scored from what is stored, and honest about their worth."""

import threading
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection

from hashinsight.events.models import OutboxEvent
from hashinsight.jobs.retention import Held
from intelligence import retention
from intelligence.domain import forecasting, pictures, scoring
from intelligence.domain.forecasting import ForecastNotMade, backtest, current, due_kinds, make
from intelligence.enums import ForecastKind, Verdict
from intelligence.models import ForecastPoint, ForecastRun, ForecastScore
from marketdata.domain.days import DayFigures, note_days
from marketdata.domain.prices import best_known
from marketdata.enums import Origin
from marketdata.models import MarketDay, PriceSeries
from tests.intelligence.days import tell_days

pytestmark = pytest.mark.django_db
PRICE, DIFFICULTY = ForecastKind.PRICE, ForecastKind.DIFFICULTY
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def empty_cache() -> None:
    """Nothing is remembered from another test."""
    cache.clear()


def test_a_price_forecast_has_seven_days_with_bounds_and_its_origin(now: datetime) -> None:
    tell_days(now, 120)
    run = current(PRICE, at=now)
    points = list(run.points.order_by("horizon"))
    assert [point.horizon for point in points] == [1, 2, 3, 4, 5, 6, 7]
    assert run.issued_at == datetime(2026, 11, 20, tzinfo=UTC)
    assert [point.at for point in points] == [run.issued_at + DAY * number for number in range(1, 8)]
    last = MarketDay.objects.order_by("-day").first()
    assert {point.naive for point in points} == {last.close_usd}
    for point in points:
        assert 0 < point.lower < point.value < point.upper
    assert points[-1].upper / points[-1].lower > points[0].upper / points[0].lower
    assert (run.observations, len(run.data_hash), run.is_current, run.is_backtest) == (90, 64, True, False)
    assert run.params["order"][1] == 1
    assert "ARIMA" in run.model_name


def test_a_difficulty_forecast_changes_at_retargets_only(now: datetime) -> None:
    tell_days(now, 200)
    run = current(DIFFICULTY, at=now)
    known = MarketDay.objects.order_by("-day").first().difficulty
    expected = [datetime.fromisoformat(one["at"]) for one in run.params["retargets"]]
    for point in run.points.all():
        passed = sum(at <= point.at for at in expected)
        if passed == 0:
            assert abs(point.value / known - 1) < Decimal("1e-14")
        else:
            wanted = run.params["retargets"][passed - 1]["difficulty"]
            assert abs(point.value / Decimal(repr(wanted)) - 1) < Decimal("1e-9")


def test_fewer_than_sixty_days_are_refused_and_nothing_is_written(now: datetime) -> None:
    tell_days(now, 59)
    with pytest.raises(ForecastNotMade, match=r"59|60"):
        current(PRICE, at=now)
    assert not ForecastRun.objects.exists()
    tell_days(now, 60)
    assert current(PRICE, at=now).observations == 60


def test_the_same_data_give_the_same_run_and_new_data_a_new_one(now: datetime) -> None:
    days = tell_days(now, 100)
    first = current(PRICE, at=now)
    assert current(PRICE, at=now + timedelta(hours=2), renew=True) == first
    changed = DayFigures(days[-1].day, days[-1].close_usd * 2)
    note_days([changed], origin=Origin.IMPORTED, source="x", at=now)
    second = current(PRICE, at=now + timedelta(hours=3), renew=True)
    assert second != first
    assert list(ForecastRun.objects.current()) == [second]


def test_for_thirty_minutes_nothing_is_computed_again(now: datetime, monkeypatch: Any) -> None:
    tell_days(now, 100)
    run = current(PRICE, at=now)
    monkeypatch.setitem(forecasting.ENGINES, PRICE, _fails)
    assert current(PRICE, at=now + timedelta(minutes=29)) == run
    cache.clear()
    assert current(PRICE, at=now + timedelta(minutes=29)) == run  # the row remembers, too
    with pytest.raises(AssertionError, match="computed"):
        current(PRICE, at=now + timedelta(minutes=31))


def _fails(moment: datetime) -> Any:
    raise AssertionError("computed")


@pytest.mark.django_db(transaction=True)
def test_many_who_ask_at_once_wait_for_one(now: datetime, monkeypatch: Any) -> None:
    tell_days(now, 100)
    real, calls = forecasting.ENGINES[PRICE], []
    monkeypatch.setitem(forecasting.ENGINES, PRICE, lambda moment: (calls.append(1), real(moment))[1])
    found: list[int] = []

    def ask() -> None:
        try:
            found.append(current(PRICE, at=now).pk)
        finally:
            connection.close()

    threads = [threading.Thread(target=ask) for _turn in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(calls), len(found), len(set(found))) == (1, 6, 1)


def test_what_is_published_is_known_from_the_moment_it_was_made(now: datetime) -> None:
    days = tell_days(now, 100)
    run = current(PRICE, at=now)
    series = PriceSeries.objects.get(code="forecast-btc-usd")
    span = {"start": now, "end": now + 8 * DAY}
    assert best_known(series, **span, at=now - timedelta(seconds=1)) == []
    known = best_known(series, **span, at=now)
    assert [one.value for one in known] == [
        point.value.quantize(Decimal("0.000001")) for point in run.points.order_by("horizon")
    ]
    note_days([DayFigures(days[-1].day, Decimal(1000))], origin=Origin.IMPORTED, source="x", at=now)
    later = now + timedelta(hours=1)
    current(PRICE, at=later, renew=True)
    assert best_known(series, **span, at=now) == known  # what was known then is still known
    assert best_known(series, **span, at=later) != known
    assert OutboxEvent.objects.filter(kind="intelligence.forecast_generated").count() == 2


def test_a_backtest_knows_nothing_of_what_came_later_and_is_not_published(now: datetime) -> None:
    tell_days(now, 140)
    (run,) = [make(PRICE, at=now, known_at=now.replace(hour=0, minute=0) - 20 * DAY)]
    points = list(run.points.order_by("horizon").values_list("value", "lower", "upper"))
    assert (run.is_backtest, run.is_current, PriceSeries.objects.count()) == (True, False, 0)
    ForecastRun.objects.all().delete()
    MarketDay.objects.filter(day__gte=run.issued_at.date()).delete()
    again = make(PRICE, at=now, known_at=now.replace(hour=0, minute=0) - 20 * DAY)
    assert list(again.points.order_by("horizon").values_list("value", "lower", "upper")) == points
    assert again.data_hash == run.data_hash


def test_a_backtest_goes_back_from_the_newest_day_that_is_known(now: datetime) -> None:
    tell_days(now - 100 * DAY, 90)
    assert backtest([PRICE], days=3, at=now) == 3
    assert ForecastRun.objects.count() == 3
    assert {run.issued_at for run in ForecastRun.objects.all()} == {
        now.replace(hour=0, minute=0) - (100 + back) * DAY for back in (1, 2, 3)
    }


def test_the_score_card_is_recomputed_from_what_is_stored(now: datetime) -> None:
    tell_days(now, 140)
    backtest([PRICE], days=12, at=now)
    scoring.rescore(PRICE, at=now)
    rows = {row.horizon: row for row in ForecastScore.objects.filter(kind=PRICE)}
    assert {horizon: row.forecasts for horizon, row in rows.items()} == {n: 13 - n for n in range(1, 8)}
    errors = []
    for point in ForecastPoint.objects.filter(horizon=7, at__lte=now):
        actual = MarketDay.objects.get(day=(point.at - DAY).date()).close_usd
        errors.append(abs((point.value / actual).ln()))
    assert abs(Decimal(repr(rows[7].mae)) - sum(errors) / len(errors)) < Decimal("1e-9")
    assert rows[7].verdict == Verdict.UNKNOWN  # six have come due
    ForecastPoint.objects.filter(horizon=7).update(value=1, lower=1, upper=1)
    scoring.rescore(PRICE, at=now)
    assert ForecastScore.objects.get(kind=PRICE, horizon=7).mae > 5
    assert ForecastScore.objects.get(kind=PRICE, horizon=7).coverage == 0


def test_forecasts_no_better_than_no_change_say_so(now: datetime) -> None:
    tell_days(now, 140)
    backtest([PRICE], days=45, at=now)
    ForecastPoint.objects.update(value=Decimal(1), lower=Decimal(1), upper=Decimal(10) ** 9)
    scoring.rescore(PRICE, at=now)
    assert scoring.verdict(PRICE) == Verdict.NO_SKILL


def test_what_is_due_follows_the_newest_day(now: datetime) -> None:
    assert due_kinds(at=now) == []
    tell_days(now - DAY, 100)
    assert set(due_kinds(at=now)) == {PRICE, DIFFICULTY}
    for kind in (PRICE, DIFFICULTY):
        current(kind, at=now)
    assert due_kinds(at=now) == []
    tell_days(now, 101)
    assert set(due_kinds(at=now)) == {PRICE, DIFFICULTY}


def test_the_fan_begins_where_the_past_ends(now: datetime) -> None:
    tell_days(now, 140)
    backtest([PRICE], days=20, at=now)
    run = current(PRICE, at=now)
    points = pictures.fan(run)
    assert len(points) == 68
    edge = points[60]
    assert (edge.day, edge.actual) == (now.date() - DAY, edge.value)
    assert (edge.lower, edge.upper) == (edge.value, edge.value)
    assert all(point.actual is None and point.value is not None for point in points[61:])
    assert sum(point.past is not None for point in points) == 14  # those of 20 runs whose seventh day has come


def test_old_runs_go_the_current_one_stays(now: datetime) -> None:
    tell_days(now, 100)
    make(PRICE, at=now, known_at=now - 10 * DAY)
    run = current(PRICE, at=now)
    later = now + timedelta(days=1000)
    assert list(retention._runs(later, Held())) == list(ForecastRun.objects.exclude(pk=run.pk))
