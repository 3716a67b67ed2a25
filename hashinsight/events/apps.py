"""Events as a Django app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class EventsConfig(AppConfig):
    """Outbox and registry of event kinds."""

    name = "hashinsight.events"
    label = "events"
    verbose_name = _("Events")
