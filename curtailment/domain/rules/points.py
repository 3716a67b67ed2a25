"""Stored values as rules take them: each version with the moment since when somebody here could know it."""

from datetime import datetime
from decimal import Decimal

from curtailment.engine.strike import Point
from marketdata.models import PricePoint, PriceSeries

PER_KWH = {"kWh": Decimal(1), "MWh": Decimal(1000)}


def points(
    series: PriceSeries, *, start: datetime, at: datetime, divide_by: Decimal = Decimal(1), nominal: bool = False
) -> list[Point]:
    """Values of intervals that end after ``start`` and have begun by ``at``.

    A value is known when it was issued and had reached us; ``nominal`` takes its word for the first alone, for the past
    of a series that was imported.
    """
    rows = PricePoint.objects.filter(series=series, ends_at__gt=start, starts_at__lte=at).known(at)
    if not nominal:
        rows = rows.filter(created_at__lte=at)
    values = rows.order_by("starts_at", "version").values_list(
        "starts_at", "ends_at", "value", "issued_at", "created_at"
    )
    return [
        Point(begin, end, value / divide_by, issued if nominal else max(issued, created))
        for begin, end, value, issued, created in values
    ]


def ahead(series: PriceSeries, *, start: datetime, end: datetime, at: datetime, nominal: bool = False) -> list[Point]:
    """The newest forecast, known at ``at``, of each interval that lies in a span of time."""
    rows = PricePoint.objects.filter(series=series, ends_at__gt=start, starts_at__lt=end).known(at)
    if not nominal:
        rows = rows.filter(created_at__lte=at)
    newest = rows.order_by("starts_at", "-issued_at").distinct("starts_at")
    values = newest.values_list("starts_at", "ends_at", "value", "issued_at", "created_at")
    return [
        Point(begin, until, value, issued if nominal else max(issued, created))
        for begin, until, value, issued, created in values
    ]
