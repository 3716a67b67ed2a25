"""Seeding beat's schedules from the registry; a person's later edits in the admin are never overwritten."""

from datetime import timedelta

from django_celery_beat.models import IntervalSchedule, PeriodicTask

from hashinsight.jobs.registry import PeriodicJob, periodic_jobs, register_job


def register_own() -> None:
    """The sweeper and the bulk drain."""
    register_job(
        PeriodicJob(
            name="jobs.sweep",
            task="jobs.sweep",
            every=timedelta(seconds=15),
            description="Wakes workers for due work that nobody is at, and drains bulk work.",
            grace=timedelta(minutes=2),
        )
    )


def seed_schedules() -> int:
    """Create the missing beat entries; returns how many were new."""
    created_count = 0
    for job in periodic_jobs():
        interval, _ = IntervalSchedule.objects.get_or_create(
            every=int(job.every.total_seconds()), period=IntervalSchedule.SECONDS
        )
        _, created = PeriodicTask.objects.get_or_create(
            name=job.name,
            defaults={"task": job.task, "interval": interval, "queue": job.queue, "description": job.description},
        )
        created_count += created
    return created_count
