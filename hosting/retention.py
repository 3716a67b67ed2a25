"""What may go once it is old: partitions of the series, whole ones; and what stays for good.

The defaults are the compact profile: readings a day, five minutes a month, days a year. For the audit profile give
readings 90 days. Nothing goes before it is reckoned and billed, whatever the policy says.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from hashinsight.jobs.retention import Held, RetentionKind, never_delete, register_kind
from hosting.domain import partitions
from hosting.models import MeterReading, SeriesPartition

AT_ONCE = 5  # partitions in one transaction


def _due(series: str) -> Callable[[datetime, Held], QuerySet[Any]]:
    def rows(before: datetime, held: Held) -> QuerySet[Any]:
        found: QuerySet[Any] = SeriesPartition.objects.filter(series=series)
        if held.of("crm.customer"):
            return found.none()  # a partition holds the machines of everybody
        old = found.filter(past_day__lte=before.date()).order_by("first_day")
        return found.filter(pk__in=[part.pk for part in old if partitions.may_go(part)])

    return rows


def _drop(series: str) -> Callable[[datetime, Held, int], int]:
    def delete(before: datetime, held: Held, most: int) -> int:
        return sum(partitions.drop(part) for part in _due(series)(before, held).order_by("first_day")[:AT_ONCE])

    return delete


def _kind(name: str, label: Any, what: Any, series: str, keep_days: int) -> RetentionKind:
    return RetentionKind(
        name=name, label=label, what=what, table="hosting.SeriesPartition", moment="begins_at", rows=_due(series),
        keep_days=keep_days, delete=_drop(series),
    )  # fmt: skip


KINDS = [
    _kind(
        "hosting.telemetry",
        _("Readings of machines"),
        _("Days whose five minutes are reckoned and whose usage is billed. 90 days suit an audit."),
        partitions.RAW,
        1,
    ),
    _kind(
        "hosting.telemetry_5min",
        _("Five minutes of machines"),
        _("Days that are reckoned, whose readings are gone and whose usage is billed."),
        partitions.FIVE_MINUTES,
        30,
    ),
    _kind(
        "hosting.telemetry_day",
        _("Days of machines"),
        _("Months whose five minutes are gone and whose usage is billed."),
        partitions.DAYS,
        365,
    ),
]


def _old_meter_readings(before: datetime, held: Held) -> QuerySet[Any]:
    """They are of places, not of customers; what protects a customer protects the figures it may be billed by."""
    rows = MeterReading.objects.filter(recorded_at__lt=before)
    return rows.none() if held.of("crm.customer") else rows


KINDS.append(
    RetentionKind(
        name="hosting.meter_reading", label=_("Readings of meters"),
        what=_("What meters showed. Evidence of energy: 400 days at least."), table="hosting.MeterReading",
        moment="recorded_at", rows=_old_meter_readings, keep_days=1_100, minimum_days=400,
    )
)  # fmt: skip


def register() -> None:
    """Called once from ``ready()``."""
    for kind in KINDS:
        register_kind(kind)
    for table in ("hosting.Demand15Min", "hosting.Usage15Min", "hosting.DemandLedgerMonth", "hosting.MeterChange"):
        never_delete(table, _("evidence of invoices"))
