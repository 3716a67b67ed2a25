"""The periodic jobs of intelligence, as beat and the admin know them."""

from datetime import timedelta

from django.utils.translation import gettext_lazy as _

from hashinsight.jobs.registry import PeriodicJob, register_job

JOBS = [
    (
        "forecast",
        timedelta(hours=1),
        _("Forecasts price, difficulty and energy once something new is known, and scores the past."),
    ),
    (
        "schedules",
        timedelta(hours=1),
        _("Has each day of the sites planned once its prices are known, and scored once it is over."),
    ),
]


def register() -> None:
    """Called once from ``ready()``."""
    for name, every, description in JOBS:
        register_job(
            PeriodicJob(name=f"intelligence.{name}", task=f"intelligence.{name}", every=every, description=description)
        )
