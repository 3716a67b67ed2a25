"""What the calculator is asked: machines, how they are run, the market, and for how many months.

Percentages are percent (2 is 2 %), power is W, prices are USD. Each of these refuses numbers that cannot be meant as
soon as it is made, so that nothing later has to ask again.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from marketdata.engine.chain import HALVING_BLOCKS, SECONDS_PER_DAY, TARGET_SPACING_S, next_halving_height, subsidy_btc
from marketdata.engine.numbers import HUNDRED, ONE, ZERO, Number, NumberRefused, exactly, number, whole

DAYS_PER_MONTH = Decimal("30.4375")  # 365.25 / 12
HOURS = 24
MOST_MONTHS = 240
# What a question may hold; the widest of them together still give numbers that can be rounded to cents.
MOST_THS, MOST_W, MOST_USD, MOST_QUANTITY = 10**9, 10**9, 10**12, 10**9
LEAST_DIFFICULTY, MOST_DIFFICULTY = Decimal("0.000001"), 10**30
LEAST_GROWTH_PERCENT, MOST_GROWTH_PERCENT = -50, 100
MOST_DAYS = 100_000
BLOCKS_PER_DAY = Decimal(SECONDS_PER_DAY) / TARGET_SPACING_S
# A price per kWh, the 24 of a day, or what a tariff answers for the month of this number (from 0).
EnergyPrice = Number | Sequence[Number] | Callable[[int], Number]


def energy_price(name: str, value: object) -> Decimal:
    """A price per kWh, which may be negative. Raises NumberRefused."""
    return number(name, value, least=-MOST_USD, most=MOST_USD)


@dataclass(frozen=True, slots=True)
class Machines:
    """Machines of one kind: TH/s, W and price of each. ``decay_percent_monthly`` of the hashrate is lost, compound."""

    hashrate_ths: Number
    power_w: Number
    price_usd: Number = 0
    quantity: int = 1
    decay_percent_monthly: Number = 0

    def __post_init__(self) -> None:
        number("the hashrate", self.hashrate_ths, above=0, most=MOST_THS)
        number("the power", self.power_w, most=MOST_W)
        number("the price of a machine", self.price_usd, most=MOST_USD)
        whole("the quantity", self.quantity, least=1, most=MOST_QUANTITY)
        number("the decay", self.decay_percent_monthly, most=100)


@dataclass(frozen=True, slots=True)
class Operation:
    """How they are run. ``cooling_w`` is per machine and beside the PUE; a machine that is down uses none."""

    energy_usd_per_kwh: EnergyPrice
    pool_fee_percent: Number = 0
    uptime_percent: Number = 100
    pue: Number = 1
    cooling_w: Number = 0

    def __post_init__(self) -> None:
        number("the pool fee", self.pool_fee_percent, most=100)
        number("the uptime", self.uptime_percent, most=100)
        number("the PUE", self.pue, least=1, most=10)
        number("the cooling", self.cooling_w, most=MOST_W)
        if not callable(self.energy_usd_per_kwh):
            self.price(0)

    def price(self, month: int) -> Decimal:
        """USD per kWh of a month; of 24 hours the plain mean, because machines draw the same day and night.

        It may be negative. Raises NumberRefused for what is no price.
        """
        found = self.energy_usd_per_kwh
        if callable(found):
            return energy_price(f"the energy price of month {month}", found(month))
        if not isinstance(found, Sequence):
            return energy_price("the energy price", found)
        if isinstance(found, str) or len(found) != HOURS:
            raise NumberRefused(f"a day has {HOURS} energy prices, not {len(found)}")
        with exactly():
            hours = (energy_price(f"the energy price of hour {hour}", one) for hour, one in enumerate(found))
            return sum(hours, ZERO) / HOURS


@dataclass(frozen=True, slots=True)
class Market:
    """Price, difficulty and reward at the start; the price stays, the difficulty grows from month to month.

    Either ``height`` (the newest block's) or ``subsidy_btc`` is given. By height the subsidy halves where the rule
    says, counted on at 600 s per block; ``halving_in_days`` sets the first halving instead, by a date somebody expects.
    With a subsidy alone it halves only if that is given. Later halvings follow every 210,000 blocks.
    """

    btc_usd: Number
    difficulty: Number
    height: int | None = None
    subsidy_btc: Number | None = None
    halving_in_days: Number | None = None
    fees_per_block_btc: Number = 0
    difficulty_growth_percent_monthly: Number = 0

    def __post_init__(self) -> None:
        number("the BTC price", self.btc_usd, most=MOST_USD)
        number("the difficulty", self.difficulty, least=LEAST_DIFFICULTY, most=MOST_DIFFICULTY)
        number("the fees", self.fees_per_block_btc, most=MOST_USD)
        number(
            "the growth of the difficulty", self.difficulty_growth_percent_monthly,
            least=LEAST_GROWTH_PERCENT, most=MOST_GROWTH_PERCENT,
        )  # fmt: skip
        if (self.height is None) == (self.subsidy_btc is None):
            raise NumberRefused("either the height or the subsidy must be given, and not both")
        if self.height is not None:
            whole("the height", self.height, most=10**9)
        if self.subsidy_btc is not None:
            number("the subsidy", self.subsidy_btc, most=MOST_USD)
        if self.halving_in_days is not None:
            number("the days until the halving", self.halving_in_days, most=MOST_DAYS)

    def subsidy(self, from_day: Decimal, to_day: Decimal) -> Decimal:
        """The mean subsidy between two days from the start, each part of the span by the subsidy it has."""
        total, day = ZERO, from_day
        with exactly():
            step, subsidy = self._first_halving(), self._first_subsidy()
            while step is not None and step < to_day:
                if step > day:
                    total, day = total + (step - day) * subsidy, step
                subsidy = self._halved(subsidy)
                step += HALVING_BLOCKS / BLOCKS_PER_DAY
            return (total + (to_day - day) * subsidy) / (to_day - from_day)

    def _first_subsidy(self) -> Decimal:
        # The next block is the first that can be found.
        return subsidy_btc(self.height + 1) if self.height is not None else Decimal(self.subsidy_btc or 0)

    def _first_halving(self) -> Decimal | None:
        if self.halving_in_days is not None:
            return Decimal(self.halving_in_days)
        if self.height is None:
            return None
        return (next_halving_height(self.height + 1) - self.height - 1) / BLOCKS_PER_DAY

    @staticmethod
    def _halved(subsidy: Decimal) -> Decimal:
        """As the rule does it: in whole satoshis."""
        return Decimal(int(subsidy.scaleb(8)) >> 1).scaleb(-8)


@dataclass(frozen=True, slots=True)
class Inputs:
    """One question to the calculator."""

    machines: Machines
    operation: Operation
    market: Market
    months: int = 24

    def __post_init__(self) -> None:
        whole("the months", self.months, least=1, most=MOST_MONTHS)

    @property
    def capital_usd(self) -> Decimal:
        """What all the machines cost."""
        with exactly():
            return Decimal(self.machines.price_usd) * self.machines.quantity

    @property
    def power_w(self) -> Decimal:
        """What all of them draw while they run, cooling included."""
        machines, operation = self.machines, self.operation
        with exactly():
            return (Decimal(machines.power_w) * operation.pue + operation.cooling_w) * machines.quantity

    def hashrate_ths(self, month: int) -> Decimal:
        """What is left of their hashrate in a month, uptime not counted."""
        machines = self.machines
        with exactly():
            kept = (ONE - Decimal(machines.decay_percent_monthly) / HUNDRED) ** month if month else ONE
            return Decimal(machines.hashrate_ths) * machines.quantity * kept

    def difficulty(self, month: int) -> Decimal:
        """In a month, by the growth assumed."""
        with exactly():
            growth = ONE + Decimal(self.market.difficulty_growth_percent_monthly) / HUNDRED
            return Decimal(self.market.difficulty) * growth**month
