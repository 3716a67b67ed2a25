"""The arithmetic of price plans, against figures worked out by hand."""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hosting.engine.tariff import Component, Interval, Month, TariffError, Window, charge_month
from hosting.engine.windows import WindowError, format_windows, parse_windows

D = Decimal
CHICAGO = ZoneInfo("America/Chicago")
BERLIN = ZoneInfo("Europe/Berlin")


def quarter_hours(first: datetime, kwhs: list[str]) -> list[Interval]:
    return [Interval(first + timedelta(minutes=15 * place), D(kwh)) for place, kwh in enumerate(kwhs)]


def amounts(components: list[Component], month: Month) -> dict[str, Decimal]:
    return {charge.key: charge.amount for charge in charge_month(components, month)}


def test_energy_is_the_sum_of_all_intervals() -> None:
    month = Month(CHICAGO, quarter_hours(datetime(2026, 7, 1, 5, tzinfo=UTC), ["250", "250.5", "0", "-0.5"]))
    assert amounts([Component("e", "energy", D("0.061"))], month) == {"e": D("30.5000")}


def test_demand_is_the_average_power_of_the_highest_interval_and_names_it() -> None:
    first = datetime(2026, 7, 1, 5, tzinfo=UTC)
    (charge,) = charge_month(
        [Component("d", "demand", D("12.50"))], Month(CHICAGO, quarter_hours(first, ["250", "262.5", "100"]))
    )
    assert (charge.quantity, charge.amount) == (D("1050"), D("13125.00"))  # 262.5 kWh in 15 minutes are 1,050 kW
    assert charge.peak_at == first + timedelta(minutes=15)


@pytest.mark.parametrize(
    ("earlier", "billed"), [(["1500"], "1200"), (["1100"], "1050"), ([], "1050"), (["1", "1500"], "1050")]
)
def test_a_ratchet_bills_a_share_of_the_months_before(earlier: list[str], billed: str) -> None:
    component = Component("d", "demand", D(1), ratchet_percent=D(80), ratchet_months=1)
    month = Month(
        CHICAGO,
        quarter_hours(datetime(2026, 7, 1, 5, tzinfo=UTC), ["262.5"]),
        earlier_demands=[D(one) for one in earlier],
    )
    assert charge_month([component], month)[0].quantity == D(billed)


def test_windows_follow_the_clock_of_the_site_and_other_hours_get_the_rest() -> None:
    peak = Component("peak", "energy", D("0.20"), windows=(Window(6, 9, "workdays", time(14), time(20)),))
    rest = Component("rest", "energy", D("0.05"), other_hours=True)
    # Wednesday 1 July 2026: 14:00 in Chicago is 19:00 UTC. Two intervals before, two inside.
    wednesday = quarter_hours(datetime(2026, 7, 1, 18, 30, tzinfo=UTC), ["100", "100", "100", "100"])
    saturday = quarter_hours(datetime(2026, 7, 4, 19, 0, tzinfo=UTC), ["100"])
    month = Month(CHICAGO, [*wednesday, *saturday])
    assert amounts([peak, rest], month) == {"peak": D("40.00"), "rest": D("15.00")}
    holiday = Month(CHICAGO, wednesday, holidays=frozenset({date(2026, 7, 1)}))
    assert amounts([peak, rest], holiday) == {"peak": D("0"), "rest": D("20.00")}


def test_a_night_belongs_to_the_day_on_which_it_begins() -> None:
    night = Window(days="saturday", time_from=time(22), time_to=time(6))
    assert night.covers(datetime(2026, 7, 4, 23, 0))
    assert night.covers(datetime(2026, 7, 5, 5, 45))
    assert not night.covers(datetime(2026, 7, 5, 6, 0))
    assert not night.covers(datetime(2026, 7, 4, 5, 45))
    winter = Window(11, 2, "all", time(0), time(0))
    assert winter.covers(datetime(2026, 1, 31, 12))
    assert not winter.covers(datetime(2026, 3, 1, 12))


def test_the_hour_that_comes_twice_counts_twice() -> None:
    """On 2026-10-25 the hour from 2 to 3 comes twice in Berlin: eight quarter-hours of one window."""
    first = datetime(2026, 10, 24, 22, tzinfo=UTC)
    month = Month(BERLIN, quarter_hours(first, ["1"] * 100))
    night = Component("n", "energy", D(1), windows=(Window(time_from=time(2), time_to=time(3)),))
    assert charge_month([night], month)[0].quantity == D(8)


def test_monthly_charges_are_scaled_by_the_days_in_force_and_a_minimum_fills_up() -> None:
    components = [
        Component("c", "contracted", D("8.00")),
        Component("f", "fixed", D("150")),
        Component("m", "minimum", D("1000")),
    ]
    month = Month(CHICAGO, [], contracted_kw=D("100"), fraction=D("0.5"))
    assert amounts(components, month) == {"c": D("400.000"), "f": D("75.0"), "m": D("25.000")}
    full = Month(CHICAGO, [], contracted_kw=D("200"))
    assert amounts(components, full)["m"] == 0


def test_a_market_price_is_passed_through_interval_by_interval() -> None:
    first = datetime(2026, 7, 1, 5, tzinfo=UTC)
    intervals = [
        Interval(first, D(100), market_price=D("0.03")),
        Interval(first + timedelta(minutes=15), D(100), market_price=D("-0.01")),
    ]
    component = Component("p", "pass_through", D("0.004"), market_factor=D("1.05"))
    (charge,) = charge_month([component], Month(CHICAGO, intervals))
    # 100 x (0.03 x 1.05 + 0.004) + 100 x (-0.01 x 1.05 + 0.004) = 3.55 - 0.65
    assert charge.amount == D("2.9000")
    with pytest.raises(TariffError, match="1 intervals have no market price"):
        charge_month([component], Month(CHICAGO, [Interval(first, D(1))]))


@pytest.mark.parametrize(
    ("components", "month", "words"),
    [
        ([Component("x", "blessing")], Month(CHICAGO, []), "nobody knows how to charge blessing"),
        ([Component("x", "fixed"), Component("x", "fixed")], Month(CHICAGO, []), "same key"),
        ([Component("x", "fixed")], Month(CHICAGO, [], fraction=D("1.1")), "fraction"),
        ([Component("x", "energy")], Month(CHICAGO, [Interval(datetime(2026, 1, 1), D(1))]), "without a time zone"),
        (
            [Component("x", "energy")],
            Month(CHICAGO, [Interval(datetime(2026, 1, 1, tzinfo=UTC), D(1))] * 2),
            "stands there twice",
        ),
    ],
)
def test_what_cannot_be_charged_is_refused(components: list[Component], month: Month, words: str) -> None:
    with pytest.raises(TariffError, match=words):
        charge_month(components, month)


_WINDOWS = st.builds(
    Window,
    st.integers(1, 12),
    st.integers(1, 12),
    st.sampled_from(["all", "workdays", "weekdays", "free_days", "saturday", "sunday"]),
    st.times().map(lambda t: t.replace(second=0, microsecond=0)),
    st.times().map(lambda t: t.replace(second=0, microsecond=0)),
)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.lists(_WINDOWS, max_size=4), st.lists(st.integers(0, 35_039), min_size=1, max_size=30, unique=True))
def test_windows_and_other_hours_charge_each_interval_once(windows: list[Window], places: list[int]) -> None:
    """Whatever the windows are, what they leave out is charged by the other hours: nothing twice, nothing never."""
    first = datetime(2026, 1, 1, tzinfo=UTC)
    intervals = [Interval(first + timedelta(minutes=15 * place), D(1)) for place in places]
    components = [
        Component("w", "energy", D(1), windows=tuple(windows)),
        Component("r", "energy", D(1), other_hours=True),
    ]
    if not windows:
        components = components[:1]
    charges = charge_month(components, Month(CHICAGO, intervals))
    assert sum(charge.quantity for charge in charges) == len(intervals)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.lists(_WINDOWS, max_size=5))
def test_windows_read_back_as_they_were_written(windows: list[Window]) -> None:
    assert parse_windows(format_windows(tuple(windows))) == tuple(windows)


@pytest.mark.parametrize(
    ("text", "window"),
    [
        ("6-9 workdays 14:00-20:00", Window(6, 9, "workdays", time(14), time(20))),
        ("11-2", Window(11, 2)),
        ("7", Window(7, 7)),
        ("22:00 - 06:00", Window(time_from=time(22), time_to=time(6))),
        ("Sunday", Window(days="sunday")),
        ("weekdays 18:00-24:00", Window(days="weekdays", time_from=time(18))),
    ],
)
def test_a_window_may_leave_out_what_means_all(text: str, window: Window) -> None:
    assert parse_windows(text) == (window,)


@pytest.mark.parametrize("text", ["13", "0-3", "moonday", "25:00-26:00", "6-9 workdays 14-20", "x" * 100, "٣"])
def test_a_line_that_is_no_window_is_named(text: str) -> None:
    with pytest.raises(WindowError) as refusal:
        parse_windows(f"7\n\n{text}")
    assert refusal.value.line == 3
