"""How jobs are told about: the one wording of their page and of the tile on the start page."""

from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from hashinsight.jobs.domain import locks
from hashinsight.jobs.domain.status import JobStatus
from hashinsight.jobs.enums import RunState

TREND = 1.5


def jobs_in_words(states: Iterable[JobStatus]) -> list[dict[str, Any]]:
    """A row for each job; ``url`` leads to the log of its runs."""
    runs = reverse("admin:jobs_jobrun_changelist")
    return [_row(status, runs) for status in states]


def _row(status: JobStatus, runs: str) -> dict[str, Any]:
    last, schedule = status.last, status.schedule_id
    return {
        "name": status.job.name,
        "description": status.job.description,
        "rhythm": rhythm_text(status),
        "started_at": last.started_at if last else None,
        "heartbeat_at": last.heartbeat_at if last else None,
        "is_silent": status.is_silent(at=timezone.now(), seconds=settings.JOB_CLAIM_SECONDS),
        "state": last.get_state_display() if last else "",
        "next_at": status.next_at,
        "took": seconds_text(status.seconds),
        "trend": trend_text(status),
        "error": last.error if last and last.state == RunState.FAILED else "",
        "is_enabled": status.is_enabled,
        "is_late": status.is_late,
        "is_failed": status.is_failed,
        "url": f"{runs}?job={status.job.name}",
        "run_url": reverse("admin:django_celery_beat_periodictask_run", args=[schedule]) if schedule else "",
        "switch_url": _switch_url(status) if schedule else "",
    }


def _switch_url(status: JobStatus) -> str:
    name = "switch-off" if status.is_enabled else "switch-on"
    return reverse(f"admin:django_celery_beat_periodictask_{name}", args=[status.schedule_id])


def seconds_text(seconds: float | None) -> str:
    """``0.3 s`` or ``2 min 5 s``; a dash when unknown."""
    if seconds is None:
        return "–"
    if seconds < 60:
        return _("%(n)s s") % {"n": number_format(seconds, decimal_pos=1)}
    return _("%(minutes)s min %(seconds)s s") % {"minutes": int(seconds // 60), "seconds": int(seconds % 60)}


def trend_text(status: JobStatus) -> str:
    """Whether recent runs take clearly longer or shorter than those before them."""
    if not status.seconds or not status.seconds_before or max(status.seconds, status.seconds_before) < 1:
        return ""
    if status.seconds > TREND * status.seconds_before:
        return _("↗ from %(then)s") % {"then": seconds_text(status.seconds_before)}
    if status.seconds_before > TREND * status.seconds:
        return _("↘ from %(then)s") % {"then": seconds_text(status.seconds_before)}
    return ""


def rhythm_text(status: JobStatus) -> str:
    """``every 15 seconds`` or ``daily at 02:30 (Europe/Berlin)``."""
    job = status.job
    if job.wall is not None:
        return _("daily at %(time)s (%(zone)s)") % {"time": f"{job.wall:%H:%M}", "zone": job.zone}
    seconds = int(job.every.total_seconds())
    for size, text in (
        (86_400, ngettext("every day", "every %(n)s days", seconds // 86_400)),
        (3_600, ngettext("every hour", "every %(n)s hours", seconds // 3_600)),
        (60, ngettext("every minute", "every %(n)s minutes", seconds // 60)),
    ):
        if seconds % size == 0:
            return text % {"n": seconds // size}
    return ngettext("every %(n)s second", "every %(n)s seconds", seconds) % {"n": seconds}


def lead_in_words() -> dict[str, Any]:
    """Who rings the bell: the beat that leads, or that none does."""
    lock = locks.current_lock(locks.BEAT)
    if lock is None:
        return {"is_led": False, "text": _("No beat has ever led: nothing starts by itself.")}
    names = {"host": lock.hostname, "pid": lock.process_id, "version": lock.lock_version}
    if locks.is_held(locks.BEAT):
        return {"is_led": True, "text": _("Led by process %(pid)s on %(host)s (version %(version)s).") % names}
    return {"is_led": False, "text": _("No beat leads; the last was process %(pid)s on %(host)s.") % names}
