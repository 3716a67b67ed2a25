"""Tasks of intelligence: thin, safe to run twice and to kill."""

from typing import Any

from celery import shared_task
from django.utils import timezone

from hashinsight.jobs.models import JobRun
from hashinsight.jobs.periodic import run_periodic
from intelligence.domain import energy_forecasts, forecasting, schedule_due, scoring


@shared_task(name="intelligence.forecast")
def forecast() -> dict[str, Any] | None:
    """Hourly: forecasts that know less than the newest day, and the score card."""
    return run_periodic("intelligence.forecast", _forecast)


def _forecast(run: JobRun) -> dict[str, Any]:
    said = {}
    for kind in forecasting.due_kinds(at=timezone.now()):
        try:
            made = forecasting.current(kind, at=timezone.now(), renew=True)
            said[kind.value] = made.issued_at.isoformat()
        except forecasting.ForecastNotMade as refusal:
            said[kind.value] = str(refusal)
    said |= energy_forecasts.forecast_due(at=timezone.now())
    return {"forecasts": said, "scores": scoring.rescore_all(at=timezone.now())}


@shared_task(name="intelligence.schedules")
def schedules() -> dict[str, Any] | None:
    """Hourly: ask for the days that are to be planned, follow those that run, ask for those that are over."""
    return run_periodic("intelligence.schedules", _schedules)


def _schedules(run: JobRun) -> dict[str, Any]:
    now = timezone.now()
    return {
        "planned": schedule_due.plan_due(at=now), "executing": schedule_due.follow(at=now),
        "scored": schedule_due.score_due(at=now),
    }  # fmt: skip
