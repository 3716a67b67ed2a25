"""Tasks of the approvals: thin, safe to run twice."""

from typing import Any

from celery import shared_task
from django.utils import timezone

from hashinsight.approvals.domain import requests
from hashinsight.jobs.models import JobRun
from hashinsight.jobs.periodic import run_periodic


@shared_task(name="approvals.expire_requests")
def expire_requests() -> dict[str, Any] | None:
    """Hourly: end requests that nobody decided in time."""
    return run_periodic("approvals.expire_requests", _expire_requests)


def _expire_requests(run: JobRun) -> dict[str, Any]:
    return {"expired": requests.expire_due(at=timezone.now())}
