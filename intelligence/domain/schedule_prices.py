"""What a kilowatt-hour costs and what a terahash earns in each step of a day, as it is known at a moment."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from hosting.models import Site
from intelligence.domain.energy import KWH_PER, EnergyUnknown, series_of_site, usd_per
from intelligence.enums import ForecastKind
from intelligence.models import ForecastPoint, ForecastRun, ScheduleSettings
from marketdata.domain.prices import Known, best_known
from marketdata.domain.watching import present
from marketdata.engine.chain import btc_from_hashrate
from marketdata.engine.numbers import ZERO
from marketdata.models import PriceSeries

HASHES_PER_TH = 10**12
HOUR_S = 3600
MARKET_OLDEST = timedelta(hours=24)  # older figures of the network say nothing of what a day earns
FORECAST_OLDEST = timedelta(days=3)


@dataclass(frozen=True)
class Priced:
    """Prices of the steps per kWh in the site's currency (None: not known) and where each comes from."""

    values: tuple[float | None, ...]
    origins: tuple[str, ...]
    series: PriceSeries | None
    issued_at: datetime | None
    lacking: str = ""

    @property
    def all_known(self) -> bool:
        """Published, every one of them."""
        return bool(self.origins) and all(one == "known" for one in self.origins)


@dataclass(frozen=True)
class Revenue:
    """What one TH/s earns in an hour of each step, in the site's currency, and what that was made from."""

    values: tuple[float, ...]
    facts: dict[str, Any]
    lacking: str = ""


def prices_of(site: Site, starts: Sequence[datetime], minutes: int, *, at: datetime) -> Priced:
    """Published where they are, else forecast for the hour, else not known."""
    series = series_of_site(site, at=at)
    nothing: tuple[None, ...] = (None,) * len(starts)
    if series is None or series.unit not in KWH_PER:
        return Priced(nothing, (), None, None, _("%(site)s has no series of energy prices") % {"site": site})
    try:
        rate = 1.0 if series.currency == site.currency else float(
            usd_per(series.currency, at=at) / usd_per(site.currency, at=at)
        )  # fmt: skip
    except EnergyUnknown as refusal:
        return Priced(nothing, (), series, None, str(refusal))
    return prices_of_series(series, starts, minutes, rate=rate, at=at)


def prices_of_series(
    series: PriceSeries, starts: Sequence[datetime], minutes: int, *, rate: float, at: datetime
) -> Priced:
    """The same of one series, each price times ``rate``."""
    step = timedelta(minutes=minutes)
    known = best_known(series, start=starts[0], end=starts[-1] + step, at=at)
    scale = rate / float(KWH_PER[series.unit])
    forecast = _forecast_hours(series, at)
    values: list[float | None] = []
    origins = []
    for start in starts:
        value, origin = _mean(known, start, start + step), "known"
        if value is None:
            value, origin = forecast.get(start.replace(minute=0)), "forecast"
        values.append(None if value is None else value * scale)
        origins.append(origin if value is not None else "")
    missing = sum(one is None for one in values)
    lacking = _("%(series)s: %(count)s of %(all)s prices are not known") % {
        "series": series, "count": missing, "all": len(values)
    }  # fmt: skip
    issued = max((one.issued_at for one in known), default=None)
    return Priced(tuple(values), tuple(origins), series, issued, lacking if missing else "")


def _mean(known: Sequence[Known], begin: datetime, end: datetime) -> float | None:
    """By how long each value holds; None where a part is not known."""
    total, covered = 0.0, 0.0
    for one in known:
        seconds = (min(one.end, end) - max(one.start, begin)).total_seconds()
        if seconds > 0:
            total, covered = total + float(one.value) * seconds, covered + seconds
    return total / covered if covered == (end - begin).total_seconds() else None


def _forecast_hours(series: PriceSeries, at: datetime) -> dict[datetime, float]:
    """Of the forecast that stands, unless it is old."""
    run = ForecastRun.objects.current().filter(kind=ForecastKind.ENERGY, series=series, computed_at__lte=at).first()
    if run is None or at - run.issued_at > FORECAST_OLDEST:
        return {}
    return {moment.astimezone(UTC): float(value) for moment, value in run.points.values_list("at", "value")}


def revenue_of(site: Site, planning: ScheduleSettings, starts: Sequence[datetime], *, at: datetime) -> Revenue:
    """In the currency of a site, without the fee of its pool."""
    return hourly_revenue(site.currency, planning.pool_fee_percent, starts, at=at)


def hourly_revenue(currency: str, pool_fee_percent: Decimal, starts: Sequence[datetime], *, at: datetime) -> Revenue:
    """By the last good figures of the network, with the difficulty that is forecast for each day."""
    now = present(at=at)
    row, nothing = now.snapshot, (0.0,) * len(starts)
    if row is None or row.difficulty is None or row.block_reward_btc is None or row.btc_price_usd is None:
        return Revenue(nothing, {}, _("nobody knows what mining earns (no good market data)"))
    if now.age is not None and now.age > MARKET_OLDEST:
        moment = f"{row.recorded_at:%Y-%m-%d %H:%M} UTC"
        return Revenue(nothing, {}, _("the last good market data are of %(moment)s") % {"moment": moment})
    try:
        usd = Decimal(1) if currency == "USD" else usd_per(currency, at=at)
    except EnergyUnknown as refusal:
        return Revenue(nothing, {}, str(refusal))
    share = float(row.btc_price_usd / usd) * (1 - float(pool_fee_percent) / 100)
    levels = _difficulties(at)
    difficulties = [levels.get(start.astimezone(UTC).date(), row.difficulty) for start in starts]
    btc = {
        one: float(btc_from_hashrate(
            HASHES_PER_TH, HOUR_S, one, subsidy=row.block_reward_btc, fees=row.fees_per_block_btc or ZERO
        ))
        for one in set(difficulties)
    }  # fmt: skip
    facts = {
        "market_at": row.recorded_at.isoformat(), "btc_usd": str(row.btc_price_usd), "difficulty": str(row.difficulty),
        "block_reward_btc": str(row.block_reward_btc), "fees_per_block_btc": str(row.fees_per_block_btc or ZERO),
        "difficulty_forecast": {day.isoformat(): str(value) for day, value in levels.items()},
        "usd_per_currency": str(usd), "pool_fee_percent": str(pool_fee_percent),
    }  # fmt: skip
    return Revenue(tuple(btc[one] * share for one in difficulties), facts)


def _difficulties(at: datetime) -> dict[date, Decimal]:
    """Forecast by day, where a forecast stands that is not old."""
    run = ForecastRun.objects.current().filter(kind=ForecastKind.DIFFICULTY, computed_at__lte=at).first()
    if run is None or at - run.issued_at > FORECAST_OLDEST:
        return {}
    points = ForecastPoint.objects.filter(run=run, at__gte=at, at__lt=at + FORECAST_OLDEST)
    return {moment.astimezone(UTC).date(): value for moment, value in points.values_list("at", "value")}
