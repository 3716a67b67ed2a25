"""Reckoning demand of zones and usage of terms: a due row names a site and a quarter-hour, versions are the result.

Who is charged for a machine says ``charging``; one in a repair that pauses billing is charged to nobody, and what its
zone drew stays what it was. A figure that comes out as it was leaves the row as it is.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Exists, Min, OuterRef, Q

from hosting.domain.charging import assign, terms_in_force
from hosting.domain.partitions import FIVE_MINUTES
from hosting.domain.rollups import Reckoned, take_turn
from hosting.domain.usage_sql import IN_REPAIR, MEASURED
from hosting.engine import usage as engine
from hosting.engine.grid import QUARTER, day_of
from hosting.engine.usage import Figure, InRepair, Measured, Neighbour
from hosting.enums import BillingBasis, MissingRule, Quality
from hosting.models import (
    Demand15Min,
    HostingTerms,
    PricePlanVersion,
    RollupDue,
    SeriesPartition,
    Site,
    Usage15Min,
    UsageDue,
)

PORTION = 48  # quarter-hours of sites in one transaction
ROWS = 2_000
_FIGURE = ("kwh", "source", "quality", "coverage", "samples", "machines", "machines_off")


@dataclass(frozen=True)
class _Moment:
    """One quarter-hour of one site, all of it read once."""

    site: Site
    start: datetime
    at: datetime
    rows: list[Measured]
    in_repair: list[InRepair]
    terms: list[HostingTerms]
    rules: dict[int, str]  # by plan


def reckon_quarters(*, at: datetime, portion: int = PORTION) -> Reckoned:
    """Reckon one portion of the quarter-hours that are over (with the grace of the settings) and due, oldest first.

    One whose five minutes are still to be reckoned waits for them: else it would be missing first and reckoned twice.
    """
    ripe = at - QUARTER - timedelta(seconds=settings.HOSTING_USAGE_GRACE_SECONDS)
    with transaction.atomic(), connection.cursor() as cursor:
        if not take_turn(cursor):
            return Reckoned(0, more=False)
        ids: list[int] = []
        pairs: dict[tuple[datetime, int], None] = {}
        more = False
        due = _due(ripe).order_by("interval_start", "site_id", "pk")
        for row in due[: ROWS + 1]:
            pair = (row.interval_start, row.site_id)
            if len(ids) == ROWS or (len(pairs) == portion and pair not in pairs):
                more = True
                break
            ids.append(row.pk)
            pairs[pair] = None
        sites = Site.objects.in_bulk({site for _start, site in pairs})
        for start, site in _still_readable(pairs):
            reckon_quarter(sites[site], start, at=at)
        UsageDue.objects.filter(pk__in=ids).delete()
        left = _due(ripe).exists() if ids else False
    return Reckoned(len(ids), more or left)


def _due(ripe: datetime) -> Any:
    waiting = RollupDue.objects.filter(
        bucket_start__gte=OuterRef("interval_start"), bucket_start__lt=OuterRef("interval_start") + QUARTER
    )
    return UsageDue.objects.filter(~Exists(waiting), interval_start__lte=ripe)


def _still_readable(pairs: Iterable[tuple[datetime, int]]) -> list[tuple[datetime, int]]:
    """Without those that were reckoned once and whose five minutes are dropped by now.

    They were billed for good before that: what a late change means for them, a document says, not a figure of nothing.
    """
    oldest = SeriesPartition.objects.filter(series=FIVE_MINUTES).aggregate(first=Min("begins_at"))["first"]
    old = [pair for pair in pairs if oldest is not None and pair[0] < oldest]
    starts = {start for start, _site in old}
    reckoned = {
        *Demand15Min.objects.filter(interval_start__in=starts).values_list("interval_start", "zone__site_id"),
        *Usage15Min.objects.filter(interval_start__in=starts).values_list("interval_start", "terms__site_id"),
    } if old else set()  # fmt: skip
    return [pair for pair in pairs if pair not in reckoned]


def reckon_quarter(site: Site, start: datetime, *, at: datetime) -> None:
    """Demand of each zone of a site, then usage of each terms in force there, for one quarter-hour."""
    moment = _read(site, start, at)
    zones: dict[int, Figure] = {}
    for zone_id in site.zones.order_by("pk").values_list("pk", flat=True):
        rows = [row for row in moment.rows if row.zone == zone_id]
        zones[zone_id] = engine.measured(rows, settings.HOSTING_COVERAGE)
        kw = engine.power_kw(zones[zone_id].kwh)
        _keep(Demand15Min, {"zone_id": zone_id, "interval_start": start}, {**_columns(zones[zone_id]), "kw": kw}, at)
    _charge(moment, zones)


def _read(site: Site, start: datetime, at: datetime) -> _Moment:
    owed = 3 if site.collection_interval_s <= 300 else max(1, 900 // site.collection_interval_s)
    span: dict[str, Any] = {"site": site.pk, "start": start, "past": start + QUARTER, "owed": owed}
    with connection.cursor() as cursor:
        cursor.execute(MEASURED, span)
        rows = [
            Measured(zone, customer, machines, int(slots), covered, kwh, int(samples), *rest)
            for zone, customer, machines, slots, covered, kwh, samples, *rest in cursor.fetchall()
        ]
        cursor.execute(IN_REPAIR, span)
        in_repair = [InRepair(*row) for row in cursor.fetchall()]
    day = day_of(start, ZoneInfo(site.time_zone))
    terms = terms_in_force(site, day)
    plans = {row.price_plan_id for row in terms}
    versions = PricePlanVersion.objects.filter(plan__in=plans, published_at__isnull=False, valid_from__lte=day)
    rules = dict(versions.filter(Q(valid_to__isnull=True) | Q(valid_to__gt=day)).values_list("plan_id", "missing_rule"))
    return _Moment(site, start, at, rows, in_repair, terms, rules)


def _charge(moment: _Moment, zones: dict[int, Figure]) -> None:
    stale = Usage15Min.objects.current().filter(terms__site=moment.site, interval_start=moment.start)
    stale.exclude(terms__in=moment.terms).update(superseded_at=moment.at)
    shares = assign([row for row in moment.rows if not row.paused], moment.terms)
    paused = assign(moment.in_repair, moment.terms)
    for terms in moment.terms:
        figure = _figure(terms, shares[terms.pk], paused[terms.pk], moment, zones)
        figure = replace(figure, machines_paused=sum(row.machines for row in paused[terms.pk]))
        rule = moment.rules.get(terms.price_plan_id, MissingRule.MARK_MISSING)
        before, after = _neighbours(terms, moment.start) if figure.quality == Quality.MISSING else (None, None)
        figure = engine.stand_in(figure, rule, moment.start, before, after)
        key = {"terms_id": terms.pk, "interval_start": moment.start}
        columns = {**_columns(figure), "machines_paused": figure.machines_paused, "rule": rule}
        old, new = _keep(Usage15Min, key, columns, moment.at)
        if new is not old and Quality.MEASURED in (new.quality, old.quality if old else None):
            _mark_stand_ins(terms, moment)


def _figure(
    terms: HostingTerms, own: list[Measured], paused: Sequence[InRepair], moment: _Moment, zones: dict[int, Figure]
) -> Figure:
    machines = sum(row.machines for row in own)
    match terms.basis:
        case BillingBasis.CONTRACTED:
            kwh = engine.contracted(terms.contracted_kw, paused)
            return Figure(kwh, "contract", Quality.AGREED, Decimal(1), machines=machines)
        case BillingBasis.NAMEPLATE:
            kwh = engine.energy(sum((row.nameplate_kwh for row in own), engine.ZERO))
            return Figure(kwh, "nameplate", Quality.AGREED, Decimal(1), machines=machines)
        case BillingBasis.PEAK_SHARE:
            return engine.zone_share(own, moment.rows, zones, settings.HOSTING_COVERAGE)
    return engine.measured(own, settings.HOSTING_COVERAGE)


def _neighbours(terms: HostingTerms, start: datetime) -> tuple[Neighbour | None, Neighbour | None]:
    rows = Usage15Min.objects.current().filter(terms=terms, quality=Quality.MEASURED)
    before = rows.filter(interval_start__lt=start, interval_start__gte=start - engine.REACH)
    after = rows.filter(interval_start__gt=start, interval_start__lte=start + engine.REACH)
    found = [before.order_by("-interval_start").first(), after.order_by("interval_start").first()]
    first, last = (None if row is None else Neighbour(row.interval_start, row.kwh) for row in found)
    return first, last


def _mark_stand_ins(terms: HostingTerms, moment: _Moment) -> None:
    """Those that this figure stands in for, or did, must be reckoned again."""
    rows = Usage15Min.objects.current().filter(
        terms=terms, quality__in=[Quality.ESTIMATED, Quality.MISSING],
        interval_start__gte=moment.start - engine.REACH, interval_start__lte=moment.start + engine.REACH,
    )  # fmt: skip
    starts = rows.exclude(rule=MissingRule.MARK_MISSING).values_list("interval_start", flat=True)
    UsageDue.objects.bulk_create(
        [UsageDue(site=moment.site, interval_start=start, marked_at=moment.at) for start in starts]
    )


def _columns(figure: Figure) -> dict[str, Any]:
    return {name: getattr(figure, name) for name in _FIGURE}


def _keep(model: Any, key: dict[str, Any], columns: dict[str, Any], at: datetime) -> tuple[Any, Any]:
    """The current row before and after: the same one where nothing changed, else a new version."""
    latest = model.objects.filter(**key).order_by("-version").first()
    old = latest if latest is not None and latest.superseded_at is None else None
    if old is not None and all(getattr(old, name) == value for name, value in columns.items()):
        return old, old
    if old is not None:
        model.objects.filter(pk=old.pk).update(superseded_at=at)
    version = latest.version + 1 if latest is not None else 1
    return old, model.objects.create(**key, **columns, version=version, created_at=at)
