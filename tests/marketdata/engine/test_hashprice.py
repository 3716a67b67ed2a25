"""Hashprice, hashcost and break-even, against the published figures and on every real day."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketdata.engine.chain import subsidy_btc
from marketdata.engine.hashprice import (
    break_even_usd_per_kwh,
    fees_average,
    fees_average_of_spans,
    hashcost,
    hashprice_btc_per_ph_day,
    hashprice_usd_per_ph_day,
)
from marketdata.engine.numbers import NumberRefused
from tests.marketdata.engine.sample import days, needs_btc

D = Decimal
D14 = 10**14


def test_the_published_hashprice() -> None:
    assert f"{hashprice_btc_per_ph_day(D14, 1, 0):.6e}" == "2.011657e-4"
    assert round(hashprice_usd_per_ph_day(D14, D("3.125"), 0, 100_000), 3) == D("62.864")
    assert hashprice_usd_per_ph_day(D14, D("3.125"), D("3.125"), 50_000) == hashprice_usd_per_ph_day(
        D14, D("3.125"), 0, 100_000
    )


@pytest.mark.parametrize(
    ("j_per_th", "usd"),
    [("15", "0.17462"), ("17.5", "0.14968"), ("21.5", "0.12183"), ("30.5", "0.08588"), ("98", "0.02673")],
)
def test_the_published_break_even_prices(j_per_th: str, usd: str) -> None:
    assert round(break_even_usd_per_kwh(D("62.864"), D(j_per_th)), 5) == D(usd)


def test_fee_and_pue_lower_the_break_even_price() -> None:
    bare = break_even_usd_per_kwh(60, 20)
    assert bare == D("0.125")
    assert break_even_usd_per_kwh(60, 20, 2) == D("0.1225")
    assert break_even_usd_per_kwh(60, 20, 2, D("1.25")) == D("0.098")
    assert break_even_usd_per_kwh(60, 20, 100) == 0


def test_hashcost_meets_hashprice_at_the_break_even_price() -> None:
    assert hashcost(D("17.5"), 50) == D("21.000")
    assert hashcost(20, -10) == D("-4.8")  # paid for taking power
    price = break_even_usd_per_kwh(D("48"), D("17.5"))
    assert hashcost(D("17.5"), price * 1000) == pytest.approx(D("48"), rel=D("1e-24"))


@pytest.mark.parametrize(
    ("call", "why"),
    [
        (lambda: break_even_usd_per_kwh(60, 0), "J/TH must be above 0"),
        (lambda: break_even_usd_per_kwh(60, 20, 101), "the pool fee must be at most 100, not 101"),
        (lambda: break_even_usd_per_kwh(60, 20, -1), "the pool fee must be at least 0"),
        (lambda: break_even_usd_per_kwh(60, 20, 0, D("0.99")), "the PUE must be at least 1"),
        (lambda: break_even_usd_per_kwh(D("NaN"), 20), "the hashprice must be finite"),
        (lambda: hashprice_usd_per_ph_day(D14, 3, 0, -1), "the price must be at least 0"),
        (lambda: hashprice_usd_per_ph_day(0, 3, 0, 1), "the difficulty must be above 0"),
        (lambda: hashprice_usd_per_ph_day(D14, 3, -1, 1), "the fees must be at least 0"),
        (lambda: hashcost(-1, 50), "J/TH must be at least 0"),
        (lambda: hashcost(20, 0.5), "the power price must be a whole number or a Decimal, not float"),
    ],
)
def test_what_cannot_be_meant_is_refused(call: object, why: str) -> None:
    with pytest.raises(NumberRefused, match=why):
        call()  # type: ignore[operator]


@given(st.integers(1, 10**6), st.integers(1, 10**6), st.integers(1, 1000), st.integers(1, 1000))
def test_a_better_machine_and_a_better_price_bear_dearer_power(one: int, two: int, eff_one: int, eff_two: int) -> None:
    low, high = sorted((one, two))
    good, bad = sorted((eff_one, eff_two))
    assert break_even_usd_per_kwh(low, bad) <= break_even_usd_per_kwh(high, bad) <= break_even_usd_per_kwh(high, good)


def test_the_mean_of_the_newest_144_blocks() -> None:
    fees = [D(100)] * 56 + [D(1)] * 72 + [D(2)] * 72
    assert fees_average(fees) == D("1.5")
    assert fees_average(fees[:144]) == D("39.61111111111111111111111111111111111111")
    assert fees_average(fees[:143]) is None
    assert fees_average([], 1) is None
    assert fees_average([D(3), D(5)], 1) == 5
    with pytest.raises(NumberRefused, match="the fees must be at least 0"):
        fees_average([D(-1)] * 144)
    with pytest.raises(NumberRefused, match="the blocks must be at least 1"):
        fees_average(fees, 0)


def test_the_mean_of_whole_spans() -> None:
    spans = [(200, D(2000)), (100, D(300)), (44, D(60))]
    assert fees_average_of_spans(spans) == D("2.5")  # the last two hold 144 blocks
    assert fees_average_of_spans([(200, D(2000)), (100, D(300)), (43, D(60))]) == D(
        "6.880466472303206997084548104956268221574"
    )
    assert fees_average_of_spans(spans[1:2]) is None
    assert fees_average_of_spans([]) is None
    with pytest.raises(NumberRefused, match="the blocks of a span must be at least 0"):
        fees_average_of_spans([(-1, D(1))])


class TestRealDays:
    """On 5,617 days, against fractions."""

    pytestmark = needs_btc

    def test_hashprice_and_break_even_of_each_day(self) -> None:
        checked = 0
        for day in days():
            subsidy = subsidy_btc(day.height)
            blocks = Fraction(day.subsidy) / Fraction(subsidy) if day.subsidy else None
            fees = D(0) if day.fees is None or not blocks else round(day.fees / int(blocks), 8)
            exact = Fraction(86_400 * 10**15, 2**32) / Fraction(day.difficulty)
            exact *= (Fraction(subsidy) + Fraction(fees)) * Fraction(day.price)
            ours = hashprice_usd_per_ph_day(day.difficulty, subsidy, fees, day.price)
            assert abs(Fraction(ours) / exact - 1) < Fraction(1, 10**37), day
            kwh_price = exact / 1000 * Fraction(98, 100) / (Fraction(24, 1000) * Fraction("29.5") * Fraction("1.05"))
            even = break_even_usd_per_kwh(ours, D("29.5"), 2, D("1.05"))
            assert abs(Fraction(even) / kwh_price - 1) < Fraction(1, 10**37), day
            checked += fees > 0
        assert checked == 5420  # reported from 2011-03-01 on
