"""What running costs and earns at a site now: the figures beside each decision, with what is missing said in words."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.utils.translation import gettext as _

from hosting.models import Site
from marketdata.domain.prices import price_at
from marketdata.domain.watching import present
from marketdata.engine.chain import btc_from_hashrate
from marketdata.engine.numbers import ZERO
from marketdata.models import NetworkSnapshot

HASHES_PER_TH = 10**12
SECONDS_PER_HOUR = 3600
PER_KWH = {"kWh": Decimal(1), "MWh": Decimal(1000)}


@dataclass(frozen=True)
class Worth:
    """Of one TH/s in an hour (BTC and USD), and of one kWh (in the site's currency); None is not known."""

    btc_per_ths_hour: Decimal | None
    usd_per_ths_hour: Decimal | None
    market_at: datetime | None
    price_per_kwh: Decimal | None
    currency: str
    priced_by: str
    missing: tuple[str, ...] = ()


def worth_at(site: Site, *, at: datetime) -> Worth:
    """As it is known now: the last good snapshot of the network, and the site's market, else its cost of energy."""
    missing = []
    now = present(at=at)
    btc = usd = None
    row = now.snapshot
    if row is None or row.difficulty is None or row.block_reward_btc is None:
        missing.append(_("what mining earns (no good market data)"))
    else:
        btc = btc_of_ths(row, SECONDS_PER_HOUR)
        usd = None if row.btc_price_usd is None else btc * row.btc_price_usd
    price, currency, source = energy_price(site, at=at)
    if price is None:
        missing.append(_("what energy costs there"))
    return Worth(btc, usd, row.recorded_at if row else None, price, currency, source, tuple(missing))


def btc_of_ths(row: NetworkSnapshot, seconds: int) -> Decimal:
    """What one TH/s earns in so many seconds by a good snapshot, fees included (BTC)."""
    return btc_from_hashrate(
        HASHES_PER_TH, seconds, row.difficulty, subsidy=row.block_reward_btc, fees=row.fees_per_block_btc or ZERO
    )


def usd_per_ths_hour(*, at: datetime) -> Decimal | None:
    """What one TH/s earned in an hour by the network and the price of then; None where no good snapshot was recent."""
    now = present(at=at)
    row = now.snapshot
    if now.is_stale or row is None or row.difficulty is None or row.block_reward_btc is None:
        return None
    return None if row.btc_price_usd is None else btc_of_ths(row, SECONDS_PER_HOUR) * row.btc_price_usd


def energy_price(site: Site, *, at: datetime) -> tuple[Decimal | None, str, str]:
    """Price of a kWh, its currency and where it is from: the market the site names at this moment, else our cost."""
    series = site.energy_series
    if series is not None and series.unit in PER_KWH:
        known = price_at(series, at, at=at)
        if known is not None:
            return known.value / PER_KWH[series.unit], series.currency, series.code
    if site.energy_cost_per_kwh is not None:
        return site.energy_cost_per_kwh, site.currency, _("our cost of energy")
    return None, site.currency, ""
