"""The periodic jobs of market data, as beat and the admin know them."""

from datetime import timedelta

from django.utils.translation import gettext_lazy as _

from hashinsight.jobs.registry import PeriodicJob, register_job

JOBS = [
    ("collect", timedelta(minutes=10), _("Asks the market sources for price, difficulty and hashrate.")),
    ("ask_series", timedelta(minutes=5), _("Asks for new values of the price series that have an address.")),
    ("close_days", timedelta(hours=1), _("Keeps the close of each day (UTC) and reckons its indicators.")),
    ("backfill", timedelta(hours=6), _("Asks for days and retargets that were missed, and for prices of coins.")),
]


def register() -> None:
    """Called once from ``ready()``."""
    for name, every, description in JOBS:
        register_job(
            PeriodicJob(name=f"marketdata.{name}", task=f"marketdata.{name}", every=every, description=description)
        )
