"""Forecasts and schedules are kept for what they turned out to be worth, then go; current forecasts stay."""

from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from hashinsight.jobs.retention import Held, RetentionKind, register_kind
from intelligence.models import ForecastRun, ScheduleRun


def _runs(before: datetime, _held: Held) -> QuerySet[Any]:
    rows: QuerySet[Any] = ForecastRun.objects.filter(expires_at__lt=before, is_current=False)
    return rows


def _schedules(before: datetime, _held: Held) -> QuerySet[Any]:
    rows: QuerySet[Any] = ScheduleRun.objects.filter(ends_at__lt=before)
    return rows


KINDS = [
    RetentionKind(
        name="intelligence.forecasts",
        label=_("Forecasts"),
        what=_("By the day they expire, 30 days after the last one they speak of; the score card needs what is kept."),
        table="intelligence.ForecastRun",
        moment="expires_at",
        rows=_runs,
        keep_days=730,
    ),
    RetentionKind(
        name="intelligence.schedules",
        label=_("Schedules"),
        what=_("By the end of the day they are of; with what they were made from and what they earned."),
        table="intelligence.ScheduleRun",
        moment="ends_at",
        rows=_schedules,
        keep_days=730,
    ),
]


def register() -> None:
    """Called once from ``ready()``."""
    for kind in KINDS:
        register_kind(kind)
