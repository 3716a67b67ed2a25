"""Jobs as a Django app."""

from importlib import import_module

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class JobsConfig(AppConfig):
    """Due work, runs of periodic jobs and their schedules."""

    name = "hashinsight.jobs"
    label = "jobs"
    verbose_name = _("Jobs")

    def ready(self) -> None:
        """Register the sweeper as a periodic job; make the Celery app the current one in every process."""
        import_module("hashinsight.celery")
        from hashinsight.jobs import checks, own_retention, schedule  # noqa: F401, PLC0415  (app ready)

        schedule.register_own()
        own_retention.register()
