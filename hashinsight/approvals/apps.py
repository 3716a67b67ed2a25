"""Approvals as a Django app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ApprovalsConfig(AppConfig):
    """Requests that a second person decides."""

    name = "hashinsight.approvals"
    label = "approvals"
    verbose_name = _("Approvals")

    def ready(self) -> None:
        """Register event kinds, the job and the tile."""
        from hashinsight.approvals import registrations  # noqa: PLC0415  (app ready)

        registrations.register()
