"""The calculator, against figures worked out by hand, against fractions on real days, and by its properties."""

import random
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction as F
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketdata.engine.hashprice import break_even_usd_per_kwh, hashprice_usd_per_ph_day
from marketdata.engine.numbers import NumberRefused, round_btc, round_rate, round_usd
from marketdata.engine.profitability import Result, calculate, calculate_fleet, scenarios, sensitivity
from marketdata.engine.profitability_inputs import Inputs, Machines, Market, Operation
from tests.marketdata.engine import by_fractions
from tests.marketdata.engine.sample import days, needs_btc

D = Decimal
S19 = Machines(100, 3050, price_usd=1500)
MARKET = Market(100_000, 10**14, subsidy_btc=D("3.125"))


def asked(**changes: Any) -> Inputs:
    """A plain question, but for ``changes`` by the name of their field."""
    parts: dict[str, Any] = {"machines": S19, "operation": Operation(D("0.05")), "market": MARKET}
    months = changes.pop("months", 24)
    for key, part in parts.items():
        parts[key] = replace(part, **{name: changes.pop(name) for name in part.__slots__ if name in changes})
    assert not changes
    return Inputs(**parts, months=months)


def test_a_day_of_one_machine() -> None:
    found = calculate(asked())
    assert found.daily.btc == D("0.00006286")
    assert found.daily.revenue_usd == D("6.29")  # a tenth of 62.864
    assert found.daily.energy_kwh == D("73.2")
    assert found.daily.energy_usd == D("3.66")
    assert found.daily.net_usd == D("2.63")  # 6.2864 - 3.66
    assert (found.j_per_th, found.power_w, found.capital_usd) == (D("30.5"), 3050, 1500)
    assert found.break_even_usd_per_kwh == D("0.085880")
    assert found.break_even_btc_usd == D("58220.67")


def test_months_payback_and_return() -> None:
    found = calculate(asked(months=19))
    assert [month.number for month in found.months] == list(range(1, 20))
    assert found.months[0].figures.net_usd == D("79.94")  # 2.62643 * 30.4375
    assert found.months[1].cumulative_usd == D("159.88")
    assert (found.months[-1].cumulative_usd, found.payback_month) == (D("1518.90"), 19)
    assert calculate(asked(months=18)).payback_month is None
    assert found.roi == D("0.012597")
    assert calculate(asked(price_usd=0)).roi is None
    assert calculate(asked(price_usd=0)).payback_month == 1


def test_decay_is_compound_and_growth_too() -> None:
    found = calculate(asked(decay_percent_monthly=10, difficulty_growth_percent_monthly=20, months=3))
    assert [month.hashrate_ths for month in found.months] == [100, 90, 81]
    assert [month.difficulty for month in found.months] == [10**14, 12 * 10**13, 144 * 10**12]
    revenue = [month.figures.revenue_usd for month in found.months]
    assert revenue == [D("191.34"), D("143.51"), D("107.63")]  # times 0.9 / 1.2 each
    assert len({month.figures.energy_usd for month in found.months}) == 1  # a weaker machine draws the same


def test_what_scales_coins_and_what_scales_energy() -> None:
    whole = calculate(asked())
    half = calculate(asked(uptime_percent=50))
    assert (half.daily.energy_kwh, half.daily.btc) == (D("36.6"), D("0.00003143"))
    assert half.break_even_usd_per_kwh == whole.break_even_usd_per_kwh
    assert calculate(asked(pool_fee_percent=2)).daily.btc == D("0.00006161")
    assert calculate(asked(pue=D("1.1"), cooling_w=45)).power_w == D("3400.0")
    assert calculate(asked(pue=D("1.1"), cooling_w=45)).j_per_th == D("30.5")  # the machine's own
    ten = calculate(asked(quantity=10))
    assert (ten.capital_usd, ten.daily.energy_kwh, ten.daily.btc) == (15_000, 732, D("0.00062864"))
    assert ten.payback_month == whole.payback_month
    assert calculate(asked(fees_per_block_btc=D("3.125"))).daily.revenue_usd == D("12.57")


def test_energy_prices_by_hour_by_month_and_negative() -> None:
    by_hour = [D("0.04")] * 12 + [D("0.06")] * 12
    assert calculate(asked(energy_usd_per_kwh=by_hour)).daily == calculate(asked()).daily
    by_month = calculate(asked(energy_usd_per_kwh=lambda month: D("0.05") + month, months=2))
    assert [month.figures.energy_usd for month in by_month.months] == [D("111.40"), D("2339.43")]
    paid = calculate(asked(energy_usd_per_kwh=D("-0.01")))
    assert (paid.daily.energy_usd, paid.daily.net_usd) == (D("-0.73"), D("7.02"))
    with pytest.raises(NumberRefused, match="the energy price of month 1 must be finite"):
        calculate(asked(energy_usd_per_kwh=lambda month: D("0.05") if month == 0 else D("NaN")))


def test_a_halving_by_height_falls_into_its_month() -> None:
    """1,461 blocks are left at height 1,048,538: 10.145833... days of the first month have the old subsidy."""
    found = calculate(asked(subsidy_btc=None, height=1_048_538, months=2))
    old, new = (
        calculate(asked(subsidy_btc=D(subsidy))).months[0].figures.revenue_usd for subsidy in ("3.125", "1.5625")
    )
    share = D(1461) / 144 / D("30.4375")
    assert found.months[0].figures.revenue_usd == pytest.approx(old * share + new * (1 - share), abs=D("0.01"))
    assert found.months[1].figures.revenue_usd == new
    assert found.daily.revenue_usd == D("6.29")
    # The next block itself halves: nothing is left of the old subsidy.
    assert calculate(asked(subsidy_btc=None, height=1_049_999)).months[0].figures.revenue_usd == new
    assert calculate(asked(subsidy_btc=None, height=1_049_998)).months[0].figures.revenue_usd > new


def test_a_halving_by_its_day() -> None:
    by_day = calculate(asked(halving_in_days=D("30.4375"), months=3))
    revenue = [month.figures.revenue_usd for month in by_day.months]
    assert revenue == [D("191.34"), D("95.67"), D("95.67")]
    assert calculate(asked(halving_in_days=0, months=1)).months[0].figures.revenue_usd == D("95.67")
    # Four years later, after 210,000 blocks, the next one: a quarter.
    late = calculate(asked(halving_in_days=0, months=49)).months
    assert (late[46].figures.revenue_usd, late[48].figures.revenue_usd) == (D("95.67"), D("47.84"))
    both = calculate(asked(subsidy_btc=None, height=900_000, halving_in_days=0, months=1))
    assert both.months[0].figures.revenue_usd == D("95.67")


def test_machines_that_never_pay_back() -> None:
    found = calculate(asked(energy_usd_per_kwh=D("0.10")))
    assert (found.payback_month, found.daily.net_usd) == (None, D("-1.03"))
    assert found.roi is not None
    assert found.roi < -1
    idle = calculate(asked(uptime_percent=0))
    assert (idle.break_even_usd_per_kwh, idle.break_even_btc_usd, idle.roi) == (None, None, -1)
    free = calculate(asked(power_w=0))
    assert (free.break_even_usd_per_kwh, free.break_even_btc_usd, free.j_per_th) == (None, 0, 0)
    # Nothing paid and nothing earned: the capital is reached, exactly.
    assert calculate(asked(price_usd=0, power_w=0, uptime_percent=0)).payback_month == 1
    dead = calculate(asked(decay_percent_monthly=100, months=2))
    assert [month.hashrate_ths for month in dead.months] == [100, 0]


def test_a_grid_of_prices() -> None:
    grid = sensitivity(asked(), [D("0.5"), 1, 2], [0, D("0.05")])
    assert (grid.price_factors, grid.energy_prices) == ((D("0.5"), 1, 2), (0, D("0.05")))
    assert [[cell.daily.net_usd for cell in row] for row in grid.results] == [
        [D("3.14"), D("-0.52")], [D("6.29"), D("2.63")], [D("12.57"), D("8.91")],
    ]  # fmt: skip
    assert grid.results[1][1] == calculate(asked())


def test_scenarios_of_the_difficulty() -> None:
    found = scenarios(asked(), [-5, 0, D("3.5")])
    assert [growth for growth, _ in found] == [-5, 0, D("3.5")]
    nets = [result.net_usd for _, result in found]
    assert nets == sorted(nets, reverse=True)
    assert found[1][1] == calculate(asked())


def test_a_fleet_is_the_sum_of_its_machines() -> None:
    s9 = Machines(D("13.5"), 1323, price_usd=80, quantity=20, decay_percent_monthly=1)
    one, two = asked(), Inputs(s9, Operation(D("0.03"), pool_fee_percent=1), MARKET)
    fleet = calculate_fleet([one, two])
    parts = [calculate(one), calculate(two)]
    assert fleet.capital_usd == 3100
    assert fleet.daily.energy_kwh == sum(part.daily.energy_kwh for part in parts)
    assert fleet.net_usd == pytest.approx(sum(part.net_usd for part in parts), abs=D("0.02"))
    assert fleet.j_per_th == round_rate(D(3050 + 20 * 1323) / D(100 + 270))
    with pytest.raises(NumberRefused, match="the same market and the same months"):
        calculate_fleet([one, replace(two, months=12)])
    with pytest.raises(NumberRefused, match="the same market and the same months"):
        calculate_fleet([one, replace(two, market=replace(MARKET, btc_usd=1))])
    with pytest.raises(NumberRefused, match="at least one kind of machine"):
        calculate_fleet([])


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"hashrate_ths": 0}, "the hashrate must be above 0"),
        ({"hashrate_ths": D("NaN")}, "the hashrate must be finite"),
        ({"hashrate_ths": 1.5}, "the hashrate must be a whole number or a Decimal, not float"),
        ({"power_w": -1}, "the power must be at least 0"),
        ({"price_usd": D("-0.01")}, "the price of a machine must be"),
        ({"quantity": 0}, "the quantity must be at least 1"),
        ({"quantity": D(1)}, "the quantity must be a whole number"),
        ({"decay_percent_monthly": 101}, "the decay must be at most 100"),
        ({"pool_fee_percent": D("100.01")}, "the pool fee must be at most 100"),
        ({"pool_fee_percent": -1}, "the pool fee must be at least 0"),
        ({"uptime_percent": 101}, "the uptime must be at most 100"),
        ({"pue": D("0.9")}, "the PUE must be at least 1"),
        ({"cooling_w": -1}, "the cooling must be at least 0"),
        ({"btc_usd": -1}, "the BTC price must be at least 0"),
        ({"btc_usd": D("Infinity")}, "the BTC price must be finite"),
        ({"difficulty": 0}, "the difficulty must be"),
        ({"fees_per_block_btc": -1}, "the fees must be at least 0"),
        ({"height": 1}, "either the height or the subsidy"),
        ({"subsidy_btc": None}, "either the height or the subsidy"),
        ({"subsidy_btc": -1}, "the subsidy must be"),
        ({"halving_in_days": -1}, "the days until the halving must be"),
        ({"months": 0}, "the months must be at least 1"),
        ({"months": 241}, "the months must be at most 240"),
        ({"difficulty_growth_percent_monthly": -51}, "the growth of the difficulty must be at least -50"),
        ({"energy_usd_per_kwh": D("NaN")}, "the energy price must be finite"),
        ({"energy_usd_per_kwh": [D("0.05")] * 23}, "a day has 24 energy prices, not 23"),
        ({"energy_usd_per_kwh": [D("0.05")] * 23 + [None]}, "the energy price of hour 23 must be"),
        ({"energy_usd_per_kwh": "0.05"}, "a day has 24 energy prices"),
        ({"energy_usd_per_kwh": None}, "the energy price"),
        ({"subsidy_btc": None, "height": -1}, "the height must be at least 0"),
    ],
)
def test_what_cannot_be_meant_is_refused(changes: dict[str, object], why: str) -> None:
    with pytest.raises(NumberRefused, match=why):
        asked(**changes)


@settings(max_examples=25)
@given(
    st.sampled_from([D("1E-40"), D(1), D(10**9)]), st.sampled_from([0, D("1E-40"), 10**9]),
    st.sampled_from([D("0.000001"), 10**30]), st.sampled_from([-50, 100]), st.sampled_from([0, 10**12]),
    st.sampled_from([-(10**12), D("1E-40"), 10**12]), st.sampled_from([1, 10**9]),
    st.sampled_from([0, D("99.9999999"), 100]),
)  # fmt: skip
def test_the_widest_questions_have_an_answer(
    ths: Any, watts: Any, difficulty: Any, growth: Any, price: Any, energy: Any, count: int, decay: Any
) -> None:
    inputs = asked(
        hashrate_ths=ths, power_w=watts, price_usd=price, quantity=count, cooling_w=watts, pue=10, btc_usd=price,
        difficulty=difficulty, difficulty_growth_percent_monthly=growth, energy_usd_per_kwh=energy,
        decay_percent_monthly=decay,
        subsidy_btc=10**12, fees_per_block_btc=10**12, months=240,
    )  # fmt: skip
    assert calculate(inputs).net_usd.is_finite()


@given(st.integers(1, 500), st.integers(1, 9000), st.integers(0, 100), st.integers(0, 300_000))
def test_at_its_break_even_prices_a_day_earns_nothing(ths: int, watts: int, fee: int, price: int) -> None:
    found = calculate(asked(hashrate_ths=ths, power_w=watts, pool_fee_percent=fee, btc_usd=price, months=1))
    assert found.break_even_usd_per_kwh is not None
    hashprice = hashprice_usd_per_ph_day(10**14, D("3.125"), 0, price)
    assert found.break_even_usd_per_kwh == round_rate(break_even_usd_per_kwh(hashprice, D(watts) / ths, fee))
    if found.break_even_btc_usd is not None and found.daily.btc > D("0.00001"):
        even = calculate(asked(hashrate_ths=ths, power_w=watts, pool_fee_percent=fee, btc_usd=found.break_even_btc_usd))
        assert abs(even.daily.net_usd) <= D("0.01")


@given(st.integers(-100, 1000), st.integers(0, 1000))
def test_dearer_power_never_earns_more(price: int, more: int) -> None:
    cheap, dear = (calculate(asked(energy_usd_per_kwh=D(cents) / 1000, months=3)) for cents in (price, price + more))
    assert dear.net_usd <= cheap.net_usd


def test_rounding_is_half_up_and_away_from_zero() -> None:
    assert [round_usd(D(text)) for text in ("0.005", "-0.005", "0.0049999")] == [D("0.01"), D("-0.01"), D("0.00")]
    assert round_btc(D("0.000000005")) == D("0.00000001")
    assert round_rate(D("0.0000005")) == D("0.000001")


def as_fractions(result: Result) -> dict[str, Any]:
    def one(value: Decimal | None) -> F | None:
        return None if value is None else F(value)

    def row(figures: Any) -> tuple[F | None, ...]:
        return tuple(one(v) for v in (figures.btc, figures.revenue_usd, figures.energy_usd, figures.net_usd))

    return {
        "table": [(*row(month.figures), F(month.cumulative_usd)) for month in result.months],
        "daily": row(result.daily),
        "payback": result.payback_month,
        "roi": one(result.roi),
        "kwh_even": one(result.break_even_usd_per_kwh),
        "btc_even": one(result.break_even_btc_usd),
    }


class TestRealDays:
    """On real days with random machines, against the calculator written again in fractions: 0.00 difference."""

    pytestmark = needs_btc

    def test_it_equals_a_second_calculator(self) -> None:
        rng = random.Random(840_000)
        paid, halved = 0, 0
        for day in [*rng.sample(days(), 250), *(day for day in days() if day.on.year == 2024 and day.on.month == 4)]:
            hours = [D(rng.randrange(-20, 120)) / 1000 for _ in range(24)]
            of_month = [D(rng.randrange(0, 120)) / 1000 for _ in range(6)]
            energy: Any = rng.choice([D(rng.randrange(0, 150)) / 1000, hours, lambda month, by=of_month: by[month % 6]])
            question = Inputs(
                Machines(D(rng.randrange(5, 5000)) / 10, rng.randrange(500, 9000), D(rng.randrange(0, 9000)),
                         rng.randrange(1, 900), D(rng.randrange(0, 40)) / 10),
                Operation(energy, D(rng.randrange(0, 50)) / 10, D(rng.randrange(500, 1001)) / 10,
                          D(rng.randrange(100, 160)) / 100, rng.randrange(0, 300)),
                Market(day.price, day.difficulty, height=day.height, fees_per_block_btc=D(rng.randrange(0, 99)) / 100,
                       difficulty_growth_percent_monthly=D(rng.randrange(-50, 80)) / 10),
                rng.randrange(1, 60),
            )  # fmt: skip
            found = calculate(question)
            assert as_fractions(found) == by_fractions.answer(self._plain(question, energy)), (day, question)
            paid += found.payback_month is not None
            halved += found.months[0].number == 1 and question.months > 48
        assert paid > 20
        assert halved > 20

    @staticmethod
    def _plain(question: Inputs, energy: Any) -> by_fractions.Ask:
        machines, operation, market = question.machines, question.operation, question.market

        def price(month: int) -> F:
            if callable(energy):
                return F(energy(month))
            return sum((F(one) for one in energy), F(0)) / 24 if isinstance(energy, list) else F(energy)

        return by_fractions.Ask(
            F(machines.hashrate_ths), F(machines.power_w), F(machines.price_usd), machines.quantity,
            F(machines.decay_percent_monthly), price, F(operation.pool_fee_percent), F(operation.uptime_percent),
            F(operation.pue), F(operation.cooling_w), F(market.btc_usd), F(market.difficulty), market.height or 0,
            F(market.fees_per_block_btc), F(market.difficulty_growth_percent_monthly), question.months,
        )  # fmt: skip
