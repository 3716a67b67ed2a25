"""What people do to jobs: run one now, switch it on and off."""

from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _
from django_celery_beat.models import PeriodicTask

from hashinsight.common.errors import DomainError
from hashinsight.common.tiles import make_stale
from hashinsight.common.transitions import lock_row
from hashinsight.jobs.domain import runs
from hashinsight.jobs.enums import RunState
from hashinsight.jobs.models import JobRun, JobSwitch
from hashinsight.jobs.queue import wake_run
from hashinsight.jobs.registry import PeriodicJob


class SwitchedAlready(DomainError):
    """It stands that way already."""

    code = "switched_already"


def why_not_now(job: PeriodicJob) -> list[str]:
    """What a person should know before asking for a run."""
    busy = JobRun.objects.filter(job=job.name, state__in=[RunState.DUE, RunState.RUNNING]).first()
    if busy is None:
        return []
    return [_("It is %(state)s already.") % {"state": busy.get_state_display()}]


@transaction.atomic
def run_now(job: PeriodicJob, *, by: Any, at: datetime) -> JobRun:
    """Ask a worker for a run, once; the row names the person. Raises JobBusy when one waits or is at work."""
    run = runs.ask_for_run(job, by=by, at=at)
    wake_run(job, run.period_start)
    transaction.on_commit(_freshen, robust=True)
    return run


@transaction.atomic
def switch_job(schedule: PeriodicTask, *, enabled: bool, reason: str, by: Any, at: datetime) -> PeriodicTask:
    """Let beat start the job or leave it out; who, when and why is kept. Raises SwitchedAlready."""
    locked: PeriodicTask = lock_row(schedule)
    if locked.enabled == enabled:
        raise SwitchedAlready(_("It is switched on already.") if enabled else _("It is switched off already."))
    locked.enabled = enabled
    locked.save()  # tells every beat to read the schedules anew
    JobSwitch.objects.create(
        job=locked.name, is_enabled=enabled, reason=reason, switched_by=str(by)[:254], switched_at=at
    )
    transaction.on_commit(_freshen, robust=True)
    return locked


def _freshen() -> None:
    """The tile of the start page is to say the same as the page of the jobs."""
    make_stale({"job"})
