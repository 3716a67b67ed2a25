"""Seeding beat's schedules from the registry; a person's later edits in the admin are never overwritten."""

from datetime import time, timedelta

from django.conf import settings
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from hashinsight.jobs.registry import PeriodicJob, daily_job, periodic_jobs, register_job


def register_own() -> None:
    """The sweeper, and the end of what is kept for a while."""
    register_job(
        PeriodicJob(
            name="jobs.sweep",
            task="jobs.sweep",
            every=timedelta(seconds=15),
            description="Wakes workers for due work that nobody is at, and drains bulk work.",
            grace=timedelta(minutes=2),
        )
    )
    register_job(
        PeriodicJob(
            name="jobs.forget_answers",
            task="jobs.forget_answers",
            every=timedelta(days=1),
            description="Deletes answers kept for a repeated Idempotency-Key once nobody may ask for them any more.",
            grace=timedelta(hours=2),
        )
    )
    register_job(
        daily_job(
            "jobs.retention",
            at=time(2, 30),
            zone=settings.MAINTENANCE_ZONE,
            description="Deletes what the retention policies say is old enough, except what a legal hold protects.",
        )
    )
    register_job(
        daily_job(
            "jobs.measure_tables",
            at=time(3, 30),
            zone=settings.MAINTENANCE_ZONE,
            description="Notes how large each table is, so that growth can be seen.",
        )
    )


def seed_schedules() -> int:
    """Create the missing beat entries; returns how many were new."""
    created_count = 0
    for job in periodic_jobs():
        interval, _ = IntervalSchedule.objects.get_or_create(
            every=int(job.tick.total_seconds()), period=IntervalSchedule.SECONDS
        )
        _, created = PeriodicTask.objects.get_or_create(
            name=job.name,
            defaults={"task": job.task, "interval": interval, "queue": job.queue, "description": job.description},
        )
        created_count += created
    return created_count
