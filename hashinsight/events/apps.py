"""Events as a Django app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class EventsConfig(AppConfig):
    """Outbox, inbox, dead letters, relay; registries of event kinds and of consumers."""

    name = "hashinsight.events"
    label = "events"
    verbose_name = _("Events")

    def ready(self) -> None:
        """Register the consumers of the house itself."""
        from hashinsight.events import checks, registrations, retention  # noqa: F401, PLC0415  (app ready)

        registrations.register()
        retention.register()
