"""The month of a zone: written once it is over by the calendar of its site, and again when a quarter-hour changed."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import Count, Max, Q, Sum

from hashinsight.common.transitions import lock_row
from hosting.engine.grid import day_of, month_span, quarters_of_month
from hosting.enums import Quality
from hosting.models import Demand15Min, DemandLedgerMonth, Zone

_FIGURES = ("peak_kw", "peak_at", "kwh", "intervals", "measured", "estimated", "missing")


def close_months(*, at: datetime) -> int:
    """Write the months of all zones that are over and not written as they are now; returns how many were new."""
    return sum(_close(zone, at) for zone in Zone.objects.select_related("site").order_by("pk"))


def _close(zone: Zone, at: datetime) -> int:
    calendar = ZoneInfo(zone.site.time_zone)
    this_month = day_of(at, calendar).replace(day=1)
    return sum(write_month(zone, month, at=at) for month in _touched(zone, calendar) if month < this_month)


def _touched(zone: Zone, calendar: ZoneInfo) -> list[date]:
    """Months with demand reckoned since the ledger of this zone was written last."""
    written = DemandLedgerMonth.objects.filter(zone=zone).aggregate(last=Max("created_at"))["last"]
    rows = Demand15Min.objects.filter(zone=zone)
    if written is not None:
        rows = rows.filter(created_at__gte=written)
    starts = rows.values_list("interval_start", flat=True).distinct()
    return sorted({day_of(start, calendar).replace(day=1) for start in starts.iterator()})


@transaction.atomic
def write_month(zone: Zone, month: date, *, at: datetime) -> bool:
    """Write one month of a zone unless the ledger says so already; ``month`` is its first day."""
    lock_row(zone)
    figures = month_figures(zone, month)
    latest = DemandLedgerMonth.objects.filter(zone=zone, month=month).order_by("-version").first()
    if latest is not None and all(getattr(latest, name) == figures[name] for name in _FIGURES):
        return False
    if latest is not None:
        DemandLedgerMonth.objects.filter(pk=latest.pk).update(superseded_at=at)
    version = latest.version + 1 if latest is not None else 1
    DemandLedgerMonth.objects.create(zone=zone, month=month, version=version, created_at=at, **figures)
    return True


def month_figures(zone: Zone, month: date) -> dict[str, Any]:
    """Energy, the highest demand with its quarter-hour (the first of equal ones), and how many are of which quality.

    A quarter-hour nobody reckoned (before the first machine stood there) counts as missing.
    """
    calendar = ZoneInfo(zone.site.time_zone)
    first, past = month_span(month, calendar)
    rows = Demand15Min.objects.current().filter(zone=zone, interval_start__gte=first, interval_start__lt=past)
    totals = rows.aggregate(
        kwh=Sum("kwh"),
        measured=Count("pk", filter=Q(quality__in=[Quality.MEASURED, Quality.AGREED])),
        estimated=Count("pk", filter=Q(quality=Quality.ESTIMATED)),
    )
    peak = rows.filter(kw__isnull=False).order_by("-kw", "interval_start").first()
    intervals = quarters_of_month(month, calendar)
    return {
        "peak_kw": peak.kw if peak else None,
        "peak_at": peak.interval_start if peak else None,
        "kwh": totals["kwh"] or Decimal(0),
        "intervals": intervals,
        "measured": totals["measured"],
        "estimated": totals["estimated"],
        "missing": intervals - totals["measured"] - totals["estimated"],
    }
