"""What the backups make known at start: their periodic jobs."""

from datetime import timedelta

from django.utils.translation import gettext_lazy

from hashinsight.jobs.registry import PeriodicJob, register_job


def register() -> None:
    """Called once from ``ready()``."""
    register_job(
        PeriodicJob(
            name="backup.nightly",
            task="backup.nightly",
            every=timedelta(days=1),
            description=gettext_lazy("Makes a backup unless one was made in the last 20 hours, and lets old ones go."),
            queue="bulk",
            grace=timedelta(hours=3),
        )
    )
    register_job(
        PeriodicJob(
            name="backup.drill",
            task="backup.drill",
            every=timedelta(days=28),
            description=gettext_lazy("Restores the newest backup into a scratch place and compares every table."),
            queue="bulk",
            grace=timedelta(hours=6),
        )
    )
