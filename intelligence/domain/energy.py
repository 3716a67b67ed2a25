"""What a kilowatt-hour costs over a day in US dollars: typed, by a price series, by a price plan, or at a site.

A day is 24 whole hours that have passed (of a price series the newest whose prices are known), so nothing is guessed.
Of a plan only what is charged by the kilowatt-hour counts; power, fixed sums and least amounts do not change with the
hours a machine runs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _

from hashinsight.common.errors import DomainError
from hosting.domain.prices import as_tariff, version_on
from hosting.engine import tariff
from hosting.models import HostingTerms, PriceComponent, PricePlan, Site, SiteHoliday
from marketdata.domain import exchange
from marketdata.domain.prices import Known, best_known
from marketdata.engine.numbers import ONE, ZERO, exactly
from marketdata.enums import SeriesKind
from marketdata.models import PricePoint, PriceSeries

HOUR = timedelta(hours=1)
HOURS = 24
OLDEST = timedelta(days=2)  # an hour older than this says nothing of today any more
NOW_OLDEST = timedelta(hours=2)  # a price known at the end of its hour is that of the hour before
KWH_PER = {"kWh": ONE, "MWh": Decimal(1000)}


class EnergyUnknown(DomainError):
    """Nobody knows what energy costs; the text says what is missing."""

    code = "energy_unknown"


@dataclass(frozen=True)
class EnergyPrice:
    """USD per kWh of the 24 hours before ``until`` (one value: at all hours, and ``until`` is None)."""

    hours: tuple[Decimal, ...]
    source: str
    until: datetime | None = None

    @property
    def mean(self) -> Decimal:
        """The plain mean: machines draw the same day and night."""
        with exactly():
            return sum(self.hours, ZERO) / len(self.hours)

    @property
    def asked(self) -> Decimal | tuple[Decimal, ...]:
        """As the calculator's engine takes it."""
        return self.hours if len(self.hours) == HOURS else self.hours[0]


def typed(usd_per_kwh: Decimal) -> EnergyPrice:
    """What somebody says."""
    return EnergyPrice((usd_per_kwh,), _("typed"))


def of_series(series: PriceSeries, *, at: datetime) -> EnergyPrice:
    """The newest 24 hours of a series of energy prices. Raises EnergyUnknown."""
    if series.kind != SeriesKind.ENERGY or series.unit not in KWH_PER:
        raise EnergyUnknown(_("%(series)s is no series of energy prices.") % {"series": series})
    until = _known_until(series, at)
    rate = usd_per(series.currency, at=at)
    with exactly():
        hours = tuple(price * rate for price in series_hours(series, until=until, at=at))
    return EnergyPrice(hours, str(series), until)


def of_plan(plan: PricePlan, *, at: datetime, site: Site | None = None) -> EnergyPrice:
    """The newest 24 hours of what the version in force charges by the kWh. Raises EnergyUnknown.

    Hours and holidays are those of ``site``; without one, of the plan's zone, else of the only site it is agreed for.
    """
    place = site or _only_site(plan)
    zone = ZoneInfo(place.time_zone) if place else ZoneInfo("UTC")
    version = version_on(plan, at.astimezone(zone).date())
    if version is None:
        raise EnergyUnknown(_("No version of %(plan)s is in force today.") % {"plan": plan})
    parts = as_tariff(version)
    energy = [part for part in parts if part.kind == tariff.ENERGY]
    passed = [part for part in parts if part.kind == tariff.PASS_THROUGH]
    if not energy and not passed:
        raise EnergyUnknown(_("%(plan)s charges nothing by the kilowatt-hour.") % {"plan": plan})
    codes = {str(row.public_id): row.market_series for row in version.components.filter(kind=tariff.PASS_THROUGH)}
    series = [_series_of(codes[part.key]) for part in passed]
    until = min([_known_until(one, at) for one in series], default=_hour(at))
    market = [_in_currency(one, plan.currency, until=until, at=at) for one in series]
    holidays = frozenset(SiteHoliday.objects.filter(site=place).values_list("day", flat=True) if place else ())
    rate = usd_per(plan.currency, at=at)
    total = []
    with exactly():
        for number in range(HOURS):
            start = until - HOUR * (HOURS - number)
            amount = _charged(energy, tariff.Interval(start, ONE, 60), zone, holidays)
            for part, prices in zip(passed, market, strict=True):
                amount += _charged([part], tariff.Interval(start, ONE, 60, prices[number]), zone, holidays)
            total.append(amount * rate)
    return EnergyPrice(tuple(total), str(version), until)


def _charged(
    parts: Sequence[tariff.Component], hour: tariff.Interval, zone: ZoneInfo, holidays: frozenset[date]
) -> Decimal:
    charges = tariff.charge_month(parts, tariff.Month(zone, [hour], holidays=holidays))
    return sum((one.amount for one in charges), ZERO)


def of_site(site: Site, *, at: datetime) -> EnergyPrice:
    """What we pay for energy at a site ourselves. Raises EnergyUnknown."""
    if site.energy_cost_per_kwh is None:
        raise EnergyUnknown(_("%(site)s has no cost of energy.") % {"site": site})
    with exactly():
        price = site.energy_cost_per_kwh * usd_per(site.currency, at=at)
    return EnergyPrice((price,), _("our cost at %(site)s") % {"site": site})


def now_of_site(site: Site, *, at: datetime) -> EnergyPrice:
    """What energy costs at a site now: by its price series where it has one that is up to date, else our own cost.

    Raises EnergyUnknown.
    """
    series = series_of_site(site, at=at)
    known = best_known(series, start=at - NOW_OLDEST, end=at, at=at) if series and series.unit in KWH_PER else []
    if series is None or not known:
        return of_site(site, at=at)
    with exactly():
        price = known[-1].value / KWH_PER[series.unit] * usd_per(series.currency, at=at)
    return EnergyPrice((price,), str(series), known[-1].end)


def usd_per(currency: str, *, at: datetime) -> Decimal:
    """US dollars per unit of a currency, by the exchange rates we have. Raises EnergyUnknown."""
    found = exchange.usd_per(currency, at=at)
    if found is None:
        raise EnergyUnknown(
            _("No exchange rate of the last days from %(currency)s to US dollars is known.") % {"currency": currency}
        )
    return found


def series_hours(series: PriceSeries, *, until: datetime, at: datetime) -> list[Decimal]:
    """The 24 hours before ``until`` per kWh in the currency of the series, as known at ``at``. Raises EnergyUnknown."""
    first = until - HOUR * HOURS
    known = best_known(series, start=first, end=until, at=at)
    per_kwh = KWH_PER[series.unit]
    hours = []
    with exactly():
        for number in range(HOURS):
            found = _mean(known, first + HOUR * number)
            if found is None:
                moment = f"{first + HOUR * number:%Y-%m-%d %H:%M} UTC"
                raise EnergyUnknown(
                    _("%(series)s has no price for the hour from %(moment)s.") % {"series": series, "moment": moment}
                )
            hours.append(found / per_kwh)
    return hours


def _mean(known: Sequence[Known], start: datetime) -> Decimal | None:
    """Over an hour, by how long each value holds; None where a part of it is not known."""
    total, covered = ZERO, 0
    for one in known:
        seconds = int((min(one.end, start + HOUR) - max(one.start, start)).total_seconds())
        if seconds > 0:
            total, covered = total + one.value * seconds, covered + seconds
    return total / covered if covered == HOUR.total_seconds() else None


def _known_until(series: PriceSeries, at: datetime) -> datetime:
    """The last whole hour that has passed and is known."""
    newest = PricePoint.objects.filter(series=series, ends_at__lte=at).known(at).order_by("-starts_at").first()
    if newest is None or at - newest.ends_at > OLDEST:
        raise EnergyUnknown(_("%(series)s has no prices of the last two days.") % {"series": series})
    return _hour(newest.ends_at)


def _in_currency(series: PriceSeries, currency: str, *, until: datetime, at: datetime) -> list[Decimal]:
    with exactly():
        rate = ONE if series.currency == currency else usd_per(series.currency, at=at) / usd_per(currency, at=at)
        return [price * rate for price in series_hours(series, until=until, at=at)]


def _series_of(code: str) -> PriceSeries:
    found: PriceSeries | None = PriceSeries.objects.filter(code=code, kind=SeriesKind.ENERGY).first()
    if found is None or found.unit not in KWH_PER:
        raise EnergyUnknown(_("There is no series of energy prices called %(code)s.") % {"code": code})
    return found


def _hour(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def _only_site(plan: PricePlan) -> Site | None:
    if plan.zone is not None:
        return plan.zone.site
    terms = HostingTerms.objects.filter(price_plan=plan, agreed_at__isnull=False)
    found = Site.objects.filter(pk__in=terms.values("site_id"))[:2]
    sites = list(found)
    return sites[0] if len(sites) == 1 else None


def series_of_site(site: Site, *, at: datetime) -> PriceSeries | None:
    """The market the site names; else the one by which a plan in force there charges energy, oldest terms first."""
    if site.energy_series is not None and site.energy_series.kind == SeriesKind.ENERGY:
        named: PriceSeries = site.energy_series
        return named
    day = at.astimezone(ZoneInfo(site.time_zone)).date()
    for terms in HostingTerms.objects.filter(site=site, agreed_at__isnull=False).order_by("pk"):
        if terms.valid_from > day or (terms.valid_to is not None and terms.valid_to <= day):
            continue
        version = version_on(terms.price_plan, day)
        codes = PriceComponent.objects.filter(plan_version=version, kind=tariff.PASS_THROUGH)
        for code in codes.order_by("position", "pk").values_list("market_series", flat=True) if version else ():
            found: PriceSeries | None = PriceSeries.objects.filter(code=code, kind=SeriesKind.ENERGY).first()
            if found is not None:
                return found
    return None
