"""Seeding beat's schedules from the registry; a person's later edits in the admin are never overwritten."""

from datetime import time, timedelta

from django.conf import settings
from django.utils.translation import gettext_lazy, override
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from hashinsight.jobs.registry import PeriodicJob, daily_job, periodic_jobs, register_job

UNITS = ((86_400, IntervalSchedule.DAYS), (3_600, IntervalSchedule.HOURS), (60, IntervalSchedule.MINUTES))


def register_own() -> None:
    """The sweeper, and the end of what is kept for a while."""
    register_job(
        PeriodicJob(
            name="jobs.sweep",
            task="jobs.sweep",
            every=timedelta(seconds=15),
            description=gettext_lazy("Wakes workers for due work that nobody is at, and drains bulk work."),
            grace=timedelta(minutes=2),
        )
    )
    register_job(
        PeriodicJob(
            name="jobs.forget_answers",
            task="jobs.forget_answers",
            every=timedelta(days=1),
            description=gettext_lazy(
                "Deletes answers kept for a repeated Idempotency-Key once nobody may ask for them any more."
            ),
            grace=timedelta(hours=2),
        )
    )
    register_job(
        daily_job(
            "jobs.retention",
            at=time(2, 30),
            zone=settings.MAINTENANCE_ZONE,
            description=gettext_lazy(
                "Deletes what the retention policies say is old enough, except what a legal hold protects."
            ),
        )
    )
    register_job(
        daily_job(
            "jobs.measure_tables",
            at=time(3, 30),
            zone=settings.MAINTENANCE_ZONE,
            description=gettext_lazy("Notes how large each table is, so that growth can be seen."),
        )
    )


def seed_schedules() -> int:
    """Create the missing beat entries; returns how many were new."""
    created_count = 0
    for job in periodic_jobs():
        every, period = in_largest_units(job.tick)
        interval, _ = IntervalSchedule.objects.get_or_create(every=every, period=period)
        with override("en"):  # stored text; the pages say it in the reader's language
            about = str(job.description)
        _, created = PeriodicTask.objects.get_or_create(
            name=job.name,
            defaults={"task": job.task, "interval": interval, "queue": job.queue, "description": about},
        )
        created_count += created
    return created_count


def in_largest_units(tick: timedelta) -> tuple[int, str]:
    """``28, "days"`` and not so many seconds: as a person would say it."""
    seconds = int(tick.total_seconds())
    for size, period in UNITS:
        if seconds % size == 0:
            return seconds // size, period
    return seconds, IntervalSchedule.SECONDS
