"""How the periodic jobs stand: the one answer behind their page, the tile and the health checks."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django_celery_beat.models import PeriodicTask

from hashinsight.jobs.enums import RunState
from hashinsight.jobs.models import JobRun
from hashinsight.jobs.registry import PeriodicJob, periodic_jobs

RECENT = 10  # runs whose duration counts as today's; as many before them are compared with
# Over the unique index (job, period_start) only, however many runs there are.
_LAST = """
SELECT job.name, last.id, rung.period_start, took.recent, took.earlier
  FROM unnest(%(names)s::text[]) AS job(name)
  LEFT JOIN LATERAL (SELECT id FROM jobs_jobrun WHERE job = job.name AND state <> 'due'
                      ORDER BY period_start DESC LIMIT 1) last ON true
  LEFT JOIN LATERAL (SELECT period_start FROM jobs_jobrun
                      WHERE job = job.name AND state NOT IN ('due', 'missed') AND NOT is_manual
                      ORDER BY period_start DESC LIMIT 1) rung ON true
  LEFT JOIN LATERAL (
       SELECT avg(seconds) FILTER (WHERE place <= %(recent)s) AS recent,
              avg(seconds) FILTER (WHERE place > %(recent)s) AS earlier
         FROM (SELECT extract(epoch FROM finished_at - started_at)::float AS seconds,
                      row_number() OVER (ORDER BY period_start DESC) AS place
                 FROM (SELECT * FROM jobs_jobrun WHERE job = job.name
                        ORDER BY period_start DESC LIMIT 2 * %(recent)s) newest
                WHERE state = 'done') measured) took ON true
"""


@dataclass(frozen=True)
class JobStatus:
    """One job: its last run (None: never ran), its schedule, how long it takes, and what is wrong with it.

    ``seconds`` is the mean of the last RECENT runs, ``seconds_before`` of as many before them.
    """

    job: PeriodicJob
    last: JobRun | None
    is_late: bool
    is_failed: bool
    is_enabled: bool = True
    schedule_id: int | None = None
    next_at: datetime | None = None
    seconds: float | None = None
    seconds_before: float | None = None

    @property
    def is_well(self) -> bool:
        """Nobody has to act."""
        return not (self.is_late or self.is_failed)

    def is_silent(self, *, at: datetime, seconds: int) -> bool:
        """A run says it is at work, and nobody has heard of it for ``seconds``."""
        last = self.last
        return (
            last is not None and last.state == RunState.RUNNING and last.heartbeat_at < at - timedelta(seconds=seconds)
        )


def job_status(job: PeriodicJob, *, at: datetime) -> JobStatus:
    """How one job stands."""
    return _states([job], at=at)[0]


def all_job_states(*, at: datetime) -> list[JobStatus]:
    """Every registered job, those with trouble first; three queries in all."""
    return sorted(_states(periodic_jobs(), at=at), key=lambda status: (status.is_well, status.job.name))


def _states(jobs: list[PeriodicJob], *, at: datetime) -> list[JobStatus]:
    with connection.cursor() as cursor:
        cursor.execute(_LAST, {"names": [job.name for job in jobs], "recent": RECENT})
        found = {row[0]: row[1:] for row in cursor.fetchall()}
    runs = JobRun.objects.in_bulk([row[0] for row in found.values() if row[0] is not None])
    schedules = {row.name: row for row in PeriodicTask.objects.filter(name__in=list(found))}
    return [_status(job, found[job.name], runs, schedules.get(job.name), at) for job in jobs]


def _status(
    job: PeriodicJob, row: Any, runs: dict[int, JobRun], schedule: PeriodicTask | None, at: datetime
) -> JobStatus:
    """Late is a job whose last period began more than two periods and its grace ago.

    A job that never ran counts from the moment its schedule was made, so that a new house begins without alarm. One
    that a person switched off is never late.
    """
    run_id, rung, seconds, before = row
    last = runs.get(run_id)
    enabled = schedule is None or schedule.enabled
    since = rung or (schedule.date_changed if schedule is not None else None)
    late = enabled and (since is None or since + 2 * job.every + job.grace < at)
    return JobStatus(
        job=job,
        last=last,
        is_late=late,
        is_failed=last is not None and last.state == RunState.FAILED,
        is_enabled=enabled,
        schedule_id=schedule.pk if schedule is not None else None,
        next_at=job.next_period(at) if schedule is not None and enabled else None,
        seconds=seconds,
        seconds_before=before,
    )
