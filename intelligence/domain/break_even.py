"""At which price of energy the machines at our sites still earn it, model by model, beside what energy costs now."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db.models import Count, Q, QuerySet

from hosting.enums import MinerIntent
from hosting.models import Miner, MinerModel, Site
from intelligence.domain.calculator import MarketBasis
from intelligence.domain.energy import EnergyPrice, EnergyUnknown, now_of_site
from marketdata.engine.hashprice import break_even_usd_per_kwh
from marketdata.engine.numbers import ONE


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
    rows = Miner.objects.filter(customer__isnull=True) if ours else Miner.objects.all()
    found = _counted(rows, site)
    places = Site.objects.in_bulk({site_id for site_id, _model_id in found})
    prices = {key: _energy_of(one, at=at) for key, one in places.items()}
    return _table(
        found, places, lambda place: (*prices[place.pk], place.pue), market=market, pool_fee_percent=pool_fee_percent
    )


def client_table(
    market: MarketBasis, miners: QuerySet[Miner], *, pool_fee_percent: Decimal, site: Site | None = None
) -> list[BreakEven]:
    """The same of a client's machines, by the kWh they draw themselves: no word of what energy costs the house."""
    found = _counted(miners, site)
    places = Site.objects.in_bulk({site_id for site_id, _model_id in found})
    return _table(found, places, lambda _place: (None, "", ONE), market=market, pool_fee_percent=pool_fee_percent)


def _counted(miners: QuerySet[Miner], site: Site | None) -> dict[tuple[int, int], dict[str, int]]:
    rows = miners.filter(site__isnull=False, model__isnull=False).exclude(intent=MinerIntent.RETIRED)
    if site is not None:
        rows = rows.filter(site=site)
    counted = rows.order_by().values("site_id", "model_id").annotate(
        machines=Count("pk"), running=Count("pk", filter=Q(intent=MinerIntent.ACTIVE))
    )  # fmt: skip
    return {(row["site_id"], row["model_id"]): {name: row[name] for name in ("machines", "running")} for row in counted}


def _table(
    found: Mapping[tuple[int, int], dict[str, int]],
    places: Mapping[int, Site],
    basis: Callable[[Site], tuple[EnergyPrice | None, str, Decimal]],
    *,
    market: MarketBasis,
    pool_fee_percent: Decimal,
) -> list[BreakEven]:
    """``basis``: of a site what energy costs, else why nobody knows, and the PUE."""
    models = MinerModel.objects.in_bulk({model_id for _site_id, model_id in found})
    table = []
    for (site_id, model_id), counts in found.items():
        site, model = places[site_id], models[model_id]
        energy, why, pue = basis(site)
        limit = break_even_usd_per_kwh(
            market.hashprice_usd_per_ph_day, model.power_w / model.hashrate_ths, pool_fee_percent, pue
        )
        table.append(BreakEven(site, model, **counts, break_even_usd_per_kwh=limit, energy=energy, why=why))
    return sorted(table, key=lambda one: (one.site.name, -(one.model.efficiency_j_th or 0), one.model.name))


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
