"""What the sealed history makes known at start: its job."""

from datetime import timedelta

from django.utils.translation import gettext_lazy

from hashinsight.jobs.registry import PeriodicJob, register_job


def register() -> None:
    """Called once from ``ready()``."""
    register_job(
        PeriodicJob(
            name="audit.seal",
            task="audit.seal",
            every=timedelta(minutes=10),
            description=gettext_lazy("Seals what the history has grown by, so that nobody can change it unnoticed."),
            grace=timedelta(minutes=20),
        )
    )
