"""What a version of a price plan charges for a month: components as data, their arithmetic here.

Energy in kWh, power in kW, prices per unit in the plan's currency; all Decimal. Nothing is rounded here: whoever
writes an invoice line rounds its amount once. Intervals are UTC instants; months, days and hours are those of the
site's clock. Demand is the *average* power of an interval (kWh times 60 / minutes), not a momentary peak.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

ENERGY, DEMAND, CONTRACTED, FIXED, PASS_THROUGH, MINIMUM = (
    "energy", "demand", "contracted", "fixed", "pass_through", "minimum",
)  # fmt: skip
ZERO = Decimal(0)
HUNDRED = Decimal(100)
MIDNIGHT = time(0)


class TariffError(ValueError):
    """The month cannot be charged: an input is missing or makes no sense."""


@dataclass(frozen=True)
class Window:
    """Hours by the site's clock: months inclusive (11 to 2 is a winter), ``time_to`` exclusive (00:00 is midnight)."""

    month_from: int = 1
    month_to: int = 12
    days: str = "all"
    time_from: time = MIDNIGHT
    time_to: time = MIDNIGHT

    def covers(self, moment: datetime, holidays: Collection[date] = ()) -> bool:
        """Whether ``moment`` (local time) lies in the window. A night belongs to the day on which it begins."""
        if self.time_from < self.time_to or self.time_to == MIDNIGHT:
            end_of_day = self.time_to == MIDNIGHT
            inside = self.time_from <= moment.time() and (end_of_day or moment.time() < self.time_to)
            return inside and self._on(moment.date(), holidays)
        if moment.time() >= self.time_from:
            return self._on(moment.date(), holidays)
        return moment.time() < self.time_to and self._on(moment.date() - timedelta(days=1), holidays)

    def _on(self, day: date, holidays: Collection[date]) -> bool:
        if self.month_from <= self.month_to:
            in_season = self.month_from <= day.month <= self.month_to
        else:
            in_season = day.month >= self.month_from or day.month <= self.month_to
        return in_season and _is_day(self.days, day.weekday(), day in holidays)


def _is_day(days: str, weekday: int, holiday: bool) -> bool:
    working = weekday < 5
    match days:
        case "all":
            return True
        case "workdays":
            return working and not holiday
        case "weekdays":
            return working
        case "free_days":
            return holiday or not working
        case "saturday":
            return weekday == 5
        case "sunday":
            return weekday == 6
    raise TariffError(f"nobody knows the days {days}")


@dataclass(frozen=True)
class Component:
    """One thing a version charges, as the row says it; ``key`` is the row's name for whoever asks."""

    key: str
    kind: str
    price: Decimal = ZERO
    windows: tuple[Window, ...] = ()
    other_hours: bool = False
    ratchet_percent: Decimal | None = None
    ratchet_months: int | None = None
    market_factor: Decimal | None = None


@dataclass(frozen=True)
class Interval:
    """Energy of one metering interval; ``market_price`` per kWh where a component passes it through."""

    start: datetime
    kwh: Decimal
    minutes: int = 15
    market_price: Decimal | None = None

    @property
    def kw(self) -> Decimal:
        """Average power."""
        return self.kwh * 60 / self.minutes


@dataclass(frozen=True)
class Charge:
    """What one component comes to: ``amount`` is exact; ``peak_at`` names the interval a demand comes from."""

    key: str
    kind: str
    quantity: Decimal
    unit: str
    price: Decimal
    amount: Decimal
    peak_at: datetime | None = None
    ratchet_kw: Decimal | None = None


@dataclass(frozen=True)
class Month:
    """All a version needs to charge one calendar month of one customer.

    ``fraction`` is the part of the month in which the terms were in force (days of it by days of the month); it
    scales what is charged per month. ``earlier_demands`` are the highest demands (kW) of the months before, latest
    first, as billed before any ratchet.
    """

    zone: ZoneInfo
    intervals: Sequence[Interval]
    contracted_kw: Decimal = ZERO
    fraction: Decimal = Decimal(1)
    holidays: frozenset[date] = frozenset()
    earlier_demands: Sequence[Decimal] = field(default_factory=tuple)


def applies(
    component: Component, components: Iterable[Component], moment: datetime, holidays: Collection[date]
) -> bool:
    """Whether a component charges an interval that begins at ``moment`` (local time).

    Without windows it always does; ``other_hours`` does where no window of another component of the kind covers.
    """
    if component.other_hours:
        return not any(
            window.covers(moment, holidays)
            for other in components
            if other.kind == component.kind and other is not component
            for window in other.windows
        )
    return not component.windows or any(window.covers(moment, holidays) for window in component.windows)


def charge_month(components: Sequence[Component], month: Month) -> list[Charge]:
    """The charges of one month, one per component, in their order. Raises TariffError for what cannot be charged."""
    _check(components, month)
    charges = [_charge(component, components, month) for component in components if component.kind != MINIMUM]
    total = sum((charge.amount for charge in charges), ZERO)
    for component in components:
        if component.kind == MINIMUM:
            missing = max(ZERO, component.price * month.fraction - total)
            charges.append(Charge(component.key, MINIMUM, Decimal(1), "month", missing, missing))
            total += missing
    order = {component.key: place for place, component in enumerate(components)}
    return sorted(charges, key=lambda charge: order[charge.key])


def _check(components: Sequence[Component], month: Month) -> None:
    if not ZERO <= month.fraction <= 1:
        raise TariffError(f"the fraction of a month is between 0 and 1, not {month.fraction}")
    if len({component.key for component in components}) != len(components):
        raise TariffError("two components have the same key")
    unknown = {component.kind for component in components} - set(_KINDS) - {MINIMUM}
    if unknown:
        raise TariffError(f"nobody knows how to charge {', '.join(sorted(unknown))}")
    starts = [interval.start for interval in month.intervals]
    if len(set(starts)) != len(starts):
        raise TariffError("an interval stands there twice")
    if any(start.tzinfo is None for start in starts):
        raise TariffError("an interval begins at a moment without a time zone")


def _charge(component: Component, components: Sequence[Component], month: Month) -> Charge:
    return _KINDS[component.kind](component, components, month)


def _inside(component: Component, components: Sequence[Component], month: Month) -> list[Interval]:
    if not component.windows and not component.other_hours:
        return list(month.intervals)
    return [
        interval
        for interval in month.intervals
        if applies(component, components, interval.start.astimezone(month.zone), month.holidays)
    ]


def _energy(component: Component, components: Sequence[Component], month: Month) -> Charge:
    kwh = sum((interval.kwh for interval in _inside(component, components, month)), ZERO)
    return Charge(component.key, ENERGY, kwh, "kWh", component.price, kwh * component.price)


def _demand(component: Component, components: Sequence[Component], month: Month) -> Charge:
    """The highest interval; with a ratchet at least a share of the highest of the months before."""
    highest = max(_inside(component, components, month), key=lambda interval: interval.kw, default=None)
    kw = highest.kw if highest else ZERO
    ratchet = None
    if component.ratchet_percent is not None:
        before = list(month.earlier_demands)[: component.ratchet_months or 0]
        ratchet = component.ratchet_percent / HUNDRED * max(before, default=ZERO)
    billed = max(kw, ratchet or ZERO) * month.fraction
    return Charge(
        component.key, DEMAND, billed, "kW", component.price, billed * component.price,
        peak_at=highest.start if highest else None, ratchet_kw=ratchet,
    )  # fmt: skip


def _contracted(component: Component, components: Sequence[Component], month: Month) -> Charge:
    kw = month.contracted_kw * month.fraction
    return Charge(component.key, CONTRACTED, kw, "kW", component.price, kw * component.price)


def _fixed(component: Component, components: Sequence[Component], month: Month) -> Charge:
    return Charge(component.key, FIXED, month.fraction, "month", component.price, month.fraction * component.price)


def _pass_through(component: Component, components: Sequence[Component], month: Month) -> Charge:
    """Each interval at its own market price; ``price`` of the result is the average."""
    factor = Decimal(1) if component.market_factor is None else component.market_factor
    kwh, amount, missing = ZERO, ZERO, []
    for interval in month.intervals:
        if interval.market_price is None:
            missing.append(interval.start)
            continue
        kwh += interval.kwh
        amount += interval.kwh * (interval.market_price * factor + component.price)
    if missing:
        raise TariffError(f"{len(missing)} intervals have no market price, the first at {min(missing).isoformat()}")
    average = amount / kwh if kwh else ZERO
    return Charge(component.key, PASS_THROUGH, kwh, "kWh", average, amount)


_KINDS = {
    ENERGY: _energy,
    DEMAND: _demand,
    CONTRACTED: _contracted,
    FIXED: _fixed,
    PASS_THROUGH: _pass_through,
}
