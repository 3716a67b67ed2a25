"""Tasks of the backups: thin, safe to run twice."""

from datetime import timedelta
from typing import Any

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from hashinsight.backup.domain import drilling, shelf, taking
from hashinsight.backup.enums import BackupState
from hashinsight.backup.models import Backup
from hashinsight.jobs.domain import runs
from hashinsight.jobs.models import JobRun
from hashinsight.jobs.periodic import run_periodic

FRESH = timedelta(hours=20)
LIMIT_SECONDS = 4 * 3600


@shared_task(name="backup.nightly", soft_time_limit=LIMIT_SECONDS, time_limit=LIMIT_SECONDS + 60)
def nightly() -> dict[str, Any] | None:
    """Daily: a backup, unless the timer of the machine has made one."""
    return run_periodic("backup.nightly", _nightly)


def _nightly(run: JobRun) -> dict[str, Any]:
    now = timezone.now()
    if not settings.BACKUP_DATABASE_URL:
        return {"skipped": "BACKUP_DATABASE_URL is not set"}
    fresh = Backup.objects.filter(state=BackupState.DONE, finished_at__gte=now - FRESH).first()
    if fresh is not None:
        return {"skipped": f"{fresh.name} is fresh"}
    made = taking.take_backup(taking.default_kind(), clock=timezone.now, tick=lambda: runs.beat(run, at=timezone.now()))
    return {"backup": made.name, "bytes": made.size_bytes, **taking.rotate(at=timezone.now())}


@shared_task(name="backup.drill", soft_time_limit=LIMIT_SECONDS, time_limit=LIMIT_SECONDS + 60)
def drill() -> dict[str, Any] | None:
    """Every four weeks: restore the newest backup and compare."""
    return run_periodic("backup.drill", _drill)


def _drill(run: JobRun) -> dict[str, Any]:
    if not shelf.complete_backups():
        return {"skipped": "there is no backup"}
    report = drilling.restore_drill(clock=timezone.now, tick=lambda: runs.beat(run, at=timezone.now()))
    if report.state == BackupState.FAILED:
        raise RuntimeError(report.error or f"tables differ: {report.differing}")
    return {"backup": report.backup_name, "tables": report.tables, "seconds": report.rto_seconds}
