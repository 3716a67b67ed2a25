"""The calculator: what machines earn and cost, month by month, when they have paid for themselves and from which price.

Stateless: everything comes in with the question. In month m (from 0) the hashrate is ``H0 * (1 - decay) ** m`` and the
difficulty ``D0 * (1 + growth) ** m``; coins are ``hashes / (difficulty * 2**32) * (subsidy + fees)``. Uptime counts for
coins and for energy, the pool fee for coins; the price of a coin stays. Inside everything has 40 digits; each figure of
a result is rounded once, half up, from the exact one, so a sum of rounded lines may miss its total by cents.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from marketdata.engine.chain import HASHES_PER_TH, SECONDS_PER_DAY, btc_from_hashrate
from marketdata.engine.hashprice import KWH_PER_DAY_AND_WATT
from marketdata.engine.numbers import (
    HUNDRED,
    ZERO,
    Number,
    NumberRefused,
    exactly,
    number,
    round_btc,
    round_rate,
    round_usd,
)
from marketdata.engine.profitability_inputs import DAYS_PER_MONTH, Inputs, energy_price


@dataclass(frozen=True, slots=True)
class Figures:
    """Coins (after the pool's fee), revenue, energy and net of a span of time."""

    btc: Decimal
    revenue_usd: Decimal
    energy_kwh: Decimal
    energy_usd: Decimal
    net_usd: Decimal


@dataclass(frozen=True, slots=True)
class Month:
    """One line of the table; ``number`` counts from 1, ``cumulative_usd`` is the net up to its end."""

    number: int
    hashrate_ths: Decimal
    difficulty: Decimal
    figures: Figures
    cumulative_usd: Decimal


@dataclass(frozen=True, slots=True)
class Result:
    """The answer. None says that there is none.

    ``daily`` is a day of the first month. ``payback_month`` is the first whose cumulative net reaches the capital
    (None: not within the months asked). ``roi`` is (net of all months - capital) / capital (None: nothing was paid).
    ``break_even_usd_per_kwh`` and ``break_even_btc_usd`` are where the first month's net is zero (None: no energy is
    used, or no coin is earned).
    """

    capital_usd: Decimal
    power_w: Decimal
    j_per_th: Decimal
    daily: Figures
    months: tuple[Month, ...]
    net_usd: Decimal
    payback_month: int | None
    roi: Decimal | None
    break_even_usd_per_kwh: Decimal | None
    break_even_btc_usd: Decimal | None


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """Results by BTC price (rows, as factors of the price asked) and energy price (columns, USD per kWh)."""

    price_factors: tuple[Decimal, ...]
    energy_prices: tuple[Decimal, ...]
    results: tuple[tuple[Result, ...], ...]


def calculate(inputs: Inputs) -> Result:
    """The answer for machines of one kind."""
    return calculate_fleet([inputs])


def calculate_fleet(groups: Sequence[Inputs]) -> Result:
    """The answer for several kinds together. Raises NumberRefused where their market or their months differ."""
    if not groups:
        raise NumberRefused("a fleet has at least one kind of machine")
    first = groups[0]
    if any(group.market != first.market or group.months != first.months for group in groups):
        raise NumberRefused("the machines of a fleet are asked about with the same market and the same months")
    with exactly():
        capital = sum((group.capital_usd for group in groups), ZERO)
        exact = [_sum([_days(group, month, DAYS_PER_MONTH) for group in groups]) for month in range(first.months)]
        day = _sum([_days(group, 0, Decimal(1)) for group in groups])
        cumulative = _running([figures.net_usd for figures in exact])
        watts = sum((Decimal(group.machines.power_w) * group.machines.quantity for group in groups), ZERO)
        ths = [sum((group.hashrate_ths(month) for group in groups), ZERO) for month in range(first.months)]
        paid = next((place + 1 for place, net in enumerate(cumulative) if net >= capital), None)
        return Result(
            capital_usd=round_usd(capital),
            power_w=sum((group.power_w for group in groups), ZERO),
            j_per_th=round_rate(watts / ths[0]),
            daily=_rounded(day),
            months=tuple(
                Month(month + 1, round_rate(ths[month]), round_rate(first.difficulty(month)), _rounded(exact[month]),
                      round_usd(cumulative[month]))
                for month in range(first.months)
            ),
            net_usd=round_usd(cumulative[-1]),
            payback_month=paid,
            roi=round_rate((cumulative[-1] - capital) / capital) if capital else None,
            break_even_usd_per_kwh=round_rate(day.revenue_usd / day.energy_kwh) if day.energy_kwh else None,
            break_even_btc_usd=round_usd(day.energy_usd / day.btc) if day.btc else None,
        )  # fmt: skip


def sensitivity(inputs: Inputs, price_factors: Sequence[Number], energy_prices: Sequence[Number]) -> Sensitivity:
    """The answer for each BTC price (``inputs``' times a factor) and each energy price in USD per kWh."""
    factors = tuple(number("a factor of the price", factor) for factor in price_factors)
    prices = tuple(energy_price("an energy price", price) for price in energy_prices)
    with exactly():
        rows = [replace(inputs, market=replace(inputs.market, btc_usd=inputs.market.btc_usd * one)) for one in factors]
    return Sensitivity(factors, prices, tuple(tuple(calculate(_at_energy(row, one)) for one in prices) for row in rows))


def scenarios(inputs: Inputs, growths: Sequence[Number]) -> tuple[tuple[Decimal, Result], ...]:
    """The answer for each monthly growth of the difficulty, in percent."""
    found = []
    for growth in growths:
        market = replace(inputs.market, difficulty_growth_percent_monthly=growth)
        found.append((Decimal(growth), calculate(replace(inputs, market=market))))
    return tuple(found)


def _at_energy(inputs: Inputs, price: Decimal) -> Inputs:
    return replace(inputs, operation=replace(inputs.operation, energy_usd_per_kwh=price))


def _days(inputs: Inputs, month: int, days: Decimal) -> Figures:
    """Exact figures of the first ``days`` of a month."""
    operation, market = inputs.operation, inputs.market
    uptime = Decimal(operation.uptime_percent) / HUNDRED
    start = month * DAYS_PER_MONTH
    mined = btc_from_hashrate(
        inputs.hashrate_ths(month) * HASHES_PER_TH * uptime, days * SECONDS_PER_DAY, inputs.difficulty(month),
        subsidy=market.subsidy(start, start + days), fees=market.fees_per_block_btc,
    )  # fmt: skip
    btc = mined * (1 - Decimal(operation.pool_fee_percent) / HUNDRED)
    kwh = inputs.power_w * KWH_PER_DAY_AND_WATT * uptime * days
    revenue, cost = btc * market.btc_usd, kwh * operation.price(month)
    return Figures(btc, revenue, kwh, cost, revenue - cost)


def _sum(parts: Sequence[Figures]) -> Figures:
    return Figures(
        btc=sum((part.btc for part in parts), ZERO),
        revenue_usd=sum((part.revenue_usd for part in parts), ZERO),
        energy_kwh=sum((part.energy_kwh for part in parts), ZERO),
        energy_usd=sum((part.energy_usd for part in parts), ZERO),
        net_usd=sum((part.net_usd for part in parts), ZERO),
    )


def _running(values: Sequence[Decimal]) -> list[Decimal]:
    total, found = ZERO, []
    for value in values:
        total += value
        found.append(total)
    return found


def _rounded(figures: Figures) -> Figures:
    return Figures(
        btc=round_btc(figures.btc),
        revenue_usd=round_usd(figures.revenue_usd),
        energy_kwh=round_rate(figures.energy_kwh),
        energy_usd=round_usd(figures.energy_usd),
        net_usd=round_usd(figures.net_usd),
    )
