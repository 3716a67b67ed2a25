"""A job of one second, each period of which counts: known to processes started with HASHINSIGHT_TEST_TICK.

``guarded``: as every job of the house. ``bare``: the control; neither lock nor row, whoever rings is served.
``slow``: each period takes two seconds.
"""

import os
import time
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

from celery import shared_task
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from hashinsight.common.models import IdempotencyRecord
from hashinsight.jobs import periodic, queue, tasks
from hashinsight.jobs.domain import locks, runs
from hashinsight.jobs.models import JobRun
from hashinsight.jobs.registry import PeriodicJob, periodic_job, register_job

TICK = PeriodicJob("tests.tick", "tests.tick", timedelta(seconds=1), "Counts seconds.", each_period=True)
OWNER = "tests.tick"
MODE = os.environ["HASHINSIGHT_TEST_TICK"]


def leave_a_mark(run: JobRun) -> dict[str, Any]:
    """The effect and the end of the run in one transaction, as a job does whose effect must not come twice."""
    if MODE == "slow":
        time.sleep(2)
    now = timezone.now()
    with transaction.atomic():
        IdempotencyRecord.objects.create(
            owner=OWNER,
            key=str(uuid4()),
            fingerprint=run.period_start.isoformat(),
            claimed_until=now,
            claim_token=uuid4(),
        )
        if run.pk and not runs.finish_run(run, at=now, result={}):
            transaction.set_rollback(True)
    return {}


@shared_task(name="tests.tick")
def tick() -> None:
    """One period."""
    periodic.run_periodic(TICK.name, leave_a_mark)


def without_guards() -> None:
    """Every beat leads, every message is served."""
    locks.take_lock = lambda *args, **options: 1  # type: ignore[assignment]
    locks.prolong_lock = lambda *args, **options: True  # type: ignore[assignment]
    locks.fence = lambda *args, **options: None  # type: ignore[assignment]
    runs.ring = lambda job, *, at, **options: [JobRun(job=job.name, period_start=job.period_start(at))]  # type: ignore
    runs.start_run = lambda job, *, period_start, **options: JobRun(job=job, period_start=period_start)  # type: ignore
    runs.finish_run = lambda *args, **options: True  # type: ignore[assignment]


register_job(TICK)
register_job(replace(periodic_job("jobs.sweep"), every=timedelta(seconds=2)))
settings.JOB_CLAIM_SECONDS = 3
tasks.MESSAGE_PATIENCE = timedelta(seconds=2)
queue.SILENCE_SECONDS = 0.5
if MODE == "bare":
    without_guards()
