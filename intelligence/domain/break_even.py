"""At which price of energy the machines at our sites still earn it, model by model, beside what energy costs now."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db.models import Count, Q

from hosting.enums import MinerIntent
from hosting.models import Miner, MinerModel, Site
from intelligence.domain.calculator import MarketBasis
from intelligence.domain.energy import EnergyPrice, EnergyUnknown, now_of_site
from marketdata.engine.hashprice import break_even_usd_per_kwh


@dataclass(frozen=True)
class BreakEven:
    """Machines of a model at a site; ``running`` are those that should hash.

    ``energy`` is what energy costs there now, None with the reason in ``why``. ``earns`` says whether a machine that
    runs earns its energy; None where nobody knows the price.
    """

    site: Site
    model: MinerModel
    machines: int
    running: int
    break_even_usd_per_kwh: Decimal
    energy: EnergyPrice | None
    why: str

    @property
    def earns(self) -> bool | None:
        """At the price of energy now."""
        return None if self.energy is None else self.energy.mean <= self.break_even_usd_per_kwh

    @property
    def margin_usd_per_kwh(self) -> Decimal | None:
        """What a kWh brings beyond its price."""
        return None if self.energy is None else self.break_even_usd_per_kwh - self.energy.mean


def fleet_table(
    market: MarketBasis, *, at: datetime, pool_fee_percent: Decimal, site: Site | None = None, ours: bool = False
) -> list[BreakEven]:
    """Site by site, the thirstiest machines first, which are the first to be switched off. ``ours``: not clients'."""
    rows = Miner.objects.filter(site__isnull=False, model__isnull=False).exclude(intent=MinerIntent.RETIRED)
    if site is not None:
        rows = rows.filter(site=site)
    if ours:
        rows = rows.filter(customer__isnull=True)
    counted = rows.order_by().values("site_id", "model_id").annotate(
        machines=Count("pk"), running=Count("pk", filter=Q(intent=MinerIntent.ACTIVE))
    )  # fmt: skip
    found = list(counted)
    sites = Site.objects.in_bulk({row["site_id"] for row in found})
    models = MinerModel.objects.in_bulk({row["model_id"] for row in found})
    prices = {key: _energy_of(one, at=at) for key, one in sites.items()}
    table = [_row(row, sites[row["site_id"]], models[row["model_id"]], prices, market, pool_fee_percent)
             for row in found]  # fmt: skip
    return sorted(table, key=lambda one: (one.site.name, -(one.model.efficiency_j_th or 0), one.model.name))


def _row(
    row: dict[str, Any],
    site: Site,
    model: MinerModel,
    prices: dict[int, tuple[EnergyPrice | None, str]],
    market: MarketBasis,
    fee: Decimal,
) -> BreakEven:
    energy, why = prices[site.pk]
    limit = break_even_usd_per_kwh(
        market.hashprice_usd_per_ph_day, model.power_w / model.hashrate_ths, fee, site.pue
    )  # fmt: skip
    return BreakEven(site, model, row["machines"], row["running"], limit, energy, why)


def _energy_of(site: Site, *, at: datetime) -> tuple[EnergyPrice | None, str]:
    try:
        return now_of_site(site, at=at), ""
    except EnergyUnknown as refusal:
        return None, str(refusal)


def machines_that_earn(table: Iterable[BreakEven]) -> tuple[int, int, int]:
    """Of the machines: how many earn their energy now, how many do not, of how many nobody knows."""
    counts = {True: 0, False: 0, None: 0}
    for one in table:
        counts[one.earns] += one.machines
    return counts[True], counts[False], counts[None]
