"""The frame around each periodic task: claim the period, run, keep the outcome."""

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.utils import timezone

from hashinsight.jobs.domain import runs
from hashinsight.jobs.models import JobRun
from hashinsight.jobs.registry import periodic_job
from hashinsight.jobs.start import asked_period

logger = logging.getLogger(__name__)
Work = Callable[[JobRun], dict[str, Any]]


def run_periodic(name: str, work: Work) -> dict[str, Any] | None:
    """Run ``work`` for the period the message names (the current one by default) unless it was already served.

    Returns the work's result (facts for the admin), None when there was nothing to do. An error is stored and
    raised again, so that it is logged and the broker's message is not lost silently.
    """
    job = periodic_job(name)
    now = timezone.now()
    claim = timedelta(seconds=settings.JOB_CLAIM_SECONDS)
    period_start = asked_period(name) or job.period_start(now)
    run = runs.start_run(name, period_start=period_start, at=now, claim=claim, each_period=job.each_period)
    if run is None:
        return None
    try:
        result = work(run)
    except Exception as error:
        runs.fail_run(run, at=timezone.now(), error=f"{type(error).__name__}: {error}")
        logger.exception("job %s failed", name)
        raise
    runs.finish_run(run, at=timezone.now(), result=result)
    return result
