"""What the chain's rules fix, against the published vectors, against the definition, and on every real day."""

from datetime import date
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from math import expm1

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketdata.engine import chain
from marketdata.engine.numbers import NumberRefused, round_btc
from tests.marketdata.engine.sample import days, needs_btc, retargets

D = Decimal
D14 = 10**14
HEIGHTS = st.integers(min_value=0, max_value=14_000_000)
HALVING_DAYS = {date(2012, 11, 28), date(2016, 7, 9), date(2020, 5, 11), date(2024, 4, 20)}


@pytest.mark.parametrize(
    ("height", "btc"),
    [
        (0, "50"), (209_999, "50"), (210_000, "25"), (420_000, "12.5"), (630_000, "6.25"), (839_999, "6.25"),
        (840_000, "3.125"), (1_050_000, "1.5625"), (6_929_999, "0.00000001"), (6_930_000, "0"),
        (64 * 210_000 - 1, "0"), (64 * 210_000, "0"), (10**9, "0"),
    ],
)  # fmt: skip
def test_the_subsidy_of_a_height(height: int, btc: str) -> None:
    assert chain.subsidy_btc(height) == D(btc)
    assert chain.subsidy_sat(height) == int(D(btc) * 10**8)


def test_all_subsidies_together_and_the_supply_at_the_edges_of_the_eras() -> None:
    assert chain.MAX_SUPPLY_SAT == 2_099_999_997_690_000
    assert sum(210_000 * chain.subsidy_sat(k * 210_000) for k in range(70)) == 2_099_999_997_690_000
    assert [chain.supply_sat(height) for height in (0, 1, 209_999, 210_000)] == [
        50 * 10**8, 100 * 10**8, 10_500_000 * 10**8, 10_500_025 * 10**8,
    ]  # fmt: skip
    last = 6_929_999
    assert chain.supply_sat(last - 1) == 2_099_999_997_690_000 - 1
    assert {chain.supply_sat(height) for height in (last, last + 1, 13_440_000, 10**9)} == {2_099_999_997_690_000}


@given(HEIGHTS)
def test_each_block_adds_its_subsidy_to_the_supply(height: int) -> None:
    assert chain.supply_sat(height + 1) - chain.supply_sat(height) == chain.subsidy_sat(height + 1) >= 0


def test_halvings_and_periods() -> None:
    assert [chain.halving_height(k) for k in (0, 1, 4, 64)] == [0, 210_000, 840_000, 13_440_000]
    assert [chain.next_halving_height(height) for height in (0, 209_999, 210_000, 839_999, 840_000)] == [
        210_000, 210_000, 420_000, 840_000, 1_050_000,
    ]  # fmt: skip
    assert [chain.period_of(height) for height in (0, 2015, 2016, 931_391, 931_392)] == [0, 0, 1, 461, 462]
    with pytest.raises(NumberRefused, match="the number of halvings must be at most 64, not 65"):
        chain.halving_height(65)


@pytest.mark.parametrize("height", [-1, True, 1.0, D(5), "5", None])
def test_what_is_no_height_is_refused(height: object) -> None:
    for question in (chain.subsidy_sat, chain.subsidy_btc, chain.supply_sat, chain.period_of):
        with pytest.raises(NumberRefused, match="height must be"):
            question(height)  # type: ignore[arg-type]


def test_the_hashrate_of_the_network_and_the_convention() -> None:
    assert round(chain.network_hashrate(D14) / 10**18, 3) == D("715.828")
    exact = Fraction(2**48, 65535)
    assert round((exact / chain.HASHES_PER_DIFFICULTY - 1) * 10**6, 1) == Fraction("15.3")


def test_coins_of_a_hashrate_and_of_an_energy() -> None:
    subsidy = D("3.125")
    day = chain.btc_from_hashrate(100 * 10**12, 86_400, D14, subsidy=subsidy)
    assert round_btc(day) == D("0.00006286")
    assert round_btc(chain.btc_from_energy(1000, D("30.5"), D14, subsidy=subsidy)) == D("0.00085880")
    assert round_btc(chain.btc_from_energy(10_000, D("17.5"), D14, subsidy=subsidy)) == D("0.01496768")
    # Fees come on top of the subsidy, block by block.
    assert chain.btc_from_hashrate(100 * 10**12, 86_400, D14, subsidy=subsidy, fees=subsidy) == 2 * day
    # 40 digits of the exact quotient.
    exact = Fraction(100 * 10**12 * 86_400, D14 * 2**32) * Fraction(25, 8)
    assert abs(Fraction(day) / exact - 1) < Fraction(1, 10**39)


@given(st.integers(1, 10**9), st.integers(1, 10**5), st.integers(1, 10**16))
def test_energy_and_hashrate_agree(watts: int, seconds: int, difficulty: int) -> None:
    """A machine of 20 J/TH that draws ``watts`` has watts / 20 TH/s."""
    kwh = D(watts) * seconds / 3_600_000
    by_energy = chain.btc_from_energy(kwh, 20, difficulty, subsidy=50)
    by_rate = chain.btc_from_hashrate(D(watts) / 20 * 10**12, seconds, difficulty, subsidy=50)
    assert by_energy == pytest.approx(by_rate, rel=D("1e-26"), abs=0)  # the energy itself was made with 28 digits


def test_a_span_is_the_sum_of_its_pieces() -> None:
    pieces = [
        chain.Piece(D(3600), D(10**14), D("6.25"), D("0.1")),
        chain.Piece(D(1800), D(2 * 10**14), D("6.25"), D("0.1")),
        chain.Piece(D(1800), D(2 * 10**14), D("3.125"), D("0.1")),
    ]
    per_second = Fraction(10**15, 2**32 * 10**14)
    by_rate = per_second * (3600 * Fraction("6.35") + 900 * Fraction("6.35") + 900 * Fraction("3.225"))
    assert abs(Fraction(chain.btc_from_hashrate_over(10**15, pieces)) / by_rate - 1) < Fraction(1, 10**38)
    # 1 PH/s of 20 J/TH draws 20 kW: 40 kWh in the two hours.
    assert abs(Fraction(chain.btc_from_energy_over(40, 20, pieces)) / by_rate - 1) < Fraction(1, 10**38)
    assert chain.btc_from_hashrate_over(10**15, []) == 0
    with pytest.raises(NumberRefused, match="the seconds must be above 0"):
        chain.btc_from_energy_over(40, 20, [])


def test_solo_mining() -> None:
    expected = chain.expected_blocks_per_year(12 * 10**11, D14)
    assert f"{expected:.3e}" == "8.817e-5"
    assert float(chain.chance_of_a_block(expected)) == pytest.approx(-expm1(-float(expected)), rel=1e-15)
    assert chain.chance_of_a_block(0) == 0
    assert chain.chance_of_a_block(D("1E-30")) == pytest.approx(D("1E-30"), rel=D("1E-29"), abs=0)
    assert chain.chance_of_a_block(10**6) == 1


@pytest.mark.parametrize("bad", [-1, D("NaN"), D("Infinity"), D("-0.1"), 1.5, "1", True, None, D("1E+121")])
def test_numbers_that_cannot_be_meant_are_refused(bad: object) -> None:
    asked = [
        lambda: chain.network_hashrate(bad),  # type: ignore[arg-type]
        lambda: chain.blocks_expected(bad, 1, 1),  # type: ignore[arg-type]
        lambda: chain.blocks_expected(1, bad, 1),  # type: ignore[arg-type]
        lambda: chain.btc_from_hashrate(1, 1, 1, subsidy=bad),  # type: ignore[arg-type]
        lambda: chain.btc_from_hashrate(1, 1, 1, subsidy=1, fees=bad),  # type: ignore[arg-type]
        lambda: chain.btc_from_energy(bad, 1, 1, subsidy=1),  # type: ignore[arg-type]
        lambda: chain.btc_from_energy(1, bad, 1, subsidy=1),  # type: ignore[arg-type]
        lambda: chain.chance_of_a_block(bad),  # type: ignore[arg-type]
    ]
    for question in asked:
        with pytest.raises(NumberRefused, match="must "):
            question()


def test_nothing_is_divided_by_a_difficulty_of_zero() -> None:
    with pytest.raises(NumberRefused, match="the difficulty must be above 0, not 0"):
        chain.network_hashrate(0)
    with pytest.raises(NumberRefused, match="the difficulty must be at least 1E-120"):
        chain.network_hashrate(D("1E-121"))


class TestRealDays:
    """All 5,617 days, four halvings among them."""

    pytestmark = needs_btc

    def test_the_supply_of_each_day_is_that_of_its_height(self) -> None:
        """The file's height is its supply in blocks, rounded, and never had the first block's coins: 1 block short."""
        assert len(days()) == 5617
        for day in days():
            short = D(chain.supply_sat(day.height)) / 10**8 - day.supply
            assert D("0.5") <= short / chain.subsidy_btc(day.height) <= D("1.5"), day

    def test_each_day_issued_whole_subsidies_of_its_height(self) -> None:
        """But for the four days with a halving, and for coins nobody claimed: then satoshis are missing."""
        halvings, whole, near = [], 0, 0
        for before, day in pairwise(days()):
            assert day.issued is not None
            if day.on in HALVING_DAYS:
                halvings.append((chain.subsidy_btc(before.height), chain.subsidy_btc(day.height + 150)))
                continue
            blocks = day.issued / chain.subsidy_btc(day.height)
            near += abs(blocks - round(blocks)) < D("0.001")
            whole += 1
        assert halvings == [(D(50), D(25)), (D(25), D("12.5")), (D("12.5"), D("6.25")), (D("6.25"), D("3.125"))]
        assert (near, whole) == (5342, 5612)

    def test_the_network_s_hashrate_of_each_day_is_blocks_times_difficulty(self) -> None:
        """The file's one-day estimate is ``blocks * difficulty * 2**32 / 86400``: with our constant, whole blocks."""
        known = {float(row.difficulty) for row in retargets()}
        whole = 0
        for day in days():
            blocks = day.hashrate_hps * 86_400 / (day.difficulty * chain.HASHES_PER_DIFFICULTY)
            whole += abs(blocks - round(blocks)) < D("0.0001")
            assert float(day.difficulty) in known
        assert whole > 4500  # the others hold a retarget, or its date is a day out
