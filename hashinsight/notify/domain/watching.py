"""Watches of the house itself: what is wrong at this moment becomes an alert, what no longer is becomes its end."""

import shutil
from collections.abc import Iterator
from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.db.models import Count
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from hashinsight.events.models import OutboxEvent
from hashinsight.jobs.domain.status import all_job_states
from hashinsight.jobs.enums import WorkState
from hashinsight.jobs.models import DueWork
from hashinsight.notify.domain.alerts import LIVE, raise_alert, recover_alert
from hashinsight.notify.enums import Severity
from hashinsight.notify.models import Alert
from hashinsight.notify.registry import Finding, Look

LATE_JOB = "job.late"
FAILED_JOB = "job.failed"
FAILED_WORK = "work.failed"
DEAD_LETTER = "event.dead_letter"
DISK = "disk.full"


@transaction.atomic
def watch(kind: str, look: Look, *, at: datetime) -> int:
    """Look once, in one transaction: raise what is found, end what is not found any more; returns how much is wrong."""
    found = {finding.key: finding for finding in look(at)}
    for finding in found.values():
        raise_alert(
            kind,
            finding.key,
            at=at,
            title=finding.title,
            text=finding.text,
            severity=finding.severity,
            customer_id=finding.customer_id,
            legal_entity_id=finding.legal_entity_id,
        )
    for key in Alert.objects.filter(kind=kind, state__in=LIVE).exclude(key__in=found).values_list("key", flat=True):
        recover_alert(kind, key, at=at)
    return len(found)


def late_jobs(at: datetime) -> Iterator[Finding]:
    """Periodic jobs whose time has passed without a run."""
    for status in all_job_states(at=at):
        if status.is_late:
            last = f"{status.last.period_start:%Y-%m-%d %H:%M} UTC" if status.last else _("never")
            title = _("Job %(job)s is late") % {"job": status.job.name}
            text = _("Last run: %(last)s. %(description)s") % {"last": last, "description": status.job.description}
            yield Finding(status.job.name, title, text)


def failed_jobs(at: datetime) -> Iterator[Finding]:
    """Periodic jobs whose last run ended with an error."""
    for status in all_job_states(at=at):
        if status.is_failed and status.last is not None:
            title = _("Job %(job)s has failed") % {"job": status.job.name}
            yield Finding(status.job.name, title, status.last.error[:1000])


def failed_work(at: datetime) -> Iterator[Finding]:
    """Due work that was given up, by kind."""
    rows = DueWork.objects.filter(state=WorkState.FAILED).values("kind").annotate(count=Count("pk")).order_by("kind")
    for row in rows:
        text = ngettext(
            "%(count)s piece of work %(kind)s was given up",
            "%(count)s pieces of work %(kind)s were given up",
            row["count"],
        )
        yield Finding(row["kind"], text % row)


def dead_letters(at: datetime) -> Iterator[Finding]:
    """Events that some consumer gave up, by kind of event."""
    rows = OutboxEvent.objects.filter(status="failed").values("kind").annotate(count=Count("pk")).order_by("kind")
    for row in rows:
        text = ngettext(
            "%(count)s event %(kind)s was given up by a consumer",
            "%(count)s events %(kind)s were given up by a consumer",
            row["count"],
        )
        yield Finding(row["kind"], text % row)


def full_disk(at: datetime) -> Iterator[Finding]:
    """Little room is left where our files are."""
    folder = settings.VAR_DIR
    if not folder.exists():
        return
    usage = shutil.disk_usage(folder)
    percent = usage.free * 100 / usage.total
    limit = settings.NOTIFY_DISK_FREE_PERCENT
    if percent < limit:
        title = _("Only %(free)s GB of disk are free") % {"free": f"{usage.free / 1e9:.1f}"}
        severity = Severity.CRITICAL if percent < limit / 3 else Severity.ERROR
        yield Finding("files", title, f"{percent:.1f} %", severity)
