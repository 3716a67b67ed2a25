"""The sealed history as a Django app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AuditConfig(AppConfig):
    """Batches of the history, sealed by a job."""

    name = "hashinsight.audit"
    label = "audit"
    verbose_name = _("Audit")

    def ready(self) -> None:
        """Register the job that seals."""
        from hashinsight.audit import registrations  # noqa: PLC0415  (app ready)

        registrations.register()
