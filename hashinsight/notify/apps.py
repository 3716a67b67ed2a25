"""Notifications as a Django app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class NotifyConfig(AppConfig):
    """Rules, channels, alerts and the delivery log."""

    name = "hashinsight.notify"
    label = "notify"
    verbose_name = _("Notifications")

    def ready(self) -> None:
        """Register alert kinds, watches, handlers of due work, the watch job and the consumer of events."""
        from hashinsight.notify import registrations  # noqa: PLC0415  (app ready)

        registrations.register()
