"""Energy prices of the next day: by the hour, with gaps, scored in the unit of the market."""

import csv
import json
import math
import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from accounts.models import User
from hashinsight.common.admin.charting import shortened
from hashinsight.common.admin.display import number_text
from hosting.domain import places
from hosting.models import Site
from intelligence.domain import energy_forecasts
from intelligence.domain.forecasting import ForecastNotMade
from intelligence.engine.energy import HourPrice, forecast_energy
from intelligence.engine.series import ForecastRefused
from intelligence.enums import Verdict
from intelligence.models import ForecastRun, ForecastScore
from marketdata.domain.prices import best_known, store
from marketdata.engine.price_files import Interval
from marketdata.enums import KnownFrom
from marketdata.models import PricePoint, PriceSeries
from tests.api.client import Caller

HOUR = timedelta(hours=1)
START = datetime(2026, 10, 1, tzinfo=UTC)


def hours(count: int, *, seed: int = 1, noise: float = 3.0) -> list[HourPrice]:
    """A shape of the day, and noise."""
    dice = random.Random(seed)
    return [
        HourPrice(START + HOUR * n, n % 24, 40 + 20 * math.sin(2 * math.pi * (n % 24 - 9) / 24) + dice.gauss(0, noise))
        for n in range(count)
    ]


def test_the_shape_of_the_day_is_forecast_better_than_by_yesterday() -> None:
    known = hours(24 * 60)
    ours = naive = inside = 0.0
    for back in range(1, 31):
        end = len(known) - 24 * back
        said = forecast_energy(known[:end], [one.clock for one in known[end : end + 24]])
        for point, one in zip(said.points, known[end : end + 24], strict=True):
            ours += abs(point.value - one.value)
            naive += abs(point.naive - one.value)
            inside += point.lower <= one.value <= point.upper
            assert (point.at, point.naive) == (one.start, known[end - 24 + point.horizon - 1].value)
    assert ours < 0.9 * naive
    assert 0.93 < inside / 720 <= 1


def test_without_noise_it_is_exact_and_negative_prices_are_prices() -> None:
    known = [HourPrice(one.start, one.clock, one.value - 60) for one in hours(24 * 20, noise=0)]
    said = forecast_energy(known, list(range(24)))
    for point in said.points:
        assert abs(point.value - known[point.horizon - 1].value) < 1e-9
    assert min(point.value for point in said.points) < -30


def test_too_few_hours_and_wrong_order_are_refused() -> None:
    with pytest.raises(ForecastRefused, match="336 are needed"):
        forecast_energy(hours(335), list(range(24)))
    known = hours(400)
    with pytest.raises(ForecastRefused, match="do not rise"):
        forecast_energy([*known, known[-1]], list(range(24)))
    assert forecast_energy(known, list(range(24))).flags == ()
    assert forecast_energy(known[:200] + known[201:], list(range(24))).flags == ("hours are missing",)


@pytest.fixture
def market(db: None, now: datetime) -> PriceSeries:
    """Quarter-hours of a market with a site, up to now."""
    series = PriceSeries.objects.create(
        code="hub", name="Hub", currency="USD", step_minutes=15, time_zone="America/Chicago", known_from=KnownFrom.END
    )
    dice, begin, parts = random.Random(4), now.replace(minute=0) - timedelta(days=40), []
    for n in range(40 * 96):
        start = begin + timedelta(minutes=15 * n)
        value = 30 + 15 * math.sin(2 * math.pi * start.hour / 24) + dice.gauss(0, 2)
        parts.append(Interval(start, start + timedelta(minutes=15), Decimal(repr(round(value, 2)))))
    store(series, parts, at=now)
    site = places.create_site(name="Site", capacity_kw=Decimal(1), time_zone="America/Chicago", at=now)
    Site.objects.filter(pk=site.pk).update(energy_series=series)
    return series


def test_markets_of_active_sites_are_forecast_and_published(market: PriceSeries, now: datetime) -> None:
    PriceSeries.objects.create(code="no-site", name="x", currency="USD")
    assert list(energy_forecasts.markets()) == [market]
    said = energy_forecasts.forecast_due(at=now)
    run = ForecastRun.objects.get()
    assert said == {"hub": run.issued_at.isoformat()}
    assert (run.series, run.is_current, run.points.count()) == (market, True, 24)
    assert run.points.first().at == now.replace(minute=0)
    published = PriceSeries.objects.get(code="forecast-hub")
    assert len(best_known(published, start=now, end=now + timedelta(days=2), at=now)) == 24
    energy_forecasts.forecast_due(at=now)
    assert ForecastRun.objects.count() == 1


def test_an_hour_of_which_a_quarter_is_missing_is_no_hour(market: PriceSeries, now: datetime) -> None:
    quarter = now.replace(minute=15) - timedelta(days=3)
    PricePoint.objects.filter(series=market, starts_at=quarter).delete()
    run = energy_forecasts.forecast_market(market, at=now)
    assert (run.flags, run.observations) == (["hours are missing"], 40 * 24 - 1)


def test_markets_are_scored_in_their_unit(market: PriceSeries, now: datetime) -> None:
    for back in range(20, 0, -1):
        energy_forecasts.forecast_market(market, at=now, known_at=now - timedelta(days=back))
    rows: Any = energy_forecasts.rescore_market(market, at=now)
    assert {row.horizon for row in rows} == set(range(1, 25))
    assert all(0.5 < row.mae < 4 for row in rows)  # USD per MWh: the noise has a deviation of 2, of hours of 1
    assert ForecastScore.objects.filter(series=market, verdict=Verdict.UNKNOWN).count() == 24  # twenty came due
    assert not ForecastRun.objects.filter(is_current=True).exists()


def test_a_market_of_a_week_is_refused_and_does_not_stop_others(market: PriceSeries, now: datetime) -> None:
    young = PriceSeries.objects.create(code="a-young", name="Young", currency="USD", known_from=KnownFrom.END)
    begin = now.replace(minute=0) - timedelta(days=7)
    store(young, [Interval(begin + HOUR * n, begin + HOUR * (n + 1), Decimal(n)) for n in range(168)], at=now)
    with pytest.raises(ForecastNotMade, match="168 hours are known"):
        energy_forecasts.forecast_market(young, at=now)
    site = places.create_site(name="Other", capacity_kw=Decimal(1), time_zone="UTC", at=now)
    Site.objects.filter(pk=site.pk).update(energy_series=young)
    said = energy_forecasts.forecast_due(at=now)
    assert "No forecast" in said["a-young"]
    assert ForecastRun.objects.get().series == market


PAGE = "/admin/intelligence/forecastrun/pictures/"


def test_each_picture_and_score_card_is_a_file(market: PriceSeries, now: datetime, root: User, sign_in: Any) -> None:
    for back in (2, 1):
        energy_forecasts.forecast_market(market, at=now, known_at=now - timedelta(days=back))
    energy_forecasts.forecast_due(at=now)
    energy_forecasts.rescore_market(market, at=now)
    client = sign_in(root)
    (part,) = [one for one in client.get(PAGE).context["parts"] if one["title"] == "Hub"]

    def rows(address: str) -> list[dict[str, str]]:
        return list(csv.DictReader(client.get(PAGE + address).content.decode().splitlines()))

    drawn = {line["label"]: line["data"] for line in json.loads(part["data"])["datasets"]}
    by_hour = rows(part["csv"])
    for column, label in (("actual", "actual"), ("forecast", "forecast"), ("lower", "lower bound")):
        said = [shortened(row[column] or None) for row in by_hour]
        assert said == drawn[f"{label} (USD/MWh)"], column
    begin = now.replace(minute=0)
    assert [row["hour_from_utc"] for row in by_hour[47:49]] == [(begin - HOUR).isoformat(), begin.isoformat()]
    scores = rows(part["scores_csv"])
    assert [(row["horizon"], row["forecasts"]) for row in scores] == [(str(n), "2") for n in range(1, 25)]
    error = f"{number_text(Decimal(repr(round(float(scores[0]['mae']), 2))))} USD/MWh"
    assert part["scores"][0][2] == error
    listed = client.get("/admin/intelligence/forecastscore/").content.decode()
    assert "Hub" in listed
    assert error in listed
    assert client.get(f"{PAGE}?csv=of-nobody").headers["Content-Type"] == "text/html; charset=utf-8"


def test_the_api_says_which_market_and_counts_hours(market: PriceSeries, now: datetime, root: User) -> None:
    energy_forecasts.forecast_due(at=now)
    (run,) = Caller(root).get("/forecasts/?series_code=hub").json()["results"]
    assert (run["series"], run["series_code"], run["unit"]) == (str(market.public_id), "hub", "USD/MWh")
    assert (run["horizon_unit"], [point["horizon"] for point in run["points"]]) == ("hour", list(range(1, 25)))
    assert Caller(root).get("/forecasts/?series_code=other").json()["results"] == []
