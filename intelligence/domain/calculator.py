"""The calculator: what machines earn at a price of energy and in a market; it reads, and keeps nothing.

The arithmetic is ``marketdata.engine.profitability``. Here the question is put together: the market is the last good
snapshot, or what somebody types instead of parts of it, and the answer says which.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from hashinsight.common.errors import DomainError
from hosting.models import MinerModel
from intelligence.domain.energy import EnergyPrice
from marketdata.domain import watching
from marketdata.engine.chain import subsidy_btc
from marketdata.engine.hashprice import hashprice_usd_per_ph_day
from marketdata.engine.numbers import HUNDRED, ZERO, NumberRefused, exactly
from marketdata.engine.profitability import Result, Sensitivity, calculate, scenarios, sensitivity
from marketdata.engine.profitability_inputs import Inputs, Machines, Market, Operation
from marketdata.models import NetworkSnapshot

MOST_MONTHS = 120
PRICE_FACTORS = tuple(Decimal(one) / 100 for one in (60, 80, 100, 120, 150))
ENERGY_FACTORS = tuple(Decimal(one) / 100 for one in (50, 75, 100, 125, 150))
ENERGY_PRICES = tuple(Decimal(one) / 100 for one in (0, 3, 6, 9, 12))  # where there is nothing to take a share of
GROWTHS = (Decimal(-2), Decimal(0), Decimal(2), Decimal(4))


class NoMarket(DomainError):
    """Nobody knows the market; ``params["missing"]`` names what would have to be typed."""

    code = "no_market"


class NotReckonable(DomainError):
    """The figures are out of what can be reckoned with."""

    code = "not_reckonable"


@dataclass(frozen=True)
class Typed:
    """What somebody says of the market instead of the last snapshot; None: as the snapshot has it."""

    btc_usd: Decimal | None = None
    difficulty: Decimal | None = None
    block_height: int | None = None
    fees_per_block_btc: Decimal | None = None


@dataclass(frozen=True)
class MarketBasis:
    """The market reckoned with, and where it comes from; ``age`` is None where no snapshot was used.

    ``fees_known`` is False where neither the snapshot nor anybody said what fees a block brings: then they are 0.
    """

    btc_usd: Decimal
    difficulty: Decimal
    fees_per_block_btc: Decimal
    fees_known: bool
    height: int | None
    subsidy_btc: Decimal | None
    typed: tuple[str, ...]
    snapshot: NetworkSnapshot | None = None
    age: timedelta | None = None
    is_stale: bool = False

    @property
    def hashprice_usd_per_ph_day(self) -> Decimal:
        """USD that 1 PH/s earns on average in a day."""
        subsidy = self.subsidy_btc if self.height is None else subsidy_btc(self.height + 1)
        return hashprice_usd_per_ph_day(self.difficulty, subsidy or ZERO, self.fees_per_block_btc, self.btc_usd)

    def as_engine(self, growth: Decimal) -> Market:
        """For the arithmetic, with a monthly growth of the difficulty in percent. Raises NumberRefused."""
        return Market(
            btc_usd=self.btc_usd, difficulty=self.difficulty, height=self.height,
            subsidy_btc=None if self.height is not None else self.subsidy_btc,
            fees_per_block_btc=self.fees_per_block_btc, difficulty_growth_percent_monthly=growth,
        )  # fmt: skip


@dataclass(frozen=True)
class Rig:
    """Machines of one kind: TH/s, W and USD of each; ``model`` is what they are of, if that is said."""

    hashrate_ths: Decimal
    power_w: Decimal
    price_usd: Decimal = ZERO
    quantity: int = 1
    decay_percent_monthly: Decimal = ZERO
    model: MinerModel | None = None

    def as_engine(self) -> Machines:
        """For the arithmetic. Raises NumberRefused."""
        return Machines(
            hashrate_ths=self.hashrate_ths, power_w=self.power_w, price_usd=self.price_usd, quantity=self.quantity,
            decay_percent_monthly=self.decay_percent_monthly,
        )  # fmt: skip


@dataclass(frozen=True)
class Running:
    """How they are run; ``cooling_w`` is per machine, percentages are percent."""

    energy: EnergyPrice
    pool_fee_percent: Decimal = ZERO
    uptime_percent: Decimal = HUNDRED
    pue: Decimal = Decimal(1)
    cooling_w: Decimal = ZERO

    def as_engine(self) -> Operation:
        """For the arithmetic. Raises NumberRefused."""
        return Operation(
            energy_usd_per_kwh=self.energy.asked, pool_fee_percent=self.pool_fee_percent,
            uptime_percent=self.uptime_percent, pue=self.pue, cooling_w=self.cooling_w,
        )  # fmt: skip


@dataclass(frozen=True)
class Question:
    """All a calculation needs; ``growth_percent_monthly`` is that of the difficulty."""

    rig: Rig
    running: Running
    market: MarketBasis
    months: int = 24
    growth_percent_monthly: Decimal = ZERO


@dataclass(frozen=True)
class Answer:
    """The result, and how it would be otherwise: by price of Bitcoin and of energy, by growth of the difficulty."""

    question: Question
    result: Result
    sensitivity: Sensitivity
    scenarios: Sequence[tuple[Decimal, Result]] = field(default_factory=tuple)


def rig_of(model: MinerModel, *, changed: Mapping[str, Decimal | None], quantity: int, decay: Decimal) -> Rig:
    """Machines of the catalogue; what ``changed`` names with a value is otherwise with them."""
    figures: dict[str, Decimal] = {
        "hashrate_ths": model.hashrate_ths, "power_w": model.power_w, "price_usd": model.list_price_usd or ZERO,
    }  # fmt: skip
    figures |= {name: value for name, value in changed.items() if value is not None}
    return Rig(quantity=quantity, decay_percent_monthly=decay, model=model, **figures)


def market_now(typed: Typed = Typed(), *, at: datetime) -> MarketBasis:
    """The last good snapshot with what was typed instead. Raises NoMarket where a figure is in neither."""
    said = {name: value for name, value in vars(typed).items() if value is not None}
    known = watching.Present(None, None, is_stale=False) if _enough(said) else watching.present(at=at)
    row = known.snapshot
    price: Decimal | None = said.get("btc_usd", row.btc_price_usd if row else None)
    difficulty: Decimal | None = said.get("difficulty", row.difficulty if row else None)
    height: int | None = said.get("block_height", row.block_height if row else None)
    fees: Decimal | None = said.get("fees_per_block_btc", row.fees_per_block_btc if row else None)
    subsidy: Decimal | None = row.block_reward_btc if row else None
    if price is None or difficulty is None or (height is None and subsidy is None):
        raise _no_market(price, difficulty, height)
    return MarketBasis(
        btc_usd=price, difficulty=difficulty, fees_per_block_btc=fees if fees is not None else ZERO,
        fees_known=fees is not None, height=height, subsidy_btc=subsidy, typed=tuple(sorted(said)), snapshot=row,
        age=known.age, is_stale=row is not None and known.is_stale,
    )  # fmt: skip


def _enough(said: Mapping[str, Any]) -> bool:
    """Then no snapshot is needed."""
    return {"btc_usd", "difficulty", "block_height"} <= said.keys()


def _no_market(*figures: Any) -> NoMarket:
    names = ("btc_usd", "difficulty", "block_height")
    return NoMarket(
        _("There are no good market data yet. State price, difficulty and block height yourself."),
        missing=[name for name, value in zip(names, figures, strict=True) if value is None],
    )


def inputs_of(question: Question) -> Inputs:
    """For the arithmetic. Raises NotReckonable."""
    try:
        return Inputs(
            question.rig.as_engine(), question.running.as_engine(),
            question.market.as_engine(question.growth_percent_monthly), months=question.months,
        )  # fmt: skip
    except NumberRefused as refusal:
        raise NotReckonable(_("This cannot be reckoned with: %(why)s.") % {"why": refusal}) from refusal


def reckon(question: Question) -> Answer:
    """The answer. Raises NotReckonable."""
    inputs = inputs_of(question)
    growths = sorted({*GROWTHS, question.growth_percent_monthly})
    try:
        return Answer(
            question, calculate(inputs), sensitivity(inputs, PRICE_FACTORS, energy_prices(question.running.energy)),
            scenarios(inputs, growths),
        )  # fmt: skip
    except NumberRefused as refusal:
        raise NotReckonable(_("This cannot be reckoned with: %(why)s.") % {"why": refusal}) from refusal


def energy_prices(energy: EnergyPrice) -> tuple[Decimal, ...]:
    """Prices to compare with: shares of the mean, or plain ones where it is not above zero."""
    mean = energy.mean
    if mean <= 0:
        return tuple(sorted({mean, *ENERGY_PRICES}))
    with exactly():
        return tuple(mean * factor for factor in ENERGY_FACTORS)
