"""The periodic jobs of hosting, as beat and the admin know them."""

from datetime import timedelta

from django.utils.translation import gettext_lazy as _

from hashinsight.jobs.registry import PeriodicJob, register_job

JOBS = [
    ("collect", timedelta(seconds=10), _("Reads the machines of each site in the interval of the site.")),
    ("health", timedelta(minutes=1), _("Says of each machine how it is, from its newest reading.")),
    ("ensure_partitions", timedelta(hours=1), _("Makes the tables for the readings of the days ahead.")),
    ("reckon_five_minutes", timedelta(minutes=1), _("Reckons five minutes of machines from their readings.")),
    ("close_quarters", timedelta(minutes=5), _("Reckons demand of zones and usage of terms for quarter-hours.")),
    ("reckon_days", timedelta(hours=1), _("Reckons days of machines from their five minutes.")),
    ("close_months", timedelta(hours=1), _("Writes months of zones into the ledger once they are over.")),
]


def register() -> None:
    """Called once from ``ready()``."""
    for name, every, description in JOBS:
        register_job(PeriodicJob(name=f"hosting.{name}", task=f"hosting.{name}", every=every, description=description))
