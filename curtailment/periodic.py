"""The periodic jobs of curtailment, as beat and the admin know them."""

from datetime import timedelta

from django.utils.translation import gettext_lazy as _

from hashinsight.jobs.registry import PeriodicJob, register_job

JOBS = [
    ("control", timedelta(seconds=5), _("Switches machines of running curtailment plans, and on again afterwards.")),
    ("poll_vtns", timedelta(seconds=10), _("Asks OpenADR servers what they call, and reports to them.")),
    ("follow_dispatches", timedelta(seconds=30), _("Begins and ends dispatches of programmes, and lets plans follow.")),
    (
        "measure",
        timedelta(minutes=5),
        _("Reckons curtailment events that are over from what machines said."),
    ),
    ("rules", timedelta(minutes=1), _("Looks whether strike prices and peak rules want machines off, or on again.")),
]


def register() -> None:
    """Called once from ``ready()``."""
    for name, every, description in JOBS:
        register_job(
            PeriodicJob(name=f"curtailment.{name}", task=f"curtailment.{name}", every=every, description=description)
        )
