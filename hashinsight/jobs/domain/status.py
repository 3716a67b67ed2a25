"""How the periodic jobs stand: last run, and whether the next one is late."""

from dataclasses import dataclass
from datetime import datetime

from django_celery_beat.models import PeriodicTask

from hashinsight.jobs.enums import RunState
from hashinsight.jobs.models import JobRun
from hashinsight.jobs.registry import PeriodicJob, periodic_jobs


@dataclass(frozen=True)
class JobStatus:
    """One job: its last run (None: never ran), and what is wrong with it."""

    job: PeriodicJob
    last: JobRun | None
    is_late: bool
    is_failed: bool

    @property
    def is_well(self) -> bool:
        """Nobody has to act."""
        return not (self.is_late or self.is_failed)


def job_status(job: PeriodicJob, *, at: datetime) -> JobStatus:
    """Late is a job whose last period began more than two periods and its grace ago.

    A job that never ran counts from the moment its schedule was made, so that a new house begins without alarm.
    """
    last = JobRun.objects.filter(job=job.name).order_by("-period_start").first()
    since = last.period_start if last else _scheduled_since(job)
    late = since is None or since + 2 * job.every + job.grace < at
    return JobStatus(job, last, late, last is not None and last.state == RunState.FAILED)


def _scheduled_since(job: PeriodicJob) -> datetime | None:
    schedules = PeriodicTask.objects.filter(name=job.name, enabled=True)
    since: datetime | None = schedules.values_list("date_changed", flat=True).first()
    return since


def all_job_states(*, at: datetime) -> list[JobStatus]:
    """Every registered job, those with trouble first; one short query each."""
    states = [job_status(job, at=at) for job in periodic_jobs()]
    return sorted(states, key=lambda status: (status.is_well, status.job.name))
