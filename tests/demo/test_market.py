"""The market of the demo: says that it is invented, holds together, and has something to look at on each page."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from hashinsight.demo.market import tell_market
from hosting.domain import places
from intelligence.enums import ForecastKind
from intelligence.models import ForecastRun, ForecastScore
from marketdata.domain.days import missing_days
from marketdata.domain.watching import present
from marketdata.enums import Origin
from marketdata.models import DifficultyPeriod, MarketDay, NetworkSnapshot, PriceSeries, TechnicalIndicator

pytestmark = pytest.mark.django_db


def test_an_invented_market_says_so_and_is_whole(now: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("DAYS", 150), ("FORECAST_DAYS", 9), ("MARKET_DAYS", 2)):
        monkeypatch.setattr(f"hashinsight.demo.market.{name}", value)
    places.create_site(name="Permian", capacity_kw=1, time_zone="America/Chicago", at=now)
    said: list[str] = []
    tell_market(at=now, seed=1, sample=None, say=said.append)
    assert set(MarketDay.objects.values_list("origin", flat=True)) == {Origin.SIMULATED}
    assert set(NetworkSnapshot.objects.values_list("origin", flat=True)) == {Origin.SIMULATED}
    assert (MarketDay.objects.count(), missing_days(past=now.date())) == (150, [])
    assert TechnicalIndicator.objects.filter(signal__isnull=False).count() > 100
    assert DifficultyPeriod.objects.count() > 9
    known = present(at=now)
    assert (known.is_stale, known.age < timedelta(minutes=15)) == (False, True)
    assert PriceSeries.objects.filter(kind="energy", adapter="none", code="texas-hub-real-time").count() == 1
    current = set(ForecastRun.objects.current().values_list("kind", flat=True))
    assert current == {ForecastKind.PRICE, ForecastKind.DIFFICULTY, ForecastKind.ENERGY}
    assert ForecastScore.objects.filter(kind=ForecastKind.PRICE).count() == 7
    assert "18 forecasts" in said[-1]


def test_without_the_files_of_a_sample_the_market_is_invented(
    now: datetime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("DAYS", 59), ("FORECAST_DAYS", 1), ("MARKET_DAYS", 0)):
        monkeypatch.setattr(f"hashinsight.demo.market.{name}", value)
    said: list[str] = []
    tell_market(at=now, seed=1, sample=tmp_path, say=said.append)
    assert MarketDay.objects.count() == 59
    assert any("No forecast" in line for line in said)  # fewer than 60 days: refused, and the rest is built
