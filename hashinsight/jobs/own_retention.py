"""Rows of the jobs app that may go once they are old."""

from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from hashinsight.jobs.enums import RunState, WorkState
from hashinsight.jobs.models import DueWork, JobRun, RetentionReport, TableSize
from hashinsight.jobs.retention import Held, RetentionKind, register_kind

# Payload keys of due work that name something a hold may be about.
_ABOUT = {"invoice_id": "crm.invoice", "customer_id": "crm.customer"}


def _runs(before: datetime, held: Held) -> QuerySet[Any]:
    return JobRun.objects.filter(state__in=[RunState.DONE, RunState.MISSED], started_at__lt=before)


def _failures(before: datetime, held: Held) -> QuerySet[Any]:
    return JobRun.objects.filter(state=RunState.FAILED, started_at__lt=before)


def _work(before: datetime, held: Held) -> QuerySet[Any]:
    rows = DueWork.objects.filter(state=WorkState.DONE, done_at__lt=before)
    for name, subject in _ABOUT.items():
        if keys := held.of(subject):
            # Work about nothing of the kind has no such key, and what is unknown to SQL would never be deleted.
            free = ~Q(payload__has_key=name) | ~Q(**{f"payload__{name}__in": [*map(int, keys), *keys]})
            rows = rows.filter(free)
    return rows


def _reports(before: datetime, held: Held) -> QuerySet[Any]:
    return RetentionReport.objects.filter(started_at__lt=before)


def _sizes(before: datetime, held: Held) -> QuerySet[Any]:
    return TableSize.objects.filter(measured_on__lt=before.date())


KINDS = [
    RetentionKind(
        name="jobs.runs",
        label=_("Runs of jobs"),
        what=_("Runs that are done or were missed, by their start. The sweeper alone leaves 5,760 a day."),
        table="jobs.JobRun",
        moment="started_at",
        rows=_runs,
        keep_days=14,
        minimum_days=2,
    ),
    RetentionKind(
        name="jobs.failed_runs",
        label=_("Failed runs of jobs"),
        what=_("Runs that failed and were given up, by their start."),
        table="jobs.JobRun",
        moment="started_at",
        rows=_failures,
        keep_days=180,
        minimum_days=14,
    ),
    RetentionKind(
        name="jobs.done_work",
        label=_("Due work that is done"),
        what=_("Work done long ago, by the moment it was done. What failed or waits stays."),
        table="jobs.DueWork",
        moment="done_at",
        rows=_work,
        keep_days=90,
        minimum_days=30,
    ),
    RetentionKind(
        name="jobs.retention_reports",
        label=_("Reports of deletions"),
        what=_("What was deleted when, by the start of the run."),
        table="jobs.RetentionReport",
        moment="started_at",
        rows=_reports,
        keep_days=1095,
        minimum_days=365,
    ),
    RetentionKind(
        name="jobs.table_sizes",
        label=_("Daily sizes of tables"),
        what=_("What the growth of the database is measured against."),
        table="jobs.TableSize",
        moment="measured_on",
        rows=_sizes,
        keep_days=400,
        minimum_days=31,
    ),
]


def register() -> None:
    """Called once from ``ready()``."""
    for kind in KINDS:
        register_kind(kind)
