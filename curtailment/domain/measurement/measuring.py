"""What an event came to, reckoned from the readings of its machines; again when readings come late.

The load of a machine before is its mean over the last hour in which we did not hold it; where nobody read it then, the
figure of the plan, and what comes of that is an estimate. Five minutes count whole: the load before less their mean is
exactly what was not used in them. Nothing is assumed of a machine nobody read, unless the control itself saw it off. A
machine that kept to a limit was not off: what it drew is read or not known, and its time is not excused, for it was up.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Count, Max, Sum
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _

from curtailment.domain.measurement.before import Before, before_of
from curtailment.domain.measurement.events import leading, leading_by_owner, payload_of
from curtailment.domain.measurement.metered import load_around
from curtailment.domain.measurement.told import spans_of
from curtailment.domain.worth import PER_KWH, SECONDS_PER_HOUR, btc_of_ths
from curtailment.engine.spans import QUARTER, Span, quarter
from curtailment.enums import EventStatus
from curtailment.models import (
    CurtailmentEvent,
    EventInterval,
    EventMachine,
    EventShare,
)
from hashinsight.common.errors import DomainError
from hashinsight.common.ids import new_public_id
from hashinsight.common.transitions import lock_row
from hashinsight.events.domain import publish
from hosting.domain.excused import Excuse, set_excused
from marketdata.domain.prices import best_known
from marketdata.models import NetworkSnapshot

READY = timedelta(minutes=20)  # by then the last quarter-hour is rolled up
AGAIN = (timedelta(hours=1), timedelta(days=1), timedelta(days=3))  # readings of edge devices come late
NETWORK_WITHIN = timedelta(hours=6)
BATCH = 2_000
WHOLE = Decimal("0.000001")


class MeasureRefused(DomainError):
    """The event cannot be reckoned now."""

    code = "measure_refused"


def due(at: datetime) -> list[CurtailmentEvent]:
    """Events that are over and not reckoned, or were reckoned before their last readings may have come."""
    rows = CurtailmentEvent.objects.filter(
        status__in=(EventStatus.OVER, EventStatus.MEASURED), ended_at__lte=at - READY
    )
    rows = rows.filter(ended_at__gt=at - AGAIN[-1] - timedelta(days=1)) | rows.filter(status=EventStatus.OVER)
    return [event for event in rows.order_by("ended_at", "pk") if _is_due(event, at)]


def _is_due(event: CurtailmentEvent, at: datetime) -> bool:
    if event.measured_at is None or event.ended_at is None:
        return True
    return any(event.measured_at < event.ended_at + wait <= at for wait in AGAIN)


@transaction.atomic
def measure_if_due(event: CurtailmentEvent, *, at: datetime) -> CurtailmentEvent:
    """Of two who were asked for the same only the first reckons."""
    locked = lock_row(event)
    return measure(locked, at=at) if locked.status != EventStatus.RUNNING and _is_due(locked, at) else locked


@transaction.atomic
def measure(event: CurtailmentEvent, *, at: datetime) -> CurtailmentEvent:
    """Reckon an event anew; the same readings give the same figures. Raises MeasureRefused while it runs."""
    locked = lock_row(event)
    if locked.status == EventStatus.RUNNING:
        raise MeasureRefused(_("%(event)s is still running.") % {"event": locked})
    event.intervals.all().delete()
    told = event.event_machines.values_list("miner_id", "told_at", "public_id")
    ids = {(miner, moment): own_id for miner, moment, own_id in told}  # who reads page by page goes on where it was
    event.event_machines.all().delete()
    spans = spans_of(locked)
    shares = _shares(locked, spans, at)
    before = before_of(locked, _first_told(spans))
    _keep_machines(locked, spans, shares, ids, before)
    _keep_intervals(locked, at)
    _reckon(locked)
    _sum_up(locked, before, at)
    _excuse(locked, at)
    publish(
        "curtailment.event_measured",
        aggregate_type="curtailment_event",
        aggregate_id=locked.public_id,
        payload=payload_of(locked),
    )
    return locked.reload()


def _shares(event: CurtailmentEvent, spans: Sequence[Span], at: datetime) -> dict[int | None, EventShare]:
    """One for each owner; whoever has none of the machines any more keeps a share of nothing."""
    known = {share.customer_id: share for share in event.shares.all()}
    why, any_plan = leading_by_owner(event), leading(event.plans.all())
    for owner in sorted({span.owner for span in spans} - set(known), key=lambda key: key or 0):
        first = why.get(owner, any_plan)  # an heir reads why it was done to the machine it has now
        known[owner] = EventShare.objects.create(
            event=event, customer_id=owner, site=event.site, cause=first.cause if first else "other",
            reason=first.reason if first else "", started_at=event.started_at, created_at=at,
        )  # fmt: skip
    return known


def _keep_machines(
    event: CurtailmentEvent, spans: Sequence[Span], shares: dict[int | None, EventShare],
    known: Mapping[tuple[int, datetime], UUID], before: Mapping[int, Before],
) -> None:  # fmt: skip
    EventMachine.objects.bulk_create(
        [
            EventMachine(
                public_id=known.get((span.miner, span.told)) or new_public_id(),
                event=event, share=shares[span.owner], miner_id=span.miner, customer_id=span.owner, told_at=span.told,
                off_at=span.off, back_at=span.back, limit_w=span.limit_w, is_baseline_measured=span.miner in before,
                baseline_w=round(before[span.miner].watts) if span.miner in before else span.draw_w,
                baseline_ths=_ths(before.get(span.miner), span),
            )
            for span in spans
        ],
        batch_size=BATCH,
    )  # fmt: skip


def _first_told(spans: Sequence[Span]) -> dict[int, datetime]:
    """Off twice in an event, or somebody else's since: what it drew before it was told first."""
    found: dict[int, datetime] = {}
    for span in spans:
        found[span.miner] = min(span.told, found.get(span.miner, span.told))
    return found


def _ths(before: Before | None, span: Span) -> float:
    return span.ths if before is None or before.ths is None else before.ths


# --- quarter-hours ------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class _Network:
    at: datetime
    btc: Decimal
    usd: Decimal | None


def _keep_intervals(event: CurtailmentEvent, at: datetime) -> None:
    """Each quarter-hour with what was known of it in the end: price, network, load of the site."""
    start, end = quarter(event.started_at), event.ended_at or event.started_at
    series = event.site.energy_series
    prices = []
    event.currency = event.site.currency
    if series is not None and series.unit in PER_KWH:
        prices = best_known(series, start=start, end=end, at=at)
        event.currency = series.currency
    networks = _networks(start, end)
    event.meter_source, event.meter_before_kw, meters = load_around(event, start, end)
    rows, moment = [], start
    while moment < end:
        price = next((one.value for one in prices if one.start <= moment < one.end), None)
        network = next((one for one in networks if one.at <= moment + QUARTER), None)
        if network is not None and network.at < moment - NETWORK_WITHIN:
            network = None
        rows.append(
            EventInterval(
                event=event, interval_start=moment, meter_kw=meters.get(moment),
                price_per_kwh=price / PER_KWH[series.unit] if price is not None and series is not None
                else event.site.energy_cost_per_kwh if series is None else None,
                btc_per_ths_hour=network.btc if network else None, usd_per_btc=network.usd if network else None,
            )
        )  # fmt: skip
        moment += QUARTER
    EventInterval.objects.bulk_create(rows, batch_size=BATCH)


def _networks(start: datetime, end: datetime) -> list[_Network]:
    """Good snapshots, newest first."""
    rows = NetworkSnapshot.objects.valid().filter(
        recorded_at__gte=start - NETWORK_WITHIN, recorded_at__lte=end + QUARTER
    )
    return [
        _Network(row.recorded_at, btc_of_ths(row, SECONDS_PER_HOUR), row.btc_price_usd)
        for row in rows.order_by("-recorded_at", "-pk")
    ]


# --- figures --------------------------------------------------------------------------------------------------------
# Five minutes count whole where the machine was told before they ended and not back before they began; of two rows
# of one machine (it changed hands at a quarter-hour) the buckets belong to one of them, for both edges are multiples.
_RECKON = """
WITH bucket AS (
    SELECT m.id, m.baseline_w, m.baseline_ths, m.is_baseline_measured AS known, b.start, r.power_w, r.hashrate_ths,
           coalesce(r.online_samples > 0, false) AS answered,
           m.limit_w IS NULL AND b.start >= m.off_at AND b.start + interval '5 minutes' <= m.back_at AS seen_off
      FROM curtailment_eventmachine m
     CROSS JOIN LATERAL generate_series(
           date_bin('5 minutes', m.told_at, 'epoch'), m.back_at - interval '1 microsecond', interval '5 minutes'
         ) AS b (start)
      LEFT JOIN hosting_telemetry_5min r ON r.miner_id = m.miner_id AND r.bucket_start = b.start
     WHERE m.event_id = %(event)s
), part AS (
    SELECT id, date_bin('15 minutes', start, 'epoch') AS quarter, baseline_w,
           CASE WHEN known AND answered AND power_w IS NOT NULL THEN (baseline_w - power_w) / 12000.0 END AS measured,
           CASE WHEN known AND answered AND power_w IS NOT NULL THEN NULL
                WHEN answered AND power_w IS NOT NULL THEN (baseline_w - power_w) / 12000.0
                WHEN seen_off THEN baseline_w / 12000.0 END AS estimated,
           CASE WHEN answered AND hashrate_ths IS NOT NULL THEN (baseline_ths - hashrate_ths) / 12.0
                WHEN seen_off THEN baseline_ths / 12.0 END AS ths_hours
      FROM bucket
), summed AS (
    SELECT id, quarter, coalesce(sum(measured), 0)::numeric AS measured,
           coalesce(sum(estimated), 0)::numeric AS estimated,
           count(*) FILTER (WHERE measured IS NULL AND estimated IS NULL) * 5 AS unknown,
           count(*) * max(baseline_w) / 12000.0 AS baseline, coalesce(sum(ths_hours), 0)::numeric AS ths_hours
      FROM part GROUP BY id, quarter
), worth AS (
    SELECT summed.*, i.id AS interval_id, (measured + estimated) * i.price_per_kwh AS cost,
           ths_hours * i.btc_per_ths_hour AS btc, ths_hours * i.btc_per_ths_hour * i.usd_per_btc AS usd
      FROM summed JOIN curtailment_eventinterval i ON i.event_id = %(event)s AND i.interval_start = summed.quarter
), machines AS (
    UPDATE curtailment_eventmachine m
       SET measured_kwh = round(w.measured, 6), estimated_kwh = round(w.estimated, 6), unknown_minutes = w.unknown,
           avoided_cost = CASE WHEN w.priced = w.parts THEN round(w.cost, 6) END,
           forgone_btc = CASE WHEN w.with_btc = w.parts THEN round(w.btc, 12) END,
           forgone_usd = CASE WHEN w.with_usd = w.parts THEN round(w.usd, 6) END
      FROM (SELECT id, sum(measured) AS measured, sum(estimated) AS estimated, sum(unknown) AS unknown,
                   sum(cost) AS cost, sum(btc) AS btc, sum(usd) AS usd, count(*) AS parts, count(cost) AS priced,
                   count(btc) AS with_btc, count(usd) AS with_usd
              FROM worth GROUP BY id) w
     WHERE w.id = m.id RETURNING 1
)
UPDATE curtailment_eventinterval i
   SET machines = w.machines, baseline_kwh = round(w.baseline, 6), measured_kwh = round(w.measured, 6),
       estimated_kwh = round(w.estimated, 6), unknown_minutes = w.unknown
  FROM (SELECT interval_id, count(*) AS machines, sum(baseline)::numeric AS baseline, sum(measured) AS measured,
               sum(estimated) AS estimated, sum(unknown) AS unknown FROM worth GROUP BY interval_id) w
 WHERE w.interval_id = i.id
"""


def _reckon(event: CurtailmentEvent) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_RECKON, {"event": event.pk})


def _sum_up(event: CurtailmentEvent, before: Mapping[int, Before], at: datetime) -> None:
    """Shares from their machines, the event from its shares: no figure stands in two places with two values."""
    event.status, event.measured_at, event.revision = EventStatus.MEASURED, at, event.revision + 1
    why, any_plan = leading_by_owner(event), leading(event.plans.all())
    for share in event.shares.all():
        rows = share.event_machines.all()
        _add(share, rows)
        share.machines = rows.values("miner_id").distinct().count()
        spans = list(rows.filter(limit_w=None).values_list("told_at", "off_at", "back_at"))
        share.off_minutes = _minutes((off, back) for _told, off, back in spans)
        share.excused_minutes = _minutes((told, back) for told, _off, back in spans)
        share.status, share.ended_at = event.status, event.ended_at
        share.revision, share.measured_at = event.revision, at
        first = why.get(share.customer_id, any_plan)
        if first is not None:
            share.cause, share.reason = first.cause, first.reason
        share.save()
    machines = event.event_machines.all()
    _add(event, machines)
    event.machines = machines.values("miner_id").distinct().count()
    event.baseline_kw = Decimal(_baseline_w(event)) / 1000
    event.metered_kwh = _metered(event)
    event.missing = _missing(event, machines, sum(one.earlier for one in before.values()))
    event.save()


def _add(to: Any, rows: Any) -> None:
    sums = rows.aggregate(
        measured=Coalesce(Sum("measured_kwh"), Decimal(0)), estimated=Coalesce(Sum("estimated_kwh"), Decimal(0)),
        unknown=Coalesce(Sum("unknown_minutes"), 0), btc=Sum("forgone_btc"), usd=Sum("forgone_usd"),
        cost=Sum("avoided_cost"), rows=Count("pk"), with_btc=Count("forgone_btc"), with_usd=Count("forgone_usd"),
        with_cost=Count("avoided_cost"),
    )  # fmt: skip
    to.measured_kwh, to.estimated_kwh, to.unknown_minutes = sums["measured"], sums["estimated"], sums["unknown"]
    to.forgone_btc = sums["btc"] if sums["with_btc"] == sums["rows"] else None
    to.forgone_usd = sums["usd"] if sums["with_usd"] == sums["rows"] else None
    to.avoided_cost = sums["cost"] if sums["with_cost"] == sums["rows"] else None


def _minutes(spans: Any) -> int:
    return round(sum(((end - start).total_seconds() for start, end in spans), 0.0) / 60)


def _baseline_w(event: CurtailmentEvent) -> int:
    """Each machine once, however often it changed hands."""
    rows = event.event_machines.order_by().values("miner_id").annotate(watts=Max("baseline_w"))
    return int(sum(row["watts"] for row in rows))


def _metered(event: CurtailmentEvent) -> Decimal | None:
    """The load before less that of each quarter-hour; None where a quarter-hour is not known."""
    if event.meter_before_kw is None:
        return None
    before: Decimal = event.meter_before_kw
    told = event.intervals.values_list("meter_kw", flat=True)
    loads = [kw for kw in told if kw is not None]
    if not loads or len(loads) < len(told):
        return None
    return (before * len(loads) - sum(loads, Decimal(0))).quantize(WHOLE) / 4


def _missing(event: CurtailmentEvent, machines: Any, earlier: int) -> dict[str, int]:
    """What is not known, counted: the page says it in words."""
    counts = Counter(
        {
            "price": event.intervals.filter(price_per_kwh__isnull=True).count(),
            "network": event.intervals.filter(btc_per_ths_hour__isnull=True).count(),
            "meter": event.intervals.filter(meter_kw__isnull=True).count(),
            "baseline": machines.filter(is_baseline_measured=False).values("miner_id").distinct().count(),
            "earlier": earlier,
        }
    )
    return dict(+counts)


def _excuse(event: CurtailmentEvent, at: datetime) -> None:
    """From the order to pause to the return: nobody is blamed for that time. Who was limited was up all the time."""
    rows = event.event_machines.filter(limit_w=None).values_list(
        "miner_id", "customer_id", "told_at", "back_at", "share__reason"
    )
    excuses = (Excuse(*row) for row in rows.iterator(chunk_size=BATCH))
    set_excused(f"curtailment_event:{event.public_id}", excuses, at=at)
