"""Tasks of intelligence: thin, safe to run twice and to kill."""

from typing import Any

from celery import shared_task
from django.utils import timezone

from hashinsight.jobs.models import JobRun
from hashinsight.jobs.periodic import run_periodic
from intelligence.domain import energy_forecasts, forecasting, scoring


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
