"""The periodic jobs of hosting, as beat and the admin know them."""

from datetime import time, timedelta

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from hashinsight.jobs.registry import PeriodicJob, daily_job, register_job

JOBS = [
    ("collect", timedelta(seconds=10), _("Reads the machines of each site in the interval of the site.")),
    ("health", timedelta(minutes=1), _("Says of each machine how it is, from its newest reading.")),
    ("ensure_partitions", timedelta(hours=1), _("Makes the tables for the readings of the days ahead.")),
    ("reckon_five_minutes", timedelta(minutes=1), _("Reckons five minutes of machines from their readings.")),
    ("close_quarters", timedelta(minutes=5), _("Reckons demand of zones and usage of terms for quarter-hours.")),
    ("reckon_days", timedelta(hours=1), _("Reckons days of machines from their five minutes.")),
    ("close_months", timedelta(hours=1), _("Writes months of zones into the ledger once they are over.")),
]


# By the clock of the house, at hours in which little happens.
NIGHTLY = [("verify_counts", time(2, 45), _("Checks the counts of machines by place against the machines."))]


def register() -> None:
    """Called once from ``ready()``."""
    for name, at, description in NIGHTLY:
        register_job(daily_job(f"hosting.{name}", at=at, zone=settings.MAINTENANCE_ZONE, description=description))
    for name, every, description in JOBS:
        register_job(PeriodicJob(name=f"hosting.{name}", task=f"hosting.{name}", every=every, description=description))
