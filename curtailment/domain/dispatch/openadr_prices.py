"""Prices that OpenADR servers send: kept as an energy series of their programme, so that strike rules can follow them.

Of each interval what holds is that of the most important event, else of the newest; another value is a version more.
What an event does not price any more, and what was taken back with it, is withdrawn as far as its time has not come.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import connection, transaction

from curtailment.engine.openadr import Event
from curtailment.engine.openadr_prices import Priced, Tariff, has_prices, ignored_in, step_of, steps_of, tariff_of
from curtailment.engine.openadr_time import NotUnderstood
from curtailment.models import Programme, VtnConnection
from hashinsight.common.money import CURRENCIES
from marketdata.domain.prices import store, withdraw
from marketdata.engine.price_files import Interval
from marketdata.enums import KnownFrom, SeriesKind
from marketdata.models import PricePoint, PriceSeries

IS_PER = {"kWh": Decimal(1), "MWh": Decimal(1000)}
AHEAD = timedelta(days=400)
SOURCE = "OpenADR "
LONGEST_ID = 100 - len(SOURCE)  # of an event


@dataclass(frozen=True)
class Meant:
    """An event that is meant for us, word for word, and whether for all of our sites on that server."""

    event: Event
    said: Mapping[str, Any]
    for_all: bool


@dataclass
class Kept:
    """What came of the prices of a poll; ``troubles`` say what was not kept and why."""

    stored: int = 0
    withdrawn: int = 0
    troubles: list[str] = field(default_factory=list)


def code_of(programme: Programme) -> str:
    """Of the series of a programme."""
    return f"openadr-{programme.public_id.hex}"


def keep_prices(
    row: VtnConnection, meant: Sequence[Meant], programs: Mapping[str, Mapping[str, Any]], *, heard: Collection[str],
    unsure: Collection[str], is_gone: Callable[[str], bool], at: datetime,
) -> Kept:  # fmt: skip
    """Prices of all events that are meant for us.

    ``heard``: all that were understood; what one of them priced before and does not now is withdrawn. ``unsure``: those
    that are there and were not understood: what they said before stays. ``is_gone``: whether the server says that
    there is no such event; half an answer withdraws nothing.
    """
    found = Kept()
    tariffs: list[Tariff] = []
    stays = set(unsure)
    for one in meant:
        found.troubles += [f"event {one.event.id}: {why}" for why in ignored_in(one.said)]
        if not has_prices(one.said):
            continue
        try:
            tariffs.append(_tariff(row, one, programs, at))
        except NotUnderstood as error:
            found.troubles.append(f"event {one.event.id}: {error}")
            stays.add(one.event.id)
    with transaction.atomic():
        _lock(row)
        series = PriceSeries.objects.filter(code=code_of(row.programme)).first()
        if not tariffs and series is None:
            return found
        try:
            series = series or _series(row.programme, tariffs, at)
            usable = _store(series, tariffs, found, at)
        except NotUnderstood as error:
            found.troubles.append(str(error))
            return found
        stays |= {one.event_id for one in tariffs} - {one.event_id for one in usable}
        found.withdrawn = _withdraw(series, usable, set(heard), stays, is_gone, at)
    return found


def _tariff(row: VtnConnection, one: Meant, programs: Mapping[str, Mapping[str, Any]], at: datetime) -> Tariff:
    event = one.event
    if not one.for_all:
        raise NotUnderstood("PRICE is meant for some of the sites alone: a programme has one price")
    if len(event.id) > LONGEST_ID:
        raise NotUnderstood("its id is too long to be kept at its prices")
    tariff = tariff_of(
        one.said, program=programs.get(event.program_id, {}), at=at, whose=row.ven_name, priority=event.priority,
        modified_at=event.modified_at,
    )  # fmt: skip
    if tariff.currency not in CURRENCIES:
        raise NotUnderstood(f"PRICE comes in {tariff.currency}, which we do not reckon in")
    if any(priced.end > at + AHEAD for priced in tariff.rows):
        raise NotUnderstood("prices of more than a year ahead")
    step_of(tariff.rows)
    return tariff


def _lock(row: VtnConnection) -> None:
    """Two servers of one programme write the same series."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"openadr prices:{row.programme_id}"]
        )  # fmt: skip


def _series(programme: Programme, tariffs: Sequence[Tariff], at: datetime) -> PriceSeries:
    """Made with the first prices: in their currency, per kWh, with their step."""
    step = step_of([one for tariff in tariffs for one in tariff.rows])
    made: PriceSeries = PriceSeries.objects.create(
        code=code_of(programme), name=f"{programme} (OpenADR)"[:120], kind=SeriesKind.ENERGY,
        currency=tariffs[0].currency, unit="kWh", step_minutes=int(step.total_seconds() // 60),
        known_from=KnownFrom.RECEIVED, source="OpenADR", created_at=at,
    )  # fmt: skip
    return made


def _store(series: PriceSeries, tariffs: Sequence[Tariff], found: Kept, at: datetime) -> list[Tariff]:
    """Keep what is new of events whose prices fit into the series; returns those events."""
    factor, step = IS_PER.get(series.unit), timedelta(minutes=series.step_minutes)
    if factor is None or series.kind != SeriesKind.ENERGY:
        raise NotUnderstood(f"the series of the programme is per {series.unit}: no price of energy")
    usable = []
    for one in tariffs:
        try:
            steps_of([one], step)
            _check(series, one, factor)
        except NotUnderstood as error:
            found.troubles.append(str(error))
        else:
            usable.append(one)
    by_event: dict[str, list[Interval]] = {}
    for priced, tariff in steps_of(usable, step).values():
        if priced.end > at:  # what is over stays as it was
            by_event.setdefault(tariff.event_id, []).append(_interval(priced, factor))
    for event_id, intervals in sorted(by_event.items()):
        stored = store(series, intervals, at=at, source=source_of(event_id))
        found.stored += stored.new + stored.changed
    return usable


def _interval(priced: Priced, factor: Decimal) -> Interval:
    return Interval(priced.start, priced.end, priced.per_kwh * factor)


def source_of(event_id: str) -> str:
    """As it stands at each value."""
    return SOURCE + event_id


def _check(series: PriceSeries, tariff: Tariff, factor: Decimal) -> None:
    """Of another currency, or beyond what is plausible for the series: nothing of the event is kept."""
    if tariff.currency != series.currency:
        raise NotUnderstood(
            f"event {tariff.event_id}: PRICE comes in {tariff.currency}, the series is in {series.currency}"
        )
    for one in tariff.rows:
        if not series.lowest <= one.per_kwh * factor <= series.highest:
            raise NotUnderstood(f"event {tariff.event_id}: {one.per_kwh} {tariff.currency} per kWh is not plausible")


def _withdraw(
    series: PriceSeries, usable: Sequence[Tariff], heard: Collection[str], stays: Collection[str],
    is_gone: Callable[[str], bool], at: datetime,
) -> int:  # fmt: skip
    """Values to come that no event names any more: of events that were changed, and of those that are not there."""
    wanted = steps_of(usable, timedelta(minutes=series.step_minutes))
    ahead = PricePoint.objects.filter(series=series, starts_at__gt=at, source__startswith=SOURCE).known(at)
    open_rows: dict[str, list[datetime]] = {}
    rows = ahead.order_by("starts_at", "-version").distinct("starts_at").values_list("starts_at", "source")
    for start, source in rows:
        if start not in wanted:
            open_rows.setdefault(source.removeprefix(SOURCE), []).append(start)
    count = 0
    for event_id, starts in open_rows.items():
        if event_id not in stays and (event_id in heard or is_gone(event_id)):
            count += withdraw(series, starts, at=at, source=source_of(event_id))
    return count
