"""Tasks of the hosting part: thin, safe to run twice; each does what is due and leaves the rest to its next run."""

from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from typing import Any

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from hashinsight.jobs.domain import runs
from hashinsight.jobs.models import JobRun
from hashinsight.jobs.periodic import run_periodic
from hashinsight.jobs.queue import enqueue_after_commit
from hosting.domain import (
    alert_rules,
    collection,
    health,
    ledger,
    partitions,
    place_counts,
    rollups,
    usage,
    usage_marks,
)
from hosting.domain.rollups import Reckoned
from hosting.models import Site

COLLECTION = "collection"  # a queue and a worker of its own: polls wait for machines, and nobody should wait for polls


def _until_done(run: JobRun, step: Callable[..., Reckoned]) -> int:
    """Portion after portion, as long as the run is ours and half its time is left; returns how many rows were taken."""
    began, taken = timezone.now(), 0
    while True:
        done = step(at=timezone.now())
        taken += done.taken
        if not done.more or _spent(began) or not runs.beat(run, at=timezone.now()):
            return taken


def _spent(began: datetime) -> bool:
    return (timezone.now() - began).total_seconds() > settings.CELERY_TASK_SOFT_TIME_LIMIT / 2


@shared_task(name="hosting.ensure_partitions")
def ensure_partitions() -> dict[str, Any] | None:
    """Hourly: partitions of the series for the days ahead."""
    return run_periodic("hosting.ensure_partitions", _ensure_partitions)


def _ensure_partitions(run: JobRun) -> dict[str, Any]:
    return {"made": partitions.ensure_partitions(at=timezone.now())}


@shared_task(name="hosting.reckon_five_minutes")
def reckon_five_minutes() -> dict[str, Any] | None:
    """Every minute: five minutes that are over, or that a late reading changed."""
    return run_periodic("hosting.reckon_five_minutes", _reckon_five_minutes)


def _reckon_five_minutes(run: JobRun) -> dict[str, Any]:
    return {"taken": _until_done(run, rollups.reckon_five_minutes)}


@shared_task(name="hosting.close_quarters")
def close_quarters() -> dict[str, Any] | None:
    """Every five minutes: demand of zones and usage of terms for quarter-hours that are over, or changed."""
    return run_periodic("hosting.close_quarters", _close_quarters)


def _close_quarters(run: JobRun) -> dict[str, Any]:
    marked = usage_marks.close_quarters(at=timezone.now())
    return {"closed": marked, "taken": _until_done(run, usage.reckon_quarters)}


@shared_task(name="hosting.reckon_days")
def reckon_days() -> dict[str, Any] | None:
    """Hourly: days of machines from their five minutes, today's as far as it has come."""
    return run_periodic("hosting.reckon_days", _reckon_days)


def _reckon_days(run: JobRun) -> dict[str, Any]:
    return {"taken": _until_done(run, rollups.reckon_days)}


@shared_task(name="hosting.close_months")
def close_months() -> dict[str, Any] | None:
    """Hourly: months of zones that are over by the calendar of their site, or changed."""
    return run_periodic("hosting.close_months", _close_months)


def _close_months(run: JobRun) -> dict[str, Any]:
    return {"written": ledger.close_months(at=timezone.now())}


@shared_task(name="hosting.verify_counts")
def verify_counts() -> dict[str, Any] | None:
    """Nightly: the counts of places against the machines that stand there."""
    return run_periodic("hosting.verify_counts", _verify_counts)


def _verify_counts(run: JobRun) -> dict[str, Any]:
    return place_counts.verify_counts(at=timezone.now())


@shared_task(name="hosting.collect")
def collect() -> dict[str, Any] | None:
    """Every ten seconds: fan out one poll per site that has not been read in its period."""
    return run_periodic("hosting.collect", _collect)


def _collect(run: JobRun) -> dict[str, Any]:
    due = collection.sites_due(timezone.now())
    for site, period_start in due:
        kwargs = {"site_id": site.pk, "period_start": period_start.isoformat()}
        enqueue_after_commit("hosting.collect_site", queue=COLLECTION, **kwargs)
    return {"sites": len(due)}


@shared_task(name="hosting.collect_site")
def collect_site(*, site_id: int, period_start: str) -> dict[str, Any] | None:
    """Read the machines of one site once in a period of it; None when there is nothing to do."""
    collected = collection.collect_site(
        Site.objects.get(pk=site_id), period_start=datetime.fromisoformat(period_start), clock=timezone.now
    )
    return None if collected is None else asdict(collected)


@shared_task(name="hosting.health")
def look_at_health() -> dict[str, Any] | None:
    """Every minute: the health of all machines from their newest readings."""
    return run_periodic("hosting.health", _look_at_health)


def _look_at_health(run: JobRun) -> dict[str, Any]:
    passed = health.pass_health(at=timezone.now())
    broken = alert_rules.pass_rules(at=timezone.now())
    return {"broken_rules": broken, **({} if passed is None else asdict(passed))}
