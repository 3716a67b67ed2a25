"""What a kilowatt-hour costs: by series, plans and sites, with gaps, clocks, holidays and other currencies."""

from collections.abc import Callable
from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pytest

from hosting.domain import prices
from hosting.engine.tariff import Window
from hosting.models import PriceComponent, PricePlan, Site, SiteHoliday
from intelligence.domain import energy
from intelligence.domain.energy import EnergyUnknown
from marketdata.domain.prices import store
from marketdata.engine.price_files import Interval
from tests.intelligence.conftest import euro, make_series

DEC = Decimal
Windowed = Callable[..., PricePlan]


@pytest.fixture
def plan_of(db: None, now: datetime) -> Windowed:
    """A plan with one published version of these components: fields, and the windows of each."""

    def make(*components: dict[str, Any], currency: str = "USD", name: str = "Plan") -> PricePlan:
        plan = prices.create_plan(name=name, currency=currency, at=now)
        version = prices.draft_version(plan, valid_from=now.date() - timedelta(days=30), at=now)
        for fields in components:
            windows = fields.pop("windows", ())
            row = PriceComponent.objects.create(plan_version=version, description="x", **fields)
            prices.set_windows(row, windows=windows)
        prices.publish_version(version, at=now)
        return plan

    return make


# --- series ---------------------------------------------------------------------------------------------------
def test_of_a_series_the_newest_24_whole_hours_count(db: None, now: datetime) -> None:
    values = [DEC(1000)] * 4 + [DEC(n) - 5 for n in range(24)]
    series = make_series("tx", values, end=now.replace(minute=0), at=now)
    found = energy.of_series(series, at=now)
    assert found.hours == tuple((DEC(n) - 5) / 1000 for n in range(24))
    assert (found.mean, found.until, found.source) == (DEC("0.0065"), now.replace(minute=0), "tx")


def test_shorter_intervals_are_weighed_and_a_correction_counts(db: None, now: datetime) -> None:
    end = now.replace(minute=0)
    values = [DEC(10), DEC(20), DEC(30), DEC(40)] * 24
    series = make_series("q", values, end=end, at=now - timedelta(minutes=20), minutes=15)
    assert energy.of_series(series, at=now).hours == (DEC("0.025"),) * 24
    last = Interval(end - timedelta(minutes=15), end, DEC(80))
    store(series, [last], at=now - timedelta(minutes=1))
    assert energy.of_series(series, at=now).hours[-1] == DEC("0.035")
    assert energy.of_series(series, at=now - timedelta(minutes=5)).hours[-1] == DEC("0.025")


def test_a_gap_or_old_prices_are_refused(db: None, now: datetime) -> None:
    end = now.replace(minute=0)
    gap = make_series("gap", [DEC(1)] * 5, end=end, at=now)
    store(gap, [Interval(end - timedelta(hours=30), end - timedelta(hours=6), DEC(1))], at=now)
    with pytest.raises(EnergyUnknown, match="no price for the hour from 2026-11-20 03:00 UTC"):
        energy.of_series(gap, at=now)
    old = make_series("old", [DEC(1)] * 24, end=end - timedelta(days=2), at=now)
    with pytest.raises(EnergyUnknown, match="no prices of the last two days"):
        energy.of_series(old, at=now)
    fx = euro("1.1", at=now)
    with pytest.raises(EnergyUnknown, match="no series of energy prices"):
        energy.of_series(fx, at=now)


def test_another_currency_needs_a_rate_of_the_last_days(db: None, now: datetime) -> None:
    series = make_series("de", [DEC(50)] * 24, end=now.replace(minute=0), at=now, currency="EUR")
    with pytest.raises(EnergyUnknown, match="No exchange rate"):
        energy.of_series(series, at=now)
    euro("1.12", at=now)
    assert energy.of_series(series, at=now).mean == DEC("0.056")
    with pytest.raises(EnergyUnknown, match="No exchange rate"):
        energy.usd_per("EUR", at=now + timedelta(days=8))


def test_a_rate_the_other_way_round_is_turned(db: None, now: datetime) -> None:
    end = now.replace(hour=0, minute=0)
    make_series("usd-gbp", [DEC("0.8")], end=end, at=now, minutes=1440, kind="fx", currency="GBP", unit="USD")
    assert energy.usd_per("GBP", at=now) == DEC("1.25")


# --- plans ----------------------------------------------------------------------------------------------------
def test_a_plan_is_charged_hour_by_hour_on_the_clock_of_the_site(plan_of: Windowed, site: Site, now: datetime) -> None:
    night = Window(time_from=time(22), time_to=time(6))
    plan = plan_of(
        {"kind": "energy", "price": DEC("0.04"), "windows": (night,)},
        {"kind": "energy", "price": DEC("0.10"), "other_hours": True},
        {"kind": "demand", "price": DEC(9)},
        {"kind": "fixed", "price": DEC(500)},
    )
    found = energy.of_plan(plan, at=now, site=site)
    # 09:00 UTC is 03:00 in Chicago: the day ends in the night, and began in it the day before.
    assert found.hours == (DEC("0.04"),) * 3 + (DEC("0.10"),) * 16 + (DEC("0.04"),) * 5
    assert found.mean == DEC("0.08")
    in_utc = energy.of_plan(plan, at=now)
    assert in_utc.hours == (DEC("0.10"),) * 13 + (DEC("0.04"),) * 8 + (DEC("0.10"),) * 3


def test_holidays_are_those_of_the_site(plan_of: Windowed, site: Site, now: datetime) -> None:
    plan = plan_of(
        {"kind": "energy", "price": DEC("0.02"), "windows": (Window(days="free_days"),)},
        {"kind": "energy", "price": DEC("0.09"), "other_hours": True},
    )
    assert energy.of_plan(plan, at=now, site=site).hours == (DEC("0.09"),) * 24
    SiteHoliday.objects.create(site=site, day=now.date() - timedelta(days=1), name="x")
    assert energy.of_plan(plan, at=now, site=site).hours == (DEC("0.02"),) * 21 + (DEC("0.09"),) * 3


def test_a_market_price_is_passed_through_with_factor_and_addition(plan_of: Windowed, now: datetime) -> None:
    make_series("tx", [DEC(n) for n in range(24)], end=now.replace(minute=0) - timedelta(hours=1), at=now)
    plan = plan_of(
        {"kind": "pass_through", "price": DEC("0.005"), "market_series": "tx", "market_factor": DEC("1.02")},
        {"kind": "energy", "price": DEC("0.01")},
    )
    found = energy.of_plan(plan, at=now)
    assert found.hours == tuple(DEC(n) / 1000 * DEC("1.02") + DEC("0.015") for n in range(24))
    assert found.until == now.replace(minute=0) - timedelta(hours=1)


def test_a_plan_and_its_market_may_have_currencies_of_their_own(plan_of: Windowed, now: datetime) -> None:
    euro("1.25", at=now)
    make_series("tx", [DEC(50)] * 24, end=now.replace(minute=0), at=now)
    plan = plan_of(
        {"kind": "pass_through", "price": DEC("0.01"), "market_series": "tx", "market_factor": DEC(1)}, currency="EUR"
    )
    # 0.05 USD are 0.04 EUR; with the addition 0.05 EUR, which are 0.0625 USD.
    assert energy.of_plan(plan, at=now).hours == (DEC("0.0625"),) * 24


def test_a_plan_that_says_nothing_of_energy_today_is_refused(plan_of: Windowed, now: datetime) -> None:
    with pytest.raises(EnergyUnknown, match="charges nothing by the kilowatt-hour"):
        energy.of_plan(plan_of({"kind": "fixed", "price": DEC(5)}), at=now)
    unknown = plan_of({"kind": "pass_through", "market_series": "nowhere", "market_factor": DEC(1)}, name="Unknown")
    with pytest.raises(EnergyUnknown, match="no series of energy prices called nowhere"):
        energy.of_plan(unknown, at=now)
    empty = prices.create_plan(name="Empty", currency="USD", at=now)
    with pytest.raises(EnergyUnknown, match="No version of Empty"):
        energy.of_plan(empty, at=now)


# --- sites ----------------------------------------------------------------------------------------------------
def test_a_site_has_a_cost_of_its_own(site: Site, now: datetime) -> None:
    assert energy.of_site(site, at=now).mean == DEC("0.055")
    site.energy_cost_per_kwh = None
    with pytest.raises(EnergyUnknown, match="West has no cost of energy"):
        energy.of_site(site, at=now)
